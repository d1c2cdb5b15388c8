package pdf

import (
	"bytes"
	"io"
	"strconv"
)

// Limits of what is read, far above those of real documents.
const (
	maxDepth    = 64       // nested arrays and dictionaries
	maxElements = 1 << 19  // values inside one object
	maxName     = 4 << 10  // bytes of a name or number
	maxString   = 32 << 20 // bytes of a string, decoded
	chunkSize   = 4 << 10  // bytes read from the file at once
)

// lexer reads objects from a range of a file. Its first error stays.
type lexer struct {
	r        io.ReaderAt
	end      int64 // reads nothing at or after this offset
	buf      []byte
	bufStart int64
	pos      int // in buf
	err      error
	elements int
	spans    func(key name, start, end int64) // called for the values of the outermost dictionary
}

func newLexer(r io.ReaderAt, offset, end int64) *lexer {
	return &lexer{r: r, end: end, bufStart: offset}
}

// newBytesLexer returns a lexer over bytes in memory, with offset 0 at their start.
func newBytesLexer(b []byte) *lexer {
	return &lexer{buf: b, end: int64(len(b))}
}

func (l *lexer) offset() int64 { return l.bufStart + int64(l.pos) }

func (l *lexer) seek(offset int64) {
	if offset >= l.bufStart && offset <= l.bufStart+int64(len(l.buf)) {
		l.pos = int(offset - l.bufStart)
		return
	}
	l.buf, l.bufStart, l.pos = l.buf[:0], offset, 0
}

func (l *lexer) fail(reason string) {
	if l.err == nil {
		l.err = &DamagedError{Reason: reason, Offset: l.offset()}
	}
}

// peek returns the next byte, or false at the end or after an error.
func (l *lexer) peek() (byte, bool) {
	if l.pos < len(l.buf) {
		return l.buf[l.pos], l.err == nil
	}
	start := l.offset()
	if l.err != nil || l.r == nil || start >= l.end {
		return 0, false
	}
	if cap(l.buf) < chunkSize {
		l.buf = make([]byte, chunkSize)
	}
	n, err := l.r.ReadAt(l.buf[:min(chunkSize, l.end-start)], start)
	l.buf, l.bufStart, l.pos = l.buf[:n], start, 0
	if n == 0 {
		if err != nil && err != io.EOF {
			l.err = err
		}
		return 0, false
	}
	return l.buf[0], true
}

func (l *lexer) next() (byte, bool) {
	c, ok := l.peek()
	if ok {
		l.pos++
	}
	return c, ok
}

// skipSpace skips white space and comments.
func (l *lexer) skipSpace() {
	for {
		c, ok := l.peek()
		switch {
		case !ok:
			return
		case isSpace(c):
			l.pos++
		case c == '%':
			for ok && c != '\r' && c != '\n' {
				l.pos++
				c, ok = l.peek()
			}
		default:
			return
		}
	}
}

// word reads regular characters up to white space or a delimiter.
func (l *lexer) word() string {
	var b [32]byte
	out := b[:0]
	for {
		c, ok := l.peek()
		if !ok || isSpace(c) || isDelimiter(c) {
			return string(out)
		}
		if len(out) == maxName {
			l.fail("a word is too long")
			return ""
		}
		out = append(out, c)
		l.pos++
	}
}

// keyword skips white space and reports whether the given word follows. If not, it
// consumes only the white space.
func (l *lexer) keyword(want string) bool {
	l.skipSpace()
	start := l.offset()
	if l.word() == want {
		return true
	}
	l.seek(start)
	return false
}

// integer skips white space and reads a whole number.
func (l *lexer) integer() (int64, bool) {
	l.skipSpace()
	start := l.offset()
	n, err := strconv.ParseInt(l.word(), 10, 64)
	if err != nil {
		l.seek(start)
		return 0, false
	}
	return n, true
}

// object reads one object or reference. The caller reads the stream after a
// dictionary, if one may follow.
func (l *lexer) object(depth int) object {
	l.skipSpace()
	c, ok := l.peek()
	if !ok {
		l.fail("an object is cut off")
		return nil
	}
	if depth > maxDepth {
		l.fail("objects are nested too deeply")
		return nil
	}
	if l.elements++; l.elements > maxElements {
		l.fail("an object has too many parts")
		return nil
	}
	switch {
	case c == '/':
		l.pos++
		return l.name()
	case c == '(':
		l.pos++
		return l.literal()
	case c == '<':
		l.pos++
		if c, _ := l.peek(); c == '<' {
			l.pos++
			return l.dict(depth)
		}
		return l.hex()
	case c == '[':
		l.pos++
		return l.array(depth)
	case isDelimiter(c):
		l.fail("unexpected " + strconv.QuoteRune(rune(c)))
		return nil
	}
	start := l.offset()
	switch w := l.word(); w {
	case "null":
		return nil
	case "true":
		return true
	case "false":
		return false
	default:
		return l.number(w, start)
	}
}

func (l *lexer) number(w string, start int64) object {
	n, err := strconv.ParseInt(w, 10, 64)
	if err != nil {
		if isReal(w) {
			return real(w)
		}
		l.seek(start)
		l.fail("a word that is no object")
		return nil
	}
	if n < 0 || n > maxNumber || w[0] == '+' {
		return n
	}
	// A reference has two whole numbers and R.
	after := l.offset()
	if gen, ok := l.integer(); ok && gen >= 0 && gen <= 0xFFFF && l.keyword("R") {
		return ref{uint32(n), uint16(gen)}
	}
	l.seek(after)
	return n
}

// isReal reports whether w is a real number (7.3.3).
func isReal(w string) bool {
	if w != "" && (w[0] == '+' || w[0] == '-') {
		w = w[1:]
	}
	digits, points := 0, 0
	for i := range len(w) {
		switch c := w[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

func (l *lexer) name() name {
	var b [32]byte
	out := b[:0]
	for {
		c, ok := l.peek()
		if !ok || isSpace(c) || isDelimiter(c) {
			break
		}
		l.pos++
		if c == '#' {
			at := l.offset()
			high, ok1 := l.next()
			low, ok2 := l.next()
			if h, v := unhex(high), unhex(low); ok1 && ok2 && h >= 0 && v >= 0 {
				c = byte(h<<4 | v)
			} else {
				l.seek(at) // PDF 1.1 has # as a plain character
			}
		}
		if len(out) == maxName {
			l.fail("a name is too long")
			return ""
		}
		out = append(out, c)
	}
	return name(out)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func (l *lexer) hex() object {
	var out []byte
	half := -1
	for {
		c, ok := l.next()
		switch v := unhex(c); {
		case !ok:
			l.fail("a string is cut off")
			return nil
		case c == '>':
			if half >= 0 {
				out = append(out, byte(half<<4))
			}
			return str(out)
		case isSpace(c):
		case v < 0:
			l.fail("a hexadecimal string has other characters")
			return nil
		case half < 0:
			half = v
		default:
			if len(out) == maxString {
				l.fail("a string is too long")
				return nil
			}
			out = append(out, byte(half<<4|v))
			half = -1
		}
	}
}

// literal reads a string in parentheses (7.3.4.2).
func (l *lexer) literal() object {
	var out []byte
	open := 1
	for {
		c, ok := l.next()
		if !ok || len(out) > maxString {
			l.fail("a string is cut off or too long")
			return nil
		}
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return str(out)
			}
		case '\r':
			l.skipLF()
			c = '\n'
		case '\\':
			var keep bool
			if c, keep = l.escape(); !keep {
				continue
			}
		}
		out = append(out, c)
	}
}

func (l *lexer) skipLF() {
	if c, _ := l.peek(); c == '\n' {
		l.pos++
	}
}

// escape reads the characters after a backslash; false if they mean no character.
func (l *lexer) escape() (byte, bool) {
	c, ok := l.next()
	if !ok {
		return 0, false
	}
	if i := bytes.IndexByte([]byte("nrtbf"), c); i >= 0 {
		return "\n\r\t\b\f"[i], true
	}
	switch {
	case c == '\r':
		l.skipLF()
		return 0, false
	case c == '\n':
		return 0, false
	case c >= '0' && c <= '7':
		v := int(c - '0')
		for range 2 {
			d, ok := l.peek()
			if !ok || d < '0' || d > '7' {
				break
			}
			v = v<<3 | int(d-'0')
			l.pos++
		}
		return byte(v), true
	}
	return c, true
}

func (l *lexer) array(depth int) object {
	out := array{}
	for l.err == nil {
		l.skipSpace()
		if c, _ := l.peek(); c == ']' {
			l.pos++
			return out
		}
		out = append(out, l.object(depth+1))
	}
	return nil
}

func (l *lexer) dict(depth int) object {
	out := dict{}
	for l.err == nil {
		l.skipSpace()
		c, ok := l.next()
		if ok && c == '>' {
			if c, _ = l.next(); c == '>' {
				return out
			}
		}
		if !ok || c != '/' {
			l.fail("a dictionary has something other than a name as key")
			return nil
		}
		key := l.name()
		l.skipSpace()
		start := l.offset()
		value := l.object(depth + 1)
		if depth == 0 && l.spans != nil {
			l.spans(key, start, l.offset())
		}
		out = append(out, entry{key, value})
	}
	return nil
}
