package ades

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"cie/card/ades/cms"
	"cie/card/ades/tsp"
	"cie/card/internal/rawcert"
)

// Fetcher fetches revocation information for a Verifier. A Verifier without a
// Fetcher makes no connection.
type Fetcher interface {
	// Fetch sends body to url with POST and this content type, or, without a
	// body, asks for url with GET. It returns at most limit bytes of the answer.
	Fetch(ctx context.Context, url, contentType string, body []byte, limit int64) ([]byte, error)
}

// Verifier judges signatures. The zero Verifier trusts the issuers of the CIE and
// requests nothing.
type Verifier struct {
	Anchors *Anchors  // nil: BuiltinAnchors
	At      time.Time // judge at this time, not at the one of the signature
	Now     time.Time // zero: time.Now
	Fetcher Fetcher   // nil: revocation is not asked
}

// Evidence contains certificates and revocation values in DER from outside the
// message, such as those of a PDF's DSS. They are not trusted without a signature.
type Evidence struct {
	Certificates, OCSPs, CRLs [][]byte
	// Claimed is the time that the document claims if the message has none, such
	// as /M of a PDF signature.
	Claimed time.Time
	// Stamps are document time stamps, as Timestamp judged them, over a
	// revision that has the message in it.
	Stamps []Stamp
}

// Report is the judgement of one message.
type Report struct {
	Message *cms.SignedData
	// Detached reports that the message does not contain the content.
	Detached bool
	// Results are in the order of the message.
	Results []*Result
	// Inner is the report of the content if that is a signed message itself.
	Inner *Report
}

// State returns the worst state of all signatures, including counter-signatures and
// inner messages: Invalid before Unknown before Valid.
func (r *Report) State() State {
	state := Valid
	if len(r.Results) == 0 {
		state = Unknown
	}
	var look func([]*Result)
	look = func(list []*Result) {
		for _, x := range list {
			state = worse(state, x.State)
			look(x.Counter)
		}
	}
	look(r.Results)
	if r.Inner != nil {
		state = worse(state, r.Inner.State())
	}
	return state
}

func worse(a, b State) State {
	for _, s := range []State{Invalid, Unknown} {
		if a == s || b == s {
			return s
		}
	}
	return Valid
}

// Document returns the signed document: the content of the innermost message, nil
// for a detached message.
func (r *Report) Document() *io.SectionReader {
	if r.Inner != nil {
		return r.Inner.Document()
	}
	return r.Message.Content
}

// maxLayers bounds messages within messages.
const maxLayers = 16

// File judges a p7m file. content is the document of a detached signature, or nil;
// it is not read if the message has its content inside. Errors are those of
// cms.Open or of reading. A wrong signature is not an error but a Result.
func (v *Verifier) File(ctx context.Context, r io.ReaderAt, size int64, content io.Reader) (*Report, error) {
	return v.file(ctx, r, size, content, 1)
}

func (v *Verifier) file(ctx context.Context, r io.ReaderAt, size int64, content io.Reader, layer int) (*Report, error) {
	m, err := cms.Open(r, size)
	if err != nil {
		return nil, err
	}
	report, err := v.message(ctx, m, content, Evidence{})
	if err != nil || m.Content == nil || layer == maxLayers || !looksSigned(m.Content) {
		return report, err
	}
	// A content that only looks like a message is a document.
	inner, err := v.file(ctx, m.Content, m.Content.Size(), nil, layer+1)
	switch {
	case err == nil:
		report.Inner = inner
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, cms.ErrMalformed), errors.Is(err, cms.ErrUnsupported):
	default:
		return nil, err
	}
	return report, nil
}

// looksSigned reports whether a content starts like a signed message.
func looksSigned(content *io.SectionReader) bool {
	var head [32]byte
	n, _ := content.ReadAt(head[:], 0)
	return cms.Looks(head[:n])
}

// Detached judges a message beside its content, such as a PDF signature: the
// DER of /Contents, zeros after it allowed, and a reader of the bytes that
// /ByteRange covers. A message that has a content of its own is judged by
// that one, and Report.Detached is false. Errors are those of File.
func (v *Verifier) Detached(ctx context.Context, message []byte, content io.Reader, e Evidence) (*Report, error) {
	m, err := cms.Parse(message)
	if err != nil {
		return nil, err
	}
	return v.message(ctx, m, content, e)
}

// message judges the signatures of one message.
func (v *Verifier) message(ctx context.Context, m *cms.SignedData, content io.Reader, e Evidence) (*Report, error) {
	report := &Report{Message: m, Detached: m.Content == nil}
	if m.Content != nil {
		content = io.NewSectionReader(m.Content, 0, m.Content.Size())
	}
	var sums map[crypto.Hash][]byte
	var head header
	if content != nil {
		var err error
		if sums, err = m.Digests(&cancelable{ctx: ctx, r: io.TeeReader(content, &head)}); err != nil {
			return nil, err
		}
	}
	j := v.newJob(ctx, m, e)
	for _, s := range m.Signers {
		digest := sums[s.Hash]
		r := j.judge(s, digest, content != nil, false)
		// Signed attributes could be presented as content signed without
		// attributes, because the signature covers the same bytes (RFC 5652, 5.4).
		if !s.HasAttributes() && head.attributes() {
			r.Intact = false
			r.Add(Unsupported)
		}
		report.Results = append(report.Results, r)
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return report, nil
}

// cancelable stops reading when the context ends.
type cancelable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// header keeps the first bytes written to it.
type header struct{ b []byte }

func (h *header) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), 16-len(h.b))]...)
	return len(p), nil
}

// attributes reports whether the content starts like a set of attributes.
func (h *header) attributes() bool {
	if len(h.b) < 4 || h.b[0] != 0x31 {
		return false
	}
	size := 2
	if h.b[1] > 0x80 {
		size += int(h.b[1] & 0x7F)
	}
	return size < len(h.b) && h.b[size] == 0x30
}

// newJob prepares the common parts for the signatures of one message.
func (v *Verifier) newJob(ctx context.Context, m *cms.SignedData, e Evidence) *job {
	j := &job{v: v, ctx: ctx, now: v.Now, m: m, claimed: e.Claimed, stamped: e.Stamps,
		ocsps: append(m.OCSPs, e.OCSPs...), crls: append(m.CRLs, e.CRLs...),
		asked: make(map[string]answer)}
	if j.now.IsZero() {
		j.now = time.Now()
	}
	j.pool = append(j.pool, m.Certificates...)
	j.addCertificates(e.Certificates)
	for _, s := range m.Signers {
		j.addValues(s)
	}
	j.find = newFinder(cmp.Or(v.Anchors, builtinAnchors()), j.pool, &effort{})
	return j
}

// maxPool limits the certificates among which chains are searched.
const maxPool = 512

func (j *job) addCertificates(ders [][]byte) {
	for _, der := range ders {
		if c, err := rawcert.Parse(der); err == nil && len(j.pool) < maxPool {
			j.pool = append(j.pool, c)
		}
	}
}

// Timestamp judges a time stamp over a whole content, such as the document time
// stamp of a PDF (EN 319 142-1, 5.4.3).
func (v *Verifier) Timestamp(ctx context.Context, token []byte, content io.Reader, e Evidence) (Stamp, error) {
	info, err := tsp.Parse(token)
	if err != nil {
		return Stamp{}, err
	}
	h := info.Hash.New()
	if _, err := io.Copy(h, &cancelable{ctx: ctx, r: content}); err != nil {
		return Stamp{}, fmt.Errorf("content of the time stamp: %w", err)
	}
	j := v.newJob(ctx, &cms.SignedData{}, e)
	return j.stamp(info, info.Check(h.Sum(nil))), nil
}
