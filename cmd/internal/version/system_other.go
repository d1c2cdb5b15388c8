//go:build !linux

package version

import "runtime"

// The library comes with the system and has its version.
func system() []SystemLibrary {
	switch runtime.GOOS {
	case "windows":
		return []SystemLibrary{{Name: "winscard.dll"}}
	case "darwin":
		return []SystemLibrary{{Name: "PCSC.framework"}}
	}
	return nil
}
