package main

import (
	"strings"
	"time"
	"unicode/utf8"

	"cie/card/ades"
	"cie/cmd/internal/tty"
)

// reasonTexts are the reasons of package ades in words.
var reasonTexts = map[ades.Reason]string{
	ades.Altered:          "verify.reason.altered",
	ades.WrongSignature:   "verify.reason.wrong-signature",
	ades.WrongCertificate: "verify.reason.wrong-certificate",
	ades.WrongAttributes:  "verify.reason.wrong-attributes",
	ades.NotCovered:       "verify.reason.not-covered",
	ades.Revoked:          "verify.reason.revoked",
	ades.Expired:          "verify.reason.expired",
	ades.NotYetValid:      "verify.reason.not-yet-valid",
	ades.NoContent:        "verify.reason.no-content",
	ades.NoCertificate:    "verify.reason.no-certificate",
	ades.UnknownIssuer:    "verify.reason.unknown-issuer",
	ades.UnfitCertificate: "verify.reason.unfit-certificate",
	ades.Unsupported:      "verify.reason.unsupported",
	ades.WeakAlgorithm:    "verify.reason.weak-algorithm",
	ades.NotAsked:         "verify.reason.revocation-not-asked",
	ades.NoAnswer:         "verify.reason.revocation-unknown",
	ades.RevokedLater:     "verify.reason.revoked-later",
	ades.WrongTimestamp:   "verify.reason.wrong-timestamp",
	ades.ContentChanged:   "verify.reason.content-changed",
}

func (a *app) reasonText(r ades.Reason) string {
	if t, ok := reasonTexts[r]; ok {
		return a.text(t)
	}
	return a.text("verify.reason.other", string(r))
}

// stateText returns a state in words and in its colour.
func (a *app) stateText(state string) string {
	switch state {
	case ades.Valid.String():
		return a.style.Green(a.text("verify.state.valid"))
	case ades.Invalid.String():
		return a.style.Red(a.text("verify.state.invalid"))
	}
	return a.style.Amber(a.text("verify.state.unknown"))
}

// printVerified shows what was found in a file.
func (a *app) printVerified(v *verifiedJSON) {
	a.println(a.style.Bold(printable(v.File)) + ": " + a.stateText(v.State))
	if v.Content != "" {
		a.println("  " + a.text("verify.content", printable(v.Content)))
	}
	a.printLayers(v)
	if v.Extracted != "" {
		a.println("  " + a.text("verify.extracted", printable(v.Extracted)))
	}
}

func (a *app) printLayers(v *verifiedJSON) {
	for i, s := range v.Signatures {
		a.printSignature(s, a.text("verify.signature", i+1, len(v.Signatures)), "  ")
	}
	if v.Inner != nil {
		a.println("  " + a.text("verify.inner"))
		a.printLayers(v.Inner)
	}
}

// printSignature shows one signature, indented.
func (a *app) printSignature(s *signatureJSON, title, indent string) {
	name := printable(s.Name)
	switch {
	case s.inPDF != nil && s.Kind == kindTimestamp:
		name = a.text("verify.timestamp")
	case name == "":
		name = a.text("verify.no-signer")
	}
	a.println(indent + title + ": " + a.style.Bold(name) + ", " + a.stateText(s.State))
	field := func(label string, value string) {
		if value == "" {
			return
		}
		text := a.text(label)
		lead := indent + "  " + text + strings.Repeat(" ", max(1, 20-utf8.RuneCountInString(text)))
		margin := strings.Repeat(" ", utf8.RuneCountInString(lead))
		a.println(lead + strings.TrimPrefix(tty.Wrap(margin+value, margin, a.columns()), margin))
	}
	for _, r := range s.Reasons {
		field("label.because", a.reasonText(r))
	}
	field("label.fiscal-code", printable(s.FiscalCode))
	field("label.issued-by", printable(s.Issuer))
	if s.Name != "" {
		field("label.purpose", a.purposeText(s.Purpose))
		field("label.certificate-dates", a.text("verify.from-to", a.day(s.NotBefore), a.day(s.NotAfter)))
	}
	field("label.time", a.timeText(s))
	for _, t := range s.Stamps {
		field("label.stamp", a.stampText(t))
	}
	if s.inPDF == nil || s.Kind != kindTimestamp {
		field("label.revocation", a.revocationText(s.Revocation))
		field("label.level", s.Level)
	}
	if s.inPDF != nil {
		a.printPDF(s.inPDF, field)
	}
	for _, c := range s.Counter {
		a.printSignature(c, a.text("verify.counter"), indent+"  ")
	}
}

func (a *app) purposeText(p ades.Purpose) string {
	switch p {
	case ades.PurposeAuthentication:
		return a.text("verify.purpose.authentication")
	case ades.PurposeSignature:
		return a.text("verify.purpose.signature")
	}
	return a.text("verify.purpose.other")
}

// moment returns a time of the answer in the user's zone.
func (a *app) moment(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return a.date(t.Local()) + t.Local().Format(" 15:04:05 MST")
}

func (a *app) day(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return a.date(t.Local())
}

func (a *app) timeText(s *signatureJSON) string {
	switch s.TimeKind {
	case ades.TimeClaimed:
		return a.text("verify.time.claimed", a.moment(s.Time))
	case ades.TimeStamped:
		return a.text("verify.time.stamped", a.moment(s.Time))
	case ades.TimeGiven:
		return a.text("verify.time.given", a.moment(s.Time))
	}
	return a.text("verify.time.none")
}

func (a *app) stampText(t stampJSON) string {
	switch {
	case !t.Intact:
		return a.text("verify.stamp.wrong")
	case !t.Trusted:
		return a.text("verify.stamp.untrusted", a.moment(t.Time), printable(t.Authority))
	}
	return a.moment(t.Time) + ", " + printable(t.Authority)
}

func (a *app) revocationText(r revocationJSON) string {
	source := strings.ToUpper(r.Source)
	switch r.State {
	case ades.RevocationGood:
		return a.text("verify.revocation.good", source, a.moment(r.Date))
	case ades.RevocationRevoked:
		return a.text("verify.revocation.revoked", a.moment(r.At), source)
	case ades.RevocationUnknown:
		return a.text("verify.revocation.unknown")
	}
	return a.text("verify.revocation.not-asked")
}
