//go:build unix

package pkcs11mod

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockedPage returns a page outside the heap that is never swapped out. A
// system that refuses to lock it gets an error.
func lockedPage() ([]byte, error) {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	if err := unix.Mlock(page); err != nil {
		_ = unix.Munmap(page)
		return nil, err
	}
	dontDump(page)
	return page, nil
}

func freePage(page []byte) {
	clear(page)
	_ = unix.Munlock(page)
	_ = unix.Munmap(page)
}
