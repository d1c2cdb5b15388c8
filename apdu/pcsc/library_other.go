//go:build !windows

package pcsc

// library: elsewhere the linker found it.
func library() error { return nil }
