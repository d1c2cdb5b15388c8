package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/cmd/internal/harness/await"
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
func TestSignalEndsDemoWithItsService(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			tmp := t.TempDir()
			cmd := await.Command(t, "cie-virtual", "demo")
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
				awaitEmpty(t, tmp) // another process deletes the files
			}
			wantEmpty(t, tmp)
			if left := processes(t, tmp); len(left) > 0 {
				t.Errorf("still running: %v", left)
			}
		})
	}
}

// Every way a demonstration can end leaves nothing behind.
func TestDemoLeavesNothingBehind(t *testing.T) {
	tmp := t.TempDir()
	cmd := await.Command(t, "cie-virtual", "demo", "--json")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantEmpty(t, tmp)
	var answer demoJSON
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	if !answer.OK || len(answer.Steps) != 9 {
		t.Errorf("%s", out)
	}
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// processes returns the command lines of running processes that mention text.
func processes(t *testing.T, text string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(line), text) {
			found = append(found, fmt.Sprintf("%s: %q", filepath.Base(filepath.Dir(f)), line))
		}
	}
	return found
}
