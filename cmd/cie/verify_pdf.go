package main

import (
	"cmp"

	"cie/card/ades/pdf"
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

// verifiedPDF describes the signatures of a PDF.
func (a *app) verifiedPDF(f *verifyFlags, file string, r *pdf.Report) (*verifiedJSON, error) {
	if f.content != "" {
		return nil, a.usage("usage.not-pdf", "content")
	}
	if len(r.Signatures) == 0 {
		return nil, a.problem("failed", exitFailed, "pdf.unsigned", file)
	}
	return describePDFReport(r), nil
}

func describePDFReport(r *pdf.Report) *verifiedJSON {
	one := &verifiedJSON{State: r.State().String(), Encoding: formatPDF}
	for _, s := range r.Signatures {
		one.Signatures = append(one.Signatures, describePDF(s))
	}
	return one
}

func describePDF(s *pdf.Signature) *signatureJSON {
	more := &inPDF{Kind: kindSignature, Field: s.Field, Page: s.Page, Revision: s.Length, Whole: s.Whole, Later: []laterJSON{}}
	if claims := (claimsJSON{s.Name, s.Reason, s.Location}); claims != (claimsJSON{}) {
		more.Claims = &claims
	}
	for _, c := range s.Later {
		more.Later = append(more.Later, laterJSON(c))
	}
	if s.Stamp != nil {
		more.Kind = kindTimestamp
	}
	d := describeResult(s.Judgement())
	d.inPDF = more
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
