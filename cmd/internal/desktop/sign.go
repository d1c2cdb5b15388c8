package desktop

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"cie/card"
	"cie/card/ades/cms"
	"cie/card/ades/pdf"
	"cie/card/identity"
	"cie/cmd/internal/documents"
	"cie/cmd/internal/online"
	"cie/cmd/internal/preview"
	"cie/gui"
)

// signing is the part of the Service that signs documents with a card.
type signing struct {
	cards *cards
	pages preview.Renderer
}

// Examine implements gui.Signing.
func (s *signing) Examine(ctx context.Context, file string, format gui.DocumentFormat) gui.Candidate {
	suits := documents.FormatOf(file)
	c := gui.Candidate{Path: file, Format: format, PDF: suits == documents.PDF}
	if format == "" {
		c.Format = gui.DocumentFormat(suits)
	}
	e, err := documents.Examine(ctx, file, documents.Options{Format: documents.Format(c.Format)})
	c.Size = e.Size
	for _, p := range e.Pages {
		c.Pages = append(c.Pages, gui.PageSize(p))
	}
	for _, claim := range e.Signed {
		c.Signed = append(c.Signed, gui.Signer{Name: claim.Name, At: claim.Time})
	}
	c.Refused, c.Detail = refusedFor(err)
	return c
}

// refusedFor returns why a document cannot be signed; "" for an error that is not about
// the document.
func refusedFor(err error) (gui.Refusal, string) {
	if err == nil {
		return "", ""
	}
	detail := err.Error()
	if e, ok := errors.AsType[*documents.FileError](err); ok {
		switch {
		case e.Op == documents.OpWrite && errors.Is(e, fs.ErrExist):
			return gui.RefusedTaken, detail
		case e.Op == documents.OpWrite, e.Op == documents.OpTwice:
			return gui.RefusedFolder, detail
		}
		return gui.RefusedUnreadable, detail
	}
	if e, ok := errors.AsType[*documents.PDFError](err); ok {
		return refusedPDF(e.Err), detail
	}
	if _, ok := errors.AsType[*documents.MessageError](err); ok {
		return gui.RefusedDamaged, detail
	}
	switch {
	case errors.Is(err, documents.ErrDetached):
		return gui.RefusedDetached, detail
	case errors.Is(err, documents.ErrChanged):
		return gui.RefusedChanged, detail
	}
	return "", detail
}

// refusedPDF returns why a PDF cannot be signed as one.
func refusedPDF(err error) gui.Refusal {
	if e, ok := errors.AsType[*pdf.RefusedError](err); ok {
		return map[pdf.Refusal]gui.Refusal{
			pdf.Certified: gui.RefusedCertified, pdf.Locked: gui.RefusedLocked, pdf.Forbidden: gui.RefusedForbidden,
			pdf.Certificates: gui.RefusedPassword, pdf.XFA: gui.RefusedXFA, pdf.Damaged: gui.RefusedDamaged,
		}[e.Reason]
	}
	if _, ok := errors.AsType[*pdf.PlaceError](err); ok {
		return gui.RefusedPlace
	}
	if _, ok := errors.AsType[*pdf.PageError](err); ok {
		return gui.RefusedPlace
	}
	switch {
	case errors.Is(err, pdf.ErrPassword):
		return gui.RefusedPassword
	case errors.Is(err, pdf.ErrPicture):
		return gui.RefusedPicture
	}
	return gui.RefusedDamaged
}

// maxPicture limits the file of a picture, in bytes.
const maxPicture = 16 << 20

func readPicture(file string) ([]byte, error) {
	in, _, err := documents.OpenRegular(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxPicture+1))
	if err == nil && len(b) > maxPicture {
		err = pdf.ErrPicture
	}
	return b, err
}

// CheckPicture implements gui.Signing.
func (s *signing) CheckPicture(file string) (image.Image, error) {
	b, err := readPicture(file)
	if err != nil {
		return nil, err
	}
	return pdf.Picture(b)
}

// DrawPage implements gui.Signing.
func (s *signing) DrawPage(ctx context.Context, file string, page, width int) (image.Image, error) {
	return s.pages.Draw(ctx, file, page, width)
}

// task is a document of a job on its way.
type task struct {
	index    int
	out      string
	document documents.Document
}

// SignDocuments implements gui.Signing.
func (s *signing) SignDocuments(ctx context.Context, reader string, pin []byte, job gui.SigningJob, o gui.CodeOptions, update func(gui.SigningUpdate)) error {
	tasks, err := s.prepare(ctx, job, update)
	if err != nil || len(tasks) == 0 {
		return err
	}
	return s.cards.with(ctx, reader, o.Progress, func(h *sharedSession) error {
		if err := h.session.Verify(ctx, card.PIN, pin, codeOptions(o)...); err != nil {
			return err
		}
		signer, err := documentSigner(ctx, h.session)
		if err != nil {
			return err
		}
		if id, err := identity.Parse(signer.Certificate); err == nil {
			s.cards.note(h.session, id)
		}
		return signAll(ctx, job, tasks, signer, update)
	})
}

// CheckAuthority implements gui.Signing.
func (s *signing) CheckAuthority(address string) error { return online.CheckURL(address) }

// prepare refuses what cannot be signed, before a PIN is sent.
func (s *signing) prepare(ctx context.Context, job gui.SigningJob, update func(gui.SigningUpdate)) ([]task, error) {
	outputs := documents.Outputs{Dir: job.Dir, Naming: documents.Naming{Suffix: job.Suffix, Number: " (%d)", Any: true}}
	var tasks []task
	for i, d := range job.Documents {
		t := task{index: i}
		options, err := signingOptions(d)
		options.Stamped = job.Authority != ""
		if err == nil {
			t.document, err = documents.Prepare(ctx, d.Path, options)
		}
		if err == nil {
			t.out, err = outputs.Choose(d.Path, t.document)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			update(failed(i, err))
			continue
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// failed returns the update about a document that cannot be signed.
func failed(index int, err error) gui.SigningUpdate {
	u := gui.SigningUpdate{Index: index, State: gui.DocumentFailed}
	if u.Refused, u.Detail = refusedFor(err); u.Refused == "" {
		u.Refused = gui.RefusedUnreadable
	}
	return u
}

// signingOptions returns how a document is signed.
func signingOptions(d gui.SigningDocument) (documents.Options, error) {
	o := documents.Options{Format: documents.Format(d.Format)}
	m := d.Mark
	if m == nil || d.Format != gui.FormatPDF {
		return o, nil
	}
	var picture []byte
	if m.Picture != "" {
		var err error
		if picture, err = readPicture(m.Picture); err != nil {
			return o, &documents.PDFError{Err: errors.Join(pdf.ErrPicture, err)}
		}
	}
	o.PDF = func(signer string, at time.Time) pdf.Options {
		a := &pdf.Appearance{Page: m.Page, Place: pdf.Place{X: m.X, Y: m.Y, Width: m.Width, Height: m.Height}, Picture: picture}
		if m.Text != nil {
			a.Lines = strings.Split(m.Text(signer, at), "\n")
		}
		return pdf.Options{Name: signer, Time: at, Appearance: a}
	}
	return o, nil
}

// documentSigner returns the card as a signer of documents.
func documentSigner(ctx context.Context, s *card.Session) (cms.Signer, error) {
	certificate, err := s.Certificate(ctx)
	if err != nil {
		return cms.Signer{}, err
	}
	key, err := s.Signer(ctx)
	return documents.Signer(certificate, &cardKey{Signer: key}), err
}

// cardKey keeps the error of the card, which what signs a document may not return as
// it is.
type cardKey struct {
	crypto.Signer
	err error
}

// Sign implements crypto.Signer.
func (k *cardKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, err := k.Signer.Sign(rand, digest, opts)
	k.err = err
	return signature, err
}

// signAll signs the documents until the card fails or no further one is wanted.
func signAll(ctx context.Context, job gui.SigningJob, tasks []task, signer cms.Signer, update func(gui.SigningUpdate)) error {
	key, _ := signer.Key.(*cardKey)
	options := cms.Options{}
	if job.Authority != "" {
		options.Timestamp = documents.Timestamp(ctx, job.Authority)
	}
	for _, t := range tasks {
		if job.Further != nil && job.Further.Err() != nil {
			return nil
		}
		update(gui.SigningUpdate{Index: t.index, State: gui.DocumentWorking})
		options.Time = time.Now()
		err := documents.Sign(ctx, t.document, t.out, signer, options)
		unstamped, failing := errors.AsType[*documents.StampError](err)
		switch {
		case err == nil:
			update(gui.SigningUpdate{Index: t.index, State: gui.DocumentSigned, Out: t.out, File: address(t.out), Folder: address(filepath.Dir(t.out))})
		case key.err != nil || failing || ctx.Err() != nil:
			update(gui.SigningUpdate{Index: t.index, State: gui.DocumentWaiting})
			switch {
			case key.err != nil:
				return key.err
			case failing: // the further ones would wait for it, too
				return fmt.Errorf("%w: %w", gui.ErrNoStamp, unstamped)
			}
			return context.Cause(ctx)
		default:
			update(failed(t.index, err))
		}
	}
	return nil
}

// address returns the address of a file for other programs.
func address(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive of Windows
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
