package gui

import (
	"errors"

	"cie/card"
)

// Problem is an error as a user reads it: what happened, what to do, and
// the technical terms for support.
type Problem struct {
	Title, Remedy string
	// Code is short and the same in every language.
	Code string
	// Detail is the technical text; it holds no code and no personal data.
	Detail string
}

// Errors of a Service that have sentences of their own.
var (
	// ErrNotAdmitted: the smart card service runs and does not admit this user.
	ErrNotAdmitted = errors.New("the smart card service does not admit this user")
	// ErrHomeOwner: the browsers of this home cannot be changed by this user.
	ErrHomeOwner = errors.New("the home directory belongs to another user")
	// ErrNoModule: the PKCS#11 module is not installed.
	ErrNoModule = errors.New("the PKCS#11 module is not installed")
	// ErrSomeBrowsers: some programs could not be changed.
	ErrSomeBrowsers = errors.New("some programs could not be changed")
	// ErrDemo: a demonstration writes no files.
	ErrDemo = errors.New("a demonstration writes no files")
	// ErrUntrusted: the certificate of the card is not accepted.
	ErrUntrusted = errors.New("the certificate of the card was not accepted")
	// ErrNoStamp: no time stamp came that can be used, and the document was not written.
	ErrNoStamp = errors.New("no time stamp")
)

// own are the keys of the errors of a Service, most specific first.
var own = []struct {
	err error
	key string
}{
	{ErrNotAdmitted, "not-admitted"},
	{ErrHomeOwner, "home-owner"},
	{ErrNoModule, "no-module"},
	{ErrSomeBrowsers, "some-browsers"},
	{ErrUntrusted, "untrusted"},
	{ErrDemo, "demo"},
	{ErrNoStamp, "no-stamp"},
}

// keys has one for every kind of error of package card.
var keys = map[card.Kind]string{
	card.KindOther:              "other",
	card.KindInterrupted:        "interrupted-unchanged",
	card.KindInterruptedUnknown: "interrupted-unknown",
	card.KindUncertain:          "uncertain",
	card.KindNotAccepted:        "not-accepted",
	card.KindNotGenuine:         "not-genuine",
	card.KindPINBlocked:         "pin-blocked",
	card.KindPUKBlocked:         "puk-blocked",
	card.KindPINWrong:           "pin-wrong",
	card.KindPUKWrong:           "puk-wrong",
	card.KindLastTry:            "last-try",
	card.KindFormat:             "format",
	card.KindWeak:               "weak",
	card.KindCanceled:           "canceled",
	card.KindDeadline:           "other",
	card.KindPINRequired:        "pin-required",
	card.KindNotCIE:             "not-cie",
	card.KindDataTooLong:        "other",
	card.KindUnsupported:        "other",
	card.KindMarkMoved:          "other",
	card.KindState:              "state",
	card.KindClosed:             "removed",
	card.KindNoService:          "no-service",
	card.KindNoReader:           "no-reader",
	card.KindNoCard:             "no-card",
	card.KindMute:               "mute",
	card.KindRemoved:            "removed",
	card.KindReset:              "reset",
	card.KindBusy:               "busy",
	card.KindTimeout:            "timeout",
	card.KindStep:               "step",
}

// Problem puts err into words.
func (t *Texts) Problem(err error) Problem {
	key, n := classify(err)
	p := Problem{Code: key, Detail: err.Error(), Remedy: t.T("error." + key + ".remedy")}
	if n >= 0 {
		p.Title = t.N("error."+key+".title", n)
	} else {
		p.Title = t.T("error." + key + ".title")
	}
	return p
}

// classify finds the texts for err; n is the number in the title, -1 for none.
func classify(err error) (key string, n int) {
	for _, o := range own {
		if errors.Is(err, o.err) {
			return o.key, -1
		}
	}
	kind := card.Classify(err)
	key = keys[kind]
	var wrong *card.PINError
	var weak *card.WeakPINError
	switch {
	case kind == card.KindWeak && errors.As(err, &weak):
		return key + "-" + string(weak.Reason), -1
	case (kind == card.KindPINWrong || kind == card.KindPUKWrong) && errors.As(err, &wrong):
		if wrong.Tries < 0 {
			return key + "-unknown", -1
		}
		return key, wrong.Tries
	}
	return key, -1
}
