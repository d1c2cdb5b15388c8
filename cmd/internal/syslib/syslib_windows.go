package syslib

import (
	"syscall"

	_ "cie/cmd/internal/syslib/winscard"
)

const searchSystem32AndUserDirs = 0x800 | 0x400 // LOAD_LIBRARY_SEARCH_SYSTEM32, _USER_DIRS

// The order of initialisation is that of the import paths, once what a package
// imports is initialised: with package syscall alone this comes before the
// packages of the toolkit and of the smart card service.
func init() {
	set := syscall.NewLazyDLL("kernel32.dll").NewProc("SetDefaultDllDirectories")
	if set.Find() == nil {
		_, _, _ = set.Call(searchSystem32AndUserDirs)
	}
}
