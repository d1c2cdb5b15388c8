package cms

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"cie/card/ades/internal/ber"
)

// window reads small pieces of an io.ReaderAt through a buffer.
type window struct {
	src   io.ReaderAt
	size  int64
	buf   []byte
	start int64 // of buf
}

const windowSize = 32 << 10

// at returns up to n bytes at pos; fewer at the end. n is at most windowSize.
func (w *window) at(pos int64, n int) ([]byte, error) {
	if pos < 0 || pos > w.size {
		return nil, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	n = int(min(int64(n), w.size-pos))
	if end := w.start + int64(len(w.buf)); pos < w.start || pos+int64(n) > end {
		if cap(w.buf) == 0 {
			w.buf = make([]byte, 0, windowSize)
		}
		// Keep the rest of the buffer, so that the source is read in order: seeking
		// backwards is expensive in some sources.
		kept := 0
		if pos >= w.start && pos < end {
			kept = copy(w.buf, w.buf[pos-w.start:])
		}
		want := int(min(windowSize, w.size-pos))
		got, err := w.src.ReadAt(w.buf[kept:want], pos+int64(kept))
		w.buf, w.start = w.buf[:kept+got], pos
		if kept+got < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = fmt.Errorf("%w: cut off", ErrMalformed)
			}
			return nil, err
		}
	}
	i := int(pos - w.start)
	return w.buf[i : i+n], nil
}

func (w *window) header(pos int64) (ber.Header, error) {
	b, err := w.at(pos, ber.MaxHeader)
	if err != nil {
		return ber.Header{}, err
	}
	h, err := ber.ReadHeader(b)
	if err != nil {
		return h, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if h.Length > w.size-pos-int64(h.Size) {
		return h, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	return h, nil
}

// cursor is a sequential reader whose position can be saved.
type cursor interface {
	io.Reader
	clone() cursor
}

// indexed provides random access to the output of a cursor: it saves the cursor's
// position every markEvery bytes and continues from there.
type indexed struct {
	mu    sync.Mutex
	marks []cursor
	size  int64

	cur    cursor // where the last read ended
	curPos int64
}

const markEvery = 256 << 10

// newIndexed reads c to its end.
func newIndexed(c cursor) (*indexed, error) {
	x := &indexed{marks: []cursor{c.clone()}}
	buf := make([]byte, markEvery)
	for {
		n, err := io.ReadFull(c, buf)
		x.size += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return x, nil
		case err != nil:
			return nil, err
		}
		x.marks = append(x.marks, c.clone())
	}
}

// ReadAt implements io.ReaderAt.
func (x *indexed) ReadAt(p []byte, off int64) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if off < 0 || off >= x.size {
		return 0, io.EOF
	}
	if x.cur == nil || off < x.curPos || off/markEvery > x.curPos/markEvery {
		mark := off / markEvery
		x.cur, x.curPos = x.marks[mark].clone(), mark*markEvery
	}
	if _, err := io.CopyN(io.Discard, x.cur, off-x.curPos); err != nil {
		x.cur = nil
		return 0, err
	}
	n, err := io.ReadFull(x.cur, p)
	x.curPos = off + int64(n)
	if err != nil {
		x.cur = nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// maxChunkDepth is how deep the chunks of an octet string may be nested.
const maxChunkDepth = 8

// chunks reads an octet string in constructed form (X.690, 8.7.3).
type chunks struct {
	w     window
	pos   int64                // next byte
	left  int64                // of the current chunk
	ends  [maxChunkDepth]int64 // of the elements around it; -1: end-of-contents
	depth int
}

func (c *chunks) clone() cursor {
	d := *c
	d.w.buf = nil
	return &d
}

// next moves to the next chunk that is not empty; io.EOF after the last one.
func (c *chunks) next() error {
	for c.left == 0 {
		if c.depth == 0 {
			return io.EOF
		}
		end := c.ends[c.depth-1]
		if end >= 0 && c.pos >= end {
			if c.pos > end {
				return fmt.Errorf("%w: chunk longer than its string", ErrMalformed)
			}
			c.depth--
			continue
		}
		h, err := c.w.header(c.pos)
		if err != nil {
			return err
		}
		switch {
		case end < 0 && h.Tag == 0 && h.Length == 0 && h.Size == 2:
			c.pos += 2
			c.depth--
		case h.Tag == 0x04:
			c.pos += int64(h.Size)
			c.left = h.Length
		case h.Tag == 0x24:
			if err := c.push(h); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: tag %02X in the content", ErrMalformed, h.Tag)
		}
	}
	return nil
}

// push enters a constructed octet string.
func (c *chunks) push(h ber.Header) error {
	if c.depth == maxChunkDepth {
		return fmt.Errorf("%w: content nested too deep", ErrLimit)
	}
	c.pos += int64(h.Size)
	c.ends[c.depth] = -1
	if !h.Indefinite {
		c.ends[c.depth] = c.pos + h.Length
	}
	c.depth++
	return nil
}

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := c.next(); err != nil {
		return 0, err
	}
	n := int(min(int64(len(p)), c.left))
	if n >= windowSize { // large chunks go without the buffer
		got, err := c.w.src.ReadAt(p[:n], c.pos)
		if got < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = fmt.Errorf("%w: cut off", ErrMalformed)
			}
			return 0, err
		}
	} else {
		b, err := c.w.at(c.pos, n)
		if err != nil {
			return 0, err
		}
		if n = copy(p, b); n == 0 {
			return 0, fmt.Errorf("%w: cut off", ErrMalformed)
		}
	}
	c.pos += int64(n)
	c.left -= int64(n)
	return n, nil
}
