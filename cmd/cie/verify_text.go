package main

import (
	"strings"
	"time"
	"unicode/utf8"

	"cie/card/ades"
	"cie/cmd/cie/internal/msg"
	"cie/cmd/internal/i18n"
	"cie/cmd/internal/tty"
)

// reasonTexts are the reasons of package ades in words.
var reasonTexts = map[ades.Reason]i18n.Text{
	ades.Altered:          msg.ReasonAltered,
	ades.WrongSignature:   msg.ReasonWrongSignature,
	ades.WrongCertificate: msg.ReasonWrongCertificate,
	ades.WrongAttributes:  msg.ReasonWrongAttributes,
	ades.NotCovered:       msg.ReasonNotCovered,
	ades.Revoked:          msg.ReasonRevoked,
	ades.Expired:          msg.ReasonExpired,
	ades.NotYetValid:      msg.ReasonNotYetValid,
	ades.NoContent:        msg.ReasonNoContent,
	ades.NoCertificate:    msg.ReasonNoCertificate,
	ades.UnknownIssuer:    msg.ReasonUnknownIssuer,
	ades.UnfitCertificate: msg.ReasonUnfit,
	ades.Unsupported:      msg.ReasonUnsupported,
	ades.WeakAlgorithm:    msg.ReasonWeak,
	ades.NotAsked:         msg.ReasonNotAsked,
	ades.NoAnswer:         msg.ReasonNoAnswer,
	ades.RevokedLater:     msg.ReasonRevokedLater,
	ades.WrongTimestamp:   msg.ReasonWrongTimestamp,
	ades.ContentChanged:   msg.ReasonContentChanged,
}

func (a *app) reasonText(r ades.Reason) string {
	if t, ok := reasonTexts[r]; ok {
		return a.text(t)
	}
	return a.text(msg.ReasonOther, string(r))
}

// stateText is a state in words and in its colour.
func (a *app) stateText(state string) string {
	switch state {
	case ades.Valid.String():
		return a.style.Green(a.text(msg.StateValid))
	case ades.Invalid.String():
		return a.style.Red(a.text(msg.StateInvalid))
	}
	return a.style.Amber(a.text(msg.StateUnknown))
}

// printVerified shows what was found in a file.
func (a *app) printVerified(v *verifiedJSON) {
	a.println(a.style.Bold(printable(v.File)) + ": " + a.stateText(v.State))
	if v.Content != "" {
		a.println("  " + a.text(msg.ContentIs, printable(v.Content)))
	}
	a.printLayers(v)
	if v.Extracted != "" {
		a.println("  " + a.text(msg.Extracted, printable(v.Extracted)))
	}
}

func (a *app) printLayers(v *verifiedJSON) {
	for i, s := range v.Signatures {
		a.printSignature(s, a.text(msg.VerifySignature, i+1, len(v.Signatures)), "  ")
	}
	if v.Inner != nil {
		a.println("  " + a.text(msg.VerifyLayer))
		a.printLayers(v.Inner)
	}
}

// printSignature shows one signature, indented.
func (a *app) printSignature(s *signatureJSON, title, indent string) {
	name := printable(s.Name)
	switch {
	case s.inPDF != nil && s.Kind == kindTimestamp:
		name = a.text(msg.VerifyTimestamp)
	case name == "":
		name = a.text(msg.VerifyNoSigner)
	}
	a.println(indent + title + ": " + a.style.Bold(name) + ", " + a.stateText(s.State))
	field := func(label i18n.Text, value string) {
		if value == "" {
			return
		}
		text := a.text(label)
		lead := indent + "  " + text + strings.Repeat(" ", max(1, 20-utf8.RuneCountInString(text)))
		margin := strings.Repeat(" ", utf8.RuneCountInString(lead))
		a.println(lead + strings.TrimPrefix(tty.Wrap(margin+value, margin, a.columns()), margin))
	}
	for _, r := range s.Reasons {
		field(msg.LabelBecause, a.reasonText(r))
	}
	field(msg.LabelFiscalCode, printable(s.FiscalCode))
	field(msg.LabelIssuedBy, printable(s.Issuer))
	if s.Name != "" {
		field(msg.LabelPurpose, a.purposeText(s.Purpose))
		field(msg.LabelCertDates, a.text(msg.DatesFromTo, a.day(s.NotBefore), a.day(s.NotAfter)))
	}
	field(msg.LabelTime, a.timeText(s))
	for _, t := range s.Stamps {
		field(msg.LabelStamp, a.stampText(t))
	}
	if s.inPDF == nil || s.Kind != kindTimestamp {
		field(msg.LabelRevoked, a.revocationText(s.Revocation))
		field(msg.LabelLevel, s.Level)
	}
	if s.inPDF != nil {
		a.printPDF(s.inPDF, field)
	}
	for _, c := range s.Counter {
		a.printSignature(c, a.text(msg.VerifyCounter), indent+"  ")
	}
}

func (a *app) purposeText(p ades.Purpose) string {
	switch p {
	case ades.PurposeAuthentication:
		return a.text(msg.PurposeAuthentication)
	case ades.PurposeSignature:
		return a.text(msg.PurposeSignature)
	}
	return a.text(msg.PurposeOther)
}

// moment is a time of the answer in the user's zone.
func (a *app) moment(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return t.Local().Format(a.text(msg.DateFormat) + " 15:04:05 MST")
}

func (a *app) day(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return t.Local().Format(a.text(msg.DateFormat))
}

func (a *app) timeText(s *signatureJSON) string {
	switch s.TimeKind {
	case ades.TimeClaimed:
		return a.text(msg.TimeIsClaimed, a.moment(s.Time))
	case ades.TimeStamped:
		return a.text(msg.TimeIsStamped, a.moment(s.Time))
	case ades.TimeGiven:
		return a.text(msg.TimeIsGiven, a.moment(s.Time))
	}
	return a.text(msg.TimeIsNone)
}

func (a *app) stampText(t stampJSON) string {
	switch {
	case !t.Intact:
		return a.text(msg.StampWrong)
	case !t.Trusted:
		return a.text(msg.StampUntrusted, a.moment(t.Time), printable(t.Authority))
	}
	return a.moment(t.Time) + ", " + printable(t.Authority)
}

func (a *app) revocationText(r revocationJSON) string {
	source := strings.ToUpper(r.Source)
	switch r.State {
	case ades.RevocationGood:
		return a.text(msg.RevocationGood, source, a.moment(r.Date))
	case ades.RevocationRevoked:
		return a.text(msg.RevocationAt, a.moment(r.At), source)
	case ades.RevocationUnknown:
		return a.text(msg.RevocationNone)
	}
	return a.text(msg.RevocationNotAsked)
}
