package pdf

import (
	"bytes"
	"io"
	"slices"

	"cie/card/ades"
)

// maxVisited limits the references that the comparisons of one document follow.
const maxVisited = 8 << 20

// compare finds the changes after each signature. It compares the signed revisions
// and the whole file. Each is parsed as a document of its own, and nothing is read
// beyond its end.
func (c *checker) compare() error {
	visited := 0
	var covering []*Signature
	old := (*file)(nil)
	for i, s := range c.signatures {
		if s.Length == 0 {
			continue
		}
		covering = append(covering, s)
		end := c.f.size
		for _, t := range c.signatures[i+1:] {
			if t.Length > s.Length {
				end = t.Length
				break
			}
		}
		if end == s.Length {
			continue
		}
		if i+1 < len(c.signatures) && c.signatures[i+1].Length == s.Length {
			continue // the last one of this revision compares
		}
		var err error
		if old == nil || old.size != s.Length {
			if old, err = c.revision(s.Length); err != nil {
				return err
			}
		}
		changes, next, err := c.step(old, end, covering, &visited)
		if err != nil {
			return err
		}
		for _, before := range covering {
			before.Later = append(before.Later, changes...)
		}
		old = next
	}
	for _, s := range c.signatures {
		if s.Result != nil && s.Changed() {
			s.Result.Add(ades.ContentChanged)
		}
	}
	return nil
}

// step returns the changes of the revision that ends at end.
func (c *checker) step(old *file, end int64, signed []*Signature, visited *int) ([]Change, *file, error) {
	unknown := []Change{{Kind: ChangeUnknown}}
	next := c.f
	if end != c.f.size {
		var err error
		if next, err = c.revision(end); err != nil {
			if isDamaged(err) {
				return unknown, nil, nil
			}
			return nil, nil, err
		}
	}
	if next.start == old.start && next.base == old.base {
		// No further revision: only white space may follow.
		blank, err := isBlank(c.f.r, old.size, end)
		if err != nil {
			return nil, nil, err
		}
		if blank {
			return nil, next, nil
		}
		return unknown, next, nil
	}
	d := &diff{c: c, old: old, new: next, visited: visited, signed: signed}
	if err := d.run(); err != nil {
		if isDamaged(err) {
			return append(d.changes, unknown...), next, nil
		}
		return nil, nil, err
	}
	return d.changes, next, nil
}

func isBlank(r io.ReaderAt, from, to int64) (bool, error) {
	buf := make([]byte, 32<<10)
	for from < to {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		for _, b := range buf[:n] {
			if !isSpace(b) {
				return false, nil
			}
		}
		if from += int64(n); n == 0 && err != nil {
			return false, err
		}
	}
	return true, nil
}

// diff compares two revisions: it visits every object that the old one reaches from
// its catalog and compares it with the new one. Pages, form and fields have their
// own rules for allowed differences.
type diff struct {
	c        *checker
	old, new *file
	signed   []*Signature // what these signatures forbid counts
	visited  *int
	changes  []Change

	pages   map[uint32]int    // numbers of the pages of old, by object
	nodes   map[uint32]*field // nodes and widgets of the form of old, by object
	onPage  map[uint32]int    // pages of annotations
	added   map[ref]bool      // fields and widgets that new signatures may add
	seen    map[uint32]bool
	pending []visit
}

// visit is an object that must not have changed.
type visit struct {
	id    ref
	where Change
}

func (d *diff) report(c Change) {
	if len(d.changes) < maxChanges && !slices.Contains(d.changes, c) {
		d.changes = append(d.changes, c)
	}
}

// moved reports whether the two revisions have an object in different places. An
// object that did not move is unchanged.
func (d *diff) moved(id ref) bool {
	a, b := d.old.xref[id.num], d.new.xref[id.num]
	if a != b {
		return true
	}
	return a.kind == locStream && d.old.xref[uint32(a.offset)] != d.new.xref[uint32(a.offset)]
}

// fieldKeys are the keys through which a field is reached as a field.
var fieldKeys = map[name]bool{"Fields": true, "Kids": true, "Annots": true, "Parent": true, "Obj": true, "CO": true, "T": true}

// follow queues the references in an object of old.
func (d *diff) follow(o object, via name, where Change) error {
	switch o := o.(type) {
	case ref:
		if *d.visited++; *d.visited > maxVisited {
			return ErrTooComplex
		}
		if _, ok := d.pages[o.num]; ok {
			return nil // compared as a page
		}
		if _, ok := d.nodes[o.num]; ok && fieldKeys[via] {
			return nil // compared as a field
		}
		if !d.seen[o.num] {
			d.seen[o.num] = true
			d.pending = append(d.pending, visit{o, where})
		}
	case array:
		for _, v := range o {
			if err := d.follow(v, via, where); err != nil {
				return err
			}
		}
	case dict:
		for _, e := range o {
			if err := d.follow(e.value, e.key, where); err != nil {
				return err
			}
		}
	case *stream:
		return d.follow(o.dict, via, where)
	}
	return nil
}

// frozen requires that an object and everything below it are unchanged in the new
// revision.
func (d *diff) frozen(old, new object, via name, where Change) error {
	same, err := d.equal(old, new)
	if err != nil {
		return err
	}
	if !same {
		d.report(where)
	}
	if err := d.follow(old, via, where); err != nil {
		return err
	}
	return d.drain()
}

// drain visits the queued objects.
func (d *diff) drain() error {
	for len(d.pending) > 0 {
		v := d.pending[len(d.pending)-1]
		d.pending = d.pending[:len(d.pending)-1]
		if err := d.c.ctx.Err(); err != nil {
			return err
		}
		if l := d.old.xref[v.id.num]; l.kind == locStream {
			// Its stream must not change either, nor the length of that.
			id := ref{num: uint32(l.offset)}
			id.gen = d.old.xref[id.num].gen
			if err := d.follow(id, "", v.where); err != nil {
				return err
			}
		}
		a, errOld := d.old.load(v.id)
		if errOld != nil && !isDamaged(errOld) {
			return errOld
		}
		if errOld != nil || d.moved(v.id) {
			b, errNew := d.new.load(v.id)
			if errNew != nil && !isDamaged(errNew) {
				return errNew
			}
			same := errOld != nil && errNew != nil && !d.moved(v.id)
			if errOld == nil && errNew == nil {
				var err error
				if same, err = d.equal(a, b); err != nil {
					return err
				}
			}
			if !same {
				d.report(v.where)
			}
		}
		if err := d.follow(a, "", v.where); err != nil {
			return err
		}
	}
	return nil
}

// equal reports whether two objects are the same, without following references.
func (d *diff) equal(a, b object) (bool, error) {
	switch a := a.(type) {
	case array:
		b, ok := b.(array)
		if !ok || len(a) != len(b) {
			return false, nil
		}
		for i := range a {
			if same, err := d.equal(a[i], b[i]); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case dict:
		b, ok := b.(dict)
		if !ok {
			return false, nil
		}
		return d.equalDict(a, b)
	case *stream:
		b, ok := b.(*stream)
		if !ok {
			return false, nil
		}
		if same, err := d.equalDict(a.dict, b.dict); !same || err != nil {
			return false, err
		}
		return d.equalData(a, b)
	}
	switch b.(type) {
	case array, dict, *stream:
		return false, nil
	}
	return a == b, nil
}

// equalDict compares dictionaries, in any order of their keys.
func (d *diff) equalDict(a, b dict) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	ordered := a.duplicates() || b.duplicates()
	var index map[name]object
	if !ordered && len(b) > 16 {
		index = make(map[name]object, len(b))
		for _, e := range b {
			index[e.key] = e.value
		}
	}
	for i, e := range a {
		other, has := object(nil), false
		switch {
		case ordered:
			other, has = b[i].value, b[i].key == e.key
		case index != nil:
			other, has = index[e.key]
		default:
			other, has = b.get(e.key), b.has(e.key)
		}
		if !has {
			return false, nil
		}
		if same, err := d.equal(e.value, other); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// equalData compares the decrypted data of two streams.
func (d *diff) equalData(a, b *stream) (bool, error) {
	if d.old.crypt != nil && d.old.crypt.streams != methodNone && a.dict.get("Type") != name("XRef") {
		if a.length > maxStream || b.length > maxStream {
			return false, ErrTooComplex
		}
		x, err := d.old.decryptData(a)
		if err != nil {
			return false, err
		}
		y, err := d.new.decryptData(b)
		return bytes.Equal(x, y), err
	}
	if a.length != b.length {
		return false, nil
	}
	x, y := make([]byte, 32<<10), make([]byte, 32<<10)
	for done := int64(0); done < a.length; {
		n := min(int64(len(x)), a.length-done)
		if _, err := io.ReadFull(io.NewSectionReader(d.old.r, a.offset+done, n), x[:n]); err != nil {
			return false, err
		}
		if _, err := io.ReadFull(io.NewSectionReader(d.new.r, b.offset+done, n), y[:n]); err != nil {
			return false, err
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false, nil
		}
		done += n
	}
	return true, nil
}

// decryptData returns the data of a stream, decrypted but not decompressed.
func (f *file) decryptData(s *stream) ([]byte, error) {
	data := make([]byte, s.length)
	if _, err := io.ReadFull(io.NewSectionReader(f.r, s.offset, s.length), data); err != nil {
		return nil, err
	}
	return f.crypt.decrypt(data, s.id, f.crypt.streams)
}
