package main

import (
	"slices"
	"testing"
	"unsafe"

	"cie/apdu/pcsc"
)

// TestPointers: a small number where a pointer should be does not become a
// pointer: Go ends the program that has one on a stack.
func TestPointers(t *testing.T) {
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

// TestExpected: the wait for what was there at the start ends, whatever the
// cards do meanwhile.
func TestExpected(t *testing.T) {
	there := []pcsc.ReaderState{{Name: "a", Present: true}, {Name: "b", Present: true, Mute: true}, {Name: "c"}}
	readers := []pcsc.Event{
		{Kind: pcsc.ReaderAdded, Reader: "a"}, {Kind: pcsc.ReaderAdded, Reader: "b"}, {Kind: pcsc.ReaderAdded, Reader: "c"},
	}
	for name, cards := range map[string][]pcsc.Event{
		"as seen":       {{Kind: pcsc.CardInserted, Reader: "a"}, {Kind: pcsc.CardMute, Reader: "b"}},
		"silent since":  {{Kind: pcsc.CardMute, Reader: "a"}, {Kind: pcsc.CardMute, Reader: "b"}},
		"answers since": {{Kind: pcsc.CardInserted, Reader: "a"}, {Kind: pcsc.CardInserted, Reader: "b"}},
		"left since":    {{Kind: pcsc.CardInserted, Reader: "a"}, {Kind: pcsc.ReaderRemoved, Reader: "b"}},
		"service lost":  {{Kind: pcsc.ServiceLost}},
	} {
		x := expect(there, nil)
		events := append(slices.Clone(readers), cards...)
		for i, e := range events {
			if done := x.seen(e); done != (i == len(events)-1) {
				t.Errorf("%s: event %d: %v", name, i, done)
			}
		}
	}
}
