//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package tty

import "context"

// Terminal is not there on this system yet: codes come from file descriptors.
type Terminal struct{}

// Open gives ErrNoTerminal.
func Open() (*Terminal, error) { return nil, ErrNoTerminal }

// Close does nothing.
func (*Terminal) Close() error { return nil }

// Write gives ErrNoTerminal.
func (*Terminal) Write([]byte) (int, error) { return 0, ErrNoTerminal }

// Restore does nothing.
func (*Terminal) Restore() {}

// ReadSecret gives ErrNoTerminal.
func (*Terminal) ReadSecret(context.Context, string, int) ([]byte, error) {
	return nil, ErrNoTerminal
}

// ReadLine gives ErrNoTerminal.
func (*Terminal) ReadLine(context.Context, string, int) (string, error) {
	return "", ErrNoTerminal
}

// ReadFD gives ErrNoTerminal.
func ReadFD(context.Context, int, int) ([]byte, error) { return nil, ErrNoTerminal }

// NoCore does nothing.
func NoCore() {}

// OpenFD reports false.
func OpenFD(int) bool { return false }
