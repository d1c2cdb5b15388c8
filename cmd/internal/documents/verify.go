package documents

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/pdf"
	"cie/card/ades/revocation"
)

// VerifyOptions configure the verification of a file.
type VerifyOptions struct {
	Verifier *ades.Verifier
	// Password opens an encrypted PDF.
	Password []byte
	// Content is the file with the document of a detached signature; "": the file of
	// the same name without the extension, if there is one.
	Content string
	// Progress is called while a file is read; nil: not called.
	Progress func(file string, done, size int64)
}

// Verified is what was found in one file, which stays open until Close.
type Verified struct {
	File string
	// Message is the report of a p7m or p7s, nil for a PDF.
	Message *ades.Report
	// PDF is the report of a PDF, nil for a message.
	PDF *pdf.Report
	// Inside is the report of a PDF that is the document of an envelope, nil if the
	// document is another one. InsideErr is why it could not be read.
	Inside    *pdf.Report
	InsideErr error
	// Content is the file with the document of a detached signature, "" if it was not
	// found or the message has its document inside.
	Content string

	in *os.File
}

// Verify judges the signatures of a file: a PDF, or a message in one of the encodings
// of package cms. A PDF without signatures is no error. Errors match FileError,
// MessageError or PDFError.
func Verify(ctx context.Context, file string, o VerifyOptions) (_ *Verified, err error) {
	in, size, err := OpenRegular(file)
	if err != nil {
		return nil, err
	}
	v := &Verified{File: file, in: in}
	defer func() {
		if err != nil {
			_ = in.Close()
		}
	}()
	r := o.counted(ctx, file, in, size)
	if IsPDF(in) {
		v.PDF, err = pdf.Verify(ctx, r, size, o.Password, o.Verifier)
		if err != nil {
			return nil, outcome(ctx, err, &PDFError{err})
		}
		return v, nil
	}
	content, err := v.content(ctx, o, size)
	if err != nil {
		return nil, err
	}
	if content != nil {
		defer content.Close()
		v.Message, err = o.Verifier.File(ctx, r, size, content)
	} else {
		v.Message, err = o.Verifier.File(ctx, r, size, nil)
	}
	switch {
	case errors.Is(err, cms.ErrMalformed), errors.Is(err, cms.ErrUnsupported), errors.Is(err, cms.ErrLimit):
		return nil, outcome(ctx, err, &MessageError{err})
	case err != nil:
		return nil, outcome(ctx, err, &FileError{OpRead, file, err})
	}
	if !v.Message.Detached {
		v.Content = ""
	}
	return v, v.inside(ctx, o)
}

// outcome returns why the context ended, or err in the form of the package; nil
// without an error.
func outcome(ctx context.Context, err, wrapped error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return wrapped
}

// content opens the document of a detached signature, nil if there is none.
func (v *Verified) content(ctx context.Context, o VerifyOptions, size int64) (io.ReadCloser, error) {
	v.Content = o.Content
	if v.Content == "" {
		beside := strings.TrimSuffix(v.File, filepath.Ext(v.File))
		if m, err := cms.Open(v.in, size); err != nil || m.Content != nil || beside == v.File {
			return nil, nil
		}
		if info, err := os.Stat(beside); err != nil || !info.Mode().IsRegular() {
			return nil, nil
		}
		v.Content = beside
	}
	document, length, err := OpenRegular(v.Content)
	if err != nil {
		return nil, err
	}
	r := o.counted(ctx, v.Content, document, length)
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(r, 0, length), document}, nil
}

// inside judges the signatures of a PDF in an envelope.
func (v *Verified) inside(ctx context.Context, o VerifyOptions) error {
	document := v.Message.Document()
	if document == nil || !IsPDF(document) {
		return nil
	}
	v.Inside, v.InsideErr = pdf.Verify(ctx, document, document.Size(), o.Password, o.Verifier)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Close closes the file.
func (v *Verified) Close() error { return v.in.Close() }

// ErrNothing reports that a file does not contain what should be extracted.
var ErrNothing = errors.New("the file does not contain it")

// Signed returns what was signed: the document of an envelope, or the revision that
// the n-th signature of a PDF covers, counted from 1. It returns nil if the file has
// none.
func (v *Verified) Signed(n int) *io.SectionReader {
	switch {
	case v.PDF == nil:
		return v.Message.Document()
	case n < 1 || n > len(v.PDF.Signatures):
		return nil
	}
	return v.PDF.Signatures[n-1].Revision(v.in)
}

// Extract writes what was signed to a new file. Errors match FileError or ErrNothing.
func (v *Verified) Extract(ctx context.Context, n int, name string) error {
	document := v.Signed(n)
	if document == nil {
		return ErrNothing
	}
	out, err := Create(name)
	if err != nil {
		return err
	}
	defer out.Discard()
	in := NewMeter(ctx, document.Size(), nil).Reader(io.NewSectionReader(document, 0, document.Size()))
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, in, make([]byte, 256<<10)); err != nil {
		if _, ok := errors.AsType[*FileError](err); ok {
			return err
		}
		return outcome(ctx, err, &FileError{OpRead, v.File, err})
	}
	return out.Commit()
}

// Hosts returns the names of the computers that a Verifier with a Fetcher asks about
// the revocation of the certificates, in order.
func (v *Verified) Hosts() []string {
	hosts := map[string]bool{}
	add := func(r *ades.Result) {
		for _, c := range r.Chain[:max(len(r.Chain)-1, 0)] {
			for _, address := range slices.Concat(revocation.OCSPServers(c), revocation.CRLs(c)) {
				if u, err := url.Parse(address); err == nil && r.Trusted && u.Hostname() != "" {
					hosts[u.Hostname()] = true
				}
			}
		}
	}
	for _, r := range v.results() {
		add(r)
	}
	var list []string
	for host := range hosts {
		list = append(list, host)
	}
	slices.Sort(list)
	return list
}

// results returns the judgements of all signatures, without document time stamps.
func (v *Verified) results() []*ades.Result {
	var all []*ades.Result
	var look func([]*ades.Result)
	look = func(list []*ades.Result) {
		for _, r := range list {
			all = append(all, r)
			look(r.Counter)
		}
	}
	for m := v.Message; m != nil; m = m.Inner {
		look(m.Results)
	}
	for _, r := range []*pdf.Report{v.PDF, v.Inside} {
		if r == nil {
			continue
		}
		for _, s := range r.Signatures {
			if s.Stamp == nil {
				look([]*ades.Result{s.Result})
			}
		}
	}
	return all
}

// counted returns a reader that reports how much was read and stops at the end of the
// context. Files are not read from one end to the other, so that the amount counts.
func (o VerifyOptions) counted(ctx context.Context, file string, r io.ReaderAt, size int64) io.ReaderAt {
	return &counter{ctx: ctx, r: r, file: file, size: size, progress: o.Progress}
}

type counter struct {
	ctx        context.Context
	r          io.ReaderAt
	file       string
	done, size int64
	progress   func(file string, done, size int64)
}

// ReadAt implements io.ReaderAt.
func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.r.ReadAt(p, off)
	c.done = min(c.done+int64(n), c.size)
	if c.progress != nil {
		c.progress(c.file, c.done, c.size)
	}
	return n, err
}

// State returns the worst state of all signatures, also of those of a PDF in an
// envelope.
func (v *Verified) State() ades.State {
	if v.PDF != nil {
		return v.PDF.State()
	}
	state := v.Message.State()
	if v.Inside == nil || len(v.Inside.Signatures) == 0 {
		return state
	}
	inside := v.Inside.State()
	for _, s := range []ades.State{ades.Invalid, ades.Unknown} {
		if state == s || inside == s {
			return s
		}
	}
	return ades.Valid
}
