package cardtest

// BER-TLV as far as the card needs it. It validates its input and shares no code with the
// client.

// tlv is one data object. raw is the whole of it, header included.
type tlv struct {
	tag   uint32
	value []byte
	raw   []byte
}

// nextTLV returns the first object of b and the rest.
func nextTLV(b []byte) (t tlv, rest []byte, ok bool) {
	if len(b) < 2 {
		return tlv{}, nil, false
	}
	i := 1
	t.tag = uint32(b[0])
	if b[0]&0x1F == 0x1F {
		for {
			if i >= len(b) || i > 3 {
				return tlv{}, nil, false
			}
			t.tag = t.tag<<8 | uint32(b[i])
			i++
			if b[i-1]&0x80 == 0 {
				break
			}
		}
	}
	if i >= len(b) {
		return tlv{}, nil, false
	}
	n := int(b[i])
	i++
	switch {
	case n < 0x80:
	case n == 0x81 && i < len(b):
		n = int(b[i])
		i++
	case n == 0x82 && i+1 < len(b):
		n = int(b[i])<<8 | int(b[i+1])
		i += 2
	default:
		return tlv{}, nil, false
	}
	if len(b)-i < n {
		return tlv{}, nil, false
	}
	t.value, t.raw = b[i:i+n], b[:i+n]
	return t, b[i+n:], true
}

// allTLVs splits b into objects; ok is false when something is left over.
func allTLVs(b []byte) (list []tlv, ok bool) {
	for len(b) > 0 {
		t, rest, ok := nextTLV(b)
		if !ok {
			return nil, false
		}
		list = append(list, t)
		b = rest
	}
	return list, true
}

// find returns the value of the only object with that tag in the list; absent
// or repeated objects are not found.
func find(list []tlv, tag uint32) ([]byte, bool) {
	var value []byte
	found := 0
	for _, t := range list {
		if t.tag == tag {
			value = t.value
			found++
		}
	}
	return value, found == 1
}

// header makes tag and length.
func header(tag uint32, n int) []byte {
	var h []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if b := byte(tag >> shift); b != 0 || len(h) > 0 {
			h = append(h, b)
		}
	}
	switch {
	case n < 0x80:
		return append(h, byte(n))
	case n < 0x100:
		return append(h, 0x81, byte(n))
	default:
		return append(h, 0x82, byte(n>>8), byte(n))
	}
}

// object makes one object out of the concatenation of its parts.
func object(tag uint32, parts ...[]byte) []byte {
	var value []byte
	for _, p := range parts {
		value = append(value, p...)
	}
	return append(header(tag, len(value)), value...)
}
