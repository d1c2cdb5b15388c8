package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"errors"
	"io"
)

const (
	maxStream     = 16 << 20 // bytes of one decompressed stream
	keptStreams   = 8 << 20  // bytes of object streams kept in memory
	streamObjects = 1 << 18  // objects in one object stream
)

// maxInflated limits what decompressing may produce for a file of that size.
func maxInflated(size int64) int64 { return 256<<20 + 20*min(size, 1<<40) }

// decode returns the data of a stream that the structure of the file needs:
// object and cross-reference streams. Pictures and content are never decoded.
func (f *file) decode(s *stream, decrypt func([]byte) ([]byte, error)) ([]byte, error) {
	if s.length > maxStream {
		return nil, ErrTooComplex
	}
	data := make([]byte, s.length)
	if _, err := io.ReadFull(io.NewSectionReader(f.r, s.offset, s.length), data); err != nil {
		return nil, err
	}
	var err error
	if decrypt != nil {
		if data, err = decrypt(data); err != nil {
			return nil, err
		}
	}
	filters, params := asArray(s.dict.get("Filter")), asArray(s.dict.get("DecodeParms"))
	if len(filters) > 4 {
		return nil, ErrTooComplex
	}
	for i, filter := range filters {
		var p dict
		if i < len(params) {
			p, _ = params[i].(dict)
		}
		switch filter {
		case name("FlateDecode"), name("Fl"):
			if data, err = f.inflate(data); err == nil {
				data, err = unpredict(data, p)
			}
		case name("ASCIIHexDecode"), name("AHx"):
			o := newBytesLexer(data).hex()
			s, ok := o.(str)
			if !ok {
				return nil, damaged(0, "a stream is not hexadecimal")
			}
			data = []byte(s)
		case name("ASCII85Decode"), name("A85"):
			data, _, _ = bytes.Cut(data, []byte("~>"))
			data, err = io.ReadAll(ascii85.NewDecoder(bytes.NewReader(data)))
		default:
			return nil, &UnsupportedError{"an object stream with filter " + nameOf(filter)}
		}
		if err != nil {
			if isDamaged(err) {
				return nil, err
			}
			return nil, damaged(s.offset, "stream %d cannot be decompressed (%v)", s.id.num, err)
		}
	}
	return data, nil
}

func nameOf(o object) string {
	if n, ok := o.(name); ok {
		return string(n)
	}
	return "?"
}

// asArray returns o as an array; a single object is an array of one.
func asArray(o object) array {
	switch o := o.(type) {
	case nil:
		return nil
	case array:
		return o
	}
	return array{o}
}

func (f *file) inflate(data []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	limit := min(maxStream, f.inflated)
	n, err := io.Copy(&out, io.LimitReader(r, limit+1))
	if n > limit {
		return nil, ErrTooComplex
	}
	f.inflated -= n
	// A missing checksum at the end is common and harmless.
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, zlib.ErrChecksum) {
		return nil, err
	}
	return out.Bytes(), nil
}

// unpredict reverses a predictor (7.4.4.4).
func unpredict(data []byte, p dict) ([]byte, error) {
	predictor := intOr(p.get("Predictor"), 1)
	if predictor == 1 {
		return data, nil
	}
	colors, bits, columns := intOr(p.get("Colors"), 1), intOr(p.get("BitsPerComponent"), 8), intOr(p.get("Columns"), 1)
	if predictor < 10 || bits != 8 || colors < 1 || colors > 4 || columns < 1 || columns > 1<<16 {
		return nil, &UnsupportedError{"an object stream with this predictor"}
	}
	width, bpp := int(columns*colors), int(colors)
	out := make([]byte, 0, len(data))
	prior := make([]byte, width)
	for len(data) > 1 {
		kind := data[0]
		row := data[1:min(len(data), 1+width)]
		data = data[1+len(row):]
		for i := range row {
			var left, corner byte
			if i >= bpp {
				left, corner = row[i-bpp], prior[i-bpp]
			}
			switch kind {
			case 1:
				row[i] += left
			case 2:
				row[i] += prior[i]
			case 3:
				row[i] += byte((int(left) + int(prior[i])) / 2)
			case 4:
				row[i] += paeth(left, prior[i], corner)
			}
		}
		copy(prior, row)
		out = append(out, row...)
	}
	return out, nil
}

func paeth(a, b, c byte) byte {
	p := int(a) + int(b) - int(c)
	pa, pb, pc := abs(p-int(a)), abs(p-int(b)), abs(p-int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func abs(n int) int { return max(n, -n) }

func intOr(o object, otherwise int64) int64 {
	if n, ok := o.(int64); ok {
		return n
	}
	return otherwise
}

// objectStreams keeps the object streams that were read last.
type objectStreams struct {
	kept []*packed
	size int
}

// packed is an object stream (7.5.7).
type packed struct {
	offset int64 // of the stream in the file, which identifies it among revisions
	id     ref
	nums   []uint32
	starts []int
	data   []byte
}

// loadPacked reads an object from an object stream.
func (f *file) loadPacked(r ref, l location) (object, error) {
	p, err := f.objectStream(uint32(l.offset))
	if err != nil {
		return nil, err
	}
	i := int(l.index)
	if i >= len(p.nums) || p.nums[i] != r.num {
		return nil, damaged(p.offset, "object %d is not in object stream %d", r.num, p.id.num)
	}
	lex := newBytesLexer(p.data)
	lex.pos = p.starts[i]
	o := lex.object(0)
	return o, lex.err
}

func (f *file) objectStream(num uint32) (*packed, error) {
	l, ok := f.xref[num]
	if !ok || l.kind != locOffset {
		return nil, damaged(f.start, "object stream %d is missing", num)
	}
	id := ref{num, l.gen}
	kept := f.streams.kept
	for i, p := range kept {
		if p.id == id && p.offset == f.base+l.offset {
			copy(kept[1:i+1], kept[:i])
			kept[0] = p
			return p, nil
		}
	}
	o, _, err := f.parseAt(id, f.base+l.offset, nil)
	if err != nil {
		return nil, err
	}
	s, ok := o.(*stream)
	if !ok || s.dict.get("Type") != name("ObjStm") {
		return nil, damaged(f.base+l.offset, "object %d is no object stream", num)
	}
	var decrypt func([]byte) ([]byte, error)
	if f.crypt != nil {
		decrypt = func(b []byte) ([]byte, error) { return f.crypt.decrypt(b, id, f.crypt.streams) }
	}
	data, err := f.decode(s, decrypt)
	if err != nil {
		return nil, err
	}
	p, err := newPacked(s, data)
	if err != nil {
		return nil, err
	}
	p.offset, p.id = f.base+l.offset, id
	f.streams.kept = append([]*packed{p}, kept...)
	f.streams.size += len(p.data)
	for n := len(f.streams.kept); n > 1 && f.streams.size > keptStreams; n-- {
		f.streams.size -= len(f.streams.kept[n-1].data)
		f.streams.kept = f.streams.kept[:n-1]
	}
	return p, nil
}

func newPacked(s *stream, data []byte) (*packed, error) {
	n, ok1 := s.dict.get("N").(int64)
	first, ok2 := s.dict.get("First").(int64)
	if !ok1 || !ok2 || n < 0 || n > streamObjects || first < 0 || first > int64(len(data)) {
		return nil, damaged(s.offset, "object stream %d is malformed", s.id.num)
	}
	p := &packed{data: data}
	l := newBytesLexer(data[:first])
	for range n {
		num, ok1 := l.integer()
		at, ok2 := l.integer()
		if !ok1 || !ok2 || num < 0 || num > maxNumber || at < 0 || at > int64(len(data))-first {
			return nil, damaged(s.offset, "object stream %d is malformed", s.id.num)
		}
		p.nums = append(p.nums, uint32(num))
		p.starts = append(p.starts, int(first+at))
	}
	return p, nil
}
