// Package browser starts Firefox and Chromium on a test's own screen and uses them as
// a user does: it reads window titles, finds dialogs and buttons as a screen reader
// does, clicks and types the PIN. Remote control is off, so the browser behaves as it
// does for a user.
package browser

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"cie/cmd/internal/harness/browsertest/desktop"
)

// Kind is which browser.
type Kind string

const (
	Firefox  Kind = "firefox"
	Chromium Kind = "chromium"
)

// Kinds returns all browsers of the tests.
func Kinds() []Kind { return []Kind{Firefox, Chromium} }

// commands are the names of a browser's program, Debian's first.
var commands = map[Kind][]string{
	Firefox:  {"firefox-esr", "firefox"},
	Chromium: {"chromium", "chromium-browser", "google-chrome"},
}

// Path finds the installed browser.
func (k Kind) Path() (string, error) {
	for _, name := range commands[k] {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", commands[k][0])
}

// Config describes where and for which user a browser runs.
type Config struct {
	Desktop *desktop.Desktop
	Home    string
	// Env are further variables, such as the address of the PC/SC daemon.
	Env []string
	// Server is the certificate of the loopback service, CA its issuer. The
	// profile of the browser is set up to trust it.
	Server, CA *x509.Certificate
	// Wrap is a command that runs the browser's command line in its arguments.
	Wrap []string
	// Log is the file for the browser's output.
	Log string
}

// Browser is a running browser.
type Browser struct {
	Kind Kind
	cfg  Config
	cmd  *exec.Cmd
	gone chan struct{}

	window string // ID of the window in use, if it is not the only one
}

// pinTitles are the titles of the windows that ask for the PIN.
var pinTitles = []string{"Password Required", "Unlock Security Device"}

// errorTitles begin the titles of pages that a browser shows instead of the service's.
var errorTitles = []string{"Secure Connection Failed", "Problem loading page", "localhost", "Privacy error"}

// quietPrefs keep Firefox from first-run pages, from calling home, and from preparing
// pages and processes that no test opens: a fifth of what a new profile costs.
var quietPrefs = []string{
	`"app.normandy.enabled", false`,
	`"app.update.enabled", false`,
	`"browser.aboutwelcome.enabled", false`,
	`"browser.newtab.preload", false`,
	`"browser.newtabpage.enabled", false`,
	`"browser.pagethumbnails.capturing_disabled", true`,
	`"browser.safebrowsing.malware.enabled", false`,
	`"browser.safebrowsing.phishing.enabled", false`,
	`"browser.sessionstore.resume_from_crash", false`,
	`"browser.shell.checkDefaultBrowser", false`,
	`"browser.startup.homepage_override.mstone", "ignore"`,
	`"browser.translations.enable", false`,
	`"datareporting.policy.dataSubmissionEnabled", false`,
	`"dom.ipc.processPrelaunch.enabled", false`,
	`"extensions.enabledScopes", 0`, // none, not even those that Firefox brings
	`"extensions.screenshots.disabled", true`,
	`"extensions.update.enabled", false`,
	`"network.captive-portal-service.enabled", false`,
	`"network.connectivity-service.enabled", false`,
	`"services.settings.server", "data:,#remote-settings-dummy/v1"`,
	`"termsofuse.bypassNotification", true`,
	`"toolkit.cosmeticAnimations.enabled", false`,
	`"toolkit.startup.max_resumed_crashes", -1`, // a test that ends soon looks like a crash
	`"toolkit.telemetry.enabled", false`,
	`"trailhead.firstrun.didSeeAboutWelcome", true`,
	`"ui.prefersReducedMotion", 1`,
}

// Start opens the browser on an address. Firefox must have a profile: what
// registered the module has made one, or there is a directory test.default.
func Start(ctx context.Context, kind Kind, cfg Config, url string) (*Browser, error) {
	path, err := kind.Path()
	if err != nil {
		return nil, err
	}
	b := &Browser{Kind: kind, cfg: cfg, gone: make(chan struct{})}
	var args []string
	switch kind {
	case Firefox:
		// A profile without registrations.
		if dir := filepath.Join(cfg.Home, ".mozilla/firefox/test.default"); exists(dir) {
			args = []string{"-profile", dir}
		}
		if err := b.prepareFirefox(ctx); err != nil {
			return nil, err
		}
	case Chromium:
		// Chromium's name for a certificate that is trusted for a test.
		spki := sha256.Sum256(cfg.Server.RawSubjectPublicKeyInfo)
		args = []string{
			"--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-quic",
			"--disable-background-networking", "--disable-component-update", "--disable-sync",
			"--password-store=basic", "--window-size=1050,880",
			// What a running screen reader does.
			"--force-renderer-accessibility",
			"--ignore-certificate-errors-spki-list=" + base64.StdEncoding.EncodeToString(spki[:]),
		}
		if os.Geteuid() == 0 {
			// Without the second flag Chromium warns of the first on every page.
			args = append(args, "--no-sandbox", "--test-type")
		}
	}
	log, err := os.OpenFile(cfg.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	line := append(append(slices.Clone(cfg.Wrap), path), append(args, url)...)
	b.cmd = exec.Command(line[0], line[1:]...)
	b.cmd.Dir = cfg.Home
	b.cmd.Env = b.env()
	b.cmd.Stdout, b.cmd.Stderr = log, log
	// A group of its own, so that everything the browser started ends with it.
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		b.cmd.Wait()
		close(b.gone)
	}()
	return b, nil
}

func (b *Browser) env() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.cfg.Home, "LANG=C.UTF-8",
		"XDG_RUNTIME_DIR=" + filepath.Join(b.cfg.Home, ".run"),
		"GTK_USE_PORTAL=0",
		"MOZ_CRASHREPORTER_DISABLE=1", "GDK_BACKEND=x11",
	}
	// Nothing of this machine's desktop is reached: the bus is the screen's.
	env = append(env, b.cfg.Desktop.SessionEnv()...)
	return append(env, b.cfg.Env...)
}

// prepareFirefox gives every profile quiet preferences and trust in the
// service's CA, the way an administrator would: with NSS's certutil.
func (b *Browser) prepareFirefox(ctx context.Context) error {
	var profiles []string
	for _, root := range []string{".config/mozilla/firefox", ".mozilla/firefox"} {
		dirs, _ := filepath.Glob(filepath.Join(b.cfg.Home, root, "*.default*"))
		profiles = append(profiles, dirs...)
	}
	if len(profiles) == 0 {
		return errors.New("no profile of Firefox")
	}
	ca := filepath.Join(b.cfg.Home, "service-ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.cfg.CA.Raw}), 0o600); err != nil {
		return err
	}
	var prefs strings.Builder
	for _, p := range quietPrefs {
		prefs.WriteString("user_pref(" + p + ");\n")
	}
	for _, dir := range profiles {
		prepared := filepath.Join(dir, "user.js")
		if _, err := os.Stat(prepared); err == nil {
			continue
		}
		if err := os.WriteFile(prepared, []byte(prefs.String()), 0o600); err != nil {
			return err
		}
		// A certutil of the system would load the module too, with the reader's
		// daemon of the system: the list is put aside while it works.
		if err := withoutModules(filepath.Join(dir, "pkcs11.txt"), func() error {
			cmd := exec.CommandContext(ctx, "certutil", "-d", "sql:"+dir, "-A", "-n", "loopback", "-t", "C,,", "-i", ca)
			cmd.Env = b.env()
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("certutil: %w: %s", err, out)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func withoutModules(list string, do func() error) error {
	aside := list + ".aside"
	if err := os.Rename(list, aside); errors.Is(err, fs.ErrNotExist) {
		return do()
	} else if err != nil {
		return err
	}
	err := do()
	// certutil wrote the default list; the original one is restored.
	return errors.Join(err, os.Rename(aside, list))
}

// Private opens a private window on an address.
func (b *Browser) Private(ctx context.Context, url string) error {
	keys := map[Kind]string{Firefox: "ctrl+shift+p", Chromium: "ctrl+shift+n"}
	before, err := b.cfg.Desktop.Windows(ctx)
	if err != nil {
		return err
	}
	if err := b.Press(ctx, keys[b.Kind]); err != nil {
		return err
	}
	for {
		now, err := b.cfg.Desktop.Windows(ctx)
		if err != nil {
			return err
		}
		for _, w := range now {
			if slices.ContainsFunc(before, func(o desktop.Window) bool { return o.ID == w.ID }) || !strings.Contains(w.Title, b.suffix()) {
				continue
			}
			// From now on this is the window in use.
			b.window = w.ID
			if err := b.cfg.Desktop.Focus(ctx, w); err != nil {
				return err
			}
			if err := b.cfg.Desktop.Keys("ctrl+l"); err != nil {
				return err
			}
			if err := b.cfg.Desktop.Type(ctx, url); err != nil {
				return err
			}
			return b.cfg.Desktop.Keys("Return")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no private window: %w", ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// page waits for the window in use.
func (b *Browser) page(ctx context.Context) (desktop.Window, error) {
	if b.window != "" {
		return desktop.Window{ID: b.window, Title: "private window"}, nil
	}
	return b.cfg.Desktop.WaitWindow(ctx, b.suffix())
}

// suffix ends the title of every window of the browser that shows a page.
func (b *Browser) suffix() string {
	if b.Kind == Firefox {
		return "Mozilla Firefox"
	}
	return "Chromium"
}

// Press focuses the browser's page and presses keys.
func (b *Browser) Press(ctx context.Context, keys ...string) error {
	w, err := b.page(ctx)
	if err != nil {
		return err
	}
	if err := b.cfg.Desktop.Focus(ctx, w); err != nil {
		return err
	}
	return b.cfg.Desktop.Keys(keys...)
}

// ErrorPage returns the title of the page when it is one that the browser made
// itself, because no page of the service could be had. Pages of the service
// have titles of their own.
func (b *Browser) ErrorPage(ctx context.Context) string {
	if b.Asking(ctx) {
		return ""
	}
	windows, _ := b.cfg.Desktop.Windows(ctx, errorTitles...)
	for _, w := range windows {
		if slices.ContainsFunc(errorTitles, func(t string) bool { return strings.HasPrefix(w.Title, t) }) {
			return w.Title
		}
	}
	return ""
}

// PID returns the number of the browser's first process.
func (b *Browser) PID() int { return b.cmd.Process.Pid }

// Running reports whether the browser still runs.
func (b *Browser) Running() bool {
	select {
	case <-b.gone:
		return false
	default:
		return true
	}
}

// Stop asks the browser to end, as the session manager does, and makes it end
// if it will not.
func (b *Browser) Stop() {
	syscall.Kill(b.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-b.gone:
	case <-time.After(15 * time.Second):
	}
	syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	<-b.gone
}
