package gui

import (
	"context"

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

// cardScreen is the home: what lies on the readers.
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
	s.first = nil
	objects := []fyne.CanvasObject{heading(u.title(screenCard))}
	switch {
	case !u.seen || u.desk.Down != nil || len(u.desk.Readers) == 0:
		_, why := u.obstacle()
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
			objects = append(objects[:1], append([]fyne.CanvasObject{u.placement()}, objects[1:]...)...)
		}
	}
	if u.pick() == nil && u.seen {
		objects = append(objects, s.elsewhere())
	}
	s.set(objects...)
}

// reader is the panel of one reader.
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
	c := slot.card
	title := slot.holderName()
	if title == "" {
		title = t.T("card.title")
	}
	head := container.New(lead{gap: 8, left: margin, middle: true},
		icon(theme.NewPrimaryThemedResource(cardIcon), 3.4),
		container.New(column{gap: -10}, subheading(title), name))
	objects := []fyne.CanvasObject{head, s.mark(slot), s.counters(slot)}
	list := []fyne.CanvasObject{}
	if h := slot.holder; h != nil {
		list = append(list,
			copyFact(t, t.T("holder.document"), h.DocumentNumber),
			copyFact(t, t.T("holder.fiscal"), h.FiscalCode),
			fact(t.T("holder.until"), t.Date(h.NotAfter)))
	} else if !c.Expiry.IsZero() {
		list = append(list, fact(t.T("holder.until"), t.Date(c.Expiry)))
	} else {
		list = append(list, fact(t.T("holder.until"), t.T("holder.until-pin")))
	}
	objects = append(objects, facts(list...))
	if h := slot.holder; h != nil {
		objects = append(objects, s.expiry(h))
	}
	objects = append(objects, s.actions(slot)...)
	if u.cards() > 1 {
		return panel(append(objects, s.ways(slot))...)
	}
	return vbox(14, panel(objects...), s.ways(slot))
}

func familyName(t *Texts, f card.Family) string {
	if f == "" || f == card.FamilyUnknown {
		return t.T("card.family-unknown")
	}
	return f.String()
}

// expiry warns of a card that has expired, with the 90 days that follow.
func (s *cardScreen) expiry(h *Holder) fyne.CanvasObject {
	t := s.u.texts
	switch identity.ValidityAt(h.NotBefore, h.NotAfter, s.u.opts.Now()) {
	case identity.InGrace:
		return line(warn, t.T("expiry.grace", t.Date(h.GraceUntil)))
	case identity.Expired:
		return line(bad, t.T("expiry.over"))
	}
	return vbox(0)
}

// line is a mark with a sentence.
func line(k kind, s string) fyne.CanvasObject {
	l := newPathText(s)
	l.Importance = k.importance()
	return container.New(lead{gap: 0, left: margin, middle: true}, icon(k.icon(), 1.3), l)
}

// mark says whether the card is genuine.
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

func (s *cardScreen) counters(slot *slot) fyne.CanvasObject {
	t := s.u.texts
	pin := tries(t, card.PIN, slot.card.PIN)
	if c := slot.card; card.LockOf(c.PIN, c.PUK) == card.LockBoth {
		pin = triesSaying(t, card.PIN, c.PIN, t.T("tries.pin-dead")) // no PUK helps any more
	}
	return facts(pin, tries(t, card.PUK, slot.card.PUK), fact(t.T("card.family"), familyName(t, slot.card.Family)))
}

// actions are what can be done with the card now, the most likely first.
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
	var objects []fyne.CanvasObject
	if slot.form != nil && slot.form.failed != nil {
		objects = append(objects, even(problem(t, slot.form.failed)))
	}
	if slot.holder == nil {
		b := primaryButton(t.T("card.show-holder"), func() {
			slot.asking = true
			slot.form = nil
			u.current.update()
			u.focus()
		})
		s.offer(b)
		objects = append(objects, row(b))
	}
	return objects
}

// elsewhere leads to what helps while no card is there.
func (s *cardScreen) elsewhere() fyne.CanvasObject {
	u := s.u
	way := func(name, words string) fyne.CanvasObject {
		return newTile(entryOf(name).icon(), u.title(name), words, func() { u.Go(name) })
	}
	return container.New(&tiles{gap: 14, cell: 15},
		way(screenHelp, u.texts.T("way.help")), way(screenDiagnostics, u.texts.T("way.diagnostics")))
}

// ways lead from a card that works to what people want of it.
func (s *cardScreen) ways(slot *slot) fyne.CanvasObject {
	u, t, c := s.u, s.u.texts, slot.card
	way := func(name, label, words string) fyne.CanvasObject {
		return newTile(entryOf(name).icon(), label, words, func() { u.chosen = slot.reader.Name; u.Go(name) })
	}
	list := container.New(&tiles{gap: 14, cell: 15})
	if u.cards() > 1 { // no room for more than buttons
		list.Layout = &flow{gap: 10, left: margin}
		way = func(name, label, _ string) fyne.CanvasObject {
			return newButton(label, func() { u.chosen = slot.reader.Name; u.Go(name) })
		}
	}
	if slot.asking || c.Authenticity.Level == card.NotGenuine || c.PIN.Max == 0 || c.PIN.Blocked() {
		list.Hide()
		return list
	}
	list.Add(way(screenAccess, u.title(screenAccess), t.T("way.access")))
	list.Add(way(screenChange, u.title(screenChange), t.T("way.change")))
	if !c.PUK.Blocked() {
		list.Add(way(screenUnblock, t.T("card.forgot"), t.T("way.forgot")))
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
						slot.holder = &h
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
