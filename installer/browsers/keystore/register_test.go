package keystore

import (
	"errors"
	"fmt"
	"testing"
)

// fakeRegistry is a Registry in memory that fails at one call.
type fakeRegistry struct {
	agent     string
	provider  bool
	functions int
	calls     []string
	failAt    string
	order     error
}

var errFake = errors.New("refused by the test")

func (w *fakeRegistry) call(name string) error {
	w.calls = append(w.calls, name)
	if name == w.failAt {
		w.failAt = "" // once
		return errFake
	}
	return nil
}

func (w *fakeRegistry) SetAgent(path string) error {
	if err := w.call("set agent"); err != nil {
		return err
	}
	w.agent = path
	return nil
}

func (w *fakeRegistry) DeleteAgent() error {
	if err := w.call("delete agent"); err != nil {
		return err
	}
	if w.provider {
		w.order = errors.New("a registered provider has no agent")
	}
	w.agent = ""
	return nil
}

func (w *fakeRegistry) RegisterProvider() error {
	if err := w.call("register"); err != nil {
		return err
	}
	if w.agent == "" {
		w.order = errors.New("a registered provider has no agent")
	}
	w.provider = true
	return nil
}

func (w *fakeRegistry) UnregisterProvider() error {
	if err := w.call("unregister"); err != nil {
		return err
	}
	if w.functions > 0 {
		w.order = errors.New("the list names a provider that is not registered")
	}
	w.provider = false
	return nil
}

func (w *fakeRegistry) AddFunction() error {
	if err := w.call("add function"); err != nil {
		return err
	}
	if !w.provider {
		w.order = errors.New("the list names a provider that is not registered")
	}
	w.functions++
	return nil
}

func (w *fakeRegistry) RemoveFunction() error {
	if err := w.call("remove function"); err != nil {
		return err
	}
	w.functions = 0
	return nil
}

func (w *fakeRegistry) state() string {
	return fmt.Sprintf("agent %q, provider %v, functions %d, order %v", w.agent, w.provider, w.functions, w.order)
}

const (
	registered = `agent "C:\\cie.exe", provider true, functions 1, order <nil>`
	nothing    = `agent "", provider false, functions 0, order <nil>`
)

func TestRegisterTwiceIsOnceAndUnregisterLeavesNothing(t *testing.T) {
	w := &fakeRegistry{}
	for range 2 { // an update registers again
		if err := Register(w, `C:\cie.exe`); err != nil || w.state() != registered {
			t.Fatalf("%v: %s", err, w.state())
		}
	}
	for range 2 {
		if err := Unregister(w); err != nil || w.state() != nothing {
			t.Fatalf("%v: %s", err, w.state())
		}
	}
}

func TestFailedRegistrationLeavesNothing(t *testing.T) {
	for _, step := range []string{"set agent", "register", "remove function", "add function"} {
		w := &fakeRegistry{failAt: step}
		if err := Register(w, `C:\cie.exe`); !errors.Is(err, errFake) || w.state() != nothing {
			t.Errorf("%s: %v: %s, %v", step, err, w.state(), w.calls)
		}
	}
}

func TestUnregisterGoesOnAfterAnError(t *testing.T) {
	for _, step := range []string{"remove function", "unregister", "delete agent"} {
		w := &fakeRegistry{}
		if err := Register(w, `C:\cie.exe`); err != nil {
			t.Fatal(err)
		}
		w.failAt, w.calls = step, nil
		if err := Unregister(w); !errors.Is(err, errFake) || len(w.calls) != 3 {
			t.Errorf("%s: %v, %v", step, err, w.calls)
		}
	}
}
