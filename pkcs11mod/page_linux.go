package pkcs11mod

import "golang.org/x/sys/unix"

// dontDump excludes a page from core dumps and has it wiped in forked children.
func dontDump(page []byte) {
	_ = unix.Madvise(page, unix.MADV_DONTDUMP)
	_ = unix.Madvise(page, unix.MADV_WIPEONFORK)
}
