package main

import (
	"testing"
	"unsafe"
)

// A small number where a pointer should be does not become a
// pointer: Go ends the program that has one on a stack.
func TestPointersThatGoRefusesAreReplaced(t *testing.T) {
	var target byte
	for _, c := range []struct{ bits, want uintptr }{
		{0, 0}, {1, lowest}, {8, lowest}, {lowest - 1, lowest}, {lowest, lowest},
		{uintptr(unsafe.Pointer(&target)), uintptr(unsafe.Pointer(&target))},
		{^uintptr(0), ^uintptr(0)},
	} {
		in := [3]uintptr{7, c.bits, 9}
		f := fields{base: unsafe.Pointer(&in)}
		if got := f.ulong(); got != 7 {
			t.Fatalf("number %d", got)
		}
		f.off = ptrSize // where a CK_ULONG is shorter than a pointer
		if got := uintptr(f.pointer()); got != c.want {
			t.Errorf("%#x became %#x, want %#x", c.bits, got, c.want)
		}
	}
}
