//go:build darwin || freebsd || netbsd || openbsd

package tty

func setDumpable(bool) {}
