package main

import (
	"cmp"
	"context"
	"io"

	"cie/card/ades"
	"cie/card/ades/pdf"
	"cie/cmd/internal/documents"
)

// inPDF is what a signature in a PDF has besides.
type inPDF struct {
	Kind     string      `json:"kind"` // signature or timestamp
	Field    string      `json:"field"`
	Page     int         `json:"page,omitempty"`
	Claims   *claimsJSON `json:"claims,omitempty"`
	Revision int64       `json:"revision_size"` // 0: covers no revision
	Whole    bool        `json:"whole"`
	Later    []laterJSON `json:"changes"`
}

// claimsJSON is what a signature dictionary claims.
type claimsJSON struct {
	Name     string `json:"name,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Location string `json:"location,omitempty"`
}

type laterJSON struct {
	Kind    pdf.ChangeKind `json:"kind"`
	Allowed bool           `json:"allowed"`
	Page    int            `json:"page,omitempty"`
	Field   string         `json:"field,omitempty"`
	Detail  string         `json:"detail,omitempty"`
}

// The values of inPDF.Kind.
const (
	kindSignature = "signature"
	kindTimestamp = "timestamp"
)

func (a *app) verifyPDF(ctx context.Context, v *ades.Verifier, f *verifyFlags, file string, in io.ReaderAt, size int64) (*verifiedJSON, error) {
	if f.content != "" {
		return nil, a.usage("usage.not-pdf", "content")
	}
	m := documents.NewMeter(ctx, size, a.reading(file)).ReaderAt(in)
	report, err := pdf.Verify(ctx, m, size, f.pdf.secret, v)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, a.pdfProblem(err, file)
	}
	if len(report.Signatures) == 0 {
		return nil, a.problem("failed", exitFailed, "pdf.unsigned", file)
	}
	one := &verifiedJSON{File: file, State: report.State().String(), Encoding: formatPDF}
	for _, s := range report.Signatures {
		one.Signatures = append(one.Signatures, describePDF(s))
	}
	if f.extract == "" {
		return one, nil
	}
	n := cmp.Or(f.signature, len(report.Signatures))
	if n > len(report.Signatures) {
		return nil, a.usage("verify.no-signature", n)
	}
	revision := report.Signatures[n-1].Revision(in)
	if revision == nil {
		return nil, a.problem("failed", exitFailed, "pdf.no-revision", file, n)
	}
	if err := a.extractTo(f.extract, file, revision); err != nil {
		return nil, err
	}
	one.Extracted, one.Revision = f.extract, n
	return one, nil
}

func describePDF(s *pdf.Signature) *signatureJSON {
	more := &inPDF{Kind: kindSignature, Field: s.Field, Page: s.Page, Revision: s.Length, Whole: s.Whole, Later: []laterJSON{}}
	if claims := (claimsJSON{s.Name, s.Reason, s.Location}); claims != (claimsJSON{}) {
		more.Claims = &claims
	}
	for _, c := range s.Later {
		more.Later = append(more.Later, laterJSON(c))
	}
	if s.Stamp == nil {
		d := describeResult(s.Result)
		d.inPDF = more
		return d
	}
	more.Kind = kindTimestamp
	d := &signatureJSON{
		State: s.State().String(), Reasons: []ades.Reason{}, Intact: s.Stamp.Intact, Trusted: s.Stamp.Trusted,
		Time: stamp(s.Stamp.Time), TimeKind: ades.TimeStamped, Purpose: ades.PurposeTimestamp, Issuer: s.Stamp.Authority,
		Revocation: revocationJSON{State: ades.RevocationNotAsked}, inPDF: more,
	}
	switch {
	case !s.Stamp.Intact:
		d.Reasons = append(d.Reasons, ades.WrongTimestamp)
	case !s.Stamp.Trusted:
		d.Reasons = append(d.Reasons, ades.UnknownIssuer)
	}
	if s.Changed() {
		d.Reasons = append(d.Reasons, ades.ContentChanged)
	}
	return d
}

// changeTexts are the changes after a signature in words.
var changeTexts = map[pdf.ChangeKind]string{
	pdf.ChangeSignature:  "verify.change.signature",
	pdf.ChangeTimestamp:  "verify.change.timestamp",
	pdf.ChangeDSS:        "verify.change.dss",
	pdf.ChangeField:      "verify.change.field",
	pdf.ChangeNewField:   "verify.change.new-field",
	pdf.ChangeMetadata:   "verify.change.metadata",
	pdf.ChangePages:      "verify.change.pages",
	pdf.ChangeContent:    "verify.change.content",
	pdf.ChangeAnnotation: "verify.change.annotation",
	pdf.ChangeAppearance: "verify.change.appearance",
	pdf.ChangeLocked:     "verify.change.locked",
	pdf.ChangeCatalog:    "verify.change.catalog",
	pdf.ChangeUnknown:    "verify.change.unknown",
}

func (a *app) changeText(c laterJSON) string {
	text := string(c.Kind)
	if t, ok := changeTexts[c.Kind]; ok {
		text = a.text(t)
	}
	about := cmp.Or(printable(c.Field), cond(c.Kind == pdf.ChangeCatalog, printable(c.Detail)))
	if about != "" {
		text += ": " + about
		if c.Field != "" && c.Detail != "" {
			text += " = " + printable(c.Detail)
		}
	}
	if c.Page > 0 {
		text += " (" + a.text("verify.page", c.Page) + ")"
	}
	if !c.Allowed {
		return a.style.Red(text)
	}
	return text
}

// printPDF shows what a signature in a PDF has besides.
func (a *app) printPDF(s *inPDF, field func(string, string)) {
	if s.Page > 0 {
		field("label.visible", a.text("verify.page", s.Page))
	}
	if s.Claims != nil {
		field("label.reason", printable(s.Claims.Reason))
		field("label.place", printable(s.Claims.Location))
	}
	switch {
	case s.Revision == 0:
		field("label.covers", a.text("verify.covers.nothing"))
	case s.Whole:
		field("label.covers", a.text("verify.covers.all"))
	case len(s.Later) == 0:
		field("label.covers", a.text("verify.covers.seen"))
	default:
		field("label.covers", a.text("verify.covers.revision"))
	}
	for _, c := range s.Later {
		field("label.after", a.changeText(c))
	}
}
