//go:build unix

package sod

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/card/internal/regular"
)

// A named pipe or a device among the certificates is reported and left out, and
// the files beside it are read.
func TestAddDirSkipsPipesAndDevices(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "z.pem"), pemOf(threeRoots(t)[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link.crt": filepath.Join(dir, "pipe.pem"), "device.der": "/dev/zero", "terminal.cer": "/dev/ptmx"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := &Roots{}
	done := make(chan error, 1)
	go func() { done <- r.AddDir(dir) }()
	var err error
	select {
	case err = <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("AddDir waits for a writer of the pipe")
	}
	if r.Len() != 1 || !errors.Is(err, regular.ErrNotRegular) {
		t.Errorf("%d roots, %v", r.Len(), err)
	}
	for _, name := range []string{"pipe.pem", "link.crt", "device.der", "terminal.cer"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}
