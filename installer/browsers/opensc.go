package browsers

import (
	"path/filepath"
	"slices"
	"strings"
)

// OpenSC's module probes an Italian identity card endlessly and blocks the reader if
// p11-kit loads it into Firefox (OpenSC issues 3471, 3616).

// OpenSC is OpenSC's module as p11-kit has it.
type OpenSC struct {
	// File is the module file that names it.
	File string
	// Override is the user's file to which Line must be added.
	Override string
	// Line keeps the module out of Firefox.
	Line string
	// Loaded reports that a Firefox here loads the modules of p11-kit, through p11-kit-proxy.
	Loaded bool
}

// p11KitDirs returns the directories of module files. For files of the same name the
// fields in the earlier directory count (pkcs11.conf(5)); root has no file of its own.
func (e *Env) p11KitDirs() []string {
	dirs := []string{e.sys("/etc/pkcs11/modules"), e.sys("/usr/share/p11-kit/modules")}
	if e.UID != 0 {
		dirs = append([]string{filepath.Join(e.ConfigHome, "pkcs11", "modules")}, dirs...)
	}
	return dirs
}

// FindOpenSC finds OpenSC's module among those of p11-kit. ok is false if it is not
// registered, or excluded from every Firefox.
func (e *Env) FindOpenSC() (found OpenSC, ok bool) {
	if e.Windows {
		return OpenSC{}, false
	}
	merged := map[string]map[string]string{}
	source := map[string]string{}
	var names []string
	for _, dir := range e.p11KitDirs() {
		files, _ := filepath.Glob(filepath.Join(globEscape(dir), "*.module"))
		for _, file := range files {
			b, err := readBounded(file)
			if err != nil {
				continue
			}
			fields, err := parseP11Kit(b)
			if err != nil {
				continue
			}
			name := filepath.Base(file)
			if merged[name] == nil {
				merged[name] = map[string]string{}
				names = append(names, name)
			}
			for key, value := range fields {
				if _, set := merged[name][key]; !set {
					merged[name][key] = value
					if key == "module" {
						source[name] = file
					}
				}
			}
		}
	}
	for _, name := range names {
		fields := merged[name]
		if !strings.Contains(filepath.Base(fields["module"]), "opensc-pkcs11") {
			continue
		}
		programs := slices.DeleteFunc(e.firefoxPrograms(), func(p string) bool { return !enabledIn(fields, p) })
		if len(programs) == 0 {
			continue
		}
		override := filepath.Join(e.ConfigHome, "pkcs11", "modules", name)
		if e.UID == 0 {
			override = e.sys("/etc/pkcs11/modules/" + name)
		}
		return OpenSC{
			File: source[name], Override: override,
			Line: keepOut(fields, programs), Loaded: e.firefoxHasProxy(),
		}, true
	}
	return OpenSC{}, false
}

// enabledIn reports whether p11-kit loads a module into a program: where both
// lists are there the first one counts (p11-kit, is_module_enabled_unlocked).
func enabledIn(fields map[string]string, program string) bool {
	if in, set := fields["enable-in"]; set {
		return slices.Contains(p11KitList(in), program)
	}
	return !slices.Contains(p11KitList(fields["disable-in"]), program)
}

// keepOut returns the line that excludes programs from those that load a module.
func keepOut(fields map[string]string, programs []string) string {
	in, set := fields["enable-in"]
	if !set {
		return "disable-in: " + strings.Join(append(p11KitList(fields["disable-in"]), programs...), " ")
	}
	rest := slices.DeleteFunc(p11KitList(in), func(p string) bool { return slices.Contains(programs, p) })
	return strings.TrimSpace("enable-in: " + strings.Join(rest, " "))
}

// p11KitList splits the value of enable-in or disable-in.
func p11KitList(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

// firefoxPrograms returns the names of the executables of Firefox.
func (e *Env) firefoxPrograms() []string {
	var list []string
	for _, id := range firefoxes {
		if a, ok := e.appByID(id); ok {
			for _, exe := range a.exes {
				if !slices.Contains(list, exe) {
					list = append(list, exe)
				}
			}
		}
	}
	return list
}

// proxyFiles are the files by which systems make every NSS program load p11-kit-proxy.
var proxyFiles = []string{
	"/etc/crypto-policies/back-ends/nss.config",
	"/etc/crypto-policies/local.d/nss-p11-kit.config",
	"/etc/pki/nss-legacy/nss-p11-kit.config",
}

// firefoxHasProxy reports whether a Firefox loads the modules of p11-kit: by a
// setting of the system or of one of its profiles.
func (e *Env) firefoxHasProxy() bool {
	var files []string
	for _, f := range proxyFiles {
		files = append(files, e.sys(f))
	}
	for _, b := range e.Browsers() {
		if slices.Contains(firefoxes, b.ID) {
			for _, p := range b.Profiles {
				files = append(files, filepath.Join(p.Dir, "pkcs11.txt"))
			}
		}
	}
	return slices.ContainsFunc(files, func(file string) bool {
		b, err := readBounded(file)
		return err == nil && strings.Contains(string(b), "p11-kit-proxy")
	})
}
