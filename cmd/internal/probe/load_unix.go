//go:build unix

package probe

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
*/
import "C"

import (
	"errors"
	"io"
	"os"
	"unsafe"
)

// canLoad returns the system's reason for not loading a file, because the PKCS#11 client
// does not report it.
func canLoad(path string) error {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	if C.dlopen(p, C.RTLD_NOW|C.RTLD_LOCAL) == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	// It stays loaded: the client opens it next, and the process is short.
	return nil
}

// aside reserves standard output for the answer and redirects output of the module to
// standard error.
func aside(out io.Writer) io.Writer {
	if out != io.Writer(os.Stdout) {
		return out
	}
	fd := C.dup(1)
	if fd < 0 {
		return out
	}
	C.dup2(2, 1)
	return os.NewFile(uintptr(fd), "answer")
}
