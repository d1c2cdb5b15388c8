//go:build linux

package tty

import (
	"os"

	"golang.org/x/sys/unix"
)

func setTermios(f *os.File, state *unix.Termios) error {
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, state)
}
