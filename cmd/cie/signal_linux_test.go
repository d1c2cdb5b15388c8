package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/cmd/internal/tty/ptytest"
)

// awaitEmpty waits until nothing is left in a directory.
func awaitEmpty(t *testing.T, dir string) {
	t.Helper()
	for end := time.Now().Add(ptytest.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if left, err := os.ReadDir(dir); err == nil && len(left) == 0 && len(processes(t, dir)) == 0 {
			return
		}
	}
}

// A signal in the middle of a demonstration ends service and files with it.
func TestDemoStopped(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			tmp := t.TempDir()
			cmd := exec.Command("cie", "demo")
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "LC_ALL=C.UTF-8")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if strings.Contains(lines.Text(), "lies on the reader") {
					if err := cmd.Process.Signal(sig); err != nil {
						t.Fatal(err)
					}
				}
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 128+int(sig) && sig != syscall.SIGKILL {
				t.Errorf("exit code %d", code)
			}
			if sig == syscall.SIGKILL {
				awaitEmpty(t, tmp) // whoever cleans up does so on its own
			}
			wantEmpty(t, tmp)
			if left := processes(t, tmp); len(left) > 0 {
				t.Errorf("still running: %v", left)
			}
		})
	}
}
