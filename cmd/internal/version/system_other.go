//go:build !linux

package version

import "runtime"

// system returns nil: the library is part of the operating system.
func system() []SystemLibrary {
	switch runtime.GOOS {
	case "windows":
		return []SystemLibrary{{Name: "winscard.dll"}}
	case "darwin":
		return []SystemLibrary{{Name: "PCSC.framework"}}
	}
	return nil
}
