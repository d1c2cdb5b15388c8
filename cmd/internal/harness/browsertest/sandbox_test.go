//go:build linux

package browsertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/browsertest/browser"
	"cie/installer/browsers"
)

// TestThroughServer is the way into a Flatpak sandbox without the sandbox: the
// browser has p11-kit's client as its module and no PC/SC daemon, and a p11-kit
// server that has both outside gives the card away over a socket. The command
// is that of the unit the installer writes.
func TestThroughServer(t *testing.T) {
	t.Parallel()
	for _, kind := range browser.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			need(t, kind)
			clients, _ := filepath.Glob("/usr/lib/*/pkcs11/p11-kit-client.so")
			if len(clients) == 0 {
				absent(t, "missing: p11-kit-client.so (package p11-kit-modules)")
			}
			s := newStack(t)
			socket := s.serve(t)
			s.env.Module = clients[0]
			s.enable()
			s.more = []string{"P11_KIT_SERVER_ADDRESS=unix:path=" + socket, "PCSCLITE_CSOCK_NAME=/nowhere"}
			u := s.sit(t, kind)
			before := s.card.Stats()
			u.wantIn(u.login(nil, pin()), 1, 1)
			u.picture("in")
			s.takeAtRest()
			u.back()
			out := s.card.Stats()
			s.insert()
			s.noticed(out)
			o := u.login(nil, pin())
			u.picture("again")
			if !o.in() || o.count(browser.PromptPIN) != 1 {
				t.Errorf("the page shows %q, asked %v", o.shown, o.prompts)
			}
			u.wantSpent(before, 0)
		})
	}
}

// serve runs the p11-kit server of the installer's unit and returns its socket.
func (s *machine) serve(t *testing.T) string {
	t.Helper()
	e := *s.env
	// A program that needs the server makes the installer write the unit.
	app := filepath.Join(e.DataHome, "flatpak/app/org.chromium.Chromium/current/active")
	if err := os.MkdirAll(app, 0o700); err != nil {
		t.Fatal(err)
	}
	unit := ""
	for _, tg := range e.Targets(browsers.Options{User: true, Flatpak: true}) {
		if tg.Kind() == browsers.KindP11KitServerUnit {
			if _, err := tg.Install(); err != nil {
				absent(t, "p11-kit server: %v", err)
			}
			b, err := os.ReadFile(tg.Path())
			if err != nil {
				t.Fatal(err)
			}
			unit = string(b)
			if _, err := tg.Remove(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.RemoveAll(filepath.Join(e.DataHome, "flatpak")); err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(unit, "ExecStart=")
	if !ok {
		t.Fatalf("unit:\n%s", unit)
	}
	line, _, _ = strings.Cut(line, "\n")
	// What systemd does with it (systemd.unit(5), Specifiers; RuntimeDirectory).
	line = strings.NewReplacer("%t", e.RuntimeDir, "%%", "%", "$$", "$").Replace(line)
	socket := filepath.Join(e.RuntimeDir, "cie-p11-kit", "pkcs11")
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "exec "+line)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "XDG_RUNTIME_DIR=" + e.RuntimeDir, "LANG=C.UTF-8"}, s.daemon.Env()...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	await.That(t, "the p11-kit server", func() bool { return await.Accepts(socket) })
	return socket
}
