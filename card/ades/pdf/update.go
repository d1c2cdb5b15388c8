package pdf

import (
	"fmt"
	"slices"
)

// update is an incremental update (7.5.6): new and changed objects only.
type update struct {
	f       *file
	next    uint32
	changed map[ref]bool
	objects []written
}

type written struct {
	id     ref
	value  object
	data   []byte // of a stream
	stream bool
}

func newUpdate(f *file) *update {
	return &update{f: f, next: f.nextNumber(), changed: make(map[ref]bool)}
}

// add assigns the next free number to an object.
func (u *update) add(value object) ref {
	id := u.reserve()
	u.set(id, value)
	return id
}

// reserve reserves the next free number; set defines its value.
func (u *update) reserve() ref {
	id := ref{num: u.next}
	u.next++
	return id
}

func (u *update) addStream(d dict, data []byte) ref {
	id := u.reserve()
	u.objects = append(u.objects, written{id: id, value: d, data: data, stream: true})
	return id
}

// set writes an object, new or in place of the one with that number.
func (u *update) set(id ref, value object) {
	if u.changed[id] {
		i := slices.IndexFunc(u.objects, func(w written) bool { return w.id == id })
		u.objects[i].value = value
		return
	}
	u.changed[id] = true
	u.objects = append(u.objects, written{id: id, value: value})
}

// bytes returns what follows the original, and where in it each object starts.
func (u *update) bytes() ([]byte, map[ref]int, error) {
	var b []byte
	if u.f.size > 0 {
		var last [1]byte
		if _, err := u.f.r.ReadAt(last[:], u.f.size-1); err != nil {
			return nil, nil, err
		}
		if last[0] != '\n' && last[0] != '\r' {
			b = append(b, '\n')
		}
	}
	at := make(map[ref]int)
	slices.SortFunc(u.objects, func(a, b written) int { return int(a.id.num) - int(b.id.num) })
	for _, w := range u.objects {
		at[w.id] = len(b)
		var err error
		if b, err = u.appendIndirect(b, w); err != nil {
			return nil, nil, err
		}
	}
	b, err := u.appendXref(b, at)
	return b, at, err
}

func (u *update) appendIndirect(b []byte, w written) (_ []byte, err error) {
	var encrypt func([]byte) ([]byte, error)
	c := u.f.crypt
	if c != nil {
		encrypt = func(s []byte) ([]byte, error) { return c.encrypt(s, w.id, c.strings) }
	}
	b = fmt.Appendf(b, "%d %d obj\n", w.id.num, w.id.gen)
	if !w.stream {
		if b, err = appendObject(b, w.value, encrypt); err != nil {
			return nil, err
		}
		return append(b, "\nendobj\n"...), nil
	}
	data := w.data
	if c != nil {
		if data, err = c.encrypt(data, w.id, c.streams); err != nil {
			return nil, err
		}
	}
	d, _ := w.value.(dict)
	if b, err = appendObject(b, d.with("Length", int64(len(data))), encrypt); err != nil {
		return nil, err
	}
	b = append(b, "\nstream\n"...)
	b = append(b, data...)
	return append(b, "\nendstream\nendobj\n"...), nil
}

// appendXref appends the section of the same kind as the newest one: readers
// differ in how they follow a chain of both kinds.
func (u *update) appendXref(b []byte, at map[ref]int) ([]byte, error) {
	// Offsets count from the header.
	offset := func(i int) int64 { return u.f.size + int64(i) - u.f.base }
	start := offset(len(b))
	trailer := dict{}
	for _, e := range u.f.trailer {
		switch e.key {
		case "Size", "Prev", "XRefStm", "Length", "Filter", "DecodeParms", "W", "Index", "Type":
		default:
			if !trailer.has(e.key) {
				trailer = append(trailer, entry{e.key, u.f.trailer.get(e.key)})
			}
		}
	}
	ids := make([]ref, 0, len(at)+1)
	for id := range at {
		ids = append(ids, id)
	}
	var self ref
	if u.f.streamed {
		self = u.reserve()
		ids = append(ids, self)
	}
	slices.SortFunc(ids, func(a, b ref) int { return int(a.num) - int(b.num) })
	trailer = append(dict{{"Size", int64(u.next)}, {"Prev", u.f.start}}, trailer...)
	if start > 9_999_999_999 {
		return nil, ErrTooComplex // ten digits, as a table has
	}
	var index array
	var rows []byte
	for i := 0; i < len(ids); {
		n := 1
		for i+n < len(ids) && ids[i+n].num == ids[i].num+uint32(n) {
			n++
		}
		index = append(index, int64(ids[i].num), int64(n))
		if !u.f.streamed {
			rows = fmt.Appendf(rows, "%d %d\n", ids[i].num, n)
		}
		for _, id := range ids[i : i+n] {
			o := start
			if id != self || !u.f.streamed {
				o = offset(at[id])
			}
			if u.f.streamed {
				rows = append(rows, locOffset, byte(o>>32), byte(o>>24), byte(o>>16), byte(o>>8), byte(o), byte(id.gen>>8), byte(id.gen))
			} else {
				rows = fmt.Appendf(rows, "%010d %05d n \n", o, id.gen)
			}
		}
		i += n
	}
	var err error
	if u.f.streamed {
		d := append(dict{{"Type", name("XRef")}, {"W", array{int64(1), int64(5), int64(2)}}, {"Index", index},
			{"Length", int64(len(rows))}}, trailer...)
		b = fmt.Appendf(b, "%d 0 obj\n", self.num)
		if b, err = appendObject(b, d, nil); err != nil {
			return nil, err
		}
		b = append(b, "\nstream\n"...)
		b = append(b, rows...)
		b = append(b, "\nendstream\nendobj\n"...)
	} else {
		b = append(b, "xref\n"...)
		b = append(b, rows...)
		b = append(b, "trailer\n"...)
		if b, err = appendObject(b, trailer, nil); err != nil {
			return nil, err
		}
		b = append(b, '\n')
	}
	return fmt.Appendf(b, "startxref\n%d\n%%%%EOF\n", start), nil
}
