package installer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Profile is a profile directory of a program of the Gecko family.
type Profile struct {
	Name    string `json:"name,omitempty"`
	Dir     string `json:"dir"`
	Default bool   `json:"default,omitempty"` // some installation starts with it
	Exists  bool   `json:"exists"`
}

// readProfiles lists the profiles that a directory with profiles.ini and
// installs.ini knows. installs.ini repeats the [Install…] sections of
// profiles.ini; either may be missing or behind the other.
func readProfiles(root string) []Profile {
	var list []Profile
	add := func(path, name string, relative, def bool) {
		if path == "" {
			return
		}
		// Before 2005 paths were written for other systems; on Unix a relative
		// path is below root whatever the slash.
		if relative || !filepath.IsAbs(path) {
			path = filepath.Join(root, filepath.FromSlash(path))
		}
		path = filepath.Clean(path)
		i := slices.IndexFunc(list, func(p Profile) bool { return p.Dir == path })
		if i < 0 {
			list = append(list, Profile{Dir: path})
			i = len(list) - 1
		}
		if name != "" {
			list[i].Name = name
		}
		list[i].Default = list[i].Default || def
		fi, err := os.Stat(path)
		list[i].Exists = err == nil && fi.IsDir()
	}
	if b, err := readBounded(filepath.Join(root, "profiles.ini")); err == nil {
		installs := false
		sections := parseINI(b)
		for _, s := range sections {
			installs = installs || strings.HasPrefix(s.name, "Install")
		}
		for _, s := range sections {
			switch {
			case isProfileSection(s.name):
				// Default=1 counts only for programs too old to know installations.
				def := s.keys["Default"] == "1" && !installs
				add(s.keys["Path"], s.keys["Name"], s.keys["IsRelative"] == "1", def)
			case strings.HasPrefix(s.name, "Install"):
				add(s.keys["Default"], "", false, true)
			}
		}
	}
	if b, err := readBounded(filepath.Join(root, "installs.ini")); err == nil {
		for _, s := range parseINI(b) {
			add(s.keys["Default"], "", false, true)
		}
	}
	return list
}

// isProfileSection says whether a section is [Profile0], [Profile1] ...
func isProfileSection(name string) bool {
	n, ok := strings.CutPrefix(name, "Profile")
	if !ok || n == "" {
		return false
	}
	return strings.Trim(n, "0123456789") == ""
}
