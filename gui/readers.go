package gui

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"cie/card"
)

// watch follows the readers.
func (u *UI) watch() {
	u.background(func() {
		for d := range u.svc.Watch(u.ctx) {
			u.do(func() { u.setReaders(d) })
		}
	})
}

// setReaders applies a new state of the readers: new cards are inspected,
// what was known of those that left is forgotten.
func (u *UI) setReaders(d ReaderState) {
	if u.ctx.Err() != nil {
		return
	}
	u.readers, u.seen = d, true
	u.startFailed = u.startFailed && d.Down != nil
	slots := map[string]*slot{}
	u.order = nil
	for _, r := range d.Readers {
		s := u.slots[r.Name]
		if s == nil || s.reader != r {
			fresh := &slot{reader: r}
			if r.Presence == Present {
				u.inspect(fresh)
				u.notify(fresh)
			}
			s = fresh
		}
		slots[r.Name] = s
		u.order = append(u.order, s)
	}
	for name, s := range u.slots {
		if slots[name] != s {
			s.drop()
		}
	}
	u.slots = slots
	u.update()
}

// update shows a change of the readers, or of what is known of a card.
func (u *UI) update() {
	u.current.update()
	u.showState()
}

// drop forgets a card that left.
func (s *slot) drop() {
	if s.cancel != nil {
		s.cancel()
	}
	if s.form != nil {
		s.form.wipe()
	}
	s.holder = nil
}

// inspect reads what the card in the slot shows without a code.
func (u *UI) inspect(s *slot) {
	if s.cancel != nil {
		s.cancel()
	}
	ctx, cancel := context.WithCancel(u.ctx)
	s.cancel = cancel
	s.done, s.err = false, nil
	s.round++
	round := s.round
	current := func() bool { return u.slots[s.reader.Name] == s && s.round == round && u.ctx.Err() == nil }
	u.background(func() {
		defer cancel()
		err := u.svc.Inspect(ctx, s.reader.Name, func(c Card) {
			u.do(func() {
				if current() {
					s.take(c)
					u.update()
				}
			})
		})
		u.do(func() {
			if current() {
				s.done, s.err = true, err
				u.update()
			}
		})
	})
}

// take keeps what is known of the same card until it has been read again.
func (s *slot) take(c Card) {
	if c.Reading != "" {
		s.reading = c.Reading
		return
	}
	if s.known && s.card.ID == c.ID {
		if c.PIN.Max == 0 {
			c.PIN, c.PUK = s.card.PIN, s.card.PUK
		}
		if c.Authenticity.Level == "" {
			c.Authenticity = s.card.Authenticity
			c.Name = s.card.Name
		}
	}
	s.card, s.known = c, true
}

// counter returns what is known of a counter.
func (s *slot) counter(ref card.PINRef) card.Tries {
	if ref == card.PUK {
		return s.card.PUK
	}
	return s.card.PIN
}

// learn applies what the outcome of an operation implies for the counters.
func (s *slot) learn(ref card.PINRef, err error) {
	counter := &s.card.PIN
	if ref == card.PUK {
		counter = &s.card.PUK
	}
	var wrong *card.PINError
	var last *card.LastTryError
	switch {
	case errors.As(err, &last):
		s.wary = true
	case err == nil:
		s.wary = false
		counter.Left = counter.Max
		s.card.PIN.Left = s.card.PIN.Max // a new PIN has all its tries
	case errors.As(err, &wrong) && wrong.Ref == ref:
		counter.Left = wrong.Tries
		counter.Reported = counter.Reported || wrong.Blocked()
	}
}

// unmarked removes what desktops with markup in notifications would read
// as such (Desktop Notifications 1.2, Markup); the others show it as it is.
var unmarked = strings.NewReplacer("&", " ", "<", "(", ">", ")")

// expiry returns when the certificate of the card expires; zero: it is not known.
func (s *slot) expiry() time.Time {
	if s.holder != nil {
		return s.holder.NotAfter
	}
	return s.card.Expiry
}

// holderName returns whose card it is, as far as that is known.
func (s *slot) holderName() string {
	if s.holder != nil {
		return strings.TrimSpace(s.holder.GivenName + " " + s.holder.Surname)
	}
	return s.card.Name
}

// label returns what distinguishes the card in a list: the holder, or the
// label that browsers show for it, and the reader.
func (s *slot) label() string {
	name := cmp.Or(s.holderName(), s.shortName())
	if name == "" {
		return s.reader.Name
	}
	return name + " (" + s.reader.Name + ")"
}

// shortName returns the label that browsers show for the card.
func (s *slot) shortName() string {
	if id := s.card.ID; len(id) > 4 {
		return "CIE " + id[len(id)-4:]
	}
	return ""
}

// notify shows a notification about a card while the window is hidden.
func (u *UI) notify(s *slot) {
	if !u.hidden {
		return
	}
	n := fyne.NewNotification(u.texts.T("app.name"), u.texts.T("notify.card", unmarked.Replace(s.reader.Name)))
	// Not on the thread of the windows: the desktop may take its time.
	u.background(func() { u.app.SendNotification(n) })
}

// candidates returns the slots whose card the user can mean.
func (u *UI) candidates() []*slot {
	var all, some []*slot
	var what []card.Recognition
	for _, s := range u.order {
		if s.reader.Presence != Empty {
			all, what = append(all, s), append(what, s.recognition())
		}
	}
	for _, i := range card.Candidates(what) {
		some = append(some, all[i])
	}
	return some
}

// recognition returns what is known of the card in the slot.
func (s *slot) recognition() card.Recognition {
	switch {
	case s.known:
		return card.IsCIE
	case s.err != nil:
		return card.RecognitionOf(s.err)
	}
	return card.MayBeCIE
}

// pick returns the slot that codes are sent to: the one the user chose, else the
// first with a CIE, else the first with any card. nil: there is no card.
func (u *UI) pick() *slot {
	all := u.candidates()
	for _, s := range all {
		if s.reader.Name == u.chosen {
			return s
		}
	}
	for _, s := range all {
		if s.usable() {
			return s
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return nil
}

// cards returns the number of readers with something on them.
func (u *UI) cards() int {
	n := 0
	for _, s := range u.order {
		if s.reader.Presence != Empty {
			n++
		}
	}
	return n
}

// chooser lets the user choose one of several cards; nil with one.
func (u *UI) chooser(changed func()) fyne.CanvasObject {
	var labels []string
	readers := map[string]string{}
	for _, s := range u.candidates() {
		labels = append(labels, s.label())
		readers[s.label()] = s.reader.Name
	}
	if len(labels) < 2 {
		return nil
	}
	pick := newSelection(u.texts.T("choose.reader"), labels)
	pick.SetSelected(u.pick().label())
	pick.OnChanged = func(label string) {
		u.chosen = readers[label]
		changed()
	}
	return panel(text(u.texts.T("choose.reader")), pick)
}

// obstacle explains why no code can be entered now: no service, no reader, no card,
// a card that is not the right one. nil: there is none, and slot is set.
func (u *UI) obstacle() (s *slot, why fyne.CanvasObject) {
	t := u.texts
	switch {
	case !u.seen:
		return nil, notice(info, t.T("readers.looking"), "")
	case u.readers.Down != nil:
		return nil, u.down()
	case len(u.readers.Readers) == 0:
		return nil, notice(info, t.T("readers.no-reader.title"), t.T("readers.no-reader.text"))
	}
	s = u.pick()
	if s == nil {
		return nil, u.placement()
	}
	return s, u.trouble(s)
}

// placement explains how to put the card on the reader.
func (u *UI) placement() fyne.CanvasObject {
	t := u.texts
	help := t.T("readers.no-card.text")
	for _, r := range u.readers.Readers {
		if r.Contactless {
			help = t.T("readers.no-card.contactless")
		}
	}
	picture := canvas.NewImageFromResource(placeImage)
	picture.FillMode = canvas.ImageFillContain
	// Big text needs the room more than the picture does.
	picture.SetMinSize(fyne.NewSquareSize(120))
	return panel(container.New(lead{gap: 10, left: margin, middle: true}, picture,
		vbox(-6, subheading(t.T("readers.no-card.title")), text(help))))
}

// readSteps are the steps of reading a card, in their order.
var readSteps = []card.StepName{card.StepSelect, card.StepReadPublic, card.StepCheckSOD, card.StepAntiClone, card.StepKeyExchange,
	card.StepTerminalCert, card.StepTerminalAuth, card.StepChipAuth, card.StepTries}

// trouble shows the problem of the card in the slot; nil: none.
func (u *UI) trouble(s *slot) fyne.CanvasObject {
	t := u.texts
	switch {
	case s.reader.Presence == Mute:
		return notice(warn, t.T("error.mute.title"), t.T("error.mute.remedy"))
	case s.err != nil:
		again := newButton(t.T("again"), func() { u.inspect(s); u.update() })
		return problem(t, s.err, row(again))
	case !s.known || s.card.PIN.Max == 0 && !s.done:
		bar := newSteps()
		step := t.T("progress.start")
		if i := slices.Index(readSteps, s.reading); i >= 0 {
			bar.Value, step = float64(i), t.T("step."+string(s.reading))
		}
		bar.Max = float64(len(readSteps))
		return notice(info, t.T("readers.reading.title"), t.T("readers.reading.text"), even(bar), muted(step))
	}
	return nil
}
