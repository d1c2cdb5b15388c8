package gui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// screen is one of the pages.
type screen interface {
	// build makes the page.
	build() fyne.CanvasObject
	// update is called after a change of the readers or of what is known of a card.
	update()
	// focus is what gets the keyboard at first; nil: nothing.
	focus() fyne.Focusable
	// leave wipes what was typed and ends what is no longer wanted.
	leave()
}

// The names of the screens. Those with pages show the first of them.
const (
	screenCard        = "card"
	screenSign        = "sign"
	screenVerify      = "verify"
	screenAccess      = "access"
	screenCodes       = "codes"
	screenChange      = "change"
	screenUnblock     = "unblock"
	screenLost        = "lost"
	screenHelp        = "help"
	screenQuestions   = "questions"
	screenDiagnostics = "diagnostics"
	screenAbout       = "about"
	screenSettings    = "settings"
)

// entry is a screen in the navigation, or a page of one.
type entry struct {
	name  string
	title string               // key of its text
	icon  func() fyne.Resource // of the current theme
	open  func(*UI) screen     // nil for a screen with pages
	pages []entry              // shown as tabs
	key   fyne.KeyName         // opens it with Ctrl; such a screen is listed at the bottom
}

// screens are all screens in the order of the navigation. Ctrl+1 opens the first.
var screens = []entry{
	{name: screenCard, title: "nav.card", icon: resource(cardIcon), open: func(u *UI) screen { return &cardScreen{u: u} }},
	{name: screenSign, title: "nav.sign", icon: resource(signIcon), open: func(u *UI) screen { return u.signing() }},
	{name: screenVerify, title: "nav.verify", icon: theme.SearchIcon, open: func(u *UI) screen { return &verifyScreen{u: u} }},
	{name: screenAccess, title: "nav.access", icon: theme.ComputerIcon, open: func(u *UI) screen { return &accessScreen{u: u} }},
	{name: screenCodes, title: "nav.codes", icon: resource(unlockIcon), pages: []entry{
		{name: screenChange, title: "nav.change", icon: theme.DocumentCreateIcon, open: func(u *UI) screen { return &codeScreen{u: u, name: screenChange} }},
		{name: screenUnblock, title: "nav.unblock", icon: resource(unlockIcon), open: func(u *UI) screen { return &codeScreen{u: u, name: screenUnblock, puk: true} }},
		{name: screenLost, title: "nav.lost", icon: theme.QuestionIcon, open: func(u *UI) screen { return &lostScreen{u: u} }},
	}},
	{name: screenHelp, title: "nav.help", icon: theme.HelpIcon, pages: []entry{
		{name: screenQuestions, title: "nav.questions", icon: theme.HelpIcon, open: func(u *UI) screen { return &helpScreen{u: u} }},
		{name: screenDiagnostics, title: "nav.diagnostics", icon: theme.ListIcon, open: func(u *UI) screen { return &diagnosticsScreen{u: u} }},
		{name: screenAbout, title: "nav.about", icon: theme.InfoIcon, open: func(u *UI) screen { return &aboutScreen{u: u} }},
	}},
	{name: screenSettings, title: "nav.settings", icon: theme.SettingsIcon, key: fyne.KeyComma, open: func(u *UI) screen { return &settingsScreen{u: u} }},
}

func resource(r fyne.Resource) func() fyne.Resource { return func() fyne.Resource { return r } }

// pages returns all screens that can be shown.
func pages() []entry {
	var list []entry
	for _, e := range screens {
		if e.open != nil {
			list = append(list, e)
		}
		list = append(list, e.pages...)
	}
	return list
}

// find returns the page with that name, and the entry of the navigation that it belongs to.
func find(name string) (section, page entry) {
	for _, e := range screens {
		if e.name == name {
			if len(e.pages) > 0 {
				return e, e.pages[0]
			}
			return e, e
		}
		if i := slices.IndexFunc(e.pages, func(p entry) bool { return p.name == name }); i >= 0 {
			return e, e.pages[i]
		}
	}
	panic("no screen " + name)
}

// entryOf returns the entry of a page.
func entryOf(name string) entry {
	_, page := find(name)
	return page
}

// title returns the title of a page.
func (u *UI) title(name string) string { return u.texts.T(entryOf(name).title) }
