package pdf

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
)

const fuzzLimit = 64 << 10

// Whatever the bytes, reading ends with an object or an error, and an
// update of what can be read can be read again.
func FuzzOpen(f *testing.F) {
	for _, b := range peculiar() {
		f.Add(b)
	}
	f.Add(formDocument("").bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > fuzzLimit {
			return
		}
		p, err := Prepare(bytes.NewReader(b), int64(len(b)), Options{Time: signedAt, Appearance: &Appearance{Page: -1}})
		if err != nil {
			return
		}
		var out bytes.Buffer
		if _, err := p.Write(&out); err != nil {
			t.Fatal(err)
		}
		g, err := openFile(bytes.NewReader(out.Bytes()), int64(out.Len()), nil)
		if err != nil {
			t.Fatalf("the update cannot be read: %v", err)
		}
		if _, err := g.fields(); err != nil {
			t.Fatalf("the fields of the update: %v", err)
		}
	})
}

// contents returns the content of all pages, as far as it can be read.
func contents(b []byte) []byte {
	f, err := openFile(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		return nil
	}
	var out bytes.Buffer
	f.eachPage(func(_ ref, d dict, _ inherited) bool {
		if o, err := f.resolve(d.get("Contents")); err == nil {
			if s, ok := o.(*stream); ok {
				io.Copy(&out, io.NewSectionReader(f.r, s.offset, s.length))
			}
		}
		out.WriteByte(0)
		return true
	})
	return out.Bytes()
}

// FuzzVerify checks that nothing is valid without an anchor, and that every change
// of a page's content is reported.
func FuzzVerify(f *testing.F) {
	one := sign(f, formDocument("").bytes(), Options{}, cms.Options{})
	two := sign(f, one, Options{Appearance: &Appearance{Lines: []string{"x"}}}, cms.Options{})
	filled := revise(f, one, map[int]string{52: "<</FT /Tx /T (testo) /V (due) /Rect [100 200 300 220] /P 10 0 R>>"})
	for _, b := range [][]byte{one, two, filled, sign(f, peculiar()["object streams with catalog"], Options{}, cms.Options{})} {
		f.Add(b, []byte(nil), uint32(0))
	}
	f.Add(one, []byte("11 0 obj\nnull\nendobj\n"), uint32(100))
	v := &ades.Verifier{Now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	f.Fuzz(func(t *testing.T, b, more []byte, at uint32) {
		if len(b) > 2*fuzzLimit || len(more) > fuzzLimit {
			return
		}
		// Data anywhere, or at the end of a signed document.
		i := min(int(at), len(b))
		doc := append(bytes.Clone(b[:i:i]), more...)
		doc = append(doc, b[i:]...)
		r, err := Verify(context.Background(), bytes.NewReader(doc), int64(len(doc)), nil, v)
		if err != nil {
			return
		}
		for _, s := range r.Signatures {
			if s.State() == ades.Valid {
				t.Fatal("valid without an anchor")
			}
			if s.intact() && !s.Changed() && !bytes.Equal(contents(doc), contents(doc[:s.Length])) {
				t.Fatal("a page shows another content, and it is not reported")
			}
		}
	})
}
