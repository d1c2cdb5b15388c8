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
	// update is called after a change of the desk or of what is known of a card.
	update()
	// focus is what gets the keyboard at first; nil: nothing.
	focus() fyne.Focusable
	// leave wipes what was typed and ends what is no longer wanted.
	leave()
}

// The names of the screens.
const (
	screenCard        = "card"
	screenChange      = "change"
	screenUnblock     = "unblock"
	screenAccess      = "access"
	screenDiagnostics = "diagnostics"
	screenHelp        = "help"
	screenSettings    = "settings"
	screenAbout       = "about"
)

// entry is a screen in the navigation.
type entry struct {
	name  string
	title string               // key of its text
	icon  func() fyne.Resource // of the current theme
	open  func(*UI) screen
}

// screens are all screens in the order of the navigation. Ctrl+1 opens the first.
var screens = []entry{
	{screenCard, "nav.card", resource(cardIcon), func(u *UI) screen { return &cardScreen{u: u} }},
	{screenChange, "nav.change", theme.DocumentCreateIcon, func(u *UI) screen { return &codeScreen{u: u, name: screenChange} }},
	{screenUnblock, "nav.unblock", resource(unlockIcon), func(u *UI) screen { return &codeScreen{u: u, name: screenUnblock, puk: true} }},
	{screenAccess, "nav.access", theme.ComputerIcon, func(u *UI) screen { return &accessScreen{u: u} }},
	{screenDiagnostics, "nav.diagnostics", theme.ListIcon, func(u *UI) screen { return &diagnosticsScreen{u: u} }},
	{screenHelp, "nav.help", theme.HelpIcon, func(u *UI) screen { return &helpScreen{u: u} }},
	{screenSettings, "nav.settings", theme.SettingsIcon, func(u *UI) screen { return &settingsScreen{u: u} }},
	{screenAbout, "nav.about", theme.InfoIcon, func(u *UI) screen { return &aboutScreen{u: u} }},
}

func resource(r fyne.Resource) func() fyne.Resource { return func() fyne.Resource { return r } }

// entryOf returns the entry of a screen.
func entryOf(name string) entry {
	return screens[slices.IndexFunc(screens, func(e entry) bool { return e.name == name })]
}

// title returns the title of a screen.
func (u *UI) title(name string) string { return u.texts.T(entryOf(name).title) }
