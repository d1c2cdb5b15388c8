//go:build unix

package probe

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"unsafe"
)

// canLoad says why the loader of the system refuses a file. The PKCS#11 client
// does not keep its words.
func canLoad(path string) error {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	if C.dlopen(p, C.RTLD_NOW|C.RTLD_LOCAL) == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	// It stays loaded: the client opens it next, and the process is short.
	return nil
}
