package syslib

import "golang.org/x/sys/windows"

// The order of initialisation is that of the import paths, so this comes before
// the packages of the toolkit and of the smart card service.
func init() {
	_ = windows.SetDefaultDllDirectories(windows.LOAD_LIBRARY_SEARCH_SYSTEM32 | windows.LOAD_LIBRARY_SEARCH_USER_DIRS)
}
