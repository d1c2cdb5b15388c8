package browsers

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// newWindows makes a user and an installed Firefox as on Windows. Paths are
// those of the system the test runs on.
func newWindows(t testing.TB) *Env {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home, programs := filepath.Join(base, "Users", "anna"), filepath.Join(base, "Program Files")
	local := filepath.Join(home, "AppData", "Local")
	e := &Env{
		Windows: true, ProgramFiles: []string{programs, filepath.Join(base, "Program Files (x86)")},
		Home: home, Module: filepath.Join(programs, "CIE", "cie-pkcs11.dll"), UID: -1, SudoUID: -1,
		ConfigHome: filepath.Join(home, "AppData", "Roaming"), DataHome: local, StateHome: local,
	}
	if fi, err := os.Stat(base); err == nil {
		if uid, _, ok := ownerOf(fi); ok {
			e.UID = uid // this system has owners
		}
	}
	for _, d := range []string{e.ConfigHome, local} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, e.Module, "MZ")
	write(t, filepath.Join(programs, "Mozilla Firefox", "application.ini"), "[App]\r\nVersion=150.0\r\n")
	return e
}

// newProfile creates a profile of Firefox with a list of modules.
func newProfile(t testing.TB, e *Env) (dir string) {
	t.Helper()
	root := filepath.Join(e.ConfigHome, "Mozilla", "Firefox")
	write(t, filepath.Join(root, "profiles.ini"), "[Install308046B0AF4A39CB]\r\nDefault=Profiles/k1.default-release\r\nLocked=1\r\n\r\n"+
		"[Profile0]\r\nName=default-release\r\nIsRelative=1\r\nPath=Profiles/k1.default-release\r\n")
	dir = filepath.Join(root, "Profiles", "k1.default-release")
	write(t, filepath.Join(dir, "pkcs11.txt"), strings.ReplaceAll(internalStanza, "\n", "\r\n"))
	return dir
}

func TestWindowsRegistersInProfiles(t *testing.T) {
	e := newWindows(t)
	profile := newProfile(t, e)
	before := tree(t, e.Home)
	targets := e.Targets(Options{User: true, Flatpak: true})
	if len(targets) != 1 || targets[0].Kind() != KindGeckoProfile || targets[0].Path() != filepath.Join(profile, "pkcs11.txt") {
		t.Fatalf("targets %v", ids(targets))
	}
	if r := PlanEnable(targets).Run(nil); !OK(r) || !r[0].Change.Changed {
		t.Fatalf("%+v", r)
	}
	got := read(t, filepath.Join(profile, "pkcs11.txt"))
	if !strings.Contains(got, "library="+e.Module+"\n") || !strings.HasPrefix(got, "library=\r\n") {
		t.Errorf("pkcs11.txt:\n%q", got)
	}
	s := e.Survey(t.Context(), Options{User: true, System: true})
	if len(s.Browsers) != 1 || s.Browsers[0].Status != Registered || s.Browsers[0].Version != "150.0" || s.Browsers[0].Reach != ReachDirect {
		t.Errorf("survey %+v", s.Browsers)
	}
	if r := PlanDisable(e.Targets(Options{User: true})).Run(nil); !OK(r) {
		t.Fatalf("%+v", r)
	}
	if after := tree(t, e.Home); !maps.Equal(before, after) {
		t.Errorf("left behind:\n%v\nwas:\n%v", slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
	}
}

func ids(targets []Target) []string {
	var list []string
	for _, t := range targets {
		list = append(list, t.ID())
	}
	return list
}

func TestWindowsFirstProfile(t *testing.T) {
	e := newWindows(t)
	before := tree(t, e.Home)
	targets := e.Targets(Options{User: true})
	if len(targets) != 1 || targets[0].Kind() != KindGeckoFirstRun {
		t.Fatalf("targets %v", ids(targets))
	}
	if r := PlanEnable(targets).Run(nil); !OK(r) {
		t.Fatalf("%+v", r)
	}
	root := filepath.Join(e.ConfigHome, "Mozilla", "Firefox")
	if got := read(t, filepath.Join(root, firstProfile, "compatibility.ini")); !strings.Contains(got, "LastPlatformDir="+filepath.Join(e.ProgramFiles[0], "Mozilla Firefox")+"\n") {
		t.Errorf("compatibility.ini: %q", got)
	}
	if r := PlanDisable(e.Targets(Options{User: true})).Run(nil); !OK(r) {
		t.Fatalf("%+v", r)
	}
	if after := tree(t, e.Home); !maps.Equal(before, after) {
		t.Errorf("left behind: %v", slices.Sorted(maps.Keys(after)))
	}
}

// With --system every Firefox has the policy beside it.
func TestWindowsPolicyIsBesideFirefox(t *testing.T) {
	e := newWindows(t)
	write(t, filepath.Join(e.ProgramFiles[1], "Mozilla Firefox", "application.ini"), "[App]\nVersion=140.1\n")
	e.UID = 0
	e.Root = e.Home // the user who runs the test may not be an administrator
	before := tree(t, e.ProgramFiles[0])
	targets := e.Targets(Options{System: true})
	if len(targets) != 2 {
		t.Fatalf("targets %v", ids(targets))
	}
	if r := PlanEnable(targets).Run(nil); !OK(r) {
		t.Fatalf("%+v", r)
	}
	var policies struct {
		Policies struct {
			SecurityDevices struct{ Add map[string]string }
		}
	}
	file := filepath.Join(e.ProgramFiles[0], "Mozilla Firefox", "distribution", "policies.json")
	if err := json.Unmarshal([]byte(read(t, file)), &policies); err != nil || policies.Policies.SecurityDevices.Add[ModuleName] != e.Module {
		t.Errorf("%v, %+v", err, policies)
	}
	if s := e.Survey(t.Context(), Options{User: true, System: true}); !s.Browsers[0].ByPolicy {
		t.Errorf("%+v", s.Browsers)
	}
	if r := PlanDisable(e.Targets(Options{System: true})).Run(nil); !OK(r) {
		t.Fatalf("%+v", r)
	}
	if after := tree(t, e.ProgramFiles[0]); !maps.Equal(before, after) {
		t.Errorf("left behind: %v", slices.Sorted(maps.Keys(after)))
	}
	if n := len(e.CleanupTargets()); n != 2 {
		t.Errorf("%d cleanup targets", n)
	}
}

// The lock of a profile shows that it is in use, the list of processes by which
// process. Processes started by Firefox itself do not count.
func TestWindowsRunningProgramsAreFound(t *testing.T) {
	e := newWindows(t)
	profile := newProfile(t, e)
	exe := filepath.Join(e.ProgramFiles[0], "Mozilla Firefox", "firefox.exe")
	e.hooks.processes = func() []proc {
		return []proc{
			{pid: 4, exe: "System"},
			{pid: 10, exe: filepath.Join(e.ProgramFiles[0], "explorer.exe")},
			{pid: 20, exe: exe, parent: 10},
			{pid: 21, exe: exe, parent: 20},
			{pid: 22, exe: strings.ToUpper(exe), parent: 20},
			{pid: 23, exe: exe, parent: 21},
		}
	}
	inUse := false
	e.hooks.held = func(path string) bool { return inUse && path == filepath.Join(profile, "parent.lock") }
	target := e.Targets(Options{User: true})[0]
	if r := target.Running(); len(r) != 0 {
		t.Errorf("running %v", r)
	}
	inUse = true
	want := []Process{{PID: 20, Program: "firefox"}}
	if r := target.Running(); !slices.Equal(r, want) {
		t.Errorf("running %v", r)
	}
	if s := e.Survey(t.Context(), Options{User: true}); !slices.Equal(s.Browsers[0].Running, want) {
		t.Errorf("survey: running %v", s.Browsers[0].Running)
	}
}

// A Firefox installed elsewhere is found once, in the directory that its installer
// recorded.
func TestWindowsPlacesAreFoundOnce(t *testing.T) {
	e := newWindows(t)
	usual, elsewhere := filepath.Join(e.ProgramFiles[0], "Mozilla Firefox"), filepath.Join(e.Home, "D", "Firefox")
	write(t, filepath.Join(elsewhere, "application.ini"), "[App]\nVersion=151.0\n")
	e.hooks.appPath = func(exe string) string {
		if exe == "firefox.exe" {
			return elsewhere
		}
		return ""
	}
	var dirs []string
	for _, b := range e.Browsers() {
		dirs = append(dirs, b.Dir)
	}
	if !slices.Equal(dirs, []string{usual, elsewhere}) {
		t.Errorf("found %v", dirs)
	}
	e.hooks.appPath = func(string) string { return strings.ToUpper(usual) }
	if a, _ := e.appByID("firefox"); slices.Contains(e.appDirs(a), strings.ToUpper(usual)) {
		t.Error("one directory is looked at twice")
	}
}

func TestWindowsModulePath(t *testing.T) {
	const stanzas = "library=C:\\Windows\\System32\\CIEPKI.dll\r\nname=CIEPKI\r\n\r\nlibrary=C:\\Program Files\\CIE\\cie-pkcs11.dll\r\nname=" + ModuleName + "\r\n\r\n"
	s := pkcs11Txt{`C:\Program Files\CIE\cie-pkcs11.dll`}.inspect([]byte(stanzas))
	if s.Status != Registered || len(s.Others) != 1 {
		t.Errorf("%+v", s)
	}
	e := &Env{Windows: true}
	if got := e.baseName(`C:\Program Files\Mozilla Firefox\Firefox.EXE`); got != "firefox.exe" {
		t.Errorf("base name %q", got)
	}
	if id, ok := e.programOf(proc{exe: `D:\x\Firefox.exe`}); id != "firefox" || !ok {
		t.Errorf("program %q", id)
	}
	if e.samePath(`C:\A`, `c:\a`) != true || (&Env{}).samePath("/A", "/a") {
		t.Error("paths are not compared as the system does")
	}
}

// An administrator's process writes no policy where an ordinary user can write.
func TestWindowsPolicyStaysInProgramFiles(t *testing.T) {
	e := newWindows(t)
	own, elsewhere := filepath.Join(e.DataHome, "Mozilla Firefox"), filepath.Join(e.Home, "D", "Firefox")
	for _, dir := range []string{own, elsewhere} {
		write(t, filepath.Join(dir, "application.ini"), "[App]\nVersion=151.0\n")
	}
	e.hooks.appPath = func(string) string { return elsewhere }
	if n := len(e.Browsers()); n < 3 {
		t.Fatalf("%d browsers", n)
	}
	want := filepath.Join(e.ProgramFiles[0], "Mozilla Firefox", "distribution", "policies.json")
	targets := append(e.Targets(Options{System: true}), e.CleanupTargets()...)
	if len(targets) != 2 {
		t.Errorf("targets %v", ids(targets))
	}
	for _, target := range targets {
		if target.Path() != want {
			t.Errorf("target %s", target.Path())
		}
	}
}
