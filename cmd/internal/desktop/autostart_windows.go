package desktop

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows/registry"
)

// runKey lists what Windows starts at the logon of this user.
const runKey = `Software\Microsoft\Windows\CurrentVersion\Run`

// setAutostart makes Windows start the program at every logon, or removes the entry.
func (f *files) setAutostart(on bool) error {
	k, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer k.Close()
	if !on {
		if err := k.DeleteValue("CIE"); err != nil && !errors.Is(err, registry.ErrNotExist) {
			return err
		}
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	return k.SetStringValue("CIE", `"`+exe+`" -hidden`)
}

// fileURL returns the address of a file: "file:///C:/...".
func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: "/" + filepath.ToSlash(path)}).String()
}
