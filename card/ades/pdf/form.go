package pdf

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

const maxFields = 1 << 18

// field is a terminal field of the form (12.7.4) with its inherited entries.
type field struct {
	id      ref
	dict    dict   // the field's own dictionary
	name    string // fully qualified
	kind    name   // FT: Tx, Btn, Ch or Sig
	value   object // V
	widgets []ref  // annotations that show it; the field itself if merged
	path    []ref  // the nodes of the form above it
}

// catalog returns the catalog and the reference under which it is written.
func (f *file) catalog() (ref, dict, error) {
	if f.root != nil {
		return f.rootID, f.root, nil
	}
	id, o, err := f.final(f.trailer.get("Root"))
	if err != nil {
		return ref{}, nil, err
	}
	d, ok := o.(dict)
	if !ok || id == (ref{}) {
		return ref{}, nil, damaged(f.start, "the catalog is missing")
	}
	f.rootID, f.root = id, d
	return id, d, nil
}

// final follows references and returns the last one (zero if o is none) and the
// object that it refers to.
func (f *file) final(o object) (id ref, _ object, err error) {
	for range maxRefs {
		r, ok := o.(ref)
		if !ok {
			return id, o, nil
		}
		id = r
		if o, err = f.load(r); err != nil {
			return ref{}, nil, err
		}
	}
	return ref{}, nil, damaged(f.start, "references lead in a circle")
}

// form returns the form of the document, nil without one.
func (f *file) form() (dict, error) {
	_, catalog, err := f.catalog()
	if err != nil {
		return nil, err
	}
	o, err := f.resolve(catalog.get("AcroForm"))
	if err != nil || o == nil {
		return nil, err
	}
	d, ok := o.(dict)
	if !ok {
		return nil, damaged(f.offsetOf(catalog.get("AcroForm")), "the form is no dictionary")
	}
	return d, nil
}

// fields returns the terminal fields in the order of the form, and after them
// signature fields that are on a page only: poppler adds such.
func (f *file) fields() ([]field, error) {
	form, err := f.form()
	if err != nil {
		return nil, err
	}
	roots, err := f.array(form.get("Fields"))
	if err != nil {
		return nil, err
	}
	w := fieldWalk{f: f, seen: make(map[uint32]bool)}
	for _, r := range roots {
		if err := w.node(r, field{}, 0); err != nil {
			return nil, err
		}
	}
	if err := w.orphans(); err != nil {
		return nil, err
	}
	return w.out, nil
}

// orphans adds the signature fields of pages that the form does not name.
func (w *fieldWalk) orphans() error {
	var failed error
	visit := func(o object) error {
		id, ok := o.(ref)
		if !ok || w.seen[id.num] {
			return nil
		}
		o, err := w.f.resolve(o)
		if err != nil {
			return ignoreDamage(err)
		}
		d, ok := o.(dict)
		if !ok || d.get("Subtype") != name("Widget") || d.get("FT") != name("Sig") || !d.has("T") || d.has("Parent") {
			return nil
		}
		return w.node(id, field{}, 0)
	}
	err := w.f.eachPage(func(_ ref, d dict, _ inherited) bool {
		annots, err := w.f.array(d.get("Annots"))
		if failed = ignoreDamage(err); failed != nil {
			return false
		}
		for _, o := range annots {
			if failed = visit(o); failed != nil {
				return false
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return err
}

type fieldWalk struct {
	f    *file
	seen map[uint32]bool
	out  []field
}

func (w *fieldWalk) node(o object, parent field, depth int) error {
	id, ok := o.(ref)
	if !ok {
		return damaged(w.f.start, "the form has a field that is no reference")
	}
	if w.seen[id.num] {
		return damaged(w.f.offsetOf(o), "the form is circular")
	}
	if w.seen[id.num] = true; depth > maxDepth || len(w.seen) > maxFields {
		return ErrTooComplex
	}
	resolved, err := w.f.resolve(o)
	if err != nil {
		return err
	}
	d, ok := resolved.(dict)
	if !ok {
		return nil // a field that was deleted
	}
	x := field{id: id, dict: d, name: parent.name, kind: parent.kind, value: parent.value}
	if depth > 0 {
		x.path = append(slices.Clone(parent.path), parent.id)
	}
	if t, err := w.f.resolve(d.get("T")); err != nil {
		return err
	} else if t, ok := t.(str); ok {
		if x.name != "" {
			x.name += "."
		}
		x.name += textString(t)
	}
	if k, err := w.f.resolve(d.get("FT")); err != nil {
		return err
	} else if k, ok := k.(name); ok {
		x.kind = k
	}
	if v := d.get("V"); v != nil {
		x.value = v
	}
	kids, err := w.f.array(d.get("Kids"))
	if err != nil {
		return err
	}
	terminal := true
	for _, kid := range kids {
		kd, err := w.f.resolve(kid)
		if err != nil {
			return err
		}
		if kd, ok := kd.(dict); ok && kd.has("T") {
			terminal = false
			if err := w.node(kid, x, depth+1); err != nil {
				return err
			}
			continue
		}
		if r, ok := kid.(ref); ok {
			x.widgets = append(x.widgets, r)
		}
	}
	if len(kids) == 0 {
		x.widgets = []ref{id}
	}
	if terminal && x.kind == "Sig" {
		// A signature field whose value was deleted is empty.
		if v, err := w.f.resolve(x.value); err != nil {
			return err
		} else if v == nil {
			x.value = nil
		}
	}
	if terminal {
		w.out = append(w.out, x)
	}
	return nil
}

// textString decodes a text string (7.9.2.2).
func textString(s str) string {
	switch {
	case len(s) >= 2 && s[:2] == "\xFE\xFF":
		var units []uint16
		for i := 2; i+1 < len(s); i += 2 {
			units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
		}
		return string(utf16.Decode(units))
	case len(s) >= 3 && s[:3] == "\xEF\xBB\xBF" && utf8.ValidString(string(s)):
		return string(s[3:])
	}
	out := make([]rune, 0, len(s))
	for i := range len(s) {
		// PDFDocEncoding agrees with Latin-1 except for a few signs.
		out = append(out, rune(s[i]))
	}
	return string(out)
}

// newText encodes a text string.
func newText(s string) str {
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] >= ' ' && s[i] < 0x7F
	}
	if ascii {
		return str(s)
	}
	out := []byte{0xFE, 0xFF}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return str(out)
}

// transforms returns the parameters of the transform methods of a signature
// dictionary (12.8.2): DocMDP, FieldMDP, UR3.
func (f *file) transforms(signature dict) (map[name]dict, error) {
	refs, err := f.array(signature.get("Reference"))
	if err != nil {
		return nil, err
	}
	out := make(map[name]dict)
	for _, o := range refs {
		d, err := f.dict(o)
		if err != nil {
			return nil, err
		}
		method, err := f.resolve(d.get("TransformMethod"))
		if err != nil {
			return nil, err
		}
		params := dict{}
		if p := d.get("TransformParams"); p != nil {
			if params, err = f.dict(p); err != nil {
				return nil, err
			}
		}
		if m, ok := method.(name); ok {
			out[m] = params
		}
	}
	return out, nil
}

// lock describes the changes to the form that a signature forbids: a FieldMDP
// transform or the Lock of a signature field.
type lock struct {
	action name // All, Include or Exclude
	fields []string
}

func (f *file) readLock(d dict) (lock, error) {
	var l lock
	action, err := f.resolve(d.get("Action"))
	if err != nil {
		return l, err
	}
	l.action, _ = action.(name)
	names, err := f.array(d.get("Fields"))
	if err != nil {
		return l, err
	}
	for _, o := range names {
		if o, err = f.resolve(o); err != nil {
			return l, err
		}
		if s, ok := o.(str); ok {
			l.fields = append(l.fields, textString(s))
		}
	}
	return l, nil
}

// covers reports whether the lock forbids changes of a field.
func (l lock) covers(field string) bool {
	listed := slices.ContainsFunc(l.fields, func(n string) bool {
		return n == field || len(field) > len(n) && field[:len(n)] == n && field[len(n)] == '.'
	})
	switch l.action {
	case "All":
		return true
	case "Include":
		return listed
	case "Exclude":
		return !listed
	}
	return false
}
