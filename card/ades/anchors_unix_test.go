//go:build unix

package ades

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"cie/card/internal/regular"
)

// A named pipe among the anchors is reported and left out.
func TestAddDirDoesNotWaitForPipes(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, add := range []func(*Anchors) error{
		func(a *Anchors) error { return a.AddDir(dir) },
		func(a *Anchors) error { return a.AddPath(filepath.Join(dir, "pipe.pem")) },
	} {
		done := make(chan error, 1)
		go func() { done <- add(&Anchors{}) }()
		select {
		case err := <-done:
			if !errors.Is(err, regular.ErrNotRegular) {
				t.Errorf("%v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it waits for a writer of the pipe")
		}
	}
}
