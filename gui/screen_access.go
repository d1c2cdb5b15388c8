package gui

import (
	"context"
	"net/url"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

// Portal is where the credentials of levels 1 and 2 are looked after.
const Portal = "https://www.cartaidentita.it"

// accessScreen prepares the browsers and tries a login.
type accessScreen struct {
	u *UI
	body
	browsers *fyne.Container
	login    *fyne.Container
	slot     *slot
	form     *form
	outcome  fyne.CanvasObject
	working  bool
	first    fyne.Focusable
}

func (s *accessScreen) build() fyne.CanvasObject {
	t := s.u.texts
	s.body = newBody()
	s.browsers, s.login = vbox(8), vbox(8)
	portal := newButton(t.T("access.portal"), func() { s.u.open(Portal) })
	s.set(
		vbox(0, heading(t.T("nav.access")), muted(t.T("access.intro"))),
		panel(subheading(t.T("access.browsers")), s.browsers),
		panel(subheading(t.T("access.test")), text(t.T("access.test.intro")), s.login),
		panel(subheading(t.T("access.levels")),
			level(t, "1"), level(t, "2"), level(t, "3"), row(portal)))
	s.load()
	s.update()
	return s.box
}

// level explains one level of access.
func level(t *Texts, n string) fyne.CanvasObject {
	name := text(t.T("access.level" + n))
	name.TextStyle.Bold = true
	return container.New(column{gap: -8}, name, muted(t.T("access.level"+n+".text")))
}

// open shows an address in the browser.
func (u *UI) open(address string) {
	if a, err := url.Parse(address); err == nil {
		if err := u.app.OpenURL(a); err != nil {
			fyne.LogError("open "+a.Scheme, err)
		}
	}
}

func (s *accessScreen) focus() fyne.Focusable { return s.first }

func (s *accessScreen) leave() {
	if s.form != nil {
		s.form.wipe()
	}
}

// load asks for the browsers.
func (s *accessScreen) load() {
	u, t := s.u, s.u.texts
	s.browsers.Objects = []fyne.CanvasObject{text(t.T("access.looking")), widget.NewProgressBarInfinite()}
	u.background(func() {
		list, err := u.svc.Browsers(u.ctx)
		u.do(func() { s.loaded(list, err, nil) })
	})
}

// loaded shows the browsers; failed is the error of the last change.
func (s *accessScreen) loaded(list []Browser, err, failed error) {
	if s.u.current != s {
		return
	}
	u, t := s.u, s.u.texts
	s.working = false
	var objects []fyne.CanvasObject
	if failed != nil {
		objects = append(objects, problem(t, failed))
	}
	if err != nil {
		again := newButton(t.T("again"), s.load)
		s.browsers.Objects = append(objects, problem(t, err, row(again)))
		relayout(s.box)
		return
	}
	off, on := false, false
	for _, b := range list {
		objects = append(objects, browserLine(t, b))
		off = off || b.State == BrowserOff || b.State == BrowserDamaged
		on = on || b.State == BrowserReady || b.State == BrowserRestart
	}
	if len(list) == 0 {
		objects = append(objects, text(t.T("access.none")))
	}
	var buttons []fyne.CanvasObject
	if off {
		b := primaryButton(t.T("access.enable"), func() { s.change(true) })
		s.first = b
		buttons = append(buttons, b)
	}
	if on {
		buttons = append(buttons, newButton(t.T("access.disable"), func() { s.change(false) }))
	}
	if len(buttons) > 0 {
		objects = append(objects, row(buttons...))
	}
	s.browsers.Objects = objects
	relayout(s.box)
	if _, ok := u.win.Canvas().Focused().(*DigitField); !ok && s.first != nil {
		u.focus()
	}
}

func browserLine(t *Texts, b Browser) fyne.CanvasObject {
	k := warn
	switch b.State {
	case BrowserReady, BrowserRestart:
		k = good
	case BrowserOff:
		k = info
	}
	name := text(b.Name)
	name.TextStyle.Bold = true
	words := muted(t.T("browser." + string(b.State)))
	return container.New(lead{gap: 2, left: margin}, container.New(inset{0, theme.InnerPadding()}, icon(k.icon(), 1.3)),
		container.New(column{gap: -12}, name, words))
}

func (s *accessScreen) change(enable bool) {
	if s.working {
		return
	}
	u, t := s.u, s.u.texts
	s.working = true
	s.first = nil
	s.browsers.Objects = []fyne.CanvasObject{text(t.T("access.changing")), widget.NewProgressBarInfinite()}
	relayout(s.box)
	u.background(func() {
		failed := u.svc.SetBrowsers(u.ctx, enable)
		list, err := u.svc.Browsers(u.ctx)
		u.do(func() { s.loaded(list, err, failed) })
	})
}

// update offers the test login for the card that is there.
func (s *accessScreen) update() {
	u, t := s.u, s.u.texts
	if s.form != nil && s.form.busy() {
		return
	}
	slot, why := u.obstacle()
	if why == nil {
		c := slot.card
		switch {
		case c.Authenticity.Level == card.NotGenuine:
			why = line(bad, t.T("error.not-genuine.title"))
		case c.PIN.Max > 0 && c.PIN.Left == 0:
			why = line(warn, t.T("error.pin-blocked.title"))
		}
	}
	if s.form == nil || s.slot != slot || why != nil {
		if s.form != nil {
			s.form.wipe()
			s.form = nil
		}
		s.slot = slot
		if why == nil {
			s.form = u.newForm(slot, card.PIN, false, t.T("access.test.do"), s.try, s.tried, func() { u.Go(screenCard) })
		}
	}
	var objects []fyne.CanvasObject
	if s.outcome != nil {
		objects = append(objects, s.outcome)
	}
	if why != nil {
		objects = append(objects, why)
	} else {
		s.form.check()
		objects = append(objects, tries(t, card.PIN, slot.card.PIN), s.form.object)
	}
	s.login.Objects = objects
	relayout(s.box)
}

func (s *accessScreen) try(ctx context.Context, reader string, code, _ []byte, o CodeOptions) error {
	l, err := s.u.svc.TestLogin(ctx, reader, code, o)
	if err == nil {
		t := s.u.texts
		s.u.do(func() {
			s.outcome = notice(good, t.T("access.test.ok.title"), t.T("access.test.ok.text", l.Name, l.Protocol))
		})
	}
	return err
}

func (s *accessScreen) tried(err error) {
	u := s.u
	if s.slot != nil && u.slots[s.slot.reader.Name] == s.slot {
		u.inspect(s.slot)
	}
	if u.current != s {
		return
	}
	if err != nil {
		s.outcome = problem(u.texts, err)
	}
	s.update()
}
