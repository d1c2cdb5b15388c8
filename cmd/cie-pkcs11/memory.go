package main

// #include "cryptoki.h"
import "C"

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"cie/pkcs11mod/ck"
)

// Access to the caller's memory. Pointers come from C and are used during the call only.
// Structures are read and written field by field at the offsets of the standard's packing
// rule, because Go cannot name the fields of a structure that C packs (Windows).

const (
	ulongSize = unsafe.Sizeof(C.CK_ULONG(0))
	ptrSize   = unsafe.Sizeof(uintptr(0))
	packed    = runtime.GOOS == "windows"
)

// fields walks over the fields of a structure.
type fields struct {
	base unsafe.Pointer
	off  uintptr
}

// next returns the place of a field of some size and alignment.
func (f *fields) next(size, align uintptr) unsafe.Pointer {
	if !packed {
		f.off = (f.off + align - 1) &^ (align - 1)
	}
	p := unsafe.Add(f.base, f.off)
	f.off += size
	return p
}

func (f *fields) bytes(n int) []byte {
	return unsafe.Slice((*byte)(f.next(uintptr(n), 1)), n)
}

func (f *fields) text(n int, s string) { ck.Pad(f.bytes(n), s) }

func (f *fields) version(v ck.Version) { copy(f.bytes(2), []byte{v.Major, v.Minor}) }

func (f *fields) putULong(v uint) {
	copy(unsafe.Slice((*byte)(f.next(ulongSize, ulongSize)), ulongSize), ck.ULong(v))
}

func (f *fields) ulong() uint {
	b := unsafe.Slice((*byte)(f.next(ulongSize, ulongSize)), ulongSize)
	if ulongSize == 4 {
		return uint(binary.NativeEndian.Uint32(b))
	}
	return uint(binary.NativeEndian.Uint64(b))
}

func (f *fields) pointer() unsafe.Pointer {
	p := f.next(ptrSize, ptrSize)
	var bits uintptr
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&bits)), ptrSize), unsafe.Slice((*byte)(p), ptrSize))
	if 0 < bits && bits < lowest {
		return unsafe.Add(nil, lowest) // as P in abi.c does
	}
	return *(*unsafe.Pointer)(unsafe.Pointer(&bits))
}

// lowest is the lowest address that Go accepts as a pointer.
const lowest = 4096

// attributeSize is the size of a CK_ATTRIBUTE.
const attributeSize = unsafe.Sizeof(C.CK_ATTRIBUTE{})

// maxLength exceeds the size of any block of memory. A larger length is not accepted.
const maxLength = 1 << 46

// input describes a block of the caller. It copies nothing, so that a length is checked
// before the bytes are read.
func input(p *C.CK_BYTE, n C.CK_ULONG) ck.Input {
	in := ck.Input{Len: uint(n)}
	if p != nil && uint64(n) <= maxLength {
		in.Data = unsafe.Slice((*byte)(p), n)
	}
	return in
}

// maxOutput is more than any function returns; more room than that is as good.
const maxOutput = 1 << 16

// output describes the caller's buffer; done stores the length. length is a variable in
// Go memory for it.
func output(p *C.CK_BYTE, n *C.CK_ULONG, length *uint) ck.Output {
	if n == nil {
		return ck.Output{}
	}
	*length = uint(*n)
	out := ck.Output{Len: length}
	if p != nil {
		out.Data = unsafe.Slice((*byte)(p), min(uint(*n), maxOutput))
	}
	return out
}

// store writes a length to the caller's variable.
func store(n *C.CK_ULONG, v uint) {
	if n != nil {
		*n = C.CK_ULONG(v)
	}
}

// maxHandles bounds arrays of slots, mechanisms and objects on the way out;
// there are far fewer.
const maxHandles = 4096

// list makes room for as many numbers as the caller has room for; nil for NULL_PTR.
func list(p *C.CK_ULONG, n uint) []uint {
	if p == nil {
		return nil
	}
	return make([]uint, min(n, maxHandles))
}

// storeList puts numbers into the caller's array.
func storeList(p *C.CK_ULONG, from []uint) {
	for i, v := range from {
		unsafe.Slice(p, len(from))[i] = C.CK_ULONG(v)
	}
}

// maxTemplate limits the attributes of a template; the longest of the standard
// have a few dozen.
const maxTemplate = 4096

// template reads the attributes of a template: values in place, as with
// input. ok is false for more attributes than any template has.
func template(p *C.CK_ATTRIBUTE, n C.CK_ULONG) (attrs []ck.Attribute, ok bool) {
	if n > maxTemplate {
		return nil, false
	}
	if p == nil {
		return nil, true
	}
	attrs = make([]ck.Attribute, n)
	for i := range attrs {
		f := attribute(p, i)
		a := &attrs[i]
		a.Type = f.ulong()
		value := f.pointer()
		a.Len = f.ulong()
		if value != nil && uint64(a.Len) <= maxLength {
			a.Value = unsafe.Slice((*byte)(value), a.Len)
		}
	}
	return attrs, true
}

func attribute(p *C.CK_ATTRIBUTE, i int) fields {
	return fields{base: unsafe.Add(unsafe.Pointer(p), uintptr(i)*attributeSize)}
}

// storeLengths writes the lengths of attributes to the caller's template.
func storeLengths(p *C.CK_ATTRIBUTE, attrs []ck.Attribute) {
	for i, a := range attrs {
		f := attribute(p, i)
		f.ulong()
		f.pointer()
		f.putULong(a.Len)
	}
}

// mechanism reads a CK_MECHANISM; nil for NULL_PTR.
func mechanism(p *C.CK_MECHANISM) *ck.Mechanism {
	if p == nil {
		return nil
	}
	f := fields{base: unsafe.Pointer(p)}
	m := &ck.Mechanism{Type: f.ulong()}
	m.HasParameter = f.pointer() != nil
	m.ParameterLen = f.ulong()
	return m
}
