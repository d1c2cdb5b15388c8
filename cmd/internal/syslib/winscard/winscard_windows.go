package winscard

import (
	"syscall"
	"unsafe"
)

const loadLibrarySearchSystem32 = 0x800

func init() {
	// kernel32.dll is loaded in every process.
	load := syscall.NewLazyDLL("kernel32.dll").NewProc("LoadLibraryExW")
	name, err := syscall.UTF16PtrFromString("winscard.dll")
	if err == nil && load.Find() == nil {
		_, _, _ = load.Call(uintptr(unsafe.Pointer(name)), 0, loadLibrarySearchSystem32)
	}
}
