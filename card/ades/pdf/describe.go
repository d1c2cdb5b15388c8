package pdf

import (
	"cmp"
	"io"

	"cie/card/ades"
	"cie/card/ades/cms"
)

// Description is what a document shows before it is signed.
type Description struct {
	// Pages are the sizes of the pages as displayed.
	Pages []PageSize
	// Signed are the claims of its signatures, which were not verified.
	Signed []ades.Claim
}

// PageSize is the size of a page as displayed, in points.
type PageSize struct{ Width, Height float64 }

// Describe reads what a document shows. Errors are those of Verify.
func Describe(r io.ReaderAt, size int64, password []byte) (*Description, error) {
	f, err := openFile(r, size, password)
	if err != nil {
		return nil, err
	}
	d := &Description{}
	var failed error
	err = f.eachPage(func(id ref, pd dict, i inherited) bool {
		p := &page{id: id, dict: pd}
		failed = f.geometry(p, i)
		w, h := p.shown()
		d.Pages = append(d.Pages, PageSize{w, h})
		return failed == nil
	})
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	d.Signed, err = f.claims()
	return d, err
}

// claims returns what the signatures of the document say about their signers.
func (f *file) claims() ([]ades.Claim, error) {
	fields, err := f.fields()
	if err != nil {
		return nil, err
	}
	var list []ades.Claim
	for _, x := range fields {
		if x.kind != "Sig" || x.value == nil {
			continue
		}
		if len(list) == maxSignatures {
			return nil, ErrTooComplex
		}
		o, err := f.resolve(x.value)
		if err != nil {
			return nil, err
		}
		d, ok := o.(dict)
		if !ok || nameOf(d.get("SubFilter")) == "ETSI.RFC3161" {
			continue
		}
		text := func(key name) string {
			o, _ := f.resolve(d.get(key))
			t, _ := o.(str)
			return string(t)
		}
		c := ades.Claim{Time: parseDate(textString(str(text("M")))), Name: textString(str(text("Name")))}
		if m, err := cms.Parse([]byte(text("Contents"))); err == nil {
			if inside := ades.Claims(m); len(inside) > 0 {
				c.Name = cmp.Or(inside[0].Name, c.Name)
			}
		}
		list = append(list, c)
	}
	return list, nil
}
