package pkcs11mod

import (
	"bytes"
	"errors"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"cie/card"
)

// A kept code is in a page of its own, and is wiped afterwards.
func TestCodeStoreIsWiped(t *testing.T) {
	var v codeStore
	code := []byte("86421357")
	if err := v.put(card.PIN, code); err != nil {
		t.Fatal(err)
	}
	var addr uintptr
	if err := v.with(card.PIN, func(b []byte) error {
		addr = uintptr(unsafe.Pointer(&b[0]))
		if !bytes.Equal(b, code) || cap(b) != len(code) {
			t.Errorf("%d bytes, capacity %d", len(b), cap(b))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	about := func() (m windows.MemoryBasicInformation) {
		if err := windows.VirtualQuery(addr, &m, unsafe.Sizeof(m)); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := about(); m.State != windows.MEM_COMMIT || m.Protect != windows.PAGE_READWRITE || m.BaseAddress != addr || m.AllocationBase != addr {
		t.Errorf("%+v", m)
	}
	v.destroy()
	if m := about(); m.State == windows.MEM_COMMIT {
		t.Errorf("the page is still there: %+v", m)
	}
	if err := v.with(card.PIN, func([]byte) error { return nil }); !errors.Is(err, errNoCode) {
		t.Errorf("%v", err)
	}
	v.destroy()
}
