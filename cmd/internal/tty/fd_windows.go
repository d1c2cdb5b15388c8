package tty

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// startupInfo is a STARTUPINFOW with the fields that package windows hides.
type startupInfo struct {
	_         [unsafe.Offsetof(windows.StartupInfo{}.ShowWindow) + 2]byte
	reserved2 uint16 // bytes of the block
	block     *byte
	_         [3]windows.Handle
}

// inherited is the block that the C runtime of the parent passed to this process.
var inherited = sync.OnceValue(func() []byte {
	var info startupInfo
	_, _, _ = procGetStartupInfo.Call(uintptr(unsafe.Pointer(&info)))
	if info.block == nil {
		return nil
	}
	return bytes.Clone(unsafe.Slice(info.block, info.reserved2))
})

// handleOf finds the handle of a file descriptor: 0 is standard input, others are
// those that the parent passed as file descriptors of the C runtime. Numbers of
// handles are not accepted, because they could be other handles of this program.
func handleOf(fd int) (windows.Handle, bool) {
	if fd == 0 {
		h, err := windows.GetStdHandle(windows.STD_INPUT_HANDLE)
		return h, err == nil && h != 0 && h != windows.InvalidHandle
	}
	h, ok := inheritedHandle(inherited(), fd)
	return windows.Handle(h), ok
}

// objectBasicInformation is OBJECT_BASIC_INFORMATION (winternl.h).
type objectBasicInformation struct {
	attributes, access, handles, pointers uint32
	_                                     [10]uint32
}

// OpenFD reports whether fd is an open file descriptor that can be read.
func OpenFD(fd int) bool {
	h, ok := handleOf(fd)
	if !ok {
		return false
	}
	if kind, err := windows.GetFileType(h); err != nil || kind == windows.FILE_TYPE_UNKNOWN {
		return false
	}
	var info objectBasicInformation
	status, _, _ := procNtQueryObject.Call(uintptr(h), 0, uintptr(unsafe.Pointer(&info)), unsafe.Sizeof(info), 0)
	// If the system does not report the access, reading will fail.
	return status != 0 || info.access&windows.FILE_READ_DATA != 0
}

// ReadFD reads one line of at most max bytes from the file descriptor fd and not a
// byte more, so that the caller can read a further line later. The end of the file
// also ends a line. The caller wipes the result. An empty input gives io.EOF, a longer
// line ErrTooLong, the end of ctx its cause.
func ReadFD(ctx context.Context, fd, max int) ([]byte, error) {
	h, ok := handleOf(fd)
	if !ok {
		return nil, windows.ERROR_INVALID_HANDLE
	}
	type answer struct {
		line []byte
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := readHandle(h, max)
		got <- answer{line, err}
	}()
	select {
	case a := <-got:
		return a.line, a.err
	case <-ctx.Done():
	}
	// A read of a pipe or a console ends with this, others end soon.
	_ = windows.CancelIoEx(h, nil)
	go func() {
		a := <-got
		clear(a.line)
	}()
	return nil, context.Cause(ctx)
}

func readHandle(h windows.Handle, max int) ([]byte, error) {
	buf := make([]byte, max+2) // CR LF
	defer clear(buf)
	for n := 0; ; {
		var got uint32
		err := windows.ReadFile(h, buf[n:n+1], &got, nil)
		if errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_HANDLE_EOF) {
			got, err = 0, nil // the writer has closed the pipe
		}
		if err != nil {
			return nil, err
		}
		if got == 0 && n == 0 {
			return nil, errEnd
		}
		n += int(got)
		if got == 0 || buf[n-1] == '\n' {
			line := trimLine(buf[:n])
			if len(line) > max {
				return nil, ErrTooLong
			}
			return bytes.Clone(line), nil
		}
		if n == len(buf) {
			return nil, ErrTooLong
		}
	}
}
