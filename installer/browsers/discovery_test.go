package browsers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeProcess makes an entry in the fake /proc.
func fakeProcess(t *testing.T, e *Env, pid int, exe, cmdline string, open ...string) {
	t.Helper()
	dir := filepath.Join(e.Proc, fmt.Sprint(pid))
	write(t, filepath.Join(dir, "cmdline"), strings.ReplaceAll(cmdline, " ", "\x00"))
	if err := os.Symlink(exe, filepath.Join(dir, "exe")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "fd"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, p := range open {
		if err := os.Symlink(p, filepath.Join(dir, "fd", fmt.Sprint(i+3))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBrowsersAreFoundInEveryPackaging(t *testing.T) {
	e := newEnv(t)
	installFirefox(t, e, "153.7.0")
	write(t, filepath.Join(e.Home, "firefox/application.ini"), "[App]\nVersion=155.0\n")
	exe := func(path string) {
		write(t, e.sys(path), "x")
		if err := os.Chmod(e.sys(path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	exe("/usr/lib/chromium/chromium")
	exe("/opt/google/chrome/chrome")
	write(t, e.sys("/usr/bin/okular"), "x")
	write(t, e.sys("/snap/firefox/123/meta/snap.yaml"), "name: firefox\nversion: '154.0-2'\n")
	os.Symlink("123", e.sys("/snap/firefox/current"))
	write(t, e.sys("/var/lib/flatpak/app/org.mozilla.Thunderbird/current/active/files/share/metainfo/org.mozilla.Thunderbird.metainfo.xml"),
		`<?xml version="1.0"?><component><releases><release version="140.2"/><release version="140.1"/></releases></component>`)
	write(t, filepath.Join(e.DataHome, "flatpak/app/com.brave.Browser/current/active/metadata"), "")
	firefoxHome(t, filepath.Join(e.Home, "snap/firefox/common/.mozilla/firefox"), "snapped")
	write(t, e.sys("/var/lib/dpkg/status"), strings.Join([]string{
		"Package: chromium\nStatus: install ok installed\nVersion: 156.0.1-1~deb12u1\n",
		"Package: firefox\nStatus: install ok installed\nVersion: 1:1snap1-0ubuntu2\n",
		"Package: google-chrome-stable\nStatus: install ok installed\nVersion: 157.0.2-1\n",
		"Package: okular\nStatus: deinstall ok config-files\nVersion: 4:22.12.3-1\n",
	}, "\n"))
	type line struct {
		id        string
		packaging Packaging
		version   string
		reach     Reach
	}
	want := []line{
		{"firefox", PackageTarball, "155.0", ReachDirect},
		{"firefox", PackageSnap, "154.0-2", ReachNone},
		{"firefox-esr", PackageNative, "153.7.0", ReachDirect},
		{"thunderbird", PackageFlatpak, "140.2", ReachServer},
		{"chromium", PackageNative, "156.0.1", ReachDirect},
		{"google-chrome", PackageNative, "157.0.2", ReachDirect},
		{"brave", PackageFlatpak, "", ReachServer},
		{"okular", PackageNative, "", ReachDirect},
	}
	got := e.Browsers()
	if len(got) != len(want) {
		t.Fatalf("found %d: %+v", len(got), got)
	}
	for i, b := range got {
		if (line{b.ID, b.Packaging, b.Version, b.Reach}) != want[i] {
			t.Errorf("got %+v, want %+v", b, want[i])
		}
	}
	if p := got[1].Profiles; len(p) != 1 || !strings.HasSuffix(p[0].Dir, "snapped") {
		t.Errorf("profiles of the snap: %+v", p)
	}
}

func TestSurveyJudgesEveryBrowser(t *testing.T) {
	e := newEnv(t)
	installFirefox(t, e, "128.0")
	write(t, e.sys("/usr/lib/chromium/chromium"), "x")
	os.Chmod(e.sys("/usr/lib/chromium/chromium"), 0o755)
	write(t, e.sys("/snap/chromium/current/meta/snap.yaml"), "version: 1\n")
	write(t, e.sys("/var/lib/flatpak/app/org.mozilla.firefox/current/active/metadata"), "")
	o := Options{User: true, System: true, Load: func(context.Context, string) error { return nil }}
	find := func(r Report, id string, p Packaging) BrowserReport {
		t.Helper()
		for _, b := range r.Browsers {
			if b.ID == id && b.Packaging == p {
				return b
			}
		}
		t.Fatalf("%s (%s) is not in the report", id, p)
		return BrowserReport{}
	}
	check := func(b BrowserReport, s Status, r Reason, w WayOut, l Loadable) {
		t.Helper()
		if b.Status != s || b.Reason != r || b.WayOut != w || b.Loadable != l {
			t.Errorf("%s (%s): status %q reason %q way out %q loadable %q", b.ID, b.Packaging, b.Status, b.Reason, b.WayOut, b.Loadable)
		}
	}
	r := e.Survey(t.Context(), o)
	check(find(r, "firefox-esr", PackageNative), Absent, ReasonNotCreated, "", LoadUnknown)
	check(find(r, "chromium", PackageNative), Absent, ReasonNotCreated, "", LoadUnknown)
	check(find(r, "chromium", PackageSnap), Unavailable, ReasonSandboxed, WayOutNative, LoadUnknown)
	check(find(r, "firefox", PackageFlatpak), Unavailable, ReasonSandboxed, WayOutServer, LoadUnknown)
	if r.Module.Loadable != LoadYes || !r.Module.Exists || r.Owner != nil {
		t.Errorf("module %+v, owner %v", r.Module, r.Owner)
	}

	if res := PlanEnable(e.Targets(Options{User: true})).Run(nil); !OK(res) {
		t.Fatalf("enable: %+v", res)
	}
	r = e.Survey(t.Context(), o)
	check(find(r, "firefox-esr", PackageNative), Registered, "", "", LoadYes)
	check(find(r, "chromium", PackageNative), Registered, "", "", LoadYes)

	// One of two profiles is not registered: the program is not all right.
	root := filepath.Join(e.Home, ".mozilla/firefox")
	write(t, filepath.Join(root, "second/prefs.js"), "")
	write(t, filepath.Join(root, "profiles.ini"), read(t, filepath.Join(root, "profiles.ini"))+"[Profile1]\nName=s\nIsRelative=1\nPath=second\n")
	r = e.Survey(t.Context(), o)
	check(find(r, "firefox-esr", PackageNative), Absent, ReasonNotCreated, "", LoadUnknown)

	// A module that does not load is reported for the programs that have it registered.
	o.Load = func(context.Context, string) error { return errors.New("undefined symbol") }
	r = e.Survey(t.Context(), o)
	check(find(r, "chromium", PackageNative), Registered, "", "", LoadNo)
	if r.Module.Error != "undefined symbol" {
		t.Errorf("module %+v", r.Module)
	}

	// The policy covers every profile.
	if _, err := e.firefoxPolicy().Install(); err != nil {
		t.Fatal(err)
	}
	if b := find(e.Survey(t.Context(), o), "firefox-esr", PackageNative); !b.ByPolicy {
		t.Errorf("policy not seen: %+v", b)
	}
	b, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(b), `"status":"registered"`) {
		t.Errorf("%s (%v)", b, err)
	}
}

func TestSurveyWithoutModule(t *testing.T) {
	e := newEnv(t)
	PlanEnable(e.Targets(Options{User: true})).Run(nil)
	write(t, e.sys("/usr/lib/chromium/chromium"), "x")
	os.Chmod(e.sys("/usr/lib/chromium/chromium"), 0o755)
	if err := os.Remove(e.Module); err != nil {
		t.Fatal(err)
	}
	r := e.Survey(t.Context(), Options{User: true, Load: func(context.Context, string) error {
		t.Error("a missing module was loaded")
		return nil
	}})
	if r.Module.Exists || r.Module.Loadable != LoadNo {
		t.Errorf("module %+v", r.Module)
	}
	if b := r.Browsers[0]; b.Status != Damaged || b.Reason != ReasonModuleMissing {
		t.Errorf("chromium: %+v", b)
	}
}

func TestRunningProgramsNeedRestart(t *testing.T) {
	e := newEnv(t)
	installFirefox(t, e, "128.0")
	write(t, e.sys("/usr/lib/chromium/chromium"), "x")
	os.Chmod(e.sys("/usr/lib/chromium/chromium"), 0o755)
	root := filepath.Join(e.Home, ".mozilla/firefox")
	firefoxHome(t, root, "a", "b", "c")
	os.Symlink("127.0.1.1:+100", filepath.Join(root, "a/lock"))
	os.Symlink("127.0.1.1:+9999", filepath.Join(root, "c/lock")) // left by a crash
	fakeProcess(t, e, 100, "/usr/lib/firefox-esr/firefox-esr", "firefox-esr")
	fakeProcess(t, e, 101, "/usr/lib/firefox-esr/firefox-esr", "firefox-esr -contentproc 1")
	fakeProcess(t, e, 102, "/usr/bin/certutil", "certutil -L", filepath.Join(root, "b/cert9.db"))
	fakeProcess(t, e, 200, "/usr/lib/chromium/chromium (deleted)", "chromium")
	fakeProcess(t, e, 201, "/usr/lib/chromium/chromium", "chromium --type=renderer")
	targets := map[string][]Process{}
	for _, tg := range e.Targets(Options{User: true}) {
		targets[strings.TrimPrefix(tg.Path(), e.Home)] = tg.Running()
	}
	for path, want := range map[string]string{
		"/.mozilla/firefox/a/pkcs11.txt": "[{100 firefox-esr}]",
		"/.mozilla/firefox/b/pkcs11.txt": "[{102 certutil}]",
		"/.mozilla/firefox/c/pkcs11.txt": "[]",
		"/.pki/nssdb/pkcs11.txt":         "[{200 chromium}]",
	} {
		if got := fmt.Sprint(targets[path]); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	r := e.Survey(t.Context(), Options{User: true})
	for _, b := range r.Browsers {
		want := map[string]string{"firefox-esr": "[{100 firefox-esr}]", "chromium": "[{200 chromium}]"}[b.ID]
		if got := fmt.Sprint(b.Running); got != want {
			t.Errorf("%s: %s, want %s", b.ID, got, want)
		}
	}
	for _, res := range PlanEnable(e.Targets(Options{User: true})).Run(nil) {
		if want := len(targets[strings.TrimPrefix(res.Target.Path(), e.Home)]) > 0; res.Restart != want && res.Change.Changed {
			t.Errorf("%s: restart %v, want %v", res.Target.ID(), res.Restart, want)
		}
	}
}

func TestChromiumLockNamesProcess(t *testing.T) {
	e := newEnv(t)
	dir := filepath.Join(e.ConfigHome, "chromium")
	fakeProcess(t, e, 300, "/usr/lib/chromium/chromium", "chromium")
	for link, want := range map[string]int{"host-300": 300, "host-301": 0, "other-300": 0, "host-with-dash-300": 0, "300": 0, "host-": 0, "host-x": 0} {
		os.MkdirAll(dir, 0o700)
		os.Remove(filepath.Join(dir, "SingletonLock"))
		os.Symlink(link, filepath.Join(dir, "SingletonLock"))
		if got := e.chromiumLock(dir); got != want {
			t.Errorf("%s: %d, want %d", link, got, want)
		}
	}
}
