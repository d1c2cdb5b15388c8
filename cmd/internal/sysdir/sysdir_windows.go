package sysdir

import (
	"path/filepath"

	"golang.org/x/sys/windows/registry"
)

// Config returns the directory of a name in the machine's configuration: "csca" and "ca"
// contain certificates. It is in the directory of the program, where only an
// administrator may write. Below ProgramData every user may create directories, so
// nothing there can be trusted.
//
// It reads the value behind FOLDERID_ProgramFiles, which only an administrator may
// change, too. SHGetKnownFolderPath would load the libraries of the desktop into each
// start of the command line and into each program that loads the module.
func Config(name string) string {
	return filepath.Join(programFiles(), "CIE", name)
}

func programFiles() string {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\Microsoft\Windows\CurrentVersion`, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err == nil {
		defer k.Close()
		if dir, _, err := k.GetStringValue("ProgramFilesDir"); err == nil && filepath.IsAbs(dir) {
			return filepath.Clean(dir)
		}
	}
	return `C:\Program Files`
}
