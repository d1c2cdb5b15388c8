package gui

import (
	"fyne.io/fyne/v2"
)

// lostScreen explains what to do about a lost PIN, PUK or card.
type lostScreen struct {
	u *UI
	body
	first *button
}

func (s *lostScreen) build() fyne.CanvasObject {
	t := s.u.texts
	s.body = newBody(s.u)
	s.first = newButton(t.T("goto.unblock"), func() { s.u.Go(screenUnblock) })
	s.set(
		intro(t.T("lost.intro")),
		panel(section(t.T("card.forgot"), t.T("way.forgot")), row(s.first)),
		panel(subheading(t.T("help.puk-lost")), text(t.T("help.puk-lost.text"))),
		panel(append([]fyne.CanvasObject{subheading(t.T("help.lost")), text(t.T("help.lost.text"))}, s.u.contacts("lost")...)...))
	return s.box
}

func (s *lostScreen) focus() fyne.Focusable { return s.first }
func (s *lostScreen) leave()                {}
func (s *lostScreen) update()               {}
