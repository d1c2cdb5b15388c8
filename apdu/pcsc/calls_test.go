package pcsc

import (
	"testing"
	"time"
)

func TestCloseWaitsForCallsOfTheLibrary(t *testing.T) {
	c := New(Config{})
	started, finish, ended := make(chan struct{}), make(chan struct{}), false
	c.calls.do(func() { close(started); <-finish; ended = true })
	<-started
	if c.calls.wait(time.Millisecond) {
		t.Error("a call under way was not waited for")
	}
	time.AfterFunc(20*time.Millisecond, func() { close(finish) })
	if err := c.Close(); err != nil || !ended {
		t.Errorf("closed during the call: %v, %v", ended, err)
	}
	if !c.calls.wait(0) {
		t.Error("no call is under way")
	}
}
