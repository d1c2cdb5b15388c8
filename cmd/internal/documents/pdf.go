package documents

import (
	"context"
	"time"

	"cie/card/ades/cms"
	"cie/card/ades/pdf"
)

// pdfDocument is a PDF that gets a PAdES signature.
type pdfDocument struct {
	file     string
	size     int64
	modified time.Time
	o        Options
	sum      []byte
}

// standIn is the name in the update that is built before the name is known.
const standIn = "MARIO ROSSI"

// preparePDF builds the update once, with placeholders for what only the card can
// provide.
func preparePDF(ctx context.Context, file string, o Options) (Document, error) {
	in, size, err := OpenRegular(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, &FileError{OpRead, file, err}
	}
	if _, err := pdf.Prepare(in, size, o.pdf(standIn, o.now())); err != nil {
		return nil, &PDFError{err}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return &pdfDocument{file: file, size: size, modified: info.ModTime(), o: o}, nil
}

// Digest implements Document.
func (d *pdfDocument) Digest() []byte { return d.sum }

func (d *pdfDocument) stem(n Naming) name { return n.ofPDF(d.file) }

// sign writes the document with an empty signature, and then the signature.
func (d *pdfDocument) sign(ctx context.Context, s cms.Signer, o cms.Options, w *NewFile) error {
	in, size, err := OpenRegular(d.file)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil || size != d.size || !info.ModTime().Equal(d.modified) {
		return ErrChanged
	}
	options := d.o.pdf(SignerName(s.Certificate), o.Time)
	o.Time = time.Time{} // the time is in the signature dictionary (EN 319 142-1, 5.2)
	options.Reserve = max(options.Reserve, cms.MaxSize(s, o))
	p, err := pdf.Prepare(NewMeter(ctx, size, d.o.Progress).ReaderAt(in), size, options)
	if err != nil {
		return &PDFError{err}
	}
	if d.sum, err = p.Write(w); err != nil {
		return err
	}
	message, err := cms.SignDigest(s, d.sum, o)
	if err != nil {
		return err
	}
	return p.Put(w, message)
}
