//go:build linux

// Package sessionbus starts a D-Bus session bus for a test.
package sessionbus

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Variable is the environment variable with the address of the bus.
const Variable = "DBUS_SESSION_BUS_ADDRESS"

// Bus is a running session bus.
type Bus struct {
	// Address is the value of Variable for programs that use the bus.
	Address string
	stop    func()
}

// Stop ends the bus. The end of the test does too.
func (b *Bus) Stop() { b.stop() }

// Start starts a bus with its socket in a directory of the test. A machine without
// dbus-daemon skips the test, with CI in the environment it fails it.
func Start(t testing.TB) *Bus {
	t.Helper()
	return StartAs(t, t.TempDir(), nil)
}

// StartAs is Start with the directory of the socket and the user of the bus; nil is
// the user of the test.
func StartAs(t testing.TB, dir string, as *syscall.Credential) *Bus {
	t.Helper()
	b, err := Launch(dir, as)
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED with a session bus: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}
