package pkcs11mod

import "golang.org/x/sys/unix"

// dontDump keeps a page out of core dumps and wipes it in forked children.
func dontDump(page []byte) {
	_ = unix.Madvise(page, unix.MADV_DONTDUMP)
	_ = unix.Madvise(page, unix.MADV_WIPEONFORK)
}
