package tty

import "encoding/binary"

// On Windows a process inherits handles. The runtime of a C program passes its file
// descriptors to the runtime of a child in a block of the start-up information
// (lpReserved2): a count, a byte of flags for each descriptor, then a handle of 8 bytes
// for each, without alignment. cmd.exe does so for redirections such as "3< file".

const (
	inheritedOpen = 0x01 // FOPEN of the C runtime
	noHandle      = ^uint64(0)
	// maxInherited limits the count; C runtimes have at most 2048 descriptors.
	maxInherited = 2048
)

// inheritedHandle returns the handle of an open file descriptor in such a block.
func inheritedHandle(block []byte, fd int) (handle uint64, ok bool) {
	if len(block) < 4 || fd < 0 {
		return 0, false
	}
	n := int(int32(binary.LittleEndian.Uint32(block)))
	if n < 0 || n > maxInherited || fd >= n || len(block) < 4+9*n {
		return 0, false
	}
	handle = binary.LittleEndian.Uint64(block[4+n+8*fd:])
	// The runtime marks a standard stream that is not there with -2.
	if block[4+fd]&inheritedOpen == 0 || handle == 0 || handle == noHandle || handle == noHandle-1 {
		return 0, false
	}
	return handle, true
}
