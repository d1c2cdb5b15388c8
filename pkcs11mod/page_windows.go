package pkcs11mod

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// lockedPage returns a page outside the heap, locked in memory.
func lockedPage() ([]byte, error) {
	size := uintptr(os.Getpagesize())
	addr, err := windows.VirtualAlloc(0, size, windows.MEM_COMMIT|windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	if err := windows.VirtualLock(addr, size); err != nil {
		_ = windows.VirtualFree(addr, 0, windows.MEM_RELEASE)
		return nil, err
	}
	dontDump(addr, size)
	// The address is the system's, not one of Go's heap, so the collector does not move it.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), size), nil
}

// Available since Windows 10. Dumps of earlier versions contain the page.
var (
	kernel32  = windows.NewLazySystemDLL("kernel32.dll")
	exclude   = kernel32.NewProc("WerRegisterExcludedMemoryBlock")
	unexclude = kernel32.NewProc("WerUnregisterExcludedMemoryBlock")
)

// dontDump excludes a page from the dumps of error reporting.
func dontDump(addr, size uintptr) {
	if exclude.Find() == nil {
		_, _, _ = exclude.Call(addr, size)
	}
}

func freePage(page []byte) {
	clear(page)
	addr := uintptr(unsafe.Pointer(&page[0]))
	if unexclude.Find() == nil {
		_, _, _ = unexclude.Call(addr)
	}
	_ = windows.VirtualUnlock(addr, uintptr(len(page)))
	_ = windows.VirtualFree(addr, 0, windows.MEM_RELEASE)
}
