//go:build !windows

package desktop

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// setAutostart creates or removes an entry of the Desktop Application Autostart Specification.
func (f *files) setAutostart(on bool) error {
	if !on {
		if err := os.Remove(f.autostart); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	// Quoting follows the Desktop Entry Specification.
	quoted := strings.NewReplacer("%", "%%", "\\", "\\\\", "\"", "\\\"").Replace(exe)
	entry := "[Desktop Entry]\nType=Application\nName=CIE\nExec=\"" + quoted + "\" -hidden\nX-GNOME-Autostart-enabled=true\n"
	return replace(f.autostart, []byte(entry), 0o644)
}

// fileURL returns the address of a file.
func fileURL(path string) string { return "file://" + filepath.ToSlash(path) }
