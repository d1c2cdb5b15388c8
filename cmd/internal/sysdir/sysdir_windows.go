package sysdir

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Config returns the directory of a name in the machine's configuration:
// "csca" and "ca" hold certificates. It lies beside the program, where only an
// administrator writes: below ProgramData everybody may make directories, and
// what is trusted must not come from everybody.
func Config(name string) string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramFiles, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return filepath.Join("C:\\Program Files", "CIE", name)
	}
	return filepath.Join(dir, "CIE", name)
}
