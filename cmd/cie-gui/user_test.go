//go:build linux && x11

package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/cmd/internal/anchor"
	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/harness/screen"
	"cie/cmd/internal/harness/stacktest"
)

// user operates a real window on a separate screen, with a real
// pcscd, the real module and a virtual card, by keyboard only.
type user struct {
	t      *testing.T
	home   string
	env    []string
	card   *cardtest.Card
	daemon *stack.Stack
	shots  string
	window string
	screen *screen.Screen
	// removeCard removes the card from the reader; nil while there is none.
	removeCard func()
	cmd        *exec.Cmd
	log        bytes.Buffer
}

// holder is whose card it is.
var holder = cardtest.Profile{
	Surname: "BIANCHI", GivenName: "LUCIA", FiscalCode: "BNCLCU80A41Z999Q", NIS: "999900000077", DocumentNumber: "CA77777BB",
}

// missing ends a test that cannot run here: where the machine was prepared for
// the tests that is a failure.
func missing(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("NOT TESTED with %s: %v", what, err)
}

// withTest ends a process with the test, also with one that is killed.
func withTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// Size of the screen, and of a new window.
const screenWidth, screenHeight = 1040, 740

// programs returns the directory with the program and the module.
func programs(t testing.TB) string {
	t.Helper()
	built.File(t, built.Module)
	return filepath.Dir(built.File(t, built.Window))
}

// newUser prepares a screen, a reader with a card, a home.
func newUser(t *testing.T) *user {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a screen and a daemon")
	}
	for _, tool := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "a real window", err)
		}
	}
	daemon := stacktest.Start(t, stack.Options{})
	virtual, err := cardtest.New(holder)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	p := &user{t: t, home: t.TempDir(), card: virtual, daemon: daemon, shots: filepath.Join(root, "artifacts", "gui")}
	if err := os.MkdirAll(p.shots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := anchor.Write(filepath.Join(p.home, ".config")); err != nil {
		t.Fatal(err)
	}
	p.settings(`{"Theme": "light"}`)
	if p.screen, err = screen.Start(screenWidth, screenHeight); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.screen.Stop()
		if t.Failed() {
			t.Logf("Xvfb: %s", p.screen.Said())
		}
	})
	p.env = append(os.Environ(),
		"HOME="+p.home, "LANG=it_IT.UTF-8", "LC_ALL=", "LANGUAGE=", "LIBGL_ALWAYS_SOFTWARE=1",
		"DBUS_SESSION_BUS_ADDRESS=disabled:", "XDG_RUNTIME_DIR=",
		"XDG_CONFIG_HOME="+p.home+"/.config", "XDG_CACHE_HOME="+p.home+"/.cache", "XDG_DATA_HOME="+p.home+"/.local/share", "XDG_STATE_HOME="+p.home+"/.local/state")
	p.env = append(append(p.env, p.screen.Env()...), daemon.Env()...)
	// The compiled shaders are those of every window, and take a second of the processor.
	if cache, err := os.UserCacheDir(); err == nil {
		p.env = append(p.env, "MESA_SHADER_CACHE_DIR="+cache)
	}
	return p
}

// settings writes the settings of an earlier run.
func (p *user) settings(s string) {
	p.t.Helper()
	name := filepath.Join(p.home, ".config", "cie", "gui.json")
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// insertCard puts the card into the reader.
func (p *user) insertCard() {
	p.t.Helper()
	laid := p.daemon.Insert(0, p.card)
	p.removeCard = func() {
		laid.Remove()
		p.removeCard = nil
	}
}

// start starts the program, which ends with the test. The program lies beside
// the module, as in an installation.
func (p *user) start(args ...string) {
	p.t.Helper()
	p.run(filepath.Join(programs(p.t), "cie-gui"), args...)
}

func (p *user) run(program string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stderr, cmd.SysProcAttr = p.env, &p.log, withTest()
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmd = cmd
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.shot("failed-" + p.t.Name())
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("the program says:\n%s", &p.log)
		}
	})
}

// visible returns the numbers of the program's visible windows.
func (p *user) visible() []string {
	p.t.Helper()
	windows, err := p.screen.Ask("search", "--onlyvisible", "--pid", fmt.Sprint(p.cmd.Process.Pid))
	if err != nil && !errors.Is(err, screen.ErrClosed) {
		p.t.Fatal(err)
	}
	return windows
}

// face waits for the window and gives it the keyboard.
func (p *user) face() {
	p.t.Helper()
	var windows []string
	p.until("a window", func() bool {
		windows = p.visible()
		if len(windows) == 0 {
			time.Sleep(100 * time.Millisecond) // a look takes time from the program
		}
		return len(windows) > 0
	})
	p.window = windows[0]
	if _, err := p.screen.Ask("windowfocus", "--sync", p.window); err != nil {
		p.t.Fatal(err)
	}
}

// send gives xdotool commands for keyboard and mouse.
func (p *user) send(args ...string) {
	p.t.Helper()
	if err := p.screen.Send(args...); err != nil {
		p.t.Fatal(err)
	}
}

// press presses keys, one after the other, no faster than a quick typist.
func (p *user) press(keys ...string) {
	p.t.Helper()
	p.send(append([]string{"key", "--delay", "60"}, keys...)...)
}

// code types a code and Enter.
func (p *user) code(digits string) {
	p.t.Helper()
	p.press(append(strings.Split(digits, ""), "Return")...)
}

// shot keeps a picture of the screen.
func (p *user) shot(name string) {
	if err := p.screen.Save(filepath.Join(p.shots, strings.ReplaceAll(name, "/", "-")+".png")); err != nil {
		p.t.Log(err)
	}
}

// seed is of the hashes of screens.
var seed = maphash.MakeSeed()

// glance returns a hash of what the screen shows now.
func (p *user) glance() uint64 {
	p.t.Helper()
	return p.screen.Hash(seed)
}

// look waits until the screen does not change and returns a hash of it, to
// distinguish it from other screens.
func (p *user) look() uint64 {
	p.t.Helper()
	var before uint64
	still := 0
	p.until("a screen that stands still", func() bool {
		now := p.glance()
		if now == before {
			still++
		} else {
			still = 0
		}
		before = now
		time.Sleep(200 * time.Millisecond)
		return still >= 5
	})
	return before
}

// rest waits until the card has had nothing to do for a while and the window
// has shown so.
func (p *user) rest() {
	p.t.Helper()
	still, before := 0, -1
	p.until("a card at rest", func() bool {
		n := p.card.Stats().APDUs
		if n == before && n > 0 {
			still++
		} else {
			still = 0
		}
		before = n
		time.Sleep(80 * time.Millisecond)
		return still >= 10
	})
}

// patience is how often until looks, a fiftieth of a second apart.
const patience = 3000

// until waits for what a user would wait for.
func (p *user) until(what string, ok func() bool) {
	p.t.Helper()
	for range patience {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatalf("%s: not seen in time", what)
}

// see waits, and then until the card is at rest.
func (p *user) see(what string, ok func() bool) {
	p.t.Helper()
	p.until(what, ok)
	p.rest()
}
