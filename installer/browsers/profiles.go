package browsers

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
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

// readProfiles lists the profiles of a directory with profiles.ini and installs.ini.
// installs.ini repeats the [Install…] sections of profiles.ini; either may be missing
// or outdated.
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
	var groups []string
	if b, err := readBounded(filepath.Join(root, "profiles.ini")); err == nil {
		installs := false
		sections := parseINI(b)
		for _, s := range sections {
			installs = installs || strings.HasPrefix(s.name, "Install")
		}
		for _, s := range sections {
			switch {
			case isProfileSection(s.name):
				// Default=1 counts only for old programs without installation sections.
				def := s.keys["Default"] == "1" && !installs
				add(s.keys["Path"], s.keys["Name"], s.keys["IsRelative"] == "1", def)
				if id := s.keys["StoreID"]; id != "" {
					groups = append(groups, id)
				}
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
	for _, dir := range groupProfiles(root, groups) {
		add(dir, "", false, false)
	}
	return list
}

// groupPref is the line of prefs.js that names the group of a profile.
var groupPref = regexp.MustCompile(`^user_pref\("toolkit\.profiles\.storeID", "([^"]+)"\);`)

// groupProfiles lists the profiles of groups. profiles.ini contains only the last used
// profile of a group. All are in a database in the directory "Profile Groups", have a
// common parent directory and name their group in their preferences
// (SelectableProfileService).
func groupProfiles(root string, groups []string) []string {
	if len(groups) == 0 {
		return nil
	}
	var list []string
	for _, pattern := range []string{"*", "Profiles/*"} {
		files, _ := filepath.Glob(filepath.Join(globEscape(root), pattern, "prefs.js"))
		for _, f := range files {
			if slices.Contains(groups, groupOf(f)) {
				list = append(list, filepath.Dir(f))
			}
		}
	}
	return list
}

// groupOf reads the group of a profile from its preferences.
func groupOf(prefs string) string {
	f, err := OpenRegular(prefs)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxFile)
	for lines.Scan() {
		if m := groupPref.FindSubmatch(lines.Bytes()); m != nil {
			return string(m[1])
		}
	}
	return ""
}

// isProfileSection reports whether a section is [Profile0], [Profile1] ...
func isProfileSection(name string) bool {
	n, ok := strings.CutPrefix(name, "Profile")
	if !ok || n == "" {
		return false
	}
	return strings.Trim(n, "0123456789") == ""
}
