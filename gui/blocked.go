package gui

import (
	"errors"

	"fyne.io/fyne/v2"

	"cie/apdu"
	"cie/card"
)

// lost explains what a blocked PUK means for the card; nil: it is not blocked. With
// the PIN blocked too the card no longer logs in; else it does until then.
func (t *Texts) lost(c Card) fyne.CanvasObject {
	title := t.T("error.puk-blocked.title")
	switch lock := card.LockOf(c.PIN, c.PUK); {
	case lock == card.LockBoth:
		return notice(bad, title, t.T("error.puk-blocked.remedy"))
	case lock == card.LockPUK && c.PIN.Left > 0 && c.PIN.Reported:
		return notice(warn, title, t.T("error.puk-blocked.pin-works"))
	case lock == card.LockPUK:
		return notice(warn, title, t.T("error.puk-blocked.pin-unknown"))
	}
	return nil
}

// blocked reports whether the card refused a code because it is blocked, which
// the pages show by themselves. A change that was interrupted is another error,
// whatever interrupted it.
func blocked(err error) bool {
	kind := card.Classify(err)
	return kind == card.KindPINBlocked || kind == card.KindPUKBlocked
}

// failure returns the problem with a code of the card in s, with a way out of it; nil:
// the page shows it already. A blocked code is not said to be unblocked with a
// PUK that is blocked itself.
func (u *UI) failure(s *slot, err error) fyne.CanvasObject {
	if s != nil && blocked(err) {
		if why := u.texts.lost(s.card); why != nil {
			return why
		}
	}
	if u.repeats(err) {
		return nil
	}
	var more []fyne.CanvasObject
	// A form for the last tries shows the way out by itself.
	if ref, ok := refOf(err); ok && s != nil && (u.at == screenCard || !s.counter(ref).NeedsConsent(ref)) {
		if way := u.wayOut(s, ref); way != nil {
			more = append(more, way)
		}
	}
	return problem(u.texts, err, more...)
}

// refOf returns the code that the card refused.
func refOf(err error) (ref card.PINRef, ok bool) {
	var wrong *card.PINError
	if errors.As(err, &wrong) && card.Classify(err) != card.KindInterrupted && card.Classify(err) != card.KindInterruptedUnknown {
		return wrong.Ref, true
	}
	return 0, false
}

// wayOut leads to what helps without the code; nil: nothing does.
func (u *UI) wayOut(s *slot, ref card.PINRef) fyne.CanvasObject {
	switch t := u.texts; {
	case ref == card.PUK:
		return row(newButton(t.T("help.puk-lost"), func() { u.Go(screenLost) }))
	case !s.card.PUK.Blocked():
		return row(newButton(t.T("stake.pin.way"), func() { u.chosen = s.reader.Name; u.Go(screenUnblock) }))
	}
	return nil
}

// repeats reports whether the page shows err already, as the state of the readers
// or of the card.
func (u *UI) repeats(err error) bool {
	s, same := u.pick(), func(other error) bool {
		return u.texts.Problem(err).Code == u.texts.Problem(other).Code
	}
	switch {
	case err == nil:
		return false
	case u.readers.Down != nil:
		return same(u.readers.Down)
	case len(u.readers.Readers) == 0:
		return same(apdu.ErrNoReader)
	case s == nil:
		return same(apdu.ErrNoCard)
	case s.err != nil:
		return same(s.err)
	}
	return s.card.Authenticity.Level == card.NotGenuine && card.Classify(err) == card.KindNotGenuine
}
