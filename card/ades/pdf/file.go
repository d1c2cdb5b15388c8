package pdf

import (
	"bytes"
	"errors"
	"io"
)

// file is one revision of a document: the bytes up to size, seen through the
// cross-reference that ends there. Objects are read when they are needed.
type file struct {
	r        io.ReaderAt
	size     int64
	base     int64 // offset of the header, which the offsets in the file count from
	version  string
	xref     map[uint32]location
	trailer  dict
	start    int64 // startxref: of the newest section, as written in the file
	streamed bool  // the newest section is a cross-reference stream
	crypt    *security
	root     dict // the catalog, once it was read
	rootID   ref
	*shared
}

// shared contains the state that all revisions of one file share.
type shared struct {
	inflated int64  // bytes that decompression may still produce
	nested   int    // streams that are being read
	spare    []byte // a buffer of a lexer that is done
	streams  objectStreams
}

// location is an entry of the cross-reference.
type location struct {
	kind   uint8 // locFree, locOffset or locStream
	gen    uint16
	index  uint32 // in the object stream
	offset int64  // from base, or the number of the object stream
}

const (
	locFree = iota
	locOffset
	locStream
)

const (
	maxNumber   = 1 << 26 // object numbers
	headerRoom  = 1024    // bytes in which the header is searched, as in Acrobat
	trailerRoom = 4096    // the same for startxref at the end
	maxRefs     = 32      // references that lead to references
	maxNested   = 4       // streams that must be read for the length of another
)

// openFile reads header, cross-reference and encryption of the revision that
// ends at size.
func openFile(r io.ReaderAt, size int64, password []byte) (*file, error) {
	return openRevision(r, size, password, &shared{inflated: maxInflated(size)})
}

func openRevision(r io.ReaderAt, size int64, password []byte, s *shared) (*file, error) {
	f := &file{r: r, size: size, xref: make(map[uint32]location), shared: s}
	if err := f.findHeader(); err != nil {
		return nil, err
	}
	if err := f.readXref(); err != nil {
		return nil, err
	}
	if _, ok := f.trailer.get("Root").(ref); !ok {
		return nil, damaged(f.start, "the trailer names no catalog")
	}
	if enc := f.trailer.get("Encrypt"); enc != nil {
		if err := f.openEncryption(enc, password); err != nil {
			return nil, err
		}
	}
	_, catalog, err := f.catalog()
	if err != nil {
		return nil, err
	}
	if catalog.get("Pages") == nil {
		return nil, damaged(f.start, "the catalog names no pages")
	}
	return f, nil
}

func (f *file) findHeader() error {
	head := make([]byte, min(headerRoom+8, f.size))
	if _, err := f.r.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	i := bytes.Index(head, []byte("%PDF-"))
	if i < 0 {
		return ErrNotPDF
	}
	f.base = int64(i)
	if v := head[i+5:]; len(v) >= 3 {
		f.version = string(v[:3])
	}
	return nil
}

// dict returns the dictionary that o is or refers to.
func (f *file) dict(o object) (dict, error) {
	at := o
	o, err := f.resolve(o)
	if err != nil {
		return nil, err
	}
	switch o := o.(type) {
	case dict:
		return o, nil
	case *stream:
		return o.dict, nil
	}
	return nil, damaged(f.offsetOf(at), "a dictionary is missing (%v)", at)
}

// array returns the array that o is or refers to, nil for null.
func (f *file) array(o object) (array, error) {
	at := o
	o, err := f.resolve(o)
	if err != nil || o == nil {
		return nil, err
	}
	a, ok := o.(array)
	if !ok {
		return nil, damaged(f.offsetOf(at), "an array is missing (%v)", at)
	}
	return a, nil
}

func (f *file) offsetOf(o object) int64 {
	if r, ok := o.(ref); ok {
		if l := f.xref[r.num]; l.kind == locOffset {
			return f.base + l.offset
		}
	}
	return f.start
}

// resolve follows references until the object itself.
func (f *file) resolve(o object) (object, error) {
	for range maxRefs {
		r, ok := o.(ref)
		if !ok {
			return o, nil
		}
		var err error
		if o, err = f.load(r); err != nil {
			return nil, err
		}
	}
	return nil, damaged(f.start, "references lead in a circle")
}

// load reads the object that r refers to, null if the file has no such object
// (7.3.10).
func (f *file) load(r ref) (object, error) {
	o, _, err := f.loadEnd(r)
	return o, err
}

// loadEnd also returns the offset after the object, 0 for one in a stream.
func (f *file) loadEnd(r ref) (object, int64, error) {
	l, ok := f.xref[r.num]
	switch {
	case !ok || l.kind == locFree || l.gen != r.gen:
		return nil, 0, nil
	case l.kind == locStream:
		o, err := f.loadPacked(r, l)
		return o, 0, err
	}
	o, end, err := f.parseAt(r, f.base+l.offset, nil)
	if err != nil {
		return nil, 0, err
	}
	if f.crypt != nil && r != f.crypt.dictRef {
		o, err = f.crypt.decryptObject(o, r)
	}
	return o, end, err
}

// parseAt reads the indirect object with the given number at offset, without
// decrypting it.
func (f *file) parseAt(r ref, offset int64, spans func(name, int64, int64)) (object, int64, error) {
	if offset < f.base || offset >= f.size {
		return nil, 0, damaged(offset, "object %d lies outside of the file", r.num)
	}
	l := newLexer(f.r, offset, f.size)
	l.buf, f.spare = f.spare[:0], nil
	defer func() { f.spare = l.buf[:0] }()
	num, ok1 := l.integer()
	gen, ok2 := l.integer()
	if !ok1 || !ok2 || num != int64(r.num) || gen != int64(r.gen) || !l.keyword("obj") {
		return nil, 0, damaged(offset, "object %d is not where the cross-reference has it", r.num)
	}
	l.spans = spans
	o := l.object(0)
	if l.err != nil {
		return nil, 0, l.err
	}
	d, ok := o.(dict)
	if ok && l.keyword("stream") {
		s, err := f.stream(l, d, r)
		if err != nil {
			return nil, 0, err
		}
		return s, s.offset + s.length, nil
	}
	if !l.keyword("endobj") {
		return nil, 0, damaged(l.offset(), "object %d has no end", r.num)
	}
	return o, l.offset(), l.err
}

// stream finishes reading a stream after its keyword.
func (f *file) stream(l *lexer, d dict, id ref) (*stream, error) {
	// The line ends with LF or CR LF; files with CR line ends have CR alone.
	c, _ := l.peek()
	for c == ' ' {
		l.pos++
		c, _ = l.peek()
	}
	if c == '\r' {
		l.pos++
		c, _ = l.peek()
	}
	if c == '\n' {
		l.pos++
	}
	s := &stream{dict: d, offset: l.offset(), id: id}
	length := d.get("Length")
	if r, ok := length.(ref); ok {
		// Reading the length must not need the length of this stream first.
		if f.nested == maxNested {
			return nil, damaged(s.offset, "the length of stream %d depends on itself", id.num)
		}
		f.nested++
		o, err := f.load(r)
		f.nested--
		if err != nil {
			return nil, err
		}
		length = o
	}
	n, ok := length.(int64)
	if !ok || n < 0 || n > f.size-s.offset {
		return nil, damaged(s.offset, "stream %d has no valid length", id.num)
	}
	s.length = n
	l.seek(s.offset + n)
	if !l.keyword("endstream") {
		return nil, damaged(s.offset, "stream %d does not end where its length says", id.num)
	}
	return s, nil
}

// nextNumber returns the first object number that the file does not use.
func (f *file) nextNumber() uint32 {
	n := int64(1)
	if size, ok := f.trailer.get("Size").(int64); ok && size > n && size <= maxNumber {
		n = size
	}
	for num := range f.xref {
		n = max(n, int64(num)+1)
	}
	return uint32(n)
}

// isDamaged reports whether err is about the content of the file rather than
// about reading it.
func isDamaged(err error) bool {
	var d *DamagedError
	var u *UnsupportedError
	return errors.As(err, &d) || errors.As(err, &u) || errors.Is(err, ErrTooComplex) || errors.Is(err, ErrNotPDF)
}
