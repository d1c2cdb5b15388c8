package pdf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// ErrDoesNotFit reports that the CMS message is larger than the space reserved for it.
var ErrDoesNotFit = errors.New("the signature is larger than the space reserved for it")

// Pending is a complete document without the value of its signature.
type Pending struct {
	r        io.ReaderAt
	size     int64
	update   []byte
	contents int // of the string in update, with its angle brackets
	reserve  int
}

// finish fills in /ByteRange.
func (s *signing) finish(update []byte, object int) (*Pending, error) {
	part := update[object:]
	contents := bytes.Index(part, []byte(s.placeholder()))
	room := bytes.Index(part, bytes.Repeat([]byte(" "), byteRangeRoom))
	if contents < 0 || room < 0 {
		return nil, errors.New("pdf: the signature dictionary has no place for the signature")
	}
	p := &Pending{r: s.f.r, size: s.f.size, update: update, contents: object + contents, reserve: s.reserve}
	before := p.size + int64(p.contents)
	after := before + int64(len(s.placeholder()))
	copy(part[room:room+byteRangeRoom], fmt.Sprintf("[0 %d %d %d]", before, after, p.Size()-after))
	return p, nil
}

// Size returns the size of the signed document.
func (p *Pending) Size() int64 { return p.size + int64(len(p.update)) }

// Write writes the document with an empty signature and returns the SHA-256 digest
// to be signed. Put completes the written document.
func (p *Pending) Write(w io.Writer) (digest []byte, err error) {
	h := sha256.New()
	both := io.MultiWriter(h, w)
	n, err := io.CopyBuffer(both, struct{ io.Reader }{io.NewSectionReader(p.r, 0, p.size)}, make([]byte, 256<<10))
	if err != nil {
		return nil, err
	}
	if n != p.size {
		return nil, io.ErrUnexpectedEOF
	}
	end := p.contents + 2*p.reserve + 2
	if _, err := both.Write(p.update[:p.contents]); err != nil {
		return nil, err
	}
	if _, err := w.Write(p.update[p.contents:end]); err != nil {
		return nil, err
	}
	if _, err := both.Write(p.update[end:]); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// Put writes the CMS message into a document written by Write. If the message does
// not fit, Put writes nothing.
func (p *Pending) Put(w io.WriterAt, message []byte) error {
	if len(message) > p.reserve {
		return fmt.Errorf("%w: %d bytes, not %d", ErrDoesNotFit, p.reserve, len(message))
	}
	_, err := w.WriteAt([]byte(hex.EncodeToString(message)), p.size+int64(p.contents)+1)
	return err
}
