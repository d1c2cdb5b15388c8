package pdf

import (
	"bytes"
	"io"
)

const maxSections = 4096

// maxEntries limits the entries of all sections. Objects that matter have some
// bytes each, even compressed.
func maxEntries(size int64) int { return 200_000 + int(min(size/24, maxNumber)) }

// readXref reads the cross-reference sections from the newest to the oldest
// (7.5.8.4). The first entry of a number counts.
func (f *file) readXref() error {
	start, err := f.findStart()
	if err != nil {
		return err
	}
	f.start = start
	// Offsets count from the header (Acrobat) or from the start of the file.
	if f.base > 0 && !f.sectionAt(f.base+start) && f.sectionAt(start) {
		f.base = 0
	}
	seen := map[int64]bool{}
	entries := 0
	for offset, more := start, true; more; {
		if seen[offset] {
			return damaged(f.base+offset, "the cross-reference sections lead in a circle")
		}
		seen[offset] = true
		if len(seen) > maxSections {
			return ErrTooComplex
		}
		s, err := f.readSection(f.base+offset, &entries)
		if err != nil {
			return err
		}
		if f.trailer == nil {
			f.trailer, f.streamed = s.trailer, s.streamed
		}
		hidden, isHybrid := s.trailer.get("XRefStm").(int64)
		if isHybrid && !s.streamed {
			// A hybrid file: the stream has the objects that the table calls free.
			h, err := f.readSection(f.base+hidden, &entries)
			if err != nil {
				return err
			}
			for num, l := range h.entries {
				if old, ok := s.entries[num]; !ok || old.kind == locFree {
					s.entries[num] = l
				}
			}
		}
		if len(f.xref) == 0 {
			f.xref = s.entries
		}
		for num, l := range s.entries {
			if _, ok := f.xref[num]; !ok {
				f.xref[num] = l
			}
		}
		switch prev := s.trailer.get("Prev").(type) {
		case nil:
			more = false
		case int64:
			offset = prev
		default:
			return damaged(f.base+offset, "the trailer has no valid /Prev")
		}
	}
	return nil
}

// findStart returns the offset after the last startxref.
func (f *file) findStart() (int64, error) {
	tail := make([]byte, min(trailerRoom, f.size))
	from := f.size - int64(len(tail))
	if _, err := f.r.ReadAt(tail, from); err != nil && err != io.EOF {
		return 0, err
	}
	i := bytes.LastIndex(tail, []byte("startxref"))
	if i < 0 {
		return 0, damaged(f.size, "no startxref at the end: the file is cut off or has other data after it")
	}
	l := newBytesLexer(tail[i+len("startxref"):])
	n, ok := l.integer()
	if !ok || n < 0 || n >= f.size {
		return 0, damaged(from+int64(i), "startxref has no valid offset")
	}
	return n, nil
}

func (f *file) sectionAt(offset int64) bool {
	if offset < 0 || offset >= f.size {
		return false
	}
	l := newLexer(f.r, offset, f.size)
	if l.keyword("xref") {
		return true
	}
	_, ok := l.integer()
	_, ok2 := l.integer()
	return ok && ok2 && l.keyword("obj")
}

type section struct {
	entries  map[uint32]location
	trailer  dict
	streamed bool
}

func (f *file) readSection(offset int64, count *int) (*section, error) {
	if offset < f.base || offset >= f.size {
		return nil, damaged(offset, "a cross-reference lies outside of the file")
	}
	l := newLexer(f.r, offset, f.size)
	if l.keyword("xref") {
		return f.readTable(l, count)
	}
	return f.readXrefStream(l, offset, count)
}

// readTable reads a classic table and its trailer (7.5.4, 7.5.5).
func (f *file) readTable(l *lexer, count *int) (*section, error) {
	s := &section{entries: make(map[uint32]location)}
	for !l.keyword("trailer") {
		first, ok1 := l.integer()
		n, ok2 := l.integer()
		if !ok1 || !ok2 || first < 0 || n < 0 || first+n > maxNumber {
			return nil, damaged(l.offset(), "the cross-reference table is malformed")
		}
		for i := range n {
			if *count++; *count > maxEntries(f.size) {
				return nil, ErrTooComplex
			}
			offset, ok1 := l.integer()
			gen, ok2 := l.integer()
			if !ok1 || !ok2 || offset < 0 || gen < 0 || gen > 0xFFFF {
				return nil, damaged(l.offset(), "the cross-reference table is malformed")
			}
			entry := location{kind: locOffset, gen: uint16(gen), offset: offset}
			switch {
			case l.keyword("n"):
				// Offset 0 is the header: some writers use it for free objects.
				if offset == 0 {
					entry.kind = locFree
				}
			case l.keyword("f"):
				entry.kind = locFree
			default:
				return nil, damaged(l.offset(), "the cross-reference table is malformed")
			}
			s.entries[uint32(first+i)] = entry
		}
	}
	o := l.object(0)
	if l.err != nil {
		return nil, l.err
	}
	d, ok := o.(dict)
	if !ok {
		return nil, damaged(l.offset(), "the trailer is no dictionary")
	}
	s.trailer = d
	return s, nil
}

// readXrefStream reads a cross-reference stream (7.5.8).
func (f *file) readXrefStream(l *lexer, offset int64, count *int) (*section, error) {
	num, ok1 := l.integer()
	gen, ok2 := l.integer()
	if !ok1 || !ok2 || num < 0 || num > maxNumber || gen < 0 || gen > 0xFFFF {
		return nil, damaged(offset, "no cross-reference where one should be")
	}
	o, _, err := f.parseAt(ref{uint32(num), uint16(gen)}, offset, nil)
	if err != nil {
		return nil, err
	}
	st, ok := o.(*stream)
	if !ok || st.dict.get("Type") != name("XRef") {
		return nil, damaged(offset, "no cross-reference where one should be")
	}
	widths, ok := st.dict.get("W").(array)
	if !ok || len(widths) < 3 {
		return nil, damaged(offset, "the cross-reference stream is malformed")
	}
	var w [3]int
	for i := range w {
		n, ok := widths[i].(int64)
		if !ok || n < 0 || n > 8 {
			return nil, damaged(offset, "the cross-reference stream is malformed")
		}
		w[i] = int(n)
	}
	index, ok := st.dict.get("Index").(array)
	if !ok {
		index = array{int64(0), st.dict.get("Size")}
	}
	data, err := f.decode(st, nil)
	if err != nil {
		return nil, err
	}
	s := &section{entries: make(map[uint32]location), trailer: st.dict, streamed: true}
	row := w[0] + w[1] + w[2]
	for i := 0; i+1 < len(index); i += 2 {
		first, ok1 := index[i].(int64)
		n, ok2 := index[i+1].(int64)
		if !ok1 || !ok2 || row == 0 || first < 0 || n < 0 || first+n > maxNumber || n > int64(len(data)/row) {
			return nil, damaged(offset, "the cross-reference stream is malformed")
		}
		for j := range n {
			if *count++; *count > maxEntries(f.size) {
				return nil, ErrTooComplex
			}
			if err := s.add(uint32(first+j), data[:row], w); err != nil {
				return nil, damaged(offset, "the cross-reference stream is malformed")
			}
			data = data[row:]
		}
	}
	return s, nil
}

// add reads one entry (7.5.8.3, table 18).
func (s *section) add(num uint32, b []byte, w [3]int) error {
	var v [3]uint64
	for i := range v {
		for _, c := range b[:w[i]] {
			v[i] = v[i]<<8 | uint64(c)
		}
		b = b[w[i]:]
	}
	if w[0] == 0 {
		v[0] = locOffset
	}
	if v[1] > 1<<62 || v[2] > 1<<32-1 {
		return ErrTooComplex
	}
	switch v[0] {
	case locFree:
		s.entries[num] = location{kind: locFree}
	case locOffset:
		if v[2] > 0xFFFF {
			return ErrTooComplex
		}
		s.entries[num] = location{kind: locOffset, gen: uint16(v[2]), offset: int64(v[1])}
	case locStream:
		if v[1] > maxNumber {
			return ErrTooComplex
		}
		s.entries[num] = location{kind: locStream, index: uint32(v[2]), offset: int64(v[1])}
	}
	return nil // other types refer to null
}
