package gui

import (
	"fyne.io/fyne/v2"
)

// helpTopics are the sections of the help, in their order.
var helpTopics = []string{"codes", "blocked", "puk-lost", "read", "levels", "activate", "lost", "expiry", "support", "keyboard"}

// helpScreen answers what people ask. One section is open at a time.
type helpScreen struct {
	u *UI
	body
	open    int
	buttons []*button
}

func (s *helpScreen) build() fyne.CanvasObject {
	s.body = newBody()
	s.show()
	return s.box
}

func (s *helpScreen) focus() fyne.Focusable { return s.buttons[s.open] }
func (s *helpScreen) leave()                {}
func (s *helpScreen) update()               {}

func (s *helpScreen) show() {
	t := s.u.texts
	objects := []fyne.CanvasObject{vbox(0, heading(t.T("nav.help")), muted(t.T("help.intro")))}
	s.buttons = nil
	for i, topic := range helpTopics {
		b := newTopic(t.T("help."+topic), i == s.open, func() {
			s.open = i
			s.show()
			s.u.focus()
		})
		s.buttons = append(s.buttons, b)
		if i != s.open {
			objects = append(objects, b)
			continue
		}
		objects = append(objects, panel(b, text(t.T("help."+topic+".text"))))
	}
	s.set(objects...)
}
