package browsers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Packaging is the way in which a program was installed.
type Packaging string

const (
	PackageNative  Packaging = "native"  // the system's package manager
	PackageSnap    Packaging = "snap"    // snapd
	PackageFlatpak Packaging = "flatpak" // Flatpak
	PackageTarball Packaging = "tarball" // unpacked by hand
)

// Reach reports whether the module can get into a program at all.
type Reach string

const (
	// ReachDirect means that the program loads the module from the file system.
	ReachDirect Reach = "direct"
	// ReachServer means that the sandbox hides the module, but the program can use
	// a p11-kit server of the user.
	ReachServer Reach = "p11-kit-server"
	// ReachNone means that the sandbox permits neither module nor server.
	ReachNone Reach = "none"
)

// WayOut is the remedy for a program that cannot use the module.
type WayOut string

const (
	// WayOutServer: permit the p11-kit server (targets of Kind KindFlatpakOverride).
	WayOutServer WayOut = "enable-p11-kit-server"
	// WayOutNative: install the program from the distribution or its vendor
	// instead of the store.
	WayOutNative WayOut = "install-native-package"
	// WayOutStart: start the program once, so that it creates its files.
	WayOutStart WayOut = "start-once"
	// WayOutRestart: restart the program.
	WayOutRestart WayOut = "restart"
)

// Browser is a program found on the machine.
type Browser struct {
	ID        string    `json:"id"`   // "firefox-esr"
	Name      string    `json:"name"` // "Firefox ESR"
	Family    Family    `json:"family"`
	Version   string    `json:"version,omitempty"`
	Packaging Packaging `json:"packaging"`
	// Dir is the installation, or the application's directory in its sandbox.
	Dir      string    `json:"dir"`
	Profiles []Profile `json:"profiles,omitempty"`
	Reach    Reach     `json:"reach"`
}

// Browsers finds the programs that can use the module. A program installed twice,
// for example as a package and as a snap, is listed twice.
func (e *Env) Browsers() []Browser {
	versions := e.packageVersions()
	var list []Browser
	for _, a := range e.apps() {
		list = append(list, e.nativeBrowsers(a, versions)...)
		if b, ok := e.snapBrowser(a); ok {
			list = append(list, b)
		}
		if b, ok := e.flatpakBrowser(a); ok {
			list = append(list, b)
		}
	}
	return list
}

func (e *Env) expand(path string) string {
	switch {
	case strings.HasPrefix(path, "~/"):
		return filepath.Join(e.Home, path[2:])
	case strings.HasPrefix(path, "c/"):
		return filepath.Join(e.ConfigHome, path[2:])
	case strings.HasPrefix(path, "l/"):
		return filepath.Join(e.DataHome, path[2:])
	}
	return e.sys(path)
}

func (e *Env) nativeBrowsers(a app, versions map[string]string) []Browser {
	var list []Browser
	seen := map[string]bool{}
	add := func(dir string, packaging Packaging, version string) {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil || seen[real] {
			return
		}
		seen[real] = true
		b := Browser{ID: a.id, Name: a.name, Family: a.family, Version: version, Packaging: packaging, Dir: dir, Reach: ReachDirect}
		if a.family == Gecko {
			for _, r := range a.roots {
				b.Profiles = append(b.Profiles, readProfiles(e.expand(r))...)
			}
		}
		list = append(list, b)
	}
	if e.Windows {
		if a.family == Chromium && !e.KeyStorage {
			return nil // nothing here lets it use the card
		}
		for _, dir := range e.appDirs(a) {
			if version, ok := installedIn(a, dir); ok {
				add(dir, PackageNative, version)
			}
		}
		return list
	}
	packaged := ""
	for _, p := range a.packages {
		// Ubuntu's packages firefox, thunderbird and chromium-browser only install the snap.
		if v := versions[p]; v != "" && !strings.Contains(v, "snap") {
			packaged = v
			break
		}
	}
	for _, d := range a.dirs {
		dir := e.expand(d)
		version, ok := installedIn(a, dir)
		if !ok {
			continue
		}
		packaging := PackageTarball
		// Vendors of Chromium browsers publish packages only, which install below /opt.
		// Not every system lists them in a status file of dpkg.
		if packaged != "" && !strings.HasPrefix(d, "~/") || strings.HasPrefix(d, "/usr/") || a.family == Chromium {
			packaging = PackageNative
		}
		if version == "" {
			version = upstreamVersion(packaged)
		}
		add(dir, packaging, version)
	}
	for _, bin := range a.bins {
		if p := e.sys("/usr/bin/" + bin); exists(p) {
			add(p, PackageNative, upstreamVersion(packaged))
		}
	}
	return list
}

// installedIn reports whether dir is an installation of the program, with its
// version if its files contain it.
func installedIn(a app, dir string) (version string, ok bool) {
	if a.family == Gecko {
		b, err := readBounded(filepath.Join(dir, "application.ini"))
		if err != nil {
			return "", false
		}
		for _, s := range parseINI(b) {
			if s.name == "App" {
				version = s.keys["Version"]
			}
		}
		return version, true
	}
	for _, exe := range a.exes {
		executable := func(m os.FileMode) bool { return m&0o111 != 0 || strings.HasSuffix(exe, ".exe") }
		if fi, err := os.Stat(filepath.Join(dir, exe)); err == nil && fi.Mode().IsRegular() && executable(fi.Mode()) {
			return "", true
		}
	}
	return "", false
}

// upstreamVersion cuts epoch and Debian revision from a package version.
func upstreamVersion(v string) string {
	if _, rest, ok := strings.Cut(v, ":"); ok {
		v = rest
	}
	if i := strings.LastIndexByte(v, '-'); i > 0 {
		v = v[:i]
	}
	return v
}

// packageVersions reads the versions of the known packages from the status file of
// dpkg. It returns none on systems without dpkg.
func (e *Env) packageVersions() map[string]string {
	f, err := OpenRegular(e.sys("/var/lib/dpkg/status"))
	if err != nil {
		return nil
	}
	defer f.Close()
	wanted := map[string]bool{}
	for _, a := range e.apps() {
		for _, p := range a.packages {
			wanted[p] = true
		}
	}
	versions := map[string]string{}
	var name string
	var installed bool
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxFile)
	for lines.Scan() {
		l := lines.Text()
		switch {
		case l == "":
			name, installed = "", false
		case strings.HasPrefix(l, "Package: "):
			name = l[len("Package: "):]
		case strings.HasPrefix(l, "Status: "):
			installed = strings.HasSuffix(l, " installed")
		case strings.HasPrefix(l, "Version: ") && installed && wanted[name]:
			versions[name] = l[len("Version: "):]
		}
	}
	return versions
}

// snapBrowser finds a program installed by snapd. Its confinement hides /usr of
// the system, so the module cannot be loaded from there.
func (e *Env) snapBrowser(a app) (Browser, bool) {
	if a.snap == "" {
		return Browser{}, false
	}
	dir := e.sys("/snap/" + a.snap + "/current")
	meta, err := readBounded(filepath.Join(dir, "meta", "snap.yaml"))
	if err != nil {
		if dir = e.sys("/var/lib/snapd/snap/" + a.snap + "/current"); !exists(dir) {
			return Browser{}, false
		}
		meta, _ = readBounded(filepath.Join(dir, "meta", "snap.yaml"))
	}
	b := Browser{ID: a.id, Name: a.name, Family: a.family, Packaging: PackageSnap, Dir: dir, Reach: ReachNone}
	for l := range strings.Lines(string(meta)) {
		if v, ok := strings.CutPrefix(l, "version:"); ok {
			b.Version = strings.Trim(strings.TrimSpace(v), `'"`)
		}
	}
	common := filepath.Join(e.Home, "snap", a.snap, "common")
	b.Profiles = sandboxProfiles(a, common)
	return b, true
}

// flatpakBrowser finds a program installed by Flatpak, for all or for this user.
func (e *Env) flatpakBrowser(a app) (Browser, bool) {
	if a.flatpak == "" {
		return Browser{}, false
	}
	for _, base := range []string{filepath.Join(e.DataHome, "flatpak"), e.sys("/var/lib/flatpak")} {
		dir := filepath.Join(base, "app", a.flatpak, "current", "active")
		if !exists(dir) {
			continue
		}
		b := Browser{ID: a.id, Name: a.name, Family: a.family, Packaging: PackageFlatpak, Dir: dir, Reach: ReachServer}
		b.Version = metainfoVersion(dir, a.flatpak)
		b.Profiles = sandboxProfiles(a, filepath.Join(e.Home, ".var", "app", a.flatpak))
		return b, true
	}
	return Browser{}, false
}

// sandboxProfiles reads the profiles of a program whose home is inside a sandbox.
func sandboxProfiles(a app, home string) []Profile {
	if a.family != Gecko {
		return nil
	}
	var list []Profile
	for _, r := range a.roots {
		list = append(list, readProfiles(sandboxPath(home, r))...)
	}
	return list
}

func sandboxPath(home, root string) string {
	if rest, ok := strings.CutPrefix(root, "c/"); ok {
		return filepath.Join(home, "config", rest)
	}
	return filepath.Join(home, strings.TrimPrefix(root, "~/"))
}

// metainfoVersion returns the newest release in the AppStream data of a flatpak.
func metainfoVersion(dir, id string) string {
	for _, name := range []string{id + ".metainfo.xml", id + ".appdata.xml"} {
		b, err := readBounded(filepath.Join(dir, "files", "share", "metainfo", name))
		if errors.Is(err, os.ErrNotExist) {
			b, err = readBounded(filepath.Join(dir, "files", "share", "appdata", name))
		}
		if err != nil {
			continue
		}
		var c struct {
			Releases []struct {
				Version string `xml:"version,attr"`
			} `xml:"releases>release"`
		}
		if xml.NewDecoder(bytes.NewReader(b)).Decode(&c) == nil && len(c.Releases) > 0 {
			return c.Releases[0].Version
		}
	}
	return ""
}

// geckoTargets returns a target for each profile of the Gecko family outside
// sandboxes, and one for a Firefox that was never started.
func (e *Env) geckoTargets(browsers []Browser) []Target {
	var list []Target
	var dirs []string
	for _, a := range e.apps() {
		if a.family != Gecko {
			continue
		}
		for _, r := range a.roots {
			for _, p := range readProfiles(e.expand(r)) {
				if !p.Exists || slices.Contains(dirs, p.Dir) {
					continue
				}
				dirs = append(dirs, p.Dir)
				list = append(list, e.nssTarget(KindGeckoProfile, p.Dir, e.sharing(a)))
			}
		}
	}
	for _, b := range browsers {
		// One first profile: a second Firefox makes its own when it is started.
		if t := e.firstRun(b); t != nil {
			return append(list, t)
		}
	}
	return list
}

// sharing lists the programs that have their profiles in the same directories.
func (e *Env) sharing(a app) []string {
	var ids []string
	for _, b := range e.apps() {
		if b.family == Gecko && slices.Equal(a.roots, b.roots) {
			ids = append(ids, b.id)
		}
	}
	return ids
}

// MarshalJSON adds the text of the error in State.
func (s State) MarshalJSON() ([]byte, error) {
	type plain State
	v := struct {
		plain
		Error string `json:"error,omitempty"`
	}{plain: plain(s)}
	if s.Err != nil {
		v.Error = s.Err.Error()
	}
	return json.Marshal(v)
}
