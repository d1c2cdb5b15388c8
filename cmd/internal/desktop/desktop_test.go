package desktop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/state"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/options"
	"cie/cmd/internal/probe"
	"cie/gui"
	"cie/installer/browsers"
)

// put writes a file and the directories above it.
func put(t *testing.T, name string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, mode); err != nil {
		t.Fatal(err)
	}
}

// newTestDesktop returns the Service for a home directory of its own.
func newTestDesktop(t *testing.T, sources options.Sources) *desktop {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, v := range []string{"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"} {
		t.Setenv(v, filepath.Join(home, v))
	}
	put(t, filepath.Join(home, "XDG_CONFIG_HOME/cie/gui.json"), []byte(`{"LogLevel":"errors"}`), 0o600)
	d, err := newDesktop("", noAbout, sources)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.service.Close() })
	return d
}

func noStore() (card.Store, error) { return nil, errors.New("no store") }

// A country signer that an administrator added makes a card genuine in the
// window as in the other programs, also beside a file that cannot be used, which
// the log names.
func TestDesktopTrustsAnchorsOfTheMachine(t *testing.T) {
	dir := t.TempDir()
	sources := options.Sources{Store: noStore, State: func() (*state.Store, error) { return state.Memory(), nil }, Anchors: []string{dir}}
	var log string
	level := func() card.Level {
		t.Helper()
		virtual, err := cardtest.New(cardtest.Profile{})
		if err != nil {
			t.Fatal(err)
		}
		virtual.SetCost(cardtest.CostModel{})
		virtual.Insert()
		d := newTestDesktop(t, sources)
		s, err := card.Open(t.Context(), virtual.Reader(), d.cards.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		a, err := s.Authenticity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		written, _ := os.ReadFile(filepath.Join(d.files.logs, "cie-gui.log"))
		log = string(written)
		return a.Level
	}
	if l := level(); l == card.Genuine {
		t.Fatalf("without a country signer the card is %s", l)
	}
	put(t, filepath.Join(dir, "damaged.pem"), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o644)
	put(t, filepath.Join(dir, "issuer.pem"), cardtest.CSCAPEM(), 0o644)
	if l := level(); l != card.Genuine {
		t.Errorf("with its country signer the card is %s", l)
	}
	if !strings.Contains(log, "damaged.pem") {
		t.Errorf("the log does not name the file that cannot be used:\n%s", log)
	}
}

// fakeProber reports that the module loads, or fails.
type fakeProber struct {
	doctor.Prober
	err error
}

func (p fakeProber) Identify(context.Context, string) (probe.Info, error) { return probe.Info{}, p.err }

// newBrowsers returns the Service for a home directory with a Firefox that has a
// profile, and the directory of that Firefox.
func newBrowsers(t *testing.T, proc string) (*desktop, string) {
	t.Helper()
	home := t.TempDir()
	module := filepath.Join(home, "cie-pkcs11.so")
	put(t, module, nil, 0o644)
	put(t, filepath.Join(home, "firefox/application.ini"), []byte("[App]\nVersion=140.0\n"), 0o644)
	put(t, filepath.Join(home, ".mozilla/firefox/profiles.ini"), []byte("[Profile0]\nIsRelative=1\nPath=p\n"), 0o644)
	put(t, filepath.Join(home, ".mozilla/firefox/p/prefs.js"), nil, 0o644)
	env := &browsers.Env{
		Home: home, Root: filepath.Join(home, "root"), Proc: proc, Module: module, UID: os.Geteuid(), SudoUID: -1,
		ConfigHome: filepath.Join(home, ".config"), DataHome: filepath.Join(home, ".local/share"), StateHome: filepath.Join(home, ".local/state"),
	}
	return &desktop{
		files: &files{}, prober: fakeProber{},
		machine: func() (*browsers.Env, error) { return env, nil },
	}, filepath.Join(home, "firefox")
}

// wantState checks the state of the only browser.
func wantState(t *testing.T, d *desktop, want gui.BrowserState) {
	t.Helper()
	list, err := d.Browsers(t.Context())
	if err != nil || len(list) != 1 || list[0].State != want {
		t.Errorf("browsers %+v, %v; want one that is %s", list, err, want)
	}
}

// The window shows the states that package doctor returns.
func TestBrowsersShowModuleThatDoesNotLoad(t *testing.T) {
	d, _ := newBrowsers(t, t.TempDir())
	wantState(t, d, gui.BrowserOff)
	if err := d.SetBrowsers(t.Context(), "", true); err != nil {
		t.Fatal(err)
	}
	wantState(t, d, gui.BrowserReady)
	d.prober = fakeProber{err: &probe.Error{Reason: probe.ReasonNotLoadable}}
	wantState(t, d, gui.BrowserNotLoadable)
	d.prober = fakeProber{}
	if err := d.SetBrowsers(t.Context(), "", false); err != nil {
		t.Fatal(err)
	}
	wantState(t, d, gui.BrowserOff)
}

// One program is registered without another one that has a place of its own; programs
// that share a place name each other.
func TestOneBrowserIsRegistered(t *testing.T) {
	d, dir := newBrowsers(t, t.TempDir())
	home := filepath.Dir(dir)
	for _, name := range []string{"usr/lib/chromium/chromium", "opt/google/chrome/chrome"} {
		put(t, filepath.Join(home, "root", name), nil, 0o755)
	}
	find := func(family string) gui.Browser {
		t.Helper()
		list, err := d.Browsers(t.Context())
		for _, b := range list {
			if err == nil && strings.HasPrefix(b.ID, family) {
				return b
			}
		}
		t.Fatalf("no %s among %+v, %v", family, list, err)
		return gui.Browser{}
	}
	chromium := find("chromium")
	if len(chromium.Shares) == 0 || len(find("firefox").Shares) != 0 {
		t.Errorf("Chromium shares with %v, Firefox with %v", chromium.Shares, find("firefox").Shares)
	}
	if err := d.SetBrowsers(t.Context(), find("firefox").ID, true); err != nil {
		t.Fatal(err)
	}
	if f, c := find("firefox").State, find("chromium").State; f != gui.BrowserReady || c != gui.BrowserOff {
		t.Errorf("Firefox is %s, Chromium %s", f, c)
	}
	if err := d.SetBrowsers(t.Context(), "", true); err != nil {
		t.Fatal(err)
	}
	if err := d.SetBrowsers(t.Context(), find("firefox").ID, false); err != nil {
		t.Fatal(err)
	}
	if f, c := find("firefox").State, find("chromium").State; f != gui.BrowserOff || c != gui.BrowserReady {
		t.Errorf("Firefox is %s, Chromium %s", f, c)
	}
}
