package gui

import (
	"context"
	"errors"

	"cie/apdu"
	"cie/card"
	"cie/card/state"
)

// Problem is an error as a person reads it: what happened, what to do, and
// the technical words for whoever helps.
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
)

// simple are the errors that need no look inside, most special first.
var simple = []struct {
	err error
	key string
}{
	{context.Canceled, "canceled"},
	{ErrNotAdmitted, "not-admitted"},
	{apdu.ErrNoService, "no-service"},
	{apdu.ErrNoReader, "no-reader"},
	{apdu.ErrNoCard, "no-card"},
	{apdu.ErrMute, "mute"},
	{apdu.ErrRemoved, "removed"},
	{apdu.ErrReset, "reset"},
	{apdu.ErrBusy, "busy"},
	{apdu.ErrTimeout, "timeout"},
	{card.ErrNotCIE, "not-cie"},
	{card.ErrNotGenuine, "not-genuine"},
	{card.ErrPINRequired, "pin-required"},
	{card.ErrClosed, "removed"},
	{ErrHomeOwner, "home-owner"},
	{ErrNoModule, "no-module"},
	{ErrSomeBrowsers, "some-browsers"},
	{ErrUntrusted, "untrusted"},
	{ErrDemo, "demo"},
	{state.ErrDamaged, "state"},
	{state.ErrLocked, "state"},
	{state.ErrUnsafe, "state"},
	{state.ErrDisabled, "state"},
}

// Problem puts err into words.
func (t *Texts) Problem(err error) Problem {
	key, n := t.classify(err)
	p := Problem{Code: key, Detail: err.Error(), Remedy: t.T("error." + key + ".remedy")}
	if n >= 0 {
		p.Title = t.N("error."+key+".title", n)
	} else {
		p.Title = t.T("error." + key + ".title")
	}
	return p
}

// classify finds the texts for err; n is the number in the title, -1 for none.
func (t *Texts) classify(err error) (key string, n int) {
	var (
		pin         *card.PINError
		last        *card.LastTryError
		trust       *card.NotAcceptedError
		weak        *card.WeakPINError
		format      *card.FormatError
		interrupted *card.InterruptedError
		uncertain   *card.UncertainError
	)
	switch {
	case errors.As(err, &interrupted):
		if interrupted.State == card.PINUnknown {
			return "interrupted-unknown", -1
		}
		return "interrupted-unchanged", -1
	case errors.As(err, &uncertain):
		return "uncertain", -1
	case errors.As(err, &pin):
		code := "pin"
		if pin.Ref == card.PUK {
			code = "puk"
		}
		switch {
		case pin.Blocked():
			return code + "-blocked", -1
		case pin.Tries < 0:
			return code + "-wrong-unknown", -1
		}
		return code + "-wrong", pin.Tries
	case errors.As(err, &last):
		return "last-try", -1
	case errors.As(err, &trust):
		return "not-accepted", -1
	case errors.As(err, &weak):
		return "weak-" + string(weak.Reason), -1
	case errors.As(err, &format):
		return "format", -1
	}
	for _, s := range simple {
		if errors.Is(err, s.err) {
			return s.key, -1
		}
	}
	var step *card.StepError
	if errors.As(err, &step) {
		return "step", -1
	}
	return "other", -1
}
