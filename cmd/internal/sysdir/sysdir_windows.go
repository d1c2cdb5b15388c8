package sysdir

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Config returns the directory of a name in the machine's configuration: "csca" and "ca"
// contain certificates. It is in the directory of the program, where only an
// administrator may write. Below ProgramData every user may create directories, so
// nothing there can be trusted.
func Config(name string) string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramFiles, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return filepath.Join("C:\\Program Files", "CIE", name)
	}
	return filepath.Join(dir, "CIE", name)
}
