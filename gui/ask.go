package gui

import (
	"context"

	"fyne.io/fyne/v2"

	"cie/card"
)

// pinAsk is a form for the PIN of the card that is present, or explains why none can
// be asked for. It is a part of a screen.
type pinAsk struct {
	u      *UI
	submit string
	call   func(ctx context.Context, reader string, code, pin []byte, o CodeOptions) error
	done   func(err error)
	back   func()
	// changed is called when the user chose another card.
	changed func()
	// unsaid: an outcome without error does not mean that the PIN was right.
	unsaid bool
	// elsewhere: call does not use the session of the Service with the card.
	elsewhere bool

	slot *slot
	form *form
}

func (a *pinAsk) busy() bool { return a != nil && a.form != nil && a.form.busy() }

func (a *pinAsk) wipe() {
	if a.form != nil {
		a.form.wipe()
	}
}

// field returns where the PIN is typed; nil while there is none.
func (a *pinAsk) field() fyne.Focusable {
	if a.form == nil || a.form.busy() {
		return nil
	}
	return a.form.first()
}

// objects returns the form with the tries that are left, or the obstacle. The form
// stays while the card does.
func (a *pinAsk) objects() []fyne.CanvasObject {
	u, t := a.u, a.u.texts
	if a.busy() {
		return []fyne.CanvasObject{a.form.object}
	}
	slot, why := u.obstacle()
	if why == nil {
		c := slot.card
		switch lock := card.LockOf(c.PIN, c.PUK); {
		case c.Authenticity.Level == card.NotGenuine:
			why = notice(bad, t.T("error.not-genuine.title"), t.T("error.not-genuine.remedy"))
		case lock == card.LockBoth:
			why = t.lost(c)
		case lock == card.LockPIN:
			why = notice(warn, t.T("error.pin-blocked.title"), t.T("error.pin-blocked.remedy"), row(newButton(u.title(screenUnblock), func() { u.Go(screenUnblock) })))
		}
	}
	if a.form == nil || a.slot != slot || why != nil {
		a.wipe()
		a.slot, a.form = slot, nil
	}
	var objects []fyne.CanvasObject
	if c := u.chooser(a.changed); c != nil {
		objects = append(objects, even(c))
	}
	if why != nil {
		return append(objects, even(why))
	}
	if a.form == nil {
		a.form = u.newForm(slot, card.PIN, false, a.submit, a.call, a.ended, a.back)
		a.form.unsaid, a.form.elsewhere = a.unsaid, a.elsewhere
	}
	a.form.check()
	return append(objects, tries(t, card.PIN, slot.card.PIN), a.form.object)
}

// ended reads the counters again and notifies the screen.
func (a *pinAsk) ended(err error) {
	if a.slot != nil && a.u.slots[a.slot.reader.Name] == a.slot {
		a.u.inspect(a.slot)
	}
	a.done(err)
}
