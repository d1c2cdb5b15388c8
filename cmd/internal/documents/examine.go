package documents

import (
	"context"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/pdf"
)

// Examined is what is known of a file before it is signed.
type Examined struct {
	Size   int64
	Format Format
	// Pages are the sizes of the pages of a PDF.
	Pages []pdf.PageSize
	// Signed are the claims of the signatures that the file has; none was verified.
	Signed []ades.Claim
}

// Examine looks at a file. It fails with an error of Prepare for a file that cannot be
// signed in the format of the options; what is known of it is returned all the same.
// Only Prepare reads the whole file.
func Examine(ctx context.Context, file string, o Options) (Examined, error) {
	e := Examined{Format: o.Format}
	in, size, err := OpenRegular(file)
	if err != nil {
		return e, err
	}
	defer in.Close()
	e.Size = size
	if IsPDF(in) {
		if d, err := pdf.Describe(NewMeter(ctx, size, nil).ReaderAt(in), size, nil); err == nil {
			e.Pages, e.Signed = d.Pages, d.Signed
		}
	}
	if o.Format == PDF {
		_, err := preparePDF(ctx, file, o)
		return e, err
	}
	d := &p7mDocument{file: file, size: size}
	var m *cms.SignedData
	if m, err = d.existing(in, o); m != nil {
		e.Signed = ades.Claims(m)
	}
	return e, err
}
