package installer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Forget deletes what the programs kept of this user on Windows: public data of
// cards, logs and the settings of the window. Links are not followed.
func (e *Env) Forget() error {
	return errors.Join(
		forget(e.DataHome, []string{"cie/cards", "cie/logs"}, "cie"),
		forget(e.ConfigHome, []string{"cie/gui.json"}, "cie"))
}

// forget deletes the names below dir, and then rest if it is empty.
func forget(dir string, names []string, rest string) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	if fi, err := root.Lstat(rest); err != nil || !fi.IsDir() {
		return nil // there is nothing of ours, or a link in its place
	}
	var failed []error
	for _, name := range names {
		if err := root.RemoveAll(name); err != nil {
			failed = append(failed, err)
		}
	}
	if d, err := root.Open(filepath.FromSlash(rest)); err == nil {
		left, _ := d.Readdirnames(1)
		d.Close()
		if len(left) == 0 {
			failed = append(failed, root.Remove(rest))
		}
	}
	return errors.Join(failed...)
}
