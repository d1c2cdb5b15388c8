package browsers

import (
	"path/filepath"
	"slices"
	"strings"
)

// On Windows only the Gecko family loads PKCS#11 modules, and there is no p11-kit.
// Chrome and Edge use keys through CNG: see certificates.
var windowsApps = []app{
	{
		id: "firefox", name: "Firefox", family: Gecko,
		roots: []string{"c/Mozilla/Firefox", firefoxFromStore},
		dirs: []string{
			"p/Mozilla Firefox", "p/Mozilla Firefox ESR", "p/Firefox Developer Edition", "p/Firefox Nightly",
			"l/Mozilla Firefox", "l/Programs/Mozilla Firefox",
		},
		exes: []string{"firefox.exe"},
	},
	{
		id: "librewolf", name: "LibreWolf", family: Gecko,
		roots: []string{"c/librewolf"},
		dirs:  []string{"p/LibreWolf", "l/LibreWolf"},
		exes:  []string{"librewolf.exe"},
	},
	{
		id: "thunderbird", name: "Thunderbird", family: Gecko,
		roots: []string{"c/Thunderbird"},
		dirs:  []string{"p/Mozilla Thunderbird", "l/Mozilla Thunderbird"},
		exes:  []string{"thunderbird.exe"},
	},
	{
		id: "google-chrome", name: "Google Chrome", family: Chromium,
		dirs: []string{"p/Google/Chrome/Application", "l/Google/Chrome/Application"},
		exes: []string{"chrome.exe"},
	},
	{
		id: "microsoft-edge", name: "Microsoft Edge", family: Chromium,
		dirs: []string{"p/Microsoft/Edge/Application"},
		exes: []string{"msedge.exe"},
	},
}

// firefoxFromStore is the directory in which Windows stores the files that the Firefox
// of its store writes below %APPDATA%.
const firefoxFromStore = "l/Packages/Mozilla.Firefox_n80bbvh6b1yt2/LocalCache/Roaming/Mozilla/Firefox"

// hooks are the functions of the system that this package uses beside files.
type hooks struct {
	processes func() []proc                 // of this session
	held      func(path string) bool        // a process has the file open for itself alone
	appPath   func(exe string) (dir string) // the directory that an installer recorded
}

// directories returns the places for a path of the tables.
func (e *Env) directories(path string) []string {
	rest, ok := strings.CutPrefix(path, "p/")
	if !ok {
		return []string{e.expand(path)}
	}
	var list []string
	for _, dir := range e.ProgramFiles {
		list = append(list, filepath.Join(dir, filepath.FromSlash(rest)))
	}
	return list
}

// appDirs returns the directories in which the program may be installed.
func (e *Env) appDirs(a app) []string {
	var list []string
	for _, d := range a.dirs {
		list = append(list, e.directories(d)...)
	}
	if e.hooks.appPath != nil {
		for _, exe := range a.exes {
			dir := e.hooks.appPath(exe)
			if dir != "" && !slices.ContainsFunc(list, func(d string) bool { return e.samePath(d, dir) }) {
				list = append(list, dir)
			}
		}
	}
	return list
}

// samePath compares two paths as the system does.
func (e *Env) samePath(a, b string) bool {
	if e.Windows {
		return strings.EqualFold(a, b)
	}
	return a == b
}

// baseName returns the last element of a path, in the form in which the system compares it.
func (e *Env) baseName(path string) string {
	if e.Windows {
		return strings.ToLower(path[strings.LastIndexAny(path, `\/`)+1:])
	}
	return filepath.Base(path)
}

// policyTargets returns the files of policies that the programs of the system read. On
// Windows each Firefox has one in its own directory.
func (e *Env) policyTargets() []Target {
	if !e.Windows {
		return []Target{e.firefoxPolicy()}
	}
	var list []Target
	for _, dir := range e.firefoxDirs() {
		list = append(list, e.policyIn(dir, KindFirefoxPolicy, securityDevices{e.Module}))
	}
	return list
}

func (e *Env) cleanupTargets() []Target {
	if !e.Windows {
		return []Target{e.firefoxCleanup()}
	}
	var list []Target
	for _, dir := range e.firefoxDirs() {
		list = append(list, e.policyIn(dir, KindFirefoxCleanup, devicesDelete{}))
	}
	return list
}

// firefoxDirs returns the installations of Firefox that only an administrator can change:
// those below the directories of programs. It excludes a user's own installation and
// those in the user's registry, because the user can change them.
func (e *Env) firefoxDirs() []string {
	var list []string
	for _, b := range e.Browsers() {
		if slices.Contains(firefoxes, b.ID) && slices.ContainsFunc(e.ProgramFiles, func(dir string) bool { return below(dir, b.Dir) }) {
			list = append(list, b.Dir)
		}
	}
	return list
}

func (e *Env) policyIn(dir string, kind Kind, c codec) Target {
	return &fileTarget{
		env: e, kind: kind, scope: ScopeSystem, path: filepath.Join(dir, "distribution", "policies.json"),
		programs: []string{"firefox"}, codec: c, fileMode: 0o644, dirMode: 0o755, moduleless: kind == KindFirefoxCleanup,
	}
}

// withoutChildren leaves of a browser's processes those that no process of the
// same program started. A Gecko program has a dozen of them.
func withoutChildren(list []proc) []proc {
	byPID := map[int]proc{}
	for _, p := range list {
		byPID[p.pid] = p
	}
	return slices.DeleteFunc(slices.Clone(list), func(p proc) bool {
		parent, ok := byPID[p.parent]
		return ok && p.parent != p.pid && strings.EqualFold(parent.exe, p.exe)
	})
}
