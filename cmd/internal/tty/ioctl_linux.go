package tty

import "golang.org/x/sys/unix"

const (
	getTermios      = unix.TCGETS
	setTermiosFlush = unix.TCSETSF
)

// flushInput drops what was typed and not read.
func flushInput(fd int) { _ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) }
