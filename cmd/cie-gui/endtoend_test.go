//go:build linux && x11

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/apdu/pcsc/pcscd"
	"cie/card/cardtest"
	"cie/card/cardtest/vpcd"
)

// person sits in front of a real window on a screen of its own, with a real
// pcscd and a virtual card, and has only a keyboard.
type person struct {
	t       *testing.T
	env     []string
	card    *cardtest.Card
	window  string
	shots   string
	started time.Time
	// lay puts the card on the reader, take takes it away.
	lay, take func()
}

// screen starts an X server on a display that nobody uses.
func screen(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1040x900x24", "-nolisten", "tcp", "-noreset",
		"-r") // a busy machine must not repeat a key
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line := make([]byte, 16)
	n, err := r.Read(line)
	if err != nil {
		t.Fatalf("Xvfb: %v", err)
	}
	return ":" + strings.TrimSpace(string(line[:n]))
}

// begin starts everything. It skips, loudly, where something is missing.
func begin(t *testing.T) *person {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a screen and a daemon")
	}
	for _, tool := range []string{"Xvfb", "xdotool", "import"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT TESTED with a real window: %v", err)
		}
	}
	daemon, err := pcscd.Start(t.Context(), pcscd.Options{})
	if errors.Is(err, pcscd.ErrNotInstalled) || errors.Is(err, pcscd.ErrNotPermitted) {
		t.Skipf("NOT TESTED with a real pcscd: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(daemon.Stop)
	virtual, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, card: virtual, shots: filepath.Join(root, "artifacts", "gui")}
	p.lay = func() {
		conn, err := daemon.Dial(0)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = vpcd.ServeConn(context.Background(), conn, virtual)
		}()
		// For a virtual reader a card that leaves is a connection that ends.
		p.take = func() {
			_ = conn.Close()
			<-served
		}
	}
	p.lay()
	t.Cleanup(func() { p.take() })
	if err := os.MkdirAll(p.shots, 0o755); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	program := filepath.Join(t.TempDir(), "cie-gui")
	build := exec.Command("go", "build", "-tags", "x11,migrated_fynedo", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.env = append(os.Environ(),
		"DISPLAY="+screen(t), "WAYLAND_DISPLAY=", "HOME="+home, "LANG=it_IT.UTF-8", "LC_ALL=", "LANGUAGE=", "LIBGL_ALWAYS_SOFTWARE=1",
		"XDG_CONFIG_HOME="+home+"/.config", "XDG_CACHE_HOME="+home+"/.cache", "XDG_DATA_HOME="+home+"/.local/share", "XDG_STATE_HOME="+home+"/.local/state")
	p.env = append(p.env, daemon.Env()...)
	module := filepath.Join(home, "cie-pkcs11.so")
	if err := os.WriteFile(module, []byte("stands for the module"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-module", module)
	cmd.Env = p.env
	var log bytes.Buffer
	cmd.Stderr = &log
	p.started = time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			p.shot("failed")
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the program says:\n%s\nthe daemon says:\n%s", &log, daemon.Logs())
		}
	})
	p.window = strings.TrimSpace(p.x("search", "--sync", "--onlyvisible", "--pid", fmt.Sprint(cmd.Process.Pid)))
	t.Logf("window on the screen %v after the start", time.Since(p.started).Round(time.Millisecond))
	p.x("windowfocus", "--sync", p.window)
	return p
}

// x runs xdotool.
func (p *person) x(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("xdotool", args...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("xdotool %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// press presses keys, one after the other, no faster than a quick typist.
func (p *person) press(keys ...string) {
	p.t.Helper()
	p.x(append([]string{"key", "--delay", "60"}, keys...)...)
}

// code types a code and Enter.
func (p *person) code(digits string) {
	p.t.Helper()
	p.press(append(strings.Split(digits, ""), "Return")...)
}

// shot keeps a picture of the screen.
func (p *person) shot(name string) {
	cmd := exec.Command("import", "-window", "root", filepath.Join(p.shots, name+".png"))
	cmd.Env = p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Logf("import: %v\n%s", err, out)
	}
}

// rest waits until the card has had nothing to do for a while and the window
// has shown so.
func (p *person) rest() {
	p.t.Helper()
	still, before := 0, -1
	for range 600 {
		n := p.card.Stats().APDUs
		if n == before && n > 0 {
			still++
		} else {
			still = 0
		}
		if still == 10 {
			return
		}
		before = n
		time.Sleep(100 * time.Millisecond)
	}
	p.t.Fatal("the card is never at rest")
}

// see waits for what a person would wait for.
func (p *person) see(what string, ok func() bool) {
	p.t.Helper()
	for range 3000 {
		if ok() {
			p.rest()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatalf("%s: nothing happened", what)
}

// The life of a PIN, by keyboard alone: changed, blocked, unblocked; then a
// look at the holder, and the browsers prepared.
func TestByKeyboard(t *testing.T) {
	p := begin(t)
	p.see("the card is read", func() bool { return p.card.Stats().DeviceAuthentications > 0 })
	p.take()
	time.Sleep(2 * time.Second)
	p.shot("0-placement")
	n, laid := p.card.Stats().APDUs, time.Now()
	p.lay()
	p.see("the card is noticed", func() bool {
		seen := p.card.Stats().APDUs > n
		if seen && !laid.IsZero() {
			t.Logf("card read from %v after it was laid down", time.Since(laid).Round(10*time.Millisecond))
			laid = time.Time{}
		}
		return seen
	})
	p.shot("1-card")

	const changed, unblocked = "24681357", "97531864"
	p.press("ctrl+2")
	p.code(string(cardtest.DefaultPIN()))
	p.code(changed)
	p.shot("2-change")
	p.code(changed)
	p.see("the PIN is changed", func() bool { return p.card.Stats().Changes == 1 })
	p.shot("3-changed")
	p.press("Return")

	p.press("ctrl+2")
	for i := 1; i <= 3; i++ {
		p.code("00000000")
		p.code(unblocked)
		p.code(unblocked)
		if i == 3 {
			// The last try wants a confirmation: Enter has led to it.
			if n := p.card.Stats().TriesSpent; n != 2 {
				t.Fatalf("%d tries spent before the confirmation", n)
			}
			p.press("space")
			p.shot("4-last-try")
			p.press("Tab", "Return")
		}
		p.see("a wrong PIN is refused", func() bool { return p.card.Stats().TriesSpent == i })
	}
	p.shot("5-blocked")
	p.press("Return") // the button that leads to unblocking has the keyboard
	p.code(string(cardtest.DefaultPUK()))
	p.code(unblocked)
	p.code(unblocked)
	p.see("the PIN is unblocked", func() bool { return p.card.Stats().Unblocks == 1 })
	p.shot("6-unblocked")
	p.press("Return")

	before := p.card.Stats().Verifies
	p.press("ctrl+1", "Tab")
	p.rest()
	p.shot("7-card")
	n = p.card.Stats().APDUs
	p.press("ctrl+5")
	p.see("the diagnostics read the card", func() bool { return p.card.Stats().APDUs > n })
	time.Sleep(2 * time.Second) // the module and the browsers are looked at
	p.shot("7-diagnostics")
	if _, err := os.Stat("/usr/lib/firefox-esr"); err != nil {
		t.Logf("NOT TESTED: Firefox is not installed, the browsers stay as they are")
		return
	}
	p.press("ctrl+4")
	time.Sleep(2 * time.Second) // the browsers are looked for
	p.shot("8-browsers")
	p.press("Return")
	home := ""
	for _, e := range p.env {
		if v, ok := strings.CutPrefix(e, "HOME="); ok {
			home = v
		}
	}
	registered := func() bool {
		found := false
		_ = filepath.WalkDir(home, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "pkcs11.txt" {
				data, err := os.ReadFile(name)
				found = found || err == nil && strings.Contains(string(data), "cie-pkcs11.so")
			}
			return nil
		})
		return found
	}
	p.see("Firefox knows the module", registered)
	p.shot("9-enabled")
	if n := p.card.Stats().Verifies; n != before {
		t.Errorf("%d codes were sent that nobody typed", n-before)
	}
}
