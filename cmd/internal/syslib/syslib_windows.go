package syslib

import (
	"syscall"

	_ "cie/cmd/internal/syslib/winscard"
)

const searchSystem32AndUserDirs = 0x800 | 0x400 // LOAD_LIBRARY_SEARCH_SYSTEM32, _USER_DIRS

// Packages are initialised in the order of their import paths, after their own imports.
// This package imports only syscall, so it is initialised before the packages of the
// toolkit and of the smart card service.
func init() {
	set := syscall.NewLazyDLL("kernel32.dll").NewProc("SetDefaultDllDirectories")
	if set.Find() == nil {
		_, _, _ = set.Call(searchSystem32AndUserDirs)
	}
}
