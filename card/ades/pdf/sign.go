package pdf

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bytes reserved for the CMS message before signing.
const (
	Reserve          = 16 << 10
	ReserveTimestamp = 24 << 10
	maxReserve       = 1 << 20
)

// Options configure a signature.
type Options struct {
	// Password opens an encrypted document; an empty one is tried anyway.
	Password []byte
	// Field is the fully qualified name of an empty signature field of the
	// document. Empty: a new field.
	Field string
	// Appearance is the content of the visible signature. If nil, the signature is
	// invisible, or its field remains empty.
	Appearance *Appearance
	// Name, Reason and Location go into the signature dictionary where not empty.
	Name, Reason, Location string
	// Time is the time that the signer claims (/M).
	Time time.Time
	// Reserve is the minimum number of bytes reserved for the CMS message.
	Reserve int
}

// Refusal is the reason why a document cannot be signed as a PDF. It can be signed
// as p7m instead.
type Refusal string

// The refusals.
const (
	Certified    Refusal = "certified"    // its author allows no changes (DocMDP 1)
	Locked       Refusal = "locked"       // an earlier signature locks the form (FieldMDP, Lock)
	Forbidden    Refusal = "forbidden"    // the encryption does not permit it
	Certificates Refusal = "certificates" // encrypted for certificates (Adobe.PubSec)
	XFA          Refusal = "xfa"          // an XFA form would hide the signature
	Damaged      Refusal = "damaged"      // damaged, or beyond what this package reads
)

// RefusedError reports that a document is refused before anything is signed.
type RefusedError struct {
	Reason Refusal
	Err    error // details, may be nil
}

func (e *RefusedError) Error() string {
	s := "the PDF cannot be signed"
	switch e.Reason {
	case Certified:
		s += ": its certification allows no changes"
	case Locked:
		s += ": an earlier signature locks the form"
	case Forbidden:
		s += ": its encryption does not permit changes"
	case XFA:
		s += ": its XFA form would hide the signature"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *RefusedError) Unwrap() error { return e.Err }

// FieldError reports that the document has no empty signature field of that name.
type FieldError struct {
	Name  string
	Empty []string // the empty signature fields it has
}

func (e *FieldError) Error() string {
	s := fmt.Sprintf("the document has no empty signature field %q", e.Name)
	if len(e.Empty) > 0 {
		s += fmt.Sprintf("; it has %q", e.Empty)
	}
	return s
}

// Prepare builds the update that signs the document. It needs no key: all
// refusals happen here.
func Prepare(r io.ReaderAt, size int64, o Options) (*Pending, error) {
	f, err := openFile(r, size, o.Password)
	if err != nil {
		return nil, refuse(err)
	}
	p, err := prepare(f, o)
	if err != nil {
		return nil, refuse(err)
	}
	return p, nil
}

func refuse(err error) error {
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return err
	case errors.Is(err, errPubSec):
		return &RefusedError{Certificates, err}
	case isDamaged(err):
		return &RefusedError{Damaged, err}
	}
	return err
}

func prepare(f *file, o Options) (*Pending, error) {
	fields, err := f.fields()
	if err != nil {
		return nil, err
	}
	if err := f.mayBeSigned(fields, o.Field); err != nil {
		return nil, err
	}
	s := signing{f: f, u: newUpdate(f), o: o, reserve: min(max(o.Reserve, Reserve), maxReserve)}
	if o.Field != "" {
		err = s.existing(fields)
	} else {
		err = s.newField(fields)
	}
	if err != nil {
		return nil, err
	}
	update, at, err := s.u.bytes()
	if err != nil {
		return nil, err
	}
	return s.finish(update, at[s.value])
}

// signing is the construction of one signature.
type signing struct {
	f       *file
	u       *update
	o       Options
	reserve int
	value   ref // the signature dictionary
}

// byteRangeRoom is the place for four numbers of up to 12 digits.
const byteRangeRoom = 4*12 + 5

func (s *signing) placeholder() string { return "<" + strings.Repeat("0", 2*s.reserve) + ">" }

// signature adds the signature dictionary (12.8.1; EN 319 142-1, 6.3).
func (s *signing) signature(reference object) {
	d := dict{{"Type", name("Sig")}, {"Filter", name("Adobe.PPKLite")}, {"SubFilter", name("ETSI.CAdES.detached")},
		{"ByteRange", raw(strings.Repeat(" ", byteRangeRoom))}, {"Contents", raw(s.placeholder())},
		{"M", str(s.o.Time.Format("D:20060102150405-07'00'"))}}
	for _, e := range []struct {
		key  name
		text string
	}{{"Name", s.o.Name}, {"Reason", s.o.Reason}, {"Location", s.o.Location}} {
		if e.text != "" {
			d = append(d, entry{e.key, newText(e.text)})
		}
	}
	if reference != nil {
		d = append(d, entry{"Reference", reference})
	}
	s.value = s.u.add(d)
}

// widgetFlags are Print and Locked.
const widgetFlags = 4 | 128

// newField adds a field merged with its widget to a page and to the form.
func (s *signing) newField(fields []field) error {
	number := 1
	if s.o.Appearance != nil && s.o.Appearance.Page != 0 {
		number = s.o.Appearance.Page
	}
	p, err := s.f.page(number)
	if err != nil {
		return err
	}
	var r rect
	w, h, rotate := 0.0, 0.0, 0
	if s.o.Appearance != nil {
		if r, w, h, err = p.rectFor(s.o.Appearance.Place); err != nil {
			return err
		}
		rotate = p.rotate
	}
	s.signature(nil)
	form, err := appearance(s.u, s.o.Appearance, w, h, rotate)
	if err != nil {
		return err
	}
	title, err := s.uniqueName(fields)
	if err != nil {
		return err
	}
	widget := s.u.add(dict{{"Type", name("Annot")}, {"Subtype", name("Widget")}, {"FT", name("Sig")}, {"T", newText(title)},
		{"V", s.value}, {"F", int64(widgetFlags)}, {"P", p.id}, {"Rect", r.array()}, {"AP", dict{{"N", form}}}})
	if err := s.addTo(p.id, p.dict, "Annots", widget); err != nil {
		return err
	}
	return s.changeForm(widget)
}

// uniqueName returns a name that no field at the top of the form has.
func (s *signing) uniqueName(fields []field) (string, error) {
	used := make(map[string]bool)
	for _, x := range fields {
		top, _, _ := strings.Cut(x.name, ".")
		used[top] = true
	}
	// Fields without children that are not terminal count too.
	form, err := s.f.form()
	if err != nil {
		return "", err
	}
	roots, err := s.f.array(form.get("Fields"))
	if err != nil {
		return "", err
	}
	for _, o := range roots {
		o, err := s.f.resolve(o)
		if err != nil {
			return "", err
		}
		if d, ok := o.(dict); ok {
			if t, ok := d.get("T").(str); ok {
				used[textString(t)] = true
			}
		}
	}
	for n := 1; ; n++ {
		if title := "Signature" + strconv.Itoa(n); !used[title] {
			return title, nil
		}
	}
}

// addTo appends id to the array under key of the dictionary owner: in the array
// object if it has one, else in the dictionary.
func (s *signing) addTo(owner ref, d dict, key name, id ref) error {
	at, o, err := s.f.final(d.get(key))
	if err != nil {
		return err
	}
	list, ok := o.(array)
	if !ok && o != nil {
		return damaged(s.f.offsetOf(owner), "/%s is no array", key)
	}
	list = append(slices.Clone(list), id)
	if ok && at != (ref{}) {
		s.u.set(at, list)
		return nil
	}
	return s.change(owner, d.with(key, list))
}

// change writes a dictionary in place of the existing one.
func (s *signing) change(id ref, d dict) error {
	old, err := s.f.dict(id)
	if err != nil {
		return err
	}
	if old.duplicates() {
		return damaged(s.f.offsetOf(id), "object %d has a key twice", id.num)
	}
	s.u.set(id, d)
	return nil
}

// changeForm adds a field to the form (unless it is zero) and sets SigFlags.
func (s *signing) changeForm(widget ref) error {
	root, catalog, err := s.f.catalog()
	if err != nil {
		return err
	}
	at, o, err := s.f.final(catalog.get("AcroForm"))
	if err != nil {
		return err
	}
	form, _ := o.(dict)
	isNew, changed := form == nil, false
	if o, err := s.f.resolve(form.get("SigFlags")); err != nil {
		return err
	} else if flags := intOr(o, 0); flags&3 != 3 {
		form, changed = form.with("SigFlags", flags|3), true
	}
	if widget != (ref{}) {
		fieldsAt, o, err := s.f.final(form.get("Fields"))
		if err != nil {
			return err
		}
		list, isArray := o.(array)
		if !isArray && o != nil {
			return damaged(s.f.offsetOf(root), "/Fields is no array")
		}
		list = append(slices.Clone(list), widget)
		if isArray && fieldsAt != (ref{}) {
			s.u.set(fieldsAt, list)
		} else {
			form, changed = form.with("Fields", list), true
		}
	}
	switch {
	case !changed:
		return nil
	case at != (ref{}) && !isNew:
		return s.change(at, form)
	}
	return s.change(root, catalog.with("AcroForm", form))
}

// existing signs an empty signature field of the document.
func (s *signing) existing(fields []field) error {
	missing := &FieldError{Name: s.o.Field}
	i := -1
	for j, x := range fields {
		if x.kind != "Sig" || x.value != nil {
			continue
		}
		missing.Empty = append(missing.Empty, x.name)
		if x.name == s.o.Field {
			i = j
		}
	}
	if i < 0 {
		return missing
	}
	x := fields[i]
	if err := s.seedValue(x); err != nil {
		return err
	}
	if len(x.widgets) != 1 {
		return damaged(s.f.offsetOf(x.id), "signature field %q has %d widgets", x.name, len(x.widgets))
	}
	reference, err := s.lockReference(x)
	if err != nil {
		return err
	}
	s.signature(reference)
	id := x.widgets[0]
	widget, err := s.f.dict(id)
	if err != nil {
		return err
	}
	p, err := s.pageOf(id)
	if err != nil {
		return err
	}
	changed := widget
	if r, err := s.f.rect(widget.get("Rect")); err == nil && r.width() > 0 && r.height() > 0 {
		w, h, rotate := r.width(), r.height(), 0
		if p != nil {
			w, h, rotate = w*p.unit, h*p.unit, p.rotate
			if rotate%180 != 0 {
				w, h = h, w
			}
		}
		form, err := appearance(s.u, s.o.Appearance, w, h, rotate)
		if err != nil {
			return err
		}
		changed = changed.with("AP", dict{{"N", form}})
	} else if !widget.has("AP") {
		form, err := appearance(s.u, nil, 0, 0, 0)
		if err != nil {
			return err
		}
		changed = changed.with("AP", dict{{"N", form}})
	}
	changed = changed.with("F", intOr(widget.get("F"), 0)|widgetFlags)
	if p != nil && !changed.has("P") {
		changed = changed.with("P", p.id)
	}
	if id == x.id {
		changed = changed.with("V", s.value)
	} else if err := s.change(x.id, x.dict.with("V", s.value)); err != nil {
		return err
	}
	if err := s.change(id, changed); err != nil {
		return err
	}
	return s.changeForm(ref{})
}

// pageOf returns the page that shows an annotation, nil if no page does.
func (s *signing) pageOf(id ref) (*page, error) {
	var found *page
	var failed error
	err := s.f.eachPage(func(pageID ref, d dict, i inherited) bool {
		annots, err := s.f.array(d.get("Annots"))
		if err != nil {
			failed = err
			return false
		}
		if slices.Contains(annots, object(id)) {
			found = &page{id: pageID, dict: d}
			failed = s.f.geometry(found, i)
			return false
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return found, err
}

// lockReference returns the FieldMDP transform that a field with a Lock requires
// (12.7.5.5, 12.8.2.4).
func (s *signing) lockReference(x field) (object, error) {
	o, err := s.f.resolve(x.dict.get("Lock"))
	if err != nil || o == nil {
		return nil, err
	}
	d, ok := o.(dict)
	if !ok {
		return nil, damaged(s.f.offsetOf(x.id), "/Lock is no dictionary")
	}
	l, err := s.f.readLock(d)
	if err != nil || l.action == "" {
		return nil, err
	}
	params := dict{{"Type", name("TransformParams")}, {"V", name("1.2")}, {"Action", l.action}}
	if l.action != "All" {
		list := array{}
		for _, n := range l.fields {
			list = append(list, newText(n))
		}
		params = append(params, entry{"Fields", list})
	}
	return array{dict{{"Type", name("SigRef")}, {"TransformMethod", name("FieldMDP")}, {"TransformParams", params},
		{"Data", s.f.trailer.get("Root")}}}, nil
}
