package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// aboutScreen describes the program.
type aboutScreen struct {
	u *UI
	body
	copyIt *button
	said   bool
}

func (s *aboutScreen) build() fyne.CanvasObject {
	s.body = newBody(s.u)
	s.show()
	return s.box
}

func (s *aboutScreen) focus() fyne.Focusable { return s.copyIt }
func (s *aboutScreen) leave()                {}
func (s *aboutScreen) update()               {}

func (s *aboutScreen) show() {
	u, t := s.u, s.u.texts
	about := u.svc.About()
	s.copyIt = newButton(t.T("about.copy"), func() {
		u.app.Clipboard().SetContent(about.ModulePath)
		s.said = true
		s.show()
		u.focus()
	})
	path := newPathText(about.ModulePath)
	path.TextStyle.Monospace = true
	module := []fyne.CanvasObject{section(t.T("about.module"), t.T("about.module.text")), path, row(s.copyIt)}
	if s.said {
		module = append(module, line(good, t.T("copied")))
	}
	libraries := []fyne.CanvasObject{subheading(t.T("about.libraries"))}
	var list []fyne.CanvasObject
	for _, l := range about.Libraries {
		o := text(l.Name + " " + l.Version + "\n" + l.Licence)
		o.SizeName = theme.SizeNameCaptionText
		list = append(list, o)
	}
	libraries = append(libraries, facts(list...))
	s.set(
		intro(t.T("about.version", about.Version)),
		panel(text(t.T("about.text")), muted(t.T("about.licence"))),
		panel(module...),
		panel(libraries...))
}
