package gui

import (
	"net/url"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// stamping is the time stamp of the signatures.
type stamping struct {
	on      bool
	address string // of the service
}

// authority returns the address of the service; "": the signatures get no time stamp.
func (s *stamping) authority() string {
	if !s.on {
		return ""
	}
	return s.address
}

// mayStart reports whether nothing is missing that the signatures need.
func (s *signScreen) mayStart() bool {
	return len(s.ready()) > 0 && (!s.stamp.on || s.u.svc.CheckAuthority(s.stamp.address) == nil)
}

// stampChoice offers a time stamp, and says what the service receives.
func (s *signScreen) stampChoice() []fyne.CanvasObject {
	u, t := s.u, s.u.texts
	on := newCheck(t.T("stamp.add"), nil)
	on.SetChecked(s.stamp.on)
	on.OnChanged = func(yes bool) {
		if s.stamp.on = yes; yes && s.stamp.address == "" {
			s.stamp.address = u.config.Authority
		}
		s.update()
	}
	hint := container.New(innerInset{theme.IconInlineSize() + 1, 0}, muted(t.T("stamp.text")))
	if !s.stamp.on {
		return []fyne.CanvasObject{vbox(-8, on, hint)}
	}
	where := text("")
	say := func() {
		words := t.T("stamp.address.wanted")
		if u.svc.CheckAuthority(s.stamp.address) == nil {
			words = t.T("stamp.sent", hostOf(s.stamp.address))
		}
		where.SetText(words)
	}
	entry := newEntry(u, t.T("stamp.address"))
	entry.SetText(s.stamp.address)
	entry.SetPlaceHolder("https://")
	entry.OnChanged = func(address string) {
		s.stamp.address = address
		say()
		enable(s.submit, s.mayStart())
		u.relayout()
	}
	say()
	return []fyne.CanvasObject{vbox(-8, on, hint), vbox(-4, text(t.T("stamp.address")), even(entry)), where}
}

// hostOf returns the name of the computer in an address.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Hostname()
	}
	return address
}

// unstamped explains that no time stamp came, and offers to sign without one.
func (s *signScreen) unstamped(signed, left int) fyne.CanvasObject {
	without := row(newButton(s.u.texts.T("stamp.without"), func() {
		s.stamp.on, s.failed = false, nil
		s.update()
		s.u.focus()
	}))
	o := problem(s.u.texts, s.failed, without)
	if signed == 0 {
		return o
	}
	return vbox(8, notice(warn, s.u.texts.N("sign.partly", signed, left), ""), o)
}

// rememberAuthority keeps the address of a service for the next start; "" is not kept.
func (u *UI) rememberAuthority(address string) {
	if address == "" || address == u.config.Authority {
		return
	}
	u.config.Authority = address
	if err := u.svc.SaveSettings(u.config); err != nil {
		fyne.LogError("address of the time stamp service", err)
	}
}
