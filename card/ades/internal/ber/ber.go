// Package ber decodes BER in memory in the forms that signed messages use (X.690):
// lengths that are indefinite or longer than necessary, and strings in chunks.
// DER converts it to DER. Tags have one byte.
package ber

import (
	"errors"
	"fmt"
)

// ErrMalformed reports bytes that are not complete BER.
var ErrMalformed = errors.New("malformed BER")

// MaxDepth is how deep elements may be nested.
const MaxDepth = 64

// Header is the beginning of an element.
type Header struct {
	Tag        byte
	Indefinite bool
	Size       int   // of the header itself
	Length     int64 // of the content, unless Indefinite
}

// Constructed reports whether the content is a series of elements.
func (h Header) Constructed() bool { return h.Tag&0x20 != 0 }

// MaxHeader is the size of the longest header.
const MaxHeader = 10

// ReadHeader reads the header at the start of b, which may be the first
// MaxHeader bytes of a longer element.
func ReadHeader(b []byte) (Header, error) {
	if len(b) < 2 {
		return Header{}, fmt.Errorf("%w: header cut off", ErrMalformed)
	}
	h := Header{Tag: b[0], Size: 2}
	if h.Tag&0x1F == 0x1F {
		return Header{}, fmt.Errorf("%w: tag %02X of several bytes", ErrMalformed, h.Tag)
	}
	switch l := b[1]; {
	case l < 0x80:
		h.Length = int64(l)
	case l == 0x80:
		if !h.Constructed() {
			return Header{}, fmt.Errorf("%w: indefinite length of a primitive element", ErrMalformed)
		}
		h.Indefinite = true
	default:
		n := int(l & 0x7F)
		h.Size += n
		if n > 8 || len(b) < h.Size {
			return Header{}, fmt.Errorf("%w: length of %d bytes", ErrMalformed, n)
		}
		for _, c := range b[2:h.Size] {
			if h.Length > 1<<47 {
				return Header{}, fmt.Errorf("%w: length", ErrMalformed)
			}
			h.Length = h.Length<<8 | int64(c)
		}
	}
	return h, nil
}

// Element is one element in memory.
type Element struct {
	Header
	Raw, Content []byte // Content without the end-of-contents
}

// Read reads the element at the start of b and returns the bytes after it.
func Read(b []byte) (e Element, rest []byte, err error) {
	h, err := ReadHeader(b)
	if err != nil {
		return Element{}, nil, err
	}
	if !h.Indefinite {
		if h.Length > int64(len(b)-h.Size) {
			return Element{}, nil, fmt.Errorf("%w: element cut off", ErrMalformed)
		}
		end := h.Size + int(h.Length)
		return Element{h, b[:end:end], b[h.Size:end:end]}, b[end:], nil
	}
	// The end is the end-of-contents that belongs to this element (X.690, 8.1.5).
	pos := h.Size
	for depth := 1; ; {
		if len(b)-pos >= 2 && b[pos] == 0 && b[pos+1] == 0 {
			pos += 2
			if depth--; depth == 0 {
				return Element{h, b[:pos:pos], b[h.Size : pos-2 : pos-2]}, b[pos:], nil
			}
			continue
		}
		inner, err := ReadHeader(b[pos:])
		if err != nil {
			return Element{}, nil, err
		}
		pos += inner.Size
		if inner.Indefinite {
			if depth++; depth > MaxDepth {
				return Element{}, nil, fmt.Errorf("%w: nested too deep", ErrMalformed)
			}
			continue
		}
		if inner.Length > int64(len(b)-pos) {
			return Element{}, nil, fmt.Errorf("%w: element cut off", ErrMalformed)
		}
		pos += int(inner.Length)
	}
}

// Children reads b as a series of at most max elements.
func Children(b []byte, max int) ([]Element, error) {
	var all []Element
	for len(b) > 0 {
		if len(all) == max {
			return nil, fmt.Errorf("%w: more than %d elements", ErrMalformed, max)
		}
		e, rest, err := Read(b)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
		b = rest
	}
	return all, nil
}

// DER returns the element that fills b with definite lengths of the shortest
// form and strings in one piece. The order of sets and the values stay as they
// are. An element that needs no change is returned itself.
func DER(b []byte) ([]byte, error) {
	same, err := definite(b, 0)
	if err != nil {
		return nil, err
	}
	if same {
		return b, nil
	}
	out, rest, err := appendDER(nil, b, 0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: data after the element", ErrMalformed)
	}
	return out, err
}

// stringTag reports whether tag is a universal string type in constructed
// form, of which the first is the octet string.
func stringTag(tag byte) bool {
	switch tag {
	case 0x24, 0x2C, 0x32, 0x33, 0x34, 0x36, 0x37, 0x38, 0x3A, 0x3B, 0x3C, 0x3E:
		return true
	}
	return false
}

// definite reports whether the elements that fill b need no change.
func definite(b []byte, depth int) (bool, error) {
	if depth > MaxDepth {
		return false, fmt.Errorf("%w: nested too deep", ErrMalformed)
	}
	for len(b) > 0 {
		h, err := ReadHeader(b)
		if err != nil {
			return false, err
		}
		if h.Indefinite || stringTag(h.Tag) || h.Size != headerSize(h.Length) {
			return false, nil
		}
		if h.Length > int64(len(b)-h.Size) {
			return false, fmt.Errorf("%w: element cut off", ErrMalformed)
		}
		end := h.Size + int(h.Length)
		if h.Constructed() {
			if same, err := definite(b[h.Size:end], depth+1); !same || err != nil {
				return false, err
			}
		}
		b = b[end:]
	}
	return true, nil
}

func headerSize(length int64) int {
	if length < 0x80 {
		return 2
	}
	n := 2
	for ; length > 0; length >>= 8 {
		n++
	}
	return n
}

func appendDER(dst, b []byte, depth int) (out, rest []byte, err error) {
	if depth > MaxDepth {
		return nil, nil, fmt.Errorf("%w: nested too deep", ErrMalformed)
	}
	e, rest, err := Read(b)
	if err != nil {
		return nil, nil, err
	}
	tag, content := e.Tag, e.Content
	switch {
	case stringTag(tag):
		tag &^= 0x20
		content, err = appendChunks(nil, e.Content, tag, depth+1)
	case e.Constructed():
		content = nil
		for inner := e.Content; len(inner) > 0 && err == nil; {
			content, inner, err = appendDER(content, inner, depth+1)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return Append(dst, tag, content), rest, nil
}

// appendChunks joins the chunks of a string (X.690, 8.7.3).
func appendChunks(dst, b []byte, tag byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("%w: nested too deep", ErrMalformed)
	}
	for len(b) > 0 {
		e, rest, err := Read(b)
		if err != nil {
			return nil, err
		}
		switch {
		case e.Tag == tag, e.Tag == 0x04:
			dst = append(dst, e.Content...)
		case e.Tag == tag|0x20, e.Tag == 0x24:
			if dst, err = appendChunks(dst, e.Content, tag, depth+1); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%w: tag %02X in a string", ErrMalformed, e.Tag)
		}
		b = rest
	}
	return dst, nil
}

// Append appends an element, its length in the shortest form.
func Append(dst []byte, tag byte, content []byte) []byte {
	dst = AppendHeader(dst, tag, int64(len(content)))
	return append(dst, content...)
}

// AppendHeader appends tag and length of an element of any length.
func AppendHeader(dst []byte, tag byte, length int64) []byte {
	if length < 0x80 {
		return append(dst, tag, byte(length))
	}
	n := headerSize(length) - 2
	dst = append(dst, tag, 0x80|byte(n))
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, byte(length>>(8*i)))
	}
	return dst
}
