//go:build linux

// Package sessionbus starts a D-Bus session bus for a test.
package sessionbus

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"cie/cmd/internal/harness/await"
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
	path, err := exec.LookPath("dbus-daemon")
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED with a session bus: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--session", "--nofork", "--print-address", "--address=unix:path="+filepath.Join(dir, "bus"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: as}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	t.Cleanup(stop)
	return &Bus{Address: await.Line(t, "the address of the session bus", out), stop: stop}
}
