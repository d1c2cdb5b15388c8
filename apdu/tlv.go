package apdu

import (
	"errors"
	"fmt"
)

// MaxTLVLength is the longest accepted value of a data object: longer than any
// value on a chip, and short enough to allocate before the card has sent it.
const MaxTLVLength = 1 << 20

// Errors of BER-TLV decoding.
var (
	// ErrTLV reports an encoding that is invalid or not accepted.
	ErrTLV = errors.New("malformed data object")
	// ErrTLVTruncated reports that the bytes end before the object does.
	ErrTLVTruncated = errors.New("data object cut off")
	// ErrTLVNotFound reports that there is no object with this tag.
	ErrTLVNotFound = errors.New("data object not found")
)

// Tag is a BER-TLV tag, its bytes as a big-endian number: 0x87, 0x7F49,
// 0xBF8101.
type Tag uint32

// String returns the tag in hexadecimal, as the specifications print it.
func (t Tag) String() string { return fmt.Sprintf("%02X", uint32(t)) }

// Constructed reports whether the value of the object is a series of objects.
func (t Tag) Constructed() bool {
	for t > 0xFF {
		t >>= 8
	}
	return t&0x20 != 0
}

// TLV is a BER-TLV data object (ISO/IEC 7816-4, 5.2.2).
type TLV struct {
	Tag   Tag
	Value []byte
}

// HeaderTLV decodes tag and length at the start of b, which may end before the
// object does: the object has headerLen+valueLen bytes. Tags have 1 to 4 bytes.
// HeaderTLV refuses tag 00, which cards use as padding, and tag numbers that fit
// in a shorter tag. Lengths have 1 to 5 bytes, not necessarily in the shortest
// form. It refuses the indefinite form and values over MaxTLVLength. Errors match
// ErrTLV, or ErrTLVTruncated if b ends inside the header.
func HeaderTLV(b []byte) (tag Tag, headerLen, valueLen int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, ErrTLVTruncated
	}
	if b[0] == 0 {
		return 0, 0, 0, fmt.Errorf("%w: tag 00", ErrTLV)
	}
	tag = Tag(b[0])
	n := 1
	if b[0]&0x1F == 0x1F {
		for {
			if n == len(b) {
				return 0, 0, 0, ErrTLVTruncated
			}
			c := b[n]
			n++
			// 80 is a leading zero, and numbers up to 1E fit in the first byte.
			if n == 2 && (c == 0x80 || c < 0x1F) {
				return 0, 0, 0, fmt.Errorf("%w: tag %02X%02X", ErrTLV, b[0], c)
			}
			tag = tag<<8 | Tag(c)
			if c&0x80 == 0 {
				break
			}
			if n == 4 {
				return 0, 0, 0, fmt.Errorf("%w: tag longer than 4 bytes", ErrTLV)
			}
		}
	}
	if n == len(b) {
		return 0, 0, 0, ErrTLVTruncated
	}
	l := b[n]
	n++
	if l < 0x80 {
		return tag, n, int(l), nil
	}
	count := int(l & 0x7F)
	if count == 0 || count > 4 {
		return 0, 0, 0, fmt.Errorf("%w: length form %02X", ErrTLV, l)
	}
	if len(b)-n < count {
		return 0, 0, 0, ErrTLVTruncated
	}
	var v uint64
	for _, c := range b[n : n+count] {
		v = v<<8 | uint64(c)
	}
	if v > MaxTLVLength {
		return 0, 0, 0, fmt.Errorf("%w: length %d", ErrTLV, v)
	}
	return tag, n + count, int(v), nil
}

// ParseTLV decodes the object at the start of b and returns the bytes after it.
// Errors are those of HeaderTLV, or ErrTLVTruncated if the value exceeds b. The
// value refers to b.
func ParseTLV(b []byte) (t TLV, rest []byte, err error) {
	tag, h, n, err := HeaderTLV(b)
	if err != nil {
		return TLV{}, nil, err
	}
	if len(b)-h < n {
		return TLV{}, nil, fmt.Errorf("%w: tag %v, %d of %d bytes", ErrTLVTruncated, tag, len(b)-h, n)
	}
	return TLV{Tag: tag, Value: b[h : h+n : h+n]}, b[h+n:], nil
}

// ParseTLVs decodes b as a series of objects. It does not decode their values, so
// it does not recurse. An empty b gives no objects.
func ParseTLVs(b []byte) ([]TLV, error) {
	var all []TLV
	for len(b) > 0 {
		t, rest, err := ParseTLV(b)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
		b = rest
	}
	return all, nil
}

// FindTLV follows path through nested objects: it finds the first object with the
// first tag in b, in its value the first one with the second tag, and so on, and
// returns the value of the last one. It does not decode what follows that object.
// Errors match ErrTLVNotFound, ErrTLV or ErrTLVTruncated.
func FindTLV(b []byte, path ...Tag) ([]byte, error) {
	for i, want := range path {
		if i > 0 && !path[i-1].Constructed() {
			return nil, fmt.Errorf("%w: %v inside the primitive object %v", ErrTLVNotFound, want, path[i-1])
		}
		for {
			if len(b) == 0 {
				return nil, fmt.Errorf("%w: %v", ErrTLVNotFound, want)
			}
			t, rest, err := ParseTLV(b)
			if err != nil {
				return nil, fmt.Errorf("find %v: %w", want, err)
			}
			if t.Tag == want {
				b = t.Value
				break
			}
			b = rest
		}
	}
	return b, nil
}

// AppendTLV appends an object to dst, with its length in the shortest form. tag
// must be one that HeaderTLV accepts.
func AppendTLV(dst []byte, tag Tag, value []byte) []byte {
	dst = appendBytes(dst, uint32(tag))
	n := len(value)
	if n < 0x80 {
		dst = append(dst, byte(n))
		return append(dst, value...)
	}
	mark := len(dst)
	dst = appendBytes(append(dst, 0), uint32(n))
	dst[mark] = 0x80 | byte(len(dst)-mark-1)
	return append(dst, value...)
}

// appendBytes appends v big-endian without leading zeros, at least one byte.
func appendBytes(dst []byte, v uint32) []byte {
	for shift := 24; shift > 0; shift -= 8 {
		if v>>shift != 0 {
			dst = append(dst, byte(v>>shift))
		}
	}
	return append(dst, byte(v))
}
