package browsers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Forget deletes the data that the programs keep for this user on Windows: public
// data of cards, logs and the settings of the window. It does not follow links.
func (e *Env) Forget() error {
	return errors.Join(
		e.forget(filepath.Join(e.DataHome, "cie"), "cards", "logs"),
		e.forget(filepath.Join(e.ConfigHome, "cie"), "gui.json"))
}

// forget deletes the names in dir, and then dir if it is empty.
func (e *Env) forget(dir string, names ...string) error {
	if !exists(dir) || !e.owns(dir) {
		return nil // there is no directory of ours, or a link in its place
	}
	var failed []error
	for _, name := range names {
		failed = append(failed, removeTree(filepath.Join(dir, name)))
	}
	if left, err := os.ReadDir(dir); err == nil && len(left) == 0 {
		failed = append(failed, os.Remove(dir))
	}
	return errors.Join(failed...)
}

// removeTree deletes a file, a link, or a directory with its content.
func removeTree(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode().Type() == fs.ModeDir { // and no junction, which is irregular
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := removeTree(filepath.Join(path, entry.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(path)
}
