// Package tty asks a person at the terminal: a line, or a code that does not
// appear while it is typed. What is typed lands in a []byte that the caller
// wipes, waiting ends with a context, and the terminal is left as it was
// found on every way out.
package tty

import (
	"errors"
	"io"
)

var (
	// ErrNoTerminal: the program has no terminal to ask on.
	ErrNoTerminal = errors.New("no terminal")
	// ErrTooLong: more was given than there is room for. Nothing of it is returned.
	ErrTooLong = errors.New("input too long")
)

// errEnd is what a person means with Ctrl-D, and what a file descriptor gives
// that ends before a line did.
var errEnd = io.EOF

// trimLine cuts the end of line, LF or CR LF, off b.
func trimLine(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}
