package gui

import (
	"context"

	"fyne.io/fyne/v2"

	"cie/card"
)

// codeScreen changes the PIN, or sets a new one with the PUK.
type codeScreen struct {
	u    *UI
	name string
	puk  bool
	body
	slot    *slot
	form    *form
	failed  error // of the last attempt
	success bool
	next    fyne.Focusable
}

func (s *codeScreen) build() fyne.CanvasObject {
	s.body = newBody(s.u)
	switch { // after a screen that was left while the card was at work
	case s.success:
		s.celebrate()
	case s.form != nil && s.form.busy():
		s.show()
	default:
		s.update()
	}
	return s.box
}

func (s *codeScreen) focus() fyne.Focusable {
	if s.next != nil {
		return s.next
	}
	switch {
	case s.form == nil:
		return nil
	case s.form.busy():
		return s.form.op.stop
	}
	return s.form.first()
}

func (s *codeScreen) leave() {
	if s.form == nil {
		return
	}
	s.form.wipe()
	if s.form.busy() {
		s.u.kept[s.name] = s // its outcome is for the user who returns
	}
}

// celebrate shows that the operation succeeded.
func (s *codeScreen) celebrate() {
	u, t := s.u, s.u.texts
	b := primaryButton(t.T("done"), func() { u.Go(screenCard) })
	s.next = b
	s.set(append(s.head(), notice(good, t.T(s.name+".done.title"), t.T(s.name+".done.text"), row(b)))...)
}

// update rebuilds the page unless a form for the same card is on it: events do not
// interrupt typing, and a code is never sent to another card.
func (s *codeScreen) update() {
	u, t := s.u, s.u.texts
	if s.form != nil && s.form.busy() || s.success {
		return
	}
	slot, why := u.obstacle()
	if s.form != nil && s.slot == slot && why == nil && s.possible(slot) == nil {
		s.form.check()
		s.show()
		return
	}
	had := s.form != nil
	if had {
		s.form.wipe()
	}
	s.slot, s.form, s.next = slot, nil, nil
	if why == nil {
		why = s.possible(slot)
	}
	if why != nil {
		s.set(append(s.head(), s.outcome(), why)...)
		u.refocus()
		return
	}
	ref := card.PIN
	if s.puk {
		ref = card.PUK
	}
	s.form = u.newForm(slot, ref, true, t.T(s.name+".do"), s.call, s.done, func() { u.Go(screenCard) })
	s.show()
	u.focus()
}

func (s *codeScreen) show() {
	counter := s.slot.card.PIN
	if s.puk {
		counter = s.slot.card.PUK
	}
	s.set(append(s.head(), s.outcome(), panel(tries(s.u.texts, s.form.ref, counter), s.form.object))...)
}

// outcome returns the problem of the last attempt; nil: none.
func (s *codeScreen) outcome() fyne.CanvasObject {
	if s.failed == nil {
		return nil
	}
	return s.u.failure(s.slot, s.failed)
}

func (s *codeScreen) head() []fyne.CanvasObject {
	t := s.u.texts
	return []fyne.CanvasObject{
		intro(t.T(s.name + ".intro")),
		s.u.chooser(func() { s.failed = nil; s.update() }),
	}
}

// possible explains why this card does not accept the code; nil: it does.
func (s *codeScreen) possible(slot *slot) fyne.CanvasObject {
	u, t := s.u, s.u.texts
	c := slot.card
	switch lock := card.LockOf(c.PIN, c.PUK); {
	case c.Authenticity.Level == card.NotGenuine:
		return notice(bad, t.T("error.not-genuine.title"), t.T("error.not-genuine.remedy"))
	case lock == card.LockBoth, lock == card.LockPUK && s.puk:
		return t.lost(c)
	case lock == card.LockPIN && !s.puk:
		b := primaryButton(u.title(screenUnblock), func() { u.Go(screenUnblock) })
		s.next = b
		return notice(warn, t.T("error.pin-blocked.title"), t.T("error.pin-blocked.remedy"), row(b))
	}
	return nil
}

func (s *codeScreen) call(ctx context.Context, reader string, code, pin []byte, o CodeOptions) error {
	if s.puk {
		return s.u.svc.Unblock(ctx, reader, code, pin, o)
	}
	return s.u.svc.ChangePIN(ctx, reader, code, pin, o)
}

func (s *codeScreen) done(err error) {
	u := s.u
	slot := s.slot
	if u.slots[slot.reader.Name] == slot {
		u.inspect(slot) // the counters have changed
	}
	switch {
	case err == nil:
		s.success = true
	case blocked(err):
		s.failed = nil // the page itself shows it
	default:
		s.failed = err
	}
	if u.current != s {
		return
	}
	if s.success {
		s.celebrate()
		u.focus()
		return
	}
	u.scroll.ScrollToTop()
	s.update()
	u.focus()
}
