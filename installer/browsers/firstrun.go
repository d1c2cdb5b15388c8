package browsers

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// firstRunTarget creates the first profile of a Firefox that was never started, with
// the module registered in it, so that a fresh machine needs one step only. It
// writes what Firefox finds after "-CreateProfile": profiles.ini and a profile
// directory with compatibility.ini, which names the installation. Without it
// Firefox attributes the profile to another installation and creates a new one
// (nsToolkitProfileService, IsProfileForCurrentInstall).
type firstRunTarget struct {
	env      *Env
	root     string // of profiles.ini
	dir      string // of the installation
	programs []string
	parts    []*fileTarget
}

const firstProfile = "cie.default"

// firstRun returns nil when the program has profiles or makes them elsewhere.
func (e *Env) firstRun(b Browser) Target {
	a, ok := e.appByID(b.ID)
	if !ok || b.Packaging == PackageSnap || b.Packaging == PackageFlatpak || a.id != "firefox" && a.id != "firefox-esr" {
		return nil
	}
	root := ""
	for _, r := range a.roots {
		// The directory of old versions wins where it exists.
		if dir := e.expand(r); exists(filepath.Join(dir, "profiles.ini")) {
			root = dir
			break
		}
	}
	if root == "" {
		root = e.firstRoot(a, b)
	}
	profile := filepath.Join(root, firstProfile)
	// The same kind as for any profile: once Firefox has used it, it is one.
	nss := e.nssTarget(KindGeckoProfile, profile, []string{a.id})
	t := &firstRunTarget{env: e, root: root, dir: b.Dir, programs: []string{a.id}}
	part := func(path, text string) *fileTarget {
		return &fileTarget{
			env: e, kind: KindGeckoFirstRun, scope: ScopeUser, path: path,
			codec: fixedText(text), fileMode: 0o600, dirMode: 0o700, moduleless: true, ownFile: true, unjournaled: true,
		}
	}
	t.parts = []*fileTarget{
		nss,
		part(filepath.Join(profile, "compatibility.ini"), "[Compatibility]\nLastPlatformDir="+e.unroot(b.Dir)+"\n"),
		// Written last: it makes the profile visible to Firefox.
		part(filepath.Join(root, "profiles.ini"), "[Profile0]\nName=default\nIsRelative=1\nPath="+firstProfile+"\nDefault=1\n\n[General]\nStartWithLastProfile=1\nVersion=2\n"),
	}
	if exists(filepath.Join(root, "profiles.ini")) && !t.untouched() {
		return nil
	}
	return t
}

// firstRoot returns the directory in which this version of Firefox creates its first profile.
func (e *Env) firstRoot(a app, b Browser) string {
	old, modern := e.expand(a.roots[0]), e.expand(a.roots[1])
	if e.Windows {
		return old // the other one is that of the store's package
	}
	if exists(filepath.Dir(old)) || majorVersion(b.Version) < 147 {
		return old
	}
	return modern
}

func majorVersion(v string) int {
	n := 0
	for _, r := range v {
		if r < '0' || r > '9' {
			break
		}
		n = n*10 + int(r-'0')
	}
	return n
}

func (e *Env) unroot(path string) string {
	if e.Root == "" {
		return path
	}
	rel, err := filepath.Rel(e.Root, path)
	if err != nil || !filepath.IsLocal(rel) {
		return path // in the home directory, which need not be below Root
	}
	return "/" + rel
}

// untouched reports whether the files are still those this target wrote, and
// Firefox has not been started.
func (t *firstRunTarget) untouched() bool {
	for _, p := range t.parts[1:] {
		if s := p.State(); s.Status != Registered {
			return false
		}
	}
	entries, err := os.ReadDir(filepath.Dir(t.parts[0].path))
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(entries, func(d os.DirEntry) bool {
		return d.Name() != "pkcs11.txt" && d.Name() != "compatibility.ini"
	})
}

func (t *firstRunTarget) ID() string         { return string(KindGeckoFirstRun) + ":" + t.root }
func (t *firstRunTarget) Kind() Kind         { return KindGeckoFirstRun }
func (t *firstRunTarget) Scope() Scope       { return ScopeUser }
func (t *firstRunTarget) Path() string       { return t.parts[0].path }
func (t *firstRunTarget) Programs() []string { return t.programs }

// Running returns nil: a running program has a profile.
func (t *firstRunTarget) Running() []Process { return nil }

func (t *firstRunTarget) State() State { return t.parts[0].State() }

func (t *firstRunTarget) Install() (Change, error) {
	var all Change
	for i, p := range t.parts {
		c, err := p.Install()
		if err != nil {
			// Only what this call made is undone.
			for _, q := range slices.Backward(t.parts[:i]) {
				if slices.Contains(all.Files, q.path) {
					_, undo := q.Remove()
					err = errors.Join(err, undo)
				}
			}
			return Change{}, err
		}
		all.Changed = all.Changed || c.Changed
		all.Files = append(all.Files, c.Files...)
	}
	return all, nil
}

// Remove deletes the files in reverse order. If Firefox has used the profile since,
// it belongs to the user, and Remove only unregisters the module in it.
func (t *firstRunTarget) Remove() (Change, error) {
	parts := slices.Clone(t.parts)
	slices.Reverse(parts)
	if !t.untouched() {
		parts = t.parts[:1]
	}
	var all Change
	for _, p := range parts {
		c, err := p.Remove()
		all.Changed = all.Changed || c.Changed
		all.Files = append(all.Files, c.Files...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// fixedText is the codec of a file that is written whole or not at all.
type fixedText string

func (c fixedText) inspect(b []byte) State {
	if string(b) == string(c) {
		return State{Status: Registered}
	}
	return State{Status: Unavailable}
}

func (c fixedText) install([]byte) ([]byte, error) { return []byte(c), nil }

func (c fixedText) remove(b []byte) ([]byte, bool, error) { return b, string(b) == string(c), nil }
