package browsers

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// File names are bytes, and the journal preserves them.
func TestHomeThatIsNotUTF8(t *testing.T) {
	e := newEnv(t)
	e.Home = filepath.Join(filepath.Dir(e.Home), "caf\xe9")
	e.ConfigHome, e.DataHome, e.StateHome = filepath.Join(e.Home, ".config"), filepath.Join(e.Home, ".local/share"), filepath.Join(e.Home, ".local/state")
	if err := os.Mkdir(e.Home, 0o700); err != nil {
		t.Skipf("the file system takes no such name: %v", err)
	}
	firefoxHome(t, filepath.Join(e.Home, ".mozilla/firefox"), "pr\xe9f")
	// Without a line break at the end, only the backup can restore the file.
	write(t, filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt"), "library=\nname=NSS Internal PKCS #11 Module")
	before := tree(t, e.Home)
	targets := e.Targets(Options{User: true})
	if res := PlanEnable(targets).Run(nil); !OK(res) {
		t.Fatalf("enable: %+v", res)
	}
	for _, tg := range targets {
		if s := tg.State(); s.Status != Registered {
			t.Errorf("%s: %+v", tg.ID(), s)
		}
	}
	if res := PlanDisable(targets).Run(nil); !OK(res) {
		t.Fatalf("disable: %+v", res)
	}
	sameTree(t, "home", before, tree(t, e.Home))
}

// Records contain plain strings if possible.
func TestRawPathIsPlainForUTF8(t *testing.T) {
	for path, want := range map[rawPath]string{"/home/é": `"/home/é"`, "/home/\xe9": `{"bytes":"L2hvbWUv6Q=="}`} {
		b, err := path.MarshalJSON()
		if err != nil || string(b) != want {
			t.Errorf("%q: %s (%v)", path, b, err)
		}
		var back rawPath
		if err := back.UnmarshalJSON(b); err != nil || back != path {
			t.Errorf("%s: %q (%v)", b, back, err)
		}
	}
	var p rawPath
	if err := p.UnmarshalJSON([]byte("17")); err == nil {
		t.Errorf("a number is the path %q", p)
	}
}

// A lock left by a crash names a process that is another by
// now, and in a flatpak it names one of the sandbox.
func TestStaleLocksNameNoProcess(t *testing.T) {
	e := newEnv(t)
	installFirefox(t, e, "128.0")
	root := filepath.Join(e.Home, ".mozilla/firefox")
	firefoxHome(t, root, "a")
	os.Symlink("127.0.1.1:+50", filepath.Join(root, "a/lock"))
	fakeProcess(t, e, 50, "/usr/bin/gnome-shell", "gnome-shell")
	write(t, e.sys("/opt/google/chrome/chrome"), "x")
	os.Chmod(e.sys("/opt/google/chrome/chrome"), 0o755)
	write(t, filepath.Join(e.ConfigHome, "google-chrome/x"), "")
	os.Symlink("host-50", filepath.Join(e.ConfigHome, "google-chrome/SingletonLock"))
	write(t, e.sys("/snap/firefox/123/meta/snap.yaml"), "version: 1\n")
	os.Symlink("123", e.sys("/snap/firefox/current"))
	snap := filepath.Join(e.Home, "snap/firefox/common/.mozilla/firefox")
	firefoxHome(t, snap, "s")
	os.Symlink("127.0.1.1:+60", filepath.Join(snap, "s/lock"))
	fakeProcess(t, e, 60, "/snap/firefox/123/usr/lib/firefox/firefox", "firefox")
	write(t, e.sys("/var/lib/flatpak/app/org.mozilla.Thunderbird/current/active/metadata"), "")
	flatpak := filepath.Join(e.Home, ".var/app/org.mozilla.Thunderbird/.thunderbird")
	firefoxHome(t, flatpak, "f")
	os.Symlink("127.0.1.1:+2", filepath.Join(flatpak, "f/lock"))
	fakeProcess(t, e, 2, "/usr/bin/other", "other")
	fakeProcess(t, e, 70, "/app/lib/thunderbird/thunderbird", "thunderbird")
	fakeProcess(t, e, 71, "/app/lib/thunderbird/thunderbird", "thunderbird -contentproc")
	for _, tg := range e.Targets(Options{User: true}) {
		if r := tg.Running(); len(r) > 0 {
			t.Errorf("%s is in use by %v", tg.ID(), r)
		}
	}
	want := map[string][]int{"firefox snap": {60}, "firefox-esr native": nil, "google-chrome native": nil, "thunderbird flatpak": {70}}
	for _, b := range e.Survey(t.Context(), Options{User: true}).Browsers {
		name := b.ID + " " + string(b.Packaging)
		pids, ok := want[name]
		if !ok {
			t.Errorf("%s is found", name)
		}
		delete(want, name)
		var got []int
		for _, p := range b.Running {
			got = append(got, p.PID)
		}
		if !slices.Equal(got, pids) {
			t.Errorf("%s: %v, want %v", name, got, pids)
		}
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

// A p11-kit server that runs is restarted when it has to
// load another module.
func TestServerOfOtherPathIsCorrected(t *testing.T) {
	e, calls := flatpakHome(t)
	server := e.serverTarget()
	if _, err := server.Install(); err != nil {
		t.Fatal(err)
	}
	*calls = nil
	e.Module = filepath.Join(filepath.Dir(e.Module), "moved.so")
	write(t, e.Module, "x")
	server = e.serverTarget()
	if s := server.State(); s.Status != Elsewhere {
		t.Fatalf("state %+v", s)
	}
	if c, err := server.Install(); err != nil || !c.Changed {
		t.Fatalf("%+v %v", c, err)
	}
	if want := []string{"daemon-reload", "restart " + serverUnit}; !slices.Equal(*calls, want) {
		t.Errorf("systemctl was called: %q", *calls)
	}
}

// A file of policies for the system disables those of a Firefox installation, so
// none is created while they exist.
func TestPolicyDoesNotHideThatOfInstallation(t *testing.T) {
	e := newEnv(t)
	installFirefox(t, e, "153.7.0")
	own := e.sys("/usr/lib/firefox-esr/distribution/policies.json")
	write(t, own, `{"policies": {"DisableTelemetry": true}}`)
	tg := e.firefoxPolicy()
	if s := tg.State(); s.Status != Unavailable || s.Reason != ReasonHidesPolicy || !strings.Contains(s.Err.Error(), own) {
		t.Errorf("state %+v", s)
	}
	if res := PlanEnable([]Target{tg}).Run(nil); OK(res) || exists(tg.Path()) {
		t.Errorf("enable: %+v", res)
	}
	if res := PlanDisable([]Target{tg}).Run(nil); !OK(res) {
		t.Errorf("disable: %+v", res)
	}
	// If there is a file for the system already, it hides them anyway.
	write(t, tg.Path(), "{}")
	if res := PlanEnable([]Target{tg}).Run(nil); !OK(res) || tg.State().Status != Registered {
		t.Errorf("enable: %+v", res)
	}
}

// Thunderbird has its own file of policies.
func TestPolicyIsOfFirefoxOnly(t *testing.T) {
	e := newEnv(t)
	installFirefox(t, e, "153.7.0")
	write(t, e.sys("/usr/lib/thunderbird/application.ini"), "[App]\nVersion=153.0\n")
	if _, err := e.firefoxPolicy().Install(); err != nil {
		t.Fatal(err)
	}
	for _, b := range e.Survey(t.Context(), Options{User: true, System: true}).Browsers {
		if b.ByPolicy != (b.ID == "firefox-esr") {
			t.Errorf("%s: by policy %v", b.ID, b.ByPolicy)
		}
	}
}

// A registration in a file that became unreadable is not reported as removed. A
// damaged file without a registration is not reported.
func TestDamagedFileIsReportedIfRegistered(t *testing.T) {
	e := newEnv(t)
	db := filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt")
	write(t, db, internalStanza)
	tg := e.sharedNSS()[0]
	write(t, db, "\x00")
	if res := PlanDisable([]Target{tg}).Run(nil); !OK(res) || res[0].Action != ActionSkip {
		t.Errorf("nothing registered: %+v", res)
	}
	write(t, db, internalStanza)
	if _, err := tg.Install(); err != nil {
		t.Fatal(err)
	}
	write(t, db, read(t, db)+"\x00")
	before := tree(t, e.Home)
	if res := PlanDisable([]Target{tg}).Run(nil); OK(res) || res[0].Action != ActionBlocked {
		t.Errorf("registered and damaged: %+v", res)
	}
	sameTree(t, "home", before, tree(t, e.Home))
}

// profiles.ini contains only the last used profile of a group of profiles.
func TestProfileGroupsAreListed(t *testing.T) {
	e := newEnv(t)
	root := filepath.Join(e.Home, ".mozilla/firefox")
	firefoxHome(t, root, "a.default")
	ini := filepath.Join(root, "profiles.ini")
	pref := func(store string) string {
		return "// Mozilla User Preferences\nuser_pref(\"a\", 1);\nuser_pref(\"toolkit.profiles.storeID\", \"" + store + "\");\n"
	}
	for dir, prefs := range map[string]string{
		"a.default": pref("0a1b2c3d"), "b.Work": pref("0a1b2c3d"), "c.Other": pref("ffffffff"),
		"d.None": "user_pref(\"a\", 1);\n", "Profile Groups": "", "Profiles/e.Mac": pref("0a1b2c3d"),
	} {
		write(t, filepath.Join(root, dir, "prefs.js"), prefs)
	}
	os.MkdirAll(filepath.Join(root, "f.Pipe"), 0o700)
	if err := syscall.Mkfifo(filepath.Join(root, "f.Pipe/prefs.js"), 0o600); err != nil {
		t.Fatal(err)
	}
	places := func() []string {
		var list []string
		for _, p := range readProfiles(root) {
			list = append(list, strings.TrimPrefix(p.Dir, root+"/"))
		}
		return list
	}
	if got := places(); !slices.Equal(got, []string{"a.default"}) {
		t.Errorf("without a group: %q", got)
	}
	write(t, ini, read(t, ini)+"[Profile1]\nName=g\nIsRelative=1\nPath=a.default\nStoreID=0a1b2c3d\n")
	if got := places(); !slices.Equal(got, []string{"a.default", "b.Work", "Profiles/e.Mac"}) {
		t.Errorf("with a group: %q", got)
	}
	before := tree(t, filepath.Join(root, "b.Work"))
	targets := e.Targets(Options{User: true})
	if res := PlanEnable(targets).Run(nil); !OK(res) {
		t.Fatalf("enable: %+v", res)
	}
	if !exists(filepath.Join(root, "b.Work/pkcs11.txt")) || exists(filepath.Join(root, "c.Other/pkcs11.txt")) {
		t.Error("not the profiles of the group are registered")
	}
	if res := PlanDisable(targets).Run(nil); !OK(res) {
		t.Fatalf("disable: %+v", res)
	}
	sameTree(t, "profile", before, tree(t, filepath.Join(root, "b.Work")))
}
