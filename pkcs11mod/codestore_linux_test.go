package pkcs11mod

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"cie/card"
)

// smaps returns the kernel's description of the mapping that contains p.
func smaps(t *testing.T, p []byte) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	addr := uintptr(unsafe.Pointer(&p[0]))
	var found strings.Builder
	in := false
	for _, line := range strings.Split(string(data), "\n") {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 && strings.Contains(line, "-") {
			in = from <= addr && addr < to
		}
		if in {
			found.WriteString(line + "\n")
		}
	}
	return found.String()
}

// A kept code is in locked memory that is in no core dump and in no forked child, and is wiped
// afterwards.
func TestCodeStoreIsLockedAndWiped(t *testing.T) {
	var v codeStore
	code := []byte("86421357")
	if err := v.put(card.PIN, code); err != nil {
		t.Fatal(err)
	}
	var page []byte
	if err := v.with(card.PIN, func(b []byte) error {
		page = b
		if !bytes.Equal(b, code) || cap(b) != len(code) {
			t.Errorf("%d bytes, capacity %d", len(b), cap(b))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	about := smaps(t, page)
	for _, flag := range []string{" lo", " dd", " wf"} { // locked, not dumped, wiped on fork
		if !strings.Contains(about, flag) {
			t.Errorf("flag%s is missing:\n%s", flag, about)
		}
	}
	if err := v.with(card.PUK, func([]byte) error { return nil }); !errors.Is(err, errNoCode) {
		t.Errorf("%v", err)
	}
	if err := v.put(card.PIN, []byte("11223344")); err != nil {
		t.Fatal(err)
	}
	if err := v.with(card.PIN, func(b []byte) error {
		if string(b) != "11223344" || len(v.codes) != 1 {
			t.Errorf("%q", b)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	v.destroy()
	if err := v.with(card.PIN, func([]byte) error { return nil }); !errors.Is(err, errNoCode) {
		t.Errorf("%v", err)
	}
	v.destroy()
}

// A code in use does not block the caller of destroy, does not change, and is wiped afterwards.
func TestCodeStoreWipesCodeAfterUse(t *testing.T) {
	for name, end := range map[string]func(*codeStore) error{
		"destroyed": func(v *codeStore) error { v.destroy(); return nil },
		"replaced":  func(v *codeStore) error { return v.put(card.PIN, []byte("11223344")) },
	} {
		t.Run(name, func(t *testing.T) {
			var v codeStore
			defer v.destroy()
			if err := v.put(card.PIN, []byte("86421357")); err != nil {
				t.Fatal(err)
			}
			var page []byte
			if err := v.with(card.PIN, func(code []byte) error {
				page = code
				ended := make(chan error)
				go func() { ended <- end(&v) }()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if string(code) != "86421357" {
					t.Errorf("the code became %q on its way", code)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if about := smaps(t, page); strings.Contains(about, " lo") {
				t.Errorf("the page is still there:\n%s", about)
			}
		})
	}
}
