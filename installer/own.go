package installer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// What a home holds, the journal above all, is its user's to write. A process
// may run there with more rights than the user has: the uninstaller of Windows
// does. So the journal of a user is believed about files of this home only, and
// not across a link.

// ErrNotBelowHome: a place of a user is outside of the home or behind a link.
var ErrNotBelowHome = errors.New("it is not below the home directory, or a link leads there")

// owns reports whether a path is below one of the user's directories without a
// symbolic link or a junction on the way. The path need not exist.
func (e *Env) owns(path string) bool {
	for _, root := range []string{e.Home, e.ConfigHome, e.DataHome, e.StateHome} {
		if root == "" {
			continue
		}
		real, err := filepath.EvalSymlinks(root)
		if err != nil {
			real = root
		}
		if below(root, path) || below(real, path) {
			return true
		}
	}
	return false
}

// below reports whether path is below root and each part of it after root is a
// plain directory or file, or does not exist.
func below(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return false
	}
	for dir := path; len(dir) > len(root) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		fi, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		// A junction of Windows is irregular (package os, Lstat).
		if err != nil || fi.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0 {
			return false
		}
	}
	return true
}

// elevated reports whether the process has the rights of an administrator, on
// Windows: there the owner of a home does not show who runs this.
func (e *Env) elevated() bool { return e.Windows && e.UID == 0 }
