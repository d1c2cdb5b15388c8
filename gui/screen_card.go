package gui

import (
	"cmp"
	"context"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
	"cie/card/identity"
)

// body is a page whose content changes.
type body struct {
	u   *UI
	box *fyne.Container
}

func newBody(u *UI) body { return body{u, container.New(column{gap: 14, max: 54})} }

func (b body) set(objects ...fyne.CanvasObject) {
	b.box.Objects = b.box.Objects[:0]
	for _, o := range objects {
		if o != nil {
			b.box.Objects = append(b.box.Objects, o)
		}
	}
	b.u.relayout()
}

// cardScreen is the home page: the cards on the readers.
type cardScreen struct {
	u *UI
	body
	first fyne.Focusable
}

func (s *cardScreen) build() fyne.CanvasObject {
	s.body = newBody(s.u)
	s.update()
	return s.box
}

func (s *cardScreen) focus() fyne.Focusable {
	for _, slot := range s.u.order {
		if slot.asking && slot.form != nil {
			return slot.form.first()
		}
	}
	return s.first
}

func (s *cardScreen) leave() {
	for _, slot := range s.u.order {
		if slot.form != nil {
			slot.form.wipe()
			if !slot.form.busy() {
				slot.asking = false
			}
		}
	}
}

func (s *cardScreen) update() {
	u := s.u
	had := s.first
	s.first = nil
	var objects []fyne.CanvasObject
	switch {
	case !u.seen || u.readers.Down != nil || len(u.readers.Readers) == 0:
		u.start = nil
		_, why := u.obstacle()
		if u.start != nil {
			s.first = u.start
		}
		objects = append(objects, why)
	default:
		// Cards beside each other, then what is empty.
		var cards, empty []fyne.CanvasObject
		for _, slot := range u.order {
			if slot.reader.Presence == Empty {
				empty = append(empty, s.reader(slot))
			} else {
				cards = append(cards, s.reader(slot))
			}
		}
		for _, list := range [][]fyne.CanvasObject{cards, empty} {
			switch len(list) {
			case 0:
			case 1:
				objects = append(objects, list[0])
			default:
				objects = append(objects, container.New(&tiles{gap: 14, cell: 24}, list...))
			}
		}
		if len(cards) == 0 {
			objects = append([]fyne.CanvasObject{u.placement()}, objects...)
		}
	}
	if u.pick() == nil && u.seen {
		objects = append(objects, s.elsewhere())
	}
	s.set(objects...)
	// A new card gets the keyboard, unless the user is elsewhere.
	if at := u.win.Canvas().Focused(); u.built && had == nil && s.first != nil && (at == nil || at == fyne.Focusable(u.place())) {
		u.focus()
	}
}

// reader returns the panel of one reader.
func (s *cardScreen) reader(slot *slot) fyne.CanvasObject {
	u, t := s.u, s.u.texts
	name := muted(slot.reader.Name)
	name.SizeName = theme.SizeNameCaptionText
	if slot.reader.Presence == Empty {
		return panel(container.New(lead{gap: 8, left: margin, middle: true},
			icon(theme.NewColoredResource(cardIcon, colorMuted), 2.6),
			container.New(column{gap: -10}, text(t.T("card.empty")), name)))
	}
	if why := u.trouble(slot); why != nil && (slot.reader.Presence == Mute || slot.err != nil || !slot.known) {
		return container.New(column{gap: 2}, name, why)
	}
	who := cmp.Or(slot.holderName(), slot.shortName(), t.T("card.title"))
	objects := s.health(slot)
	if list := s.counters(slot, true); len(list) > 0 {
		objects = append(objects, facts(list...))
	}
	if h := slot.holder; h != nil {
		// Wide enough for a fiscal code with its button in one line.
		objects = append(objects, container.New(&flow{gap: 4, cell: 17.5},
			copyFact(t, t.T("holder.document"), h.DocumentNumber),
			copyFact(t, t.T("holder.fiscal"), h.FiscalCode),
			fact(t.T("holder.until"), t.Date(h.NotAfter))), row(newButton(t.T("card.hide-holder"), func() { u.hide(slot) })))
	}
	face := vbox(4, objects...)
	if u.cards() > 1 {
		head := container.New(lead{gap: 8, left: margin, middle: true},
			icon(theme.NewPrimaryThemedResource(cardIcon), 2.6), container.New(column{gap: -10}, subheading(who), name))
		all := append([]fyne.CanvasObject{head, face}, s.actions(slot)...)
		return panel(append(all, s.ways(slot), s.details(slot))...)
	}
	first := container.New(&aside{gap: 14, want: 18, first: pictureWidth * theme.TextSize(), ornament: true}, s.u.picture(who), face)
	all := append([]fyne.CanvasObject{first}, s.actions(slot)...)
	return vbox(14, panel(append(all, s.details(slot))...), s.ways(slot))
}

// details returns the counters, the chip and the reader, folded away.
func (s *cardScreen) details(slot *slot) fyne.CanvasObject {
	t := s.u.texts
	b := newTopic(t.T("details.name"), slot.open, func() {
		slot.open = !slot.open
		s.update()
	})
	if !slot.open {
		return b
	}
	return vbox(2, b, facts(append(s.counters(slot, false),
		fact(t.T("card.family"), familyName(t, slot.card.Family)), fact(t.T("card.reader"), slot.reader.Name))...))
}

// health sums up the card in one line, and lists below it what is wrong.
func (s *cardScreen) health(slot *slot) []fyne.CanvasObject {
	t, c := s.u.texts, slot.card
	until := slot.expiry()
	var expiry fyne.CanvasObject
	if h := slot.holder; h != nil {
		expiry = s.expiry(h)
	} else if !until.IsZero() {
		expiry = s.expiry(&Holder{NotAfter: until, GraceUntil: until.Add(identity.Grace)})
	}
	if c.Authenticity.Level != card.Genuine || c.PIN.Max == 0 || triesKind(card.PIN, c.PIN) > good || triesKind(card.PUK, c.PUK) > good || expiry != nil {
		if expiry == nil {
			return []fyne.CanvasObject{s.mark(slot)}
		}
		return []fyne.CanvasObject{s.mark(slot), expiry}
	}
	parts := []string{t.T("health.genuine")}
	if !until.IsZero() {
		parts = append(parts, t.T("health.until", t.Date(until)))
	}
	if c.PIN.Left == c.PIN.Max {
		parts = append(parts, t.T("health.pin"))
	}
	return []fyne.CanvasObject{line(good, t.T("health.fine", strings.Join(parts, ", ")))}
}

// counters shows the counters of which something was spent, or the others.
func (s *cardScreen) counters(slot *slot, spent bool) []fyne.CanvasObject {
	t, c := s.u.texts, slot.card
	is := func(n card.Tries) bool { return n.Left >= 0 && n.Left < n.Max }
	var list []fyne.CanvasObject
	if is(c.PIN) == spent {
		list = append(list, s.pinTries(slot))
	}
	if is(c.PUK) == spent {
		list = append(list, tries(t, card.PUK, c.PUK))
	}
	return list
}

// pinTries returns the counter of the PIN. No PUK helps a card whose PUK is blocked, too.
func (s *cardScreen) pinTries(slot *slot) fyne.CanvasObject {
	t, c := s.u.texts, slot.card
	if card.LockOf(c.PIN, c.PUK) == card.LockBoth {
		return triesSaying(t, card.PIN, c.PIN, t.T("tries.pin-dead"))
	}
	return tries(t, card.PIN, c.PIN)
}

func familyName(t *Texts, f card.Family) string {
	if f == "" || f == card.FamilyUnknown {
		return t.T("card.family-unknown")
	}
	return f.String()
}

// expiry warns of a card that has expired, with the 90 days that follow; nil: it
// has not.
func (s *cardScreen) expiry(h *Holder) fyne.CanvasObject {
	t := s.u.texts
	switch identity.ValidityAt(h.NotBefore, h.NotAfter, s.u.opts.Now()) {
	case identity.InGrace:
		return line(warn, t.T("expiry.grace", t.Date(h.GraceUntil)))
	case identity.Expired:
		return line(bad, t.T("expiry.over"))
	}
	return nil
}

// line returns a mark with a sentence.
func line(k kind, s string) fyne.CanvasObject {
	l := newPathText(s)
	l.Importance = k.importance()
	return container.New(lead{gap: 0, left: margin, middle: true}, icon(k.icon(), 1.3), l)
}

// mark shows whether the card is genuine.
func (s *cardScreen) mark(slot *slot) fyne.CanvasObject {
	t := s.u.texts
	switch a := slot.card.Authenticity; a.Level {
	case card.Genuine:
		return line(good, t.T("auth.genuine"))
	case card.IssuerUnknown, card.TestCard, card.VirtualCard:
		if a.Accepted {
			return line(warn, t.T("auth."+string(a.Level))+". "+t.T("auth.accepted"))
		}
		return line(warn, t.T("auth."+string(a.Level)))
	case card.NotGenuine:
		return line(bad, t.T("auth.not-genuine"))
	}
	if slot.done {
		return line(info, t.T("auth.unchecked"))
	}
	return line(info, t.T("auth.checking"))
}

// actions returns what can be done with the card now, the most likely first.
func (s *cardScreen) actions(slot *slot) []fyne.CanvasObject {
	u, t := s.u, s.u.texts
	c := slot.card
	switch lock := card.LockOf(c.PIN, c.PUK); {
	case c.Authenticity.Level == card.NotGenuine:
		return []fyne.CanvasObject{even(notice(bad, t.T("error.not-genuine.title"), t.T("error.not-genuine.remedy")))}
	case lock == card.LockBoth:
		return []fyne.CanvasObject{even(t.lost(c))}
	case lock == card.LockPIN:
		b := primaryButton(u.title(screenUnblock), func() { u.chosen = slot.reader.Name; u.Go(screenUnblock) })
		s.offer(b)
		return []fyne.CanvasObject{even(notice(warn, t.T("error.pin-blocked.title"), t.T("error.pin-blocked.remedy"), row(b)))}
	case c.PIN.Max == 0 && !slot.done:
		return nil
	case slot.asking:
		return []fyne.CanvasObject{even(widget.NewSeparator()), text(t.T("card.ask")), s.form(slot).object}
	}
	if slot.form != nil && slot.form.failed != nil {
		return []fyne.CanvasObject{even(u.failure(slot, slot.form.failed))}
	}
	return nil
}

// elsewhere leads to what helps while no card is there.
func (s *cardScreen) elsewhere() fyne.CanvasObject {
	u := s.u
	way := func(name, words string) fyne.CanvasObject {
		section, page := find(name)
		title := u.texts.T(page.title)
		if section.name == name {
			title = u.texts.T(section.title)
		}
		return newTile(page.icon(), title, words, func() { u.Go(name) })
	}
	return container.New(&tiles{gap: 14, cell: 15},
		way(screenHelp, u.texts.T("way.help")), way(screenDiagnostics, u.texts.T("way.diagnostics")))
}

// ways returns the tiles for what a user does with a working card.
func (s *cardScreen) ways(slot *slot) fyne.CanvasObject {
	u, t, c := s.u, s.u.texts, slot.card
	list := container.New(&tiles{gap: 14, cell: 15})
	add := func(i fyne.Resource, label, words string, tapped func()) {
		if u.cards() > 1 { // no room for more than buttons
			b := newButton(label, tapped)
			s.offer(b)
			list.Add(b)
			return
		}
		tile := newTile(i, label, words, tapped)
		s.offer(tile)
		list.Add(tile)
	}
	if u.cards() > 1 {
		list.Layout = &flow{gap: 10, left: margin}
	}
	if slot.asking || c.Authenticity.Level == card.NotGenuine || c.PIN.Max == 0 || c.PIN.Blocked() {
		list.Hide()
		return list
	}
	way := func(name, label, words string) {
		add(entryOf(name).icon(), label, words, func() { u.chosen = slot.reader.Name; u.Go(name) })
	}
	way(screenAccess, t.T("card.access"), t.T("way.access"))
	if slot.holder == nil {
		add(theme.AccountIcon(), t.T("card.show-holder"), t.T("way.holder"), func() {
			slot.asking = true
			slot.form = nil
			u.current.update()
			u.focus()
		})
	}
	way(screenChange, u.title(screenChange), t.T("way.change"))
	if !c.PUK.Blocked() {
		way(screenUnblock, t.T("card.forgot"), t.T("way.forgot"))
	}
	return list
}

func (s *cardScreen) offer(f fyne.Focusable) {
	if s.first == nil {
		s.first = f
	}
}

// form asks for the PIN to show the holder.
func (s *cardScreen) form(slot *slot) *form {
	if slot.form != nil {
		slot.form.check()
		return slot.form
	}
	u, t := s.u, s.u.texts
	close := func() { slot.asking = false; u.current.update(); u.focus() }
	slot.form = u.newForm(slot, card.PIN, false, t.T("card.show-holder"),
		func(ctx context.Context, reader string, code, _ []byte, o CodeOptions) error {
			h, err := u.svc.Holder(ctx, reader, code, o)
			if err == nil {
				u.do(func() {
					if u.slots[reader] == slot {
						u.display(slot, h)
					}
				})
			}
			return err
		},
		func(err error) {
			if u.slots[slot.reader.Name] != slot {
				return
			}
			slot.form.failed = err
			close()
			u.inspect(slot)
		}, close)
	return slot.form
}
