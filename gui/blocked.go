package gui

import (
	"errors"

	"fyne.io/fyne/v2"

	"cie/card"
)

// lost says what a blocked PUK means for the card; nil: it is not blocked. With
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

// failure is the problem with a code of the card in s. A blocked code is not
// said to be unblocked with a PUK that is blocked itself.
func (u *UI) failure(s *slot, err error) fyne.CanvasObject {
	var wrong *card.PINError
	if s != nil && errors.As(err, &wrong) && wrong.Blocked() {
		if why := u.texts.lost(s.card); why != nil {
			return why
		}
	}
	return problem(u.texts, err)
}
