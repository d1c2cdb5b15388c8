//go:build !windows

package browsers

// CheckDirectory does nothing: a package manager installs on this system.
func CheckDirectory(string) error { return nil }
