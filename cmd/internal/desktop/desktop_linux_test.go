package desktop

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"cie/cmd/internal/harness/await"
	"cie/gui"
)

// A browser that was started before the module was registered needs a restart, also
// when a window is opened later.
func TestBrowsersRememberRestart(t *testing.T) {
	d, dir := newBrowsers(t, "/proc")
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "firefox"), sleep, 0o755)
	run := func() *exec.Cmd {
		t.Helper()
		cmd := await.Command(t, filepath.Join(dir, "firefox"), "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd
	}
	browser := run()
	// The kernel reports the start of a process to a hundredth of a second.
	time.Sleep(50 * time.Millisecond)
	if err := d.SetBrowsers(t.Context(), "", true); err != nil {
		t.Fatal(err)
	}
	wantState(t, d, gui.BrowserRestart)
	later := &desktop{files: &files{}, prober: d.prober, machine: d.machine}
	wantState(t, later, gui.BrowserRestart)
	_ = browser.Process.Kill()
	_ = browser.Wait()
	wantState(t, d, gui.BrowserReady)
	time.Sleep(1100 * time.Millisecond) // the time of the boot is known to the second
	run()
	wantState(t, d, gui.BrowserReady)
}
