//go:build !windows

package installer

// CheckDirectory does nothing: a package manager installs on this system.
func CheckDirectory(string) error { return nil }
