//go:build !windows

package installer

// CheckDirectory is for Windows: elsewhere a package manager installs.
func CheckDirectory(string) error { return nil }
