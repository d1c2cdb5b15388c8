package text

import (
	"syscall"
	"unsafe"
)

const systemUnicode = true

var getUserPreferredUILanguages = syscall.NewLazyDLL("kernel32.dll").NewProc("GetUserPreferredUILanguages")

// systemLocale returns the language that the user chose for windows and menus,
// such as "it-IT"; empty if Windows does not answer.
func systemLocale() string {
	const byName = 8 // MUI_LANGUAGE_NAME
	var count, size uint32
	call := func(buffer *uint16) bool {
		ok, _, _ := getUserPreferredUILanguages.Call(byName, uintptr(unsafe.Pointer(&count)), uintptr(unsafe.Pointer(buffer)), uintptr(unsafe.Pointer(&size)))
		return ok != 0
	}
	if !call(nil) || size == 0 {
		return ""
	}
	// Names one after the other, each with a zero; an empty one ends the list.
	list := make([]uint16, size)
	if !call(&list[0]) {
		return ""
	}
	return syscall.UTF16ToString(list)
}
