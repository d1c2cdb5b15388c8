// Package documents signs documents into new files. It decides the format, the name
// of the signed document and what is refused before a PIN is asked for. Originals are
// never changed. The command line and the window share it and choose the words for its
// errors.
package documents

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/pdf"
	"cie/card/ades/tsp"
	"cie/card/identity"
	"cie/cmd/internal/online"
)

// Format is the format of a signed document.
type Format string

// The formats.
const (
	P7M Format = "p7m" // CAdES, of any file
	PDF Format = "pdf" // PAdES, of a PDF
)

// Options configure how one document is signed.
type Options struct {
	Format Format
	// Detached leaves the document out of the p7m. Wrap signs a p7m as it is;
	// otherwise it gets a further signature.
	Detached, Wrap bool
	// Stamped reserves room for a time stamp.
	Stamped bool
	// PDF returns the options of a signature of this person at this time. nil: an
	// invisible signature.
	PDF func(signer string, at time.Time) pdf.Options
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Progress is called while the document is read; nil: not called.
	Progress func(done, size int64)
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// pdf returns the options of a signature in a PDF.
func (o Options) pdf(signer string, at time.Time) pdf.Options {
	p := pdf.Options{Name: signer, Time: at}
	if o.PDF != nil {
		p = o.PDF(signer, at)
	}
	p.Reserve = max(p.Reserve, pdf.Reserve)
	if o.Stamped {
		p.Reserve = max(p.Reserve, pdf.ReserveTimestamp)
	}
	return p
}

// Document lacks nothing but the signature.
type Document interface {
	// Digest returns what was signed, after the signature of a PDF only.
	Digest() []byte
	// stem returns the parts of the name of the signed document.
	stem(n Naming) name
	// sign writes the signed document.
	sign(ctx context.Context, s cms.Signer, o cms.Options, w *NewFile) error
}

// Prepare reads a document before the card is used, and refuses what must be refused.
// Errors match FileError, PDFError, MessageError or ErrDetached.
func Prepare(ctx context.Context, file string, o Options) (Document, error) {
	if o.Format == PDF {
		return preparePDF(ctx, file, o)
	}
	return prepareP7M(ctx, file, o)
}

// Sign signs a document into a new file. Errors match those of Prepare, ErrChanged or
// StampError, or are those of the key. Without success nothing is left of the new file.
func Sign(ctx context.Context, d Document, out string, s cms.Signer, o cms.Options) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	file, err := Create(out)
	if err != nil {
		return err
	}
	defer file.Discard()
	if err := d.sign(ctx, s, o, file); err != nil {
		return err
	}
	return file.Commit()
}

// ErrChanged reports that a document was changed after Prepare.
var ErrChanged = cms.ErrContentChanged

// ErrDetached reports a message without its document, which cannot get a further
// signature.
var ErrDetached = errors.New("the message has no document inside")

// MessageError reports a p7m that cannot be read.
type MessageError struct{ Err error }

func (e *MessageError) Error() string { return e.Err.Error() }
func (e *MessageError) Unwrap() error { return e.Err }

// PDFError reports that package pdf cannot sign a document.
type PDFError struct{ Err error }

func (e *PDFError) Error() string { return e.Err.Error() }
func (e *PDFError) Unwrap() error { return e.Err }

// Signer returns the signer with this certificate (DER) and key. The message contains
// the issuers of the certificate as far as they are known.
func Signer(certificate []byte, key crypto.Signer) cms.Signer {
	return cms.Signer{Key: key, Certificate: certificate, Chain: ades.BuiltinAnchors().Chain(certificate)}
}

// SignerName returns the name of the user in a certificate, "" if it has none.
func SignerName(certificate []byte) string {
	id, err := identity.Parse(certificate)
	if err != nil {
		return ""
	}
	return cmp.Or(strings.TrimSpace(id.GivenName+" "+id.Surname), id.CommonName)
}

// StampError reports that an authority gave no time stamp that can be used.
type StampError struct {
	URL string
	Err error
}

func (e *StampError) Error() string { return fmt.Sprintf("no time stamp from %s: %v", e.URL, e.Err) }
func (e *StampError) Unwrap() error { return e.Err }

// Timestamp returns the function that asks an authority for the time of a signature.
// The authority gets a digest only.
func Timestamp(ctx context.Context, url string) func(signature []byte) ([]byte, error) {
	return func(signature []byte) ([]byte, error) {
		sum := sha256.Sum256(signature)
		q, err := tsp.NewRequest(sum[:])
		if err != nil {
			return nil, err
		}
		var token []byte
		answer, err := (&online.Client{}).Fetch(ctx, url, tsp.RequestType, q.Marshal(), tsp.MaxResponse)
		if err == nil {
			token, _, err = q.Token(answer)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, &StampError{url, err}
		}
		return token, nil
	}
}
