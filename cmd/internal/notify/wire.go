//go:build !windows

package notify

import (
	"encoding/binary"
	"errors"
	"io"
)

// Kinds of messages (D-Bus specification, Message Protocol).
const (
	kindCall   = 1
	kindReturn = 2
	kindError  = 3
)

// Header fields.
const (
	fieldPath = iota + 1
	fieldInterface
	fieldMember
	fieldErrorName
	fieldReplySerial
	fieldDestination
	fieldSender
	fieldSignature
)

// maxMessage limits what is read; the protocol allows 128 MiB.
const maxMessage = 1 << 20

var errWire = errors.New("notify: malformed message")

// message is one message of the bus, as far as a caller of methods needs it.
type message struct {
	kind      byte
	serial    uint32
	path      string
	iface     string
	member    string
	dest      string
	sender    string
	errorName string
	signature string
	replyTo   uint32
	order     binary.ByteOrder
	body      []byte
}

// writer marshals little-endian (Marshaling).
type writer struct{ b []byte }

func (w *writer) align(n int) {
	for len(w.b)%n != 0 {
		w.b = append(w.b, 0)
	}
}

func (w *writer) u32(v uint32) {
	w.align(4)
	w.b = binary.LittleEndian.AppendUint32(w.b, v)
}

func (w *writer) str(s string) {
	w.u32(uint32(len(s)))
	w.b = append(append(w.b, s...), 0)
}

func (w *writer) sig(s string) {
	w.b = append(w.b, byte(len(s)))
	w.b = append(append(w.b, s...), 0)
}

// array writes an array whose elements have the given alignment. Its length excludes
// the padding before the first element.
func (w *writer) array(alignment int, elements func()) {
	w.u32(0)
	at := len(w.b) - 4
	w.align(alignment)
	start := len(w.b)
	elements()
	binary.LittleEndian.PutUint32(w.b[at:], uint32(len(w.b)-start))
}

func (m message) encode() []byte {
	var w writer
	w.b = append(w.b, 'l', m.kind, 0, 1)
	w.u32(uint32(len(m.body)))
	w.u32(m.serial)
	w.array(8, func() {
		field := func(code byte, signature, value string) {
			if value == "" {
				return
			}
			w.align(8)
			w.b = append(w.b, code)
			w.sig(signature)
			if signature == "g" {
				w.sig(value)
			} else {
				w.str(value)
			}
		}
		field(fieldPath, "o", m.path)
		field(fieldInterface, "s", m.iface)
		field(fieldMember, "s", m.member)
		field(fieldErrorName, "s", m.errorName)
		field(fieldDestination, "s", m.dest)
		field(fieldSignature, "g", m.signature)
		if m.replyTo != 0 {
			w.align(8)
			w.b = append(w.b, fieldReplySerial)
			w.sig("u")
			w.u32(m.replyTo)
		}
	})
	w.align(8)
	return append(w.b, m.body...)
}

// readMessage reads one message.
func readMessage(r io.Reader) (message, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		return message{}, err
	}
	var m message
	switch head[0] {
	case 'l':
		m.order = binary.LittleEndian
	case 'B':
		m.order = binary.BigEndian
	default:
		return message{}, errWire
	}
	m.kind = head[1]
	bodyLen, fieldsLen := m.order.Uint32(head[4:]), m.order.Uint32(head[12:])
	m.serial = m.order.Uint32(head[8:])
	if bodyLen > maxMessage || fieldsLen > maxMessage {
		return message{}, errWire
	}
	// The body begins at a multiple of 8; the fixed part has 16 bytes.
	rest := make([]byte, (fieldsLen+7)&^7+bodyLen)
	if _, err := io.ReadFull(r, rest); err != nil {
		return message{}, err
	}
	m.body = rest[len(rest)-int(bodyLen):]
	return m, m.readFields(reader{rest[:fieldsLen], 0, m.order})
}

// reader unmarshals; offsets are relative to a multiple of 8.
type reader struct {
	b     []byte
	pos   int
	order binary.ByteOrder
}

func (r *reader) align(n int) { r.pos = (r.pos + n - 1) / n * n }

func (r *reader) take(n int) ([]byte, bool) {
	if n < 0 || r.pos > len(r.b) || len(r.b)-r.pos < n {
		return nil, false
	}
	b := r.b[r.pos : r.pos+n]
	r.pos += n
	return b, true
}

func (r *reader) u32() (uint32, bool) {
	r.align(4)
	b, ok := r.take(4)
	if !ok {
		return 0, false
	}
	return r.order.Uint32(b), true
}

func (r *reader) str() (string, bool) {
	n, ok := r.u32()
	if !ok || n > maxMessage {
		return "", false
	}
	b, ok := r.take(int(n) + 1)
	if !ok {
		return "", false
	}
	return string(b[:n]), true
}

func (r *reader) sig() (string, bool) {
	n, ok := r.take(1)
	if !ok {
		return "", false
	}
	b, ok := r.take(int(n[0]) + 1)
	if !ok {
		return "", false
	}
	return string(b[:n[0]]), true
}

// readFields reads the header fields. A field of a type that no known field
// has cannot be skipped without knowing the type, and does not occur.
func (m *message) readFields(r reader) error {
	for {
		r.align(8)
		if r.pos >= len(r.b) {
			return nil
		}
		code, _ := r.take(1)
		signature, ok := r.sig()
		if !ok {
			return errWire
		}
		var s string
		var n uint32
		switch signature {
		case "s", "o":
			s, ok = r.str()
		case "g":
			s, ok = r.sig()
		case "u":
			n, ok = r.u32()
		default:
			ok = false
		}
		if !ok {
			return errWire
		}
		switch code[0] {
		case fieldPath:
			m.path = s
		case fieldInterface:
			m.iface = s
		case fieldMember:
			m.member = s
		case fieldErrorName:
			m.errorName = s
		case fieldReplySerial:
			m.replyTo = n
		case fieldDestination:
			m.dest = s
		case fieldSender:
			m.sender = s
		case fieldSignature:
			m.signature = s
		}
	}
}
