package gui

import (
	"fyne.io/fyne/v2"
)

// contacts are the number of the State, its address and the page of this
// program that help with a topic of the help.
var contacts = map[string]struct{ phone, web, page string }{
	"blocked":  {page: screenUnblock},
	"puk-lost": {web: Portal},
	"lost":     {phone: "+39 800 098 558"},
	"levels":   {web: Portal},
	"activate": {web: Portal},
	"verify":   {page: screenVerify},
	"read":     {page: screenDiagnostics},
	"sign":     {page: screenSign},
	"support":  {web: Portal, page: screenDiagnostics},
}

// contacts returns what copies the number and opens the address and the page
// for a topic of the help.
func (u *UI) contacts(topic string) []fyne.CanvasObject {
	t, c := u.texts, contacts[topic]
	var list []fyne.CanvasObject
	if c.phone != "" {
		list = append(list, copyable(t, c.phone, text(c.phone), c.phone))
	}
	var buttons []fyne.CanvasObject
	if c.web != "" {
		buttons = append(buttons, newButton(t.T("access.portal"), func() { u.browse(c.web) }))
	}
	if c.page != "" {
		buttons = append(buttons, newButton(t.T("goto."+c.page), func() { u.Go(c.page) }))
	}
	if len(buttons) > 0 {
		list = append(list, row(buttons...))
	}
	return list
}
