package browsers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Users can write anything to their own home, including the journal. A process with
// more rights than that user may run there, such as the uninstaller of Windows.
// Therefore the journal of a user is accepted only for files of the same home, and
// not across a link.

// ErrNotBelowHome reports a place of a user that is outside of the home or behind a link.
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

// elevated reports whether the process has administrator rights on Windows, where the
// owner of a home does not identify the user of the process.
func (e *Env) elevated() bool { return e.Windows && e.UID == 0 }
