// Package tty prompts the user at the terminal for a line, or for a code that is not
// displayed. Input is returned in a []byte that the caller wipes. A context cancels
// the wait. The terminal mode is restored in all cases.
package tty

import (
	"errors"
	"io"
)

var (
	// ErrNoTerminal reports that there is no terminal to prompt on.
	ErrNoTerminal = errors.New("no terminal")
	// ErrTooLong reports more input than the maximum. None of it is returned.
	ErrTooLong = errors.New("input too long")
)

// errEnd is returned for Ctrl-D and for a file descriptor that ends before a line
// does.
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
