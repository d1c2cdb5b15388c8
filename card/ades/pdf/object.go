package pdf

import (
	"bytes"
	"fmt"
)

// object is any PDF object (ISO 32000-2, 7.3): nil for null, bool, int64,
// real, name, str, array, dict, ref or *stream.
type object any

// real is a real number as written, so that a dictionary keeps the number when it
// is written again.
type real string

// name is a name without the solidus, with #xx decoded.
type name string

// str is a string, decoded and decrypted.
type str string

type array []object

// dict is a dictionary with its keys in the order of the file, duplicates included.
type dict []entry

type entry struct {
	key   name
	value object
}

// ref is a reference to an indirect object.
type ref struct {
	num uint32
	gen uint16
}

func (r ref) String() string { return fmt.Sprintf("%d %d R", r.num, r.gen) }

// stream is a stream whose data stay in the file.
type stream struct {
	dict   dict
	offset int64 // of the data, from the start of the file
	length int64
	id     ref
}

// get returns the value of key, or nil. The last of duplicate keys counts.
func (d dict) get(key name) object {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i].key == key {
			return d[i].value
		}
	}
	return nil
}

// has reports whether key is present.
func (d dict) has(key name) bool {
	for _, e := range d {
		if e.key == key {
			return true
		}
	}
	return false
}

// with returns a copy of d with the given value for key. A nil value removes the key.
func (d dict) with(key name, value object) dict {
	out := make(dict, 0, len(d)+1)
	done := false
	for _, e := range d {
		if e.key != key {
			out = append(out, e)
		} else if !done && value != nil {
			out = append(out, entry{key, value})
			done = true
		}
	}
	if !done && value != nil {
		out = append(out, entry{key, value})
	}
	return out
}

// duplicates reports whether a key occurs twice: programs differ in which one
// they use.
func (d dict) duplicates() bool {
	if len(d) <= 16 {
		for i := range d {
			for j := range i {
				if d[i].key == d[j].key {
					return true
				}
			}
		}
		return false
	}
	seen := make(map[name]bool, len(d))
	for _, e := range d {
		if seen[e.key] {
			return true
		}
		seen[e.key] = true
	}
	return false
}

// appendObject appends the encoding of o. If encrypt is not nil, it is applied to
// each string.
func appendObject(b []byte, o object, encrypt func([]byte) ([]byte, error)) ([]byte, error) {
	var err error
	switch o := o.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return fmt.Appendf(b, "%t", o), nil
	case int64:
		return fmt.Appendf(b, "%d", o), nil
	case real:
		return append(b, o...), nil
	case name:
		return appendName(b, o), nil
	case raw:
		return append(b, o...), nil
	case str:
		plain := []byte(o)
		if encrypt != nil {
			if plain, err = encrypt(plain); err != nil {
				return nil, err
			}
		}
		return appendString(b, plain), nil
	case ref:
		return fmt.Appendf(b, "%d %d R", o.num, o.gen), nil
	case array:
		b = append(b, '[')
		for i, v := range o {
			if i > 0 {
				b = append(b, ' ')
			}
			if b, err = appendObject(b, v, encrypt); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case dict:
		b = append(b, "<<"...)
		for _, e := range o {
			b = appendName(b, e.key)
			b = append(b, ' ')
			if b, err = appendObject(b, e.value, encrypt); err != nil {
				return nil, err
			}
		}
		return append(b, ">>"...), nil
	}
	return nil, fmt.Errorf("pdf: cannot write %T inside an object", o)
}

// raw is text that is written unchanged: the placeholder for a signature.
type raw string

func appendName(b []byte, n name) []byte {
	b = append(b, '/')
	for i := range len(n) {
		c := n[i]
		if c <= ' ' || c >= 0x7F || c == '#' || isDelimiter(c) {
			b = fmt.Appendf(b, "#%02X", c)
		} else {
			b = append(b, c)
		}
	}
	return b
}

func appendString(b, s []byte) []byte {
	for _, c := range s {
		if c < ' ' || c >= 0x7F {
			return fmt.Appendf(b, "<%X>", s)
		}
	}
	b = append(b, '(')
	for _, c := range s {
		if bytes.IndexByte([]byte(`()\`), c) >= 0 {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return append(b, ')')
}

func isSpace(c byte) bool {
	switch c {
	case 0, '\t', '\n', '\f', '\r', ' ':
		return true
	}
	return false
}

func isDelimiter(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}
