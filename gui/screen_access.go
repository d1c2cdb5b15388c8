package gui

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Portal is where the credentials of levels 1 and 2 are looked after.
const Portal = "https://www.cartaidentita.it"

// accessScreen prepares the browsers and tries a login.
type accessScreen struct {
	u *UI
	body
	browsers *fyne.Container
	login    *fyne.Container
	ask      *pinAsk
	outcome  fyne.CanvasObject // of a login that worked
	failed   error             // of one that did not
	working  bool
	changed  bool   // browsers were set up or removed just now
	which    string // the name of the one that was; "": all
	bar      *widget.ProgressBarInfinite
	first    fyne.Focusable // the button that enables the browsers
}

func (s *accessScreen) build() fyne.CanvasObject {
	t := s.u.texts
	s.body = newBody(s.u)
	s.browsers, s.login = vbox(8), vbox(8)
	s.ask = &pinAsk{u: s.u, submit: t.T("access.test.do"), call: s.try, done: s.tried,
		changed: func() { s.outcome, s.failed = nil, nil; s.update() }}
	portal := newButton(t.T("access.portal"), func() { s.u.browse(Portal) })
	address := newPathText(Portal) // for users whose browser does not open
	address.Importance, address.SizeName = widget.LowImportance, theme.SizeNameCaptionText
	s.set(
		intro(t.T("access.intro")),
		panel(subheading(t.T("access.browsers")), s.browsers),
		panel(section(t.T("access.test"), t.T("access.test.intro")), s.login),
		panel(subheading(t.T("access.levels")),
			level(t, "1"), level(t, "2"), level(t, "3"), row(portal), copyable(t, t.T("access.portal"), address, Portal)))
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

// browse shows an address in the browser, or a folder in the file manager.
func (u *UI) browse(address string) {
	if a, err := url.Parse(address); err == nil {
		if err := u.app.OpenURL(a); err != nil {
			fyne.LogError("open "+a.Scheme, err)
		}
	}
}

// focus: first the browsers, and when nothing is to be done there the login.
func (s *accessScreen) focus() fyne.Focusable {
	if s.first != nil {
		return s.first
	}
	if s.working {
		return nil
	}
	return s.ask.field()
}

func (s *accessScreen) leave() { s.ask.wipe() }

// load lists the browsers.
func (s *accessScreen) load() {
	u, t := s.u, s.u.texts
	s.working = true
	s.browsers.Objects = []fyne.CanvasObject{text(t.T("access.looking")), u.endless(&s.bar)}
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
		objects = append(objects, even(problem(t, failed)))
	}
	if err != nil {
		again := newButton(t.T("again"), s.load)
		s.browsers.Objects = append(objects, even(problem(t, err, row(again))))
		s.u.relayout()
		return
	}
	s.first = nil
	off, on, copies := false, false, false
	// ask shows a question below the list; leaving it shows the list again.
	ask := func(question, label string, do func()) {
		s.browsers.Objects = append(slices.Clip(objects), u.sure(question, label, do, func() { s.loaded(list, nil, nil) }))
		u.relayout()
	}
	for _, b := range list {
		shown := browserLine(t, b)
		copies = copies || b.Copies
		switch {
		case canEnable(b):
			off = true
			one := newButton(t.T("access.enable.one"), func() { s.change(b.ID, b.Name, true) })
			one.name = t.T("access.enable.name", b.Name)
			shown = container.New(ends{gap: 10}, shown, one)
		case canDisable(b):
			on = true
			one := newButton(t.T("access.disable.one"), nil)
			one.name = t.T("access.disable.name", b.Name)
			question := t.T("sure.browser", b.Name)
			if len(b.Shares) > 0 {
				question += " " + t.T("sure.browser.shares", strings.Join(b.Shares, ", "))
			}
			one.OnTapped = func() { ask(question, one.name, func() { s.change(b.ID, b.Name, false) }) }
			shown = container.New(ends{gap: 10}, shown, one)
		}
		objects = append(objects, shown)
	}
	if copies {
		objects = append(objects, even(muted(t.T("access.copies"))))
	}
	if s.changed {
		said := t.T("done") + "."
		if s.which != "" {
			said = t.T("done") + ": " + s.which + "."
		}
		objects = append(objects, line(good, said))
		s.changed = false
	}
	if len(list) == 0 {
		objects = append(objects, text(t.T("access.none")))
	}
	var buttons []fyne.CanvasObject
	if off {
		b := primaryButton(t.T("access.enable"), func() { s.change("", "", true) })
		s.first = b
		buttons = append(buttons, b)
	}
	if on {
		buttons = append(buttons, newButton(t.T("access.disable"), func() {
			ask(t.T("sure.browsers"), t.T("access.disable"), func() { s.change("", "", false) })
		}))
	}
	if len(buttons) > 0 {
		objects = append(objects, row(buttons...))
	}
	s.browsers.Objects = objects
	s.u.relayout()
	if _, ok := u.win.Canvas().Focused().(*DigitField); !ok {
		u.focus()
	}
}

// canEnable reports whether registering the module helps the program.
func canEnable(b Browser) bool {
	return b.State == BrowserOff || b.State == BrowserElsewhere || b.State == BrowserDamaged
}

// canDisable reports whether the program has a registration.
func canDisable(b Browser) bool {
	return b.State == BrowserReady || b.State == BrowserRestart || b.State == BrowserNotLoadable
}

func browserLine(t *Texts, b Browser) fyne.CanvasObject {
	k := warn
	switch b.State {
	case BrowserReady, BrowserRestart:
		k = good
	case BrowserNotLoadable:
		k = bad
	case BrowserOff:
		k = info
	}
	name := text(b.Name)
	name.TextStyle.Bold = true
	words := muted(t.T("browser." + string(b.State)))
	return container.New(lead{gap: 2, left: margin}, container.New(inset{0, theme.InnerPadding()}, icon(k.icon(), 1.3)),
		container.New(column{gap: -12}, name, words))
}

// change registers or unregisters the program of that ID and name, "" for all.
func (s *accessScreen) change(id, name string, enable bool) {
	if s.working {
		return
	}
	s.which = name
	u, t := s.u, s.u.texts
	s.working = true
	s.first = nil
	s.browsers.Objects = []fyne.CanvasObject{text(t.T("access.changing")), u.endless(&s.bar)}
	s.u.relayout()
	u.background(func() {
		failed := u.svc.SetBrowsers(u.ctx, id, enable)
		list, err := u.svc.Browsers(u.ctx)
		u.do(func() {
			s.changed = failed == nil && err == nil
			s.loaded(list, err, failed)
		})
	})
}

// update offers the test login for the card that is there.
func (s *accessScreen) update() {
	if s.ask.busy() {
		return
	}
	var objects []fyne.CanvasObject
	if s.outcome != nil {
		objects = append(objects, even(s.outcome))
	}
	if s.failed != nil {
		if why := s.u.failure(s.ask.slot, s.failed); why != nil {
			objects = append(objects, even(why))
		}
	}
	s.login.Objects = append(objects, s.ask.objects()...)
	s.u.relayout()
}

func (s *accessScreen) try(ctx context.Context, reader string, code, _ []byte, o CodeOptions) error {
	l, err := s.u.svc.TestLogin(ctx, reader, code, o)
	if err == nil {
		t := s.u.texts
		s.u.do(func() {
			s.outcome = notice(good, t.T("access.test.ok.title"), t.T("access.test.ok.text", l.Name), muted(l.Protocol))
		})
	}
	return err
}

func (s *accessScreen) tried(err error) {
	if s.u.current != s {
		return
	}
	s.failed = nil
	if err != nil {
		s.outcome = nil
	}
	if !blocked(err) { // else the page itself shows it
		s.failed = err
	}
	s.update()
	if f := s.ask.field(); f != nil {
		s.u.win.Canvas().Focus(f)
	}
}
