package cms

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
)

// Encoding is the encoding of a message in its file.
type Encoding string

// The encodings.
const (
	EncodingBinary Encoding = "der" // DER or BER
	EncodingPEM    Encoding = "pem"
	EncodingBase64 Encoding = "base64"
)

// maxPreamble is the maximum length of text before the armour of PEM.
const maxPreamble = 4 << 10

// dearmour returns the bytes of the message behind PEM or base64.
func dearmour(r io.ReaderAt, size int64) (io.ReaderAt, int64, Encoding, error) {
	w := window{src: r, size: size}
	head, err := w.at(0, maxPreamble)
	if err != nil {
		return nil, 0, "", err
	}
	if len(head) > 0 && head[0] == 0x30 && !looksLikeText(head) {
		return r, size, EncodingBinary, nil
	}
	encoding, start := EncodingBase64, int64(0)
	if i := bytes.Index(head, []byte("-----BEGIN ")); i >= 0 {
		line := bytes.IndexByte(head[i:], '\n')
		if line < 0 {
			return nil, 0, "", fmt.Errorf("%w: armour cut off", ErrMalformed)
		}
		encoding, start = EncodingPEM, int64(i+line+1)
	} else if bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}) {
		start = 3
	}
	x, err := newIndexed(&base64Cursor{w: window{src: r, size: size}, pos: start})
	if err != nil {
		return nil, 0, "", err
	}
	return x, x.size, encoding, nil
}

// looksLikeText reports whether all of head could be base64: a message in
// binary has other bytes among the first ones.
func looksLikeText(head []byte) bool {
	for _, c := range head[:min(len(head), 64)] {
		if base64Value(c) < 0 && !space(c) && c != '=' {
			return false
		}
	}
	return true
}

func space(c byte) bool { return c == '\r' || c == '\n' || c == ' ' || c == '\t' }

func base64Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// base64Cursor decodes base64 with any line breaks, up to the padding, the end
// of the file or a line of hyphens.
type base64Cursor struct {
	w    window
	pos  int64
	out  []byte // decoded and not read yet
	done bool
}

func (c *base64Cursor) clone() cursor {
	d := *c
	d.w.buf = nil
	d.out = bytes.Clone(c.out)
	return &d
}

// Read implements io.Reader.
func (c *base64Cursor) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.done {
			return 0, io.EOF
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// fill decodes the next piece, whole groups of four characters.
func (c *base64Cursor) fill() error {
	bad := fmt.Errorf("%w: neither DER nor base64", ErrMalformed)
	block, err := c.w.at(c.pos, windowSize)
	if err != nil {
		return err
	}
	text := make([]byte, 0, len(block))
	used, whole := 0, 0 // bytes of block: examined, and up to the last whole group
	end := int64(len(block)) == c.w.size-c.pos
loop:
	for ; used < len(block); used++ {
		switch b := block[used]; {
		case space(b):
		case base64Value(b) >= 0:
			text = append(text, b)
			if len(text)%4 == 0 {
				whole = used + 1
			}
		case b == '=', b == '-':
			end = true
			break loop
		default:
			return bad
		}
	}
	if !end {
		if whole == 0 {
			if len(text) == 0 { // a block of blanks
				c.pos += int64(len(block))
				return nil
			}
			return bad
		}
		text = text[:len(text)/4*4]
		c.pos += int64(whole)
	} else {
		rest := block[used:]
		if i := bytes.IndexByte(rest, '-'); i >= 0 {
			rest = rest[:i]
		}
		if len(bytes.Trim(rest, "=\r\n\t \x00")) > 0 {
			return bad
		}
		c.done = true
	}
	c.out, err = base64.RawStdEncoding.DecodeString(string(text))
	if err != nil {
		return bad
	}
	return nil
}

// Looks reports whether a file that begins with head may be a signed message:
// in binary, PEM or base64.
func Looks(head []byte) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte{0xEF, 0xBB, 0xBF}), " \r\n\t")
	if bytes.HasPrefix(text, []byte("-----BEGIN PKCS")) || bytes.HasPrefix(text, []byte("-----BEGIN CMS")) {
		return true
	}
	// The object identifier of signed-data is within the first bytes.
	raw := head
	if len(text) >= 24 && text[0] == 'M' {
		decoded := make([]byte, 18)
		if n, err := base64.StdEncoding.Decode(decoded, text[:24]); err == nil {
			raw = decoded[:n]
		}
	}
	// 1.2.840.113549.1.7.2, of which the length of a header may cut off the end.
	id := []byte{0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D}
	return len(raw) > 0 && raw[0] == 0x30 && bytes.Contains(raw, id)
}
