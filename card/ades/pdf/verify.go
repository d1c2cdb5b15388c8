package pdf

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"cie/card/ades"
)

// maxSignatures limits the signatures of one document.
const maxSignatures = 256

// Report is the judgement of a document.
type Report struct {
	// Signatures are in the order in which they were made.
	Signatures []*Signature
}

// State returns the worst state of all signatures, Unknown if there is none.
func (r *Report) State() ades.State {
	state := ades.Valid
	if len(r.Signatures) == 0 {
		state = ades.Unknown
	}
	for _, s := range r.Signatures {
		switch s := s.State(); {
		case s == ades.Invalid || state == ades.Invalid:
			state = ades.Invalid
		case s == ades.Unknown:
			state = ades.Unknown
		}
	}
	return state
}

// Signature is one signature of a document, or a document time stamp.
type Signature struct {
	Field string // fully qualified name of its field
	Page  int    // on which it is visible, 0 if it is not

	// Result is the judgement of a signature. It includes later revisions: changes
	// that are not allowed give the reason ades.ContentChanged.
	Result *ades.Result
	// Stamp is the judgement of a document time stamp, nil for a signature.
	Stamp *ades.Stamp

	// Name, Reason, Location and Time are claims of the signature dictionary.
	Name, Reason, Location string
	Time                   time.Time

	// Length is the size of the revision that was signed: the first Length bytes
	// of the file. 0: the signature covers no revision.
	Length int64
	// Whole reports that nothing follows that revision.
	Whole bool
	// Later are the changes made after the signature.
	Later []Change

	id       ref // of the signature dictionary
	contents [2]int64
	message  []byte
	sub      string // SubFilter
	locks    []lock
	certify  int64 // P of a DocMDP transform, 0 without one
}

// State returns the judgement, one of the three states of EN 319 102-1.
func (s *Signature) State() ades.State { return s.Judgement().State }

// Judgement returns the judgement with its reasons: Result, or for a document time
// stamp the same statements about Stamp.
func (s *Signature) Judgement() *ades.Result {
	if s.Stamp == nil {
		return s.Result
	}
	r := &ades.Result{
		Intact: s.Stamp.Intact, Trusted: s.Stamp.Trusted, Time: s.Stamp.Time, TimeKind: ades.TimeStamped,
		Purpose: ades.PurposeTimestamp, Signer: ades.Person{Issuer: s.Stamp.Authority},
		Revocation: ades.Revocation{State: ades.RevocationNotAsked},
	}
	switch {
	case !s.Stamp.Intact:
		r.Add(ades.WrongTimestamp)
	case !s.Stamp.Trusted:
		r.Add(ades.UnknownIssuer)
	}
	if s.Changed() {
		r.Add(ades.ContentChanged)
	}
	r.State = ades.Judge(r.Reasons)
	if !s.Stamp.Intact {
		r.State = ades.Invalid
	}
	return r
}

// Changed reports whether later revisions changed what is displayed.
func (s *Signature) Changed() bool {
	return slices.ContainsFunc(s.Later, func(c Change) bool { return !c.Allowed })
}

// Revision returns the signed revision of the document, nil if the signature covers
// none.
func (s *Signature) Revision(r io.ReaderAt) *io.SectionReader {
	if s.Length == 0 {
		return nil
	}
	return io.NewSectionReader(r, 0, s.Length)
}

// Verify judges all signatures of a document. An error means that the document
// cannot be read; a signature that is wrong is no error but a Result.
func Verify(ctx context.Context, r io.ReaderAt, size int64, password []byte, v *ades.Verifier) (*Report, error) {
	f, err := openFile(r, size, password)
	if err != nil {
		return nil, err
	}
	c := &checker{ctx: ctx, f: f, password: password, v: v}
	if err := c.find(); err != nil {
		return nil, err
	}
	if err := c.judge(); err != nil {
		return nil, err
	}
	if err := c.compare(); err != nil {
		return nil, err
	}
	return &Report{c.signatures}, nil
}

type checker struct {
	ctx        context.Context
	f          *file
	password   []byte
	v          *ades.Verifier
	signatures []*Signature
	broken     map[*Signature]ades.Reason // not judged, for this reason
}

// find reads the signature dictionaries of all signed fields.
func (c *checker) find() error {
	fields, err := c.f.fields()
	if err != nil {
		return err
	}
	c.broken = make(map[*Signature]ades.Reason)
	pages, err := c.f.annotationPages()
	if err != nil {
		return err
	}
	for _, x := range fields {
		if x.kind != "Sig" || x.value == nil {
			continue
		}
		if len(c.signatures) == maxSignatures {
			return ErrTooComplex
		}
		s := &Signature{Field: x.name}
		for _, w := range x.widgets {
			if d, err := c.f.dict(w); err == nil {
				if r, err := c.f.rect(d.get("Rect")); err == nil && r.width() > 0 && r.height() > 0 {
					s.Page = pages[w.num]
				}
			}
		}
		if err := c.read(s, x); err != nil {
			if !isDamaged(err) {
				return err
			}
			c.broken[s] = ades.Unsupported
			if errors.Is(err, errNotCovered) {
				c.broken[s] = ades.NotCovered
			}
		}
		c.signatures = append(c.signatures, s)
	}
	slices.SortStableFunc(c.signatures, func(a, b *Signature) int {
		switch {
		case a.Length < b.Length:
			return -1
		case a.Length > b.Length:
			return 1
		}
		return 0
	})
	return nil
}

// errNotCovered reports a /ByteRange that omits more than /Contents of a revision.
var errNotCovered = &UnsupportedError{"a /ByteRange that leaves out more than /Contents"}

// read reads a signature dictionary and the revision that it covers.
func (c *checker) read(s *Signature, x field) error {
	id, o, err := c.f.final(x.value)
	if err != nil {
		return err
	}
	d, ok := o.(dict)
	loc := c.f.xref[id.num]
	if !ok || id == (ref{}) || loc.kind != locOffset || d.duplicates() ||
		slices.ContainsFunc(c.signatures, func(t *Signature) bool { return t.id == id }) {
		return &UnsupportedError{"a signature dictionary that is no object of its own"}
	}
	s.id = id
	s.sub = nameOf(d.get("SubFilter"))
	text := func(key name) string {
		o, _ := c.f.resolve(d.get(key))
		t, _ := o.(str)
		return textString(t)
	}
	s.Name, s.Reason, s.Location = text("Name"), text("Reason"), text("Location")
	s.Time = parseDate(text("M"))
	if err := c.readLocks(s, x, d); err != nil {
		return err
	}
	var contents, byteRange [2]int64
	plain, _, err := c.f.parseAt(id, c.f.base+loc.offset, func(key name, start, end int64) {
		switch key {
		case "Contents":
			contents = [2]int64{start, end}
		case "ByteRange":
			byteRange = [2]int64{start, end}
		}
	})
	if err != nil {
		return err
	}
	signature, _ := plain.(dict)
	message, ok := signature.get("Contents").(str)
	if !ok || byteRange[1] == 0 {
		return &UnsupportedError{"a signature without /Contents or /ByteRange"}
	}
	s.message = []byte(message)
	var v [4]int64
	numbers, ok := signature.get("ByteRange").(array)
	if !ok || len(numbers) != 4 {
		return errNotCovered
	}
	for i := range v {
		n, ok := numbers[i].(int64)
		if !ok || n < 0 || n > c.f.size {
			return errNotCovered
		}
		v[i] = n
	}
	var first [1]byte
	if _, err := c.f.r.ReadAt(first[:], contents[0]); err != nil {
		return err
	}
	if v[0] != 0 || v[1] != contents[0] || v[2] != contents[1] || v[2]+v[3] > c.f.size || first[0] != '<' {
		return errNotCovered
	}
	s.contents, s.Length = contents, v[2]+v[3]
	if err := c.isRevision(s, x); err != nil {
		s.Length = 0
		return err
	}
	s.Whole = s.Length == c.f.size
	return nil
}

// isRevision checks that the signed bytes are a document of their own, in which the
// same field has this signature.
func (c *checker) isRevision(s *Signature, x field) error {
	if s.Length == c.f.size {
		return nil
	}
	f, err := c.revision(s.Length)
	if err != nil {
		return notCovered(err)
	}
	fields, err := f.fields()
	if err != nil {
		return notCovered(err)
	}
	for _, y := range fields {
		if id, _, err := f.final(y.value); err == nil && id == s.id && y.id == x.id && y.name == x.name &&
			f.xref[s.id.num] == c.f.xref[s.id.num] {
			return nil
		}
	}
	return errNotCovered
}

func notCovered(err error) error {
	if isDamaged(err) {
		return errNotCovered
	}
	return err
}

func (c *checker) revision(size int64) (*file, error) {
	return openRevision(c.f.r, size, c.password, c.f.shared)
}

func (c *checker) readLocks(s *Signature, x field, d dict) error {
	transforms, err := c.f.transforms(d)
	if err != nil {
		return err
	}
	if params, ok := transforms["DocMDP"]; ok {
		level, err := c.f.resolve(params.get("P"))
		if err != nil {
			return err
		}
		s.certify = intOr(level, 2)
	}
	sources := []object{x.dict.get("Lock")}
	if params, ok := transforms["FieldMDP"]; ok {
		sources = append(sources, params)
	}
	for _, o := range sources {
		o, err := c.f.resolve(o)
		if err != nil {
			return err
		}
		if d, ok := o.(dict); ok {
			l, err := c.f.readLock(d)
			if err != nil {
				return err
			}
			s.locks = append(s.locks, l)
		}
	}
	return nil
}

// content returns the bytes that a signature covers.
func (s *Signature) content(r io.ReaderAt) io.Reader {
	return io.MultiReader(io.NewSectionReader(r, 0, s.contents[0]), io.NewSectionReader(r, s.contents[1], s.Length-s.contents[1]))
}

// judge judges the messages; time stamps first, because they prove the time of
// the signatures before them.
func (c *checker) judge() error {
	evidence, err := c.f.evidence()
	if err != nil {
		return err
	}
	for _, s := range c.signatures {
		if s.sub != "ETSI.RFC3161" {
			continue
		}
		s.Stamp = &ades.Stamp{}
		if _, ok := c.broken[s]; ok {
			continue
		}
		// A token that cannot be read is not intact.
		stamp, err := c.v.Timestamp(c.ctx, trimDER(s.message), s.content(c.f.r), evidence)
		if err := c.ctx.Err(); err != nil {
			return context.Cause(c.ctx)
		}
		if err == nil {
			*s.Stamp = stamp
		}
	}
	for _, s := range c.signatures {
		if s.Stamp != nil {
			continue
		}
		if s.Result, err = c.judgeMessage(s, evidence); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) judgeMessage(s *Signature, evidence ades.Evidence) (*ades.Result, error) {
	unread := func(reason ades.Reason) *ades.Result {
		r := &ades.Result{}
		r.Add(reason)
		return r
	}
	if reason, ok := c.broken[s]; ok {
		return unread(reason), nil
	}
	if s.sub != "ETSI.CAdES.detached" && s.sub != "adbe.pkcs7.detached" {
		return unread(ades.Unsupported), nil
	}
	evidence.Claimed = s.Time
	for _, t := range c.signatures {
		if t.Stamp != nil && t.Length > s.Length {
			evidence.Stamps = append(evidence.Stamps, *t.Stamp)
		}
	}
	report, err := c.v.Detached(c.ctx, s.message, s.content(c.f.r), evidence)
	if c.ctx.Err() != nil {
		return nil, context.Cause(c.ctx)
	}
	if err != nil || len(report.Results) != 1 {
		// One SignerInfo (EN 319 142-1, 5.3).
		return unread(ades.Unsupported), nil
	}
	r := report.Results[0]
	if s.sub != "ETSI.CAdES.detached" {
		r.Level = "" // no PAdES
	}
	if !report.Detached {
		// It signs a content of its own, not this document.
		r.Intact = false
		r.Add(ades.NotCovered)
	}
	return r, nil
}

// intact reports whether the message belongs to the covered bytes, regardless of the signer.
func (s *Signature) intact() bool {
	if s.Stamp != nil {
		return s.Stamp.Intact
	}
	return s.Result != nil && s.Result.Intact
}

// trimDER removes the zeros that fill /Contents.
func trimDER(b []byte) []byte {
	if len(b) < 2 || b[1] < 0x80 {
		return b
	}
	n := int(b[1] & 0x7F)
	if n > 4 || len(b) < 2+n {
		return b
	}
	size := 0
	for _, c := range b[2 : 2+n] {
		size = size<<8 | int(c)
	}
	if size > len(b)-2-n {
		return b
	}
	return b[:2+n+size]
}

// parseDate parses a date (7.9.4). It returns zero for an invalid one.
func parseDate(s string) time.Time {
	s = strings.TrimPrefix(s, "D:")
	s = strings.ReplaceAll(s, "'", "")
	for _, layout := range []string{"20060102150405-0700", "20060102150405Z", "20060102150405Z0000", "20060102150405", "200601021504", "20060102"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}
