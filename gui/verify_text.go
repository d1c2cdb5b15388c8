package gui

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"cie/card/ades"
	"cie/card/ades/pdf"
)

// found is a Verification in words. The page and the report show the same.
type found struct {
	kind          kind
	title, remedy string
	signers       []signer
}

// signer is one signature in words.
type signer struct {
	kind         kind
	title, state string // who, and the judgement
	facts        []pair // who, when, what, value
	wrong        []string
	unsaid       []string
	details      []pair // technical
	revision     int    // number of the signature whose revision differs from the file, 0: none
	asks         bool   // the authority can be asked about revocation
	content      bool   // the document is missing
}

type pair struct{ name, value string }

// answerTexts are the keys of the answers in words.
var answerTexts = map[Answer]struct {
	kind kind
	key  string
}{
	AnswerUnsure:  {warn, "signed.answer.unsure"},
	AnswerNone:    {info, "signed.answer.none"},
	AnswerValid:   {good, "signed.answer.valid"},
	AnswerFilled:  {good, "signed.answer.filled"},
	AnswerOpen:    {warn, "signed.answer.open"},
	AnswerChanged: {bad, "signed.answer.changed"},
	AnswerInvalid: {bad, "signed.answer.invalid"},
}

// describe puts what was found in a file into words.
func (t *Texts) describe(v *Verification) found {
	answer := v.Answer()
	x := answerTexts[answer]
	f := found{kind: x.kind, title: t.T(x.key), remedy: t.T(x.key + ".text")}
	if answer == AnswerValid || answer == AnswerFilled {
		var names []string
		for _, s := range v.Signatures {
			if !s.stamp() && !s.Counter {
				names = append(names, t.signerName(s))
			}
		}
		f.title, f.remedy = t.N(x.key, len(names), strings.Join(names, ", ")), ""
	}
	if v.Unread {
		f.remedy = strings.TrimSpace(f.remedy + "\n" + t.T("signed.unread"))
	}
	for i, s := range v.Signatures {
		f.signers = append(f.signers, t.signer(v, i, s))
	}
	return f
}

func (t *Texts) signerName(s Signature) string {
	if s.stamp() {
		return t.T("signed.stamp")
	}
	return cmp.Or(visible(s.Signer.Name), t.T("signed.unnamed"))
}

// visible returns text from a certificate or a document without the characters that
// show nothing or change the direction of what follows.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
}

var stateTexts = map[ades.State]struct {
	kind kind
	key  string
}{
	ades.Valid:   {good, "signed.state.valid"},
	ades.Unknown: {warn, "signed.state.unknown"},
	ades.Invalid: {bad, "signed.state.invalid"},
}

func (t *Texts) signer(v *Verification, i int, s Signature) signer {
	state := stateTexts[s.State]
	d := signer{kind: state.kind, title: t.signerName(s), state: t.T(state.key), asks: has(s.Result, ades.NotAsked) || has(s.Result, ades.NoAnswer),
		content: has(s.Result, ades.NoContent)}
	if s.PDF != nil && s.Layer == 0 && s.PDF.Length > 0 && !s.PDF.Whole {
		d.revision = s.Number
	}
	if s.PDF != nil && s.PDF.Changed() {
		d.kind = bad
	}
	add := func(key, value string) {
		if value != "" {
			d.facts = append(d.facts, pair{t.T(key), value})
		}
	}
	if !s.stamp() {
		add("signed.who", t.who(s))
	}
	add("signed.when", t.when(s))
	add("signed.what", t.what(v, i, s))
	if !s.stamp() {
		add("signed.value", t.value(s))
	}
	for _, r := range s.Reasons {
		if r.State() == ades.Invalid {
			d.wrong = append(d.wrong, t.reason(r))
		} else {
			d.unsaid = append(d.unsaid, t.reason(r))
		}
	}
	d.details = t.technical(v, s)
	return d
}

// reason returns a reason in the words of the window, or in those of all programs.
func (t *Texts) reason(r ades.Reason) string {
	for _, prefix := range []string{"signed.reason.", "verify.reason."} {
		if t.Has(prefix + string(r)) {
			return t.capital(t.T(prefix + string(r)))
		}
	}
	return t.capital(t.T("verify.reason.other", string(r)))
}

func (t *Texts) capital(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

// halved returns a codice fiscale with its middle hidden.
func halved(code string) string {
	code = visible(code)
	letters := []rune(code)
	if len(letters) < 8 {
		return code
	}
	n := len(letters) / 4
	return string(letters[:n]) + strings.Repeat("•", len(letters)-2*n) + string(letters[len(letters)-n:])
}

func (t *Texts) who(s Signature) string {
	var lines []string
	if s.Signer.FiscalCode != "" {
		lines = append(lines, t.T("signed.who.code", halved(s.Signer.FiscalCode)))
	}
	switch {
	case s.Signer == (ades.Person{}):
		lines = append(lines, t.T("signed.who.unnamed"))
	case s.Trusted:
		lines = append(lines, t.T("signed.who.trusted"))
	default:
		lines = append(lines, t.T("signed.who.unknown", cmp.Or(visible(s.Signer.Issuer), "?")))
	}
	return strings.Join(lines, "\n")
}

// clock returns a date with the time of day, in the zone of this computer.
func (t *Texts) clock(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.Local()
	return t.Date(at) + at.Format(", 15:04")
}

func (t *Texts) when(s Signature) string {
	if s.stamp() {
		return t.T("signed.when.stamp", t.clock(s.Time), cmp.Or(visible(s.Signer.Issuer), "?"))
	}
	lines := []string{t.T("signed.when.none")}
	switch s.TimeKind {
	case ades.TimeStamped:
		lines[0] = t.T("signed.when.stamped", t.clock(s.Time))
	case ades.TimeClaimed:
		lines[0] = t.T("signed.when.claimed", t.clock(s.Time))
	}
	for _, x := range s.Stamps {
		if x.Intact && !x.Trusted {
			lines = append(lines, t.T("signed.when.untrusted", t.clock(x.Time), cmp.Or(visible(x.Authority), "?")))
		}
	}
	return strings.Join(lines, "\n")
}

func (t *Texts) what(v *Verification, i int, s Signature) string {
	p := s.PDF
	switch {
	case s.Counter:
		for i--; i >= 0 && v.Signatures[i].Counter; i-- {
		}
		return t.T("signed.what.counter", t.signerName(v.Signatures[max(i, 0)]))
	case p == nil && has(s.Result, ades.NoContent):
		return t.T("signed.what.missing")
	case p == nil && v.Content != "":
		return t.T("signed.what.beside", filepath.Base(v.Content))
	case p == nil && s.Layer > 0:
		return t.T("signed.what.inner")
	case p == nil:
		return t.T("signed.what.envelope")
	case p.Length == 0:
		return t.T("signed.what.nothing")
	case p.Changed():
		return t.T("signed.what.before") + "\n" + t.changes(p, false)
	case s.filled():
		return t.T("signed.what.filled") + "\n" + t.changes(p, true)
	case !p.Whole:
		return t.T("signed.what.then")
	}
	return t.T("signed.what.all")
}

// changes lists the changes after a signature: the allowed or the other ones.
func (t *Texts) changes(p *pdf.Signature, allowed bool) string {
	var lines []string
	for _, c := range p.Later {
		if c.Allowed != allowed {
			continue
		}
		line := "– " + t.name("verify.change.", string(c.Kind))
		if c.Field != "" {
			line += ": " + visible(c.Field)
			if c.Detail != "" {
				line += " = " + visible(c.Detail)
			}
		}
		if c.Page > 0 {
			line += " (" + t.T("verify.page", c.Page) + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (t *Texts) value(s Signature) string {
	switch {
	case s.Signer == (ades.Person{}):
		return ""
	case s.Purpose == ades.PurposeSignature:
		return t.T("signed.value.signature")
	case s.Purpose == ades.PurposeAuthentication && s.Trusted:
		return t.T("signed.value.cie")
	}
	return t.T("signed.value.other")
}

// technical returns what specialists and other programs name.
func (t *Texts) technical(v *Verification, s Signature) []pair {
	var list []pair
	add := func(key, value string) {
		if value != "" {
			list = append(list, pair{t.T(key), value})
		}
	}
	add("signed.detail.format", cmp.Or(v.Encoding, "?"))
	add("label.level", s.Level)
	if s.Hash != 0 {
		add("signed.detail.hash", s.Hash.String())
	}
	add("label.fiscal-code", visible(s.Signer.FiscalCode))
	add("label.issued-by", visible(s.Signer.Issuer))
	add("label.serial", s.Signer.Serial)
	if !s.Signer.NotAfter.IsZero() {
		add("label.certificate-dates", t.T("verify.from-to", t.Date(s.Signer.NotBefore.Local()), t.Date(s.Signer.NotAfter.Local())))
	}
	if !s.stamp() {
		add("label.revocation", t.revocation(s.Revocation))
	}
	for _, x := range s.Stamps {
		add("label.stamp", t.clock(x.Time)+" "+visible(x.Authority))
	}
	if p := s.PDF; p != nil {
		add("signed.detail.field", visible(p.Field))
		if p.Page > 0 {
			add("label.visible", t.T("verify.page", p.Page))
		}
		add("label.reason", visible(p.Reason))
		add("label.place", visible(p.Location))
		add("signed.detail.revision", fmt.Sprint(p.Length))
	}
	return list
}

func (t *Texts) revocation(r ades.Revocation) string {
	source := strings.ToUpper(r.Source)
	switch r.State {
	case ades.RevocationGood:
		return t.T("verify.revocation.good", source, t.clock(r.Date))
	case ades.RevocationRevoked:
		return t.T("verify.revocation.revoked", t.clock(r.At), source)
	case ades.RevocationUnknown:
		return t.T("verify.revocation.unknown")
	}
	return t.T("signed.detail.not-asked")
}

// report returns the paragraphs of the PDF about a file.
func (f found) report(t *Texts, v *Verification, version string, now time.Time) []pdf.Paragraph {
	list := []pdf.Paragraph{
		{Text: t.T("signed.report.title"), Size: 18},
		{Text: filepath.Base(v.Path), Size: 12, Above: 6},
		{Text: t.T("signed.report.made", t.clock(now), version), Size: 9},
		{Text: f.title, Size: 14, Above: 14},
	}
	if f.remedy != "" {
		list = append(list, pdf.Paragraph{Text: f.remedy, Above: 2})
	}
	items := func(title string, lines []string) {
		if len(lines) > 0 {
			list = append(list, pdf.Paragraph{Text: title, Above: 6})
		}
		for _, line := range lines {
			list = append(list, pdf.Paragraph{Text: "– " + line, Indent: 14})
		}
	}
	pairs := func(pairs []pair, size float64) {
		for _, p := range pairs {
			list = append(list, pdf.Paragraph{Text: p.name + ": " + p.value, Size: size, Indent: 14, Above: 1})
		}
	}
	for i, s := range f.signers {
		list = append(list, pdf.Paragraph{Text: t.T("verify.signature", i+1, len(f.signers)) + ": " + s.title + " – " + s.state, Size: 12, Above: 16})
		pairs(s.facts, 0)
		items(t.T("signed.wrong"), s.wrong)
		items(t.T("signed.unsaid"), s.unsaid)
		list = append(list, pdf.Paragraph{Text: t.T("signed.details"), Above: 6, Size: 9})
		pairs(s.details, 9)
	}
	return append(list, pdf.Paragraph{Text: t.T("signed.report.note"), Size: 9, Above: 18})
}
