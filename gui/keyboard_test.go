package gui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/apdu"
	"cie/card"
)

// Who looks at something else while the card works finds the outcome on return.
func TestOutcomeIsShownOnReturn(t *testing.T) {
	for _, fails := range []bool{false, true} {
		f := newFake()
		f.hold = make(chan struct{})
		f.steps = []card.StepName{card.StepVerifyPIN}
		d := newRig(t, f)
		c := d.lay(3, 10, card.Genuine)
		if fails {
			c.failWith = &card.InterruptedError{Ref: card.PIN, State: card.PINUnknown, Err: apdu.ErrRemoved}
		}
		d.Go(screenChange)
		d.codes(testPIN, "24681357", "24681357")
		op := d.current.(*codeScreen).form.op
		d.until(func() bool { return op.unsafe })
		d.Go(screenHelp)
		d.Go(screenChange)
		d.wants("Do not move the card", "It cannot be stopped now")
		d.key(fyne.KeyEscape) // leads elsewhere, and stops nothing
		left := d.kept[screenChange]
		close(f.hold)
		d.until(func() bool { return !left.form.busy() })
		d.Go(screenChange)
		if fails {
			d.wants("while the new PIN was being written", "Current PIN")
		} else {
			d.wants("The PIN has been changed")
			d.key(fyne.KeyReturn)
			d.wants("Your CIE")
			d.Go(screenChange)
			d.lacks("The PIN has been changed")
		}
	}
}

// The shortcuts of the window work while the keyboard is in a field.
func TestShortcutsFromField(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	n := 0
	for _, e := range screens {
		key, name := e.key, e.name
		if key == "" {
			n++
			key = fyne.KeyName(rune('0' + n))
		}
		if len(e.pages) > 0 {
			name = e.pages[0].name
		}
		d.Go(screenUnblock)
		field, ok := d.win.Canvas().Focused().(*DigitField)
		if !ok {
			t.Fatal("the keyboard is not in a field")
		}
		field.TypedShortcut(&desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierControl})
		if d.at != name {
			t.Errorf("Ctrl+%s leads to %s", key, d.at)
		}
	}
}

// A further line in the table of screens is all that another screen takes. The
// tenth has no digit of its own.
func TestFurtherScreensNeedOnlyAnEntry(t *testing.T) {
	before := screens
	t.Cleanup(func() { screens = before })
	n := len(screens)
	for _, name := range []string{"sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"} {
		screens = append(slices.Clip(screens), entry{name: name, title: "nav.help", icon: theme.HelpIcon, open: func(u *UI) screen { return &helpScreen{u: u} }})
	}
	d := newRig(t, newFake())
	if len(d.nav) != n+6 {
		t.Fatalf("%d entries in the navigation", len(d.nav))
	}
	// Entries with a key of their own are not counted.
	ninth, counted := -1, 0
	for i, e := range screens {
		if e.key == "" {
			if counted++; counted == 9 {
				ninth = i
			}
		}
	}
	d.Go(screenAbout)
	d.shortcut(&desktop.CustomShortcut{KeyName: fyne.Key9, Modifier: fyne.KeyModifierShortcutDefault})
	if d.at != screens[ninth].name || !d.nav[ninth].chosen || d.nav[ninth-1].chosen {
		t.Errorf("Ctrl+9 opens %s", d.at)
	}
	d.win.Canvas().Focus(d.nav[ninth])
	d.key(fyne.KeyDown)
	d.key(fyne.KeyReturn)
	if d.at != screens[ninth+1].name || !d.nav[ninth+1].chosen {
		t.Errorf("the entry after the ninth opens %s", d.at)
	}
	d.key(fyne.KeyEscape)
	if d.at != screenCard {
		t.Errorf("Escape opens %s", d.at)
	}
}

// Arrows go from tab to tab, and Enter opens the page.
func TestTabsByKeyboard(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.Go(screenCodes)
	if d.at != screenChange || len(d.tabs) != 3 || !d.tabs[0].chosen {
		t.Fatalf("PIN and PUK opens %s with %d tabs", d.at, len(d.tabs))
	}
	d.win.Canvas().Focus(d.tabs[0])
	d.key(fyne.KeyRight)
	d.key(fyne.KeyReturn)
	if d.at != screenUnblock || !d.nav[slices.IndexFunc(screens, func(e entry) bool { return e.name == screenCodes })].chosen {
		t.Errorf("the second tab opens %s", d.at)
	}
	d.win.Canvas().Focus(d.tabs[2])
	d.key(fyne.KeyReturn)
	d.wants("The PUK is lost", "[Go to Unblock PIN]")
	d.key(fyne.KeyReturn)
	if d.at != screenUnblock {
		t.Errorf("the button opens %s", d.at)
	}
}

// The foot of the window names the state of the card on every page.
func TestStateOfCardIsInTheFoot(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	d.Go(screenAbout)
	at := func(want string) {
		t.Helper()
		if got := d.state.words.Text; got != want {
			t.Errorf("the foot says %q, want %q", got, want)
		}
	}
	at("Looking for readers and cards…")
	d.show(ReaderState{})
	at("No card reader")
	d.show(ReaderState{Down: apdu.ErrNoService})
	at("The smart card service does not answer")
	d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
	at("No card")
	d.show(ReaderState{Readers: []Reader{d.reader(Mute)}})
	at("The card cannot be used")
	d.lay(3, 10, card.Genuine)
	at("CIE 0001, card on the reader")
	f.put("B", 3, 10, card.Genuine).card.Name = "ANNA ESEMPIO"
	d.show(ReaderState{Readers: []Reader{d.readers.Readers[0], {Name: "B", Presence: Present, Visit: 99}}})
	at("Cards on the readers: CIE 0001, ANNA ESEMPIO")
	f.hold = make(chan struct{})
	d.Go(screenUnblock)
	d.codes(testPUK, "24681357", "24681357")
	at("Card in use, do not move it")
	close(f.hold)
	d.idle()
	at("Cards on the readers: CIE 0001, ANNA ESEMPIO")
	f.hold, f.reading = nil, make(chan struct{})
	f.states <- ReaderState{Readers: []Reader{d.reader(Present)}}
	d.until(func() bool { return len(d.order) == 1 })
	at("Reading, do not move it")
	close(f.reading)
	d.idle()
}

// Everything that takes the keyboard has a name for screen readers.
func TestNamesForScreenReaders(t *testing.T) {
	for _, p := range sweep() {
		t.Run(p.name, func(t *testing.T) {
			d := newRig(t, newFake())
			p.take(d)
			n := 0
			walk(d.win.Content(), func(o fyne.CanvasObject) {
				if _, ok := o.(fyne.Focusable); !ok {
					return
				}
				n++
				a, ok := o.(fyne.Accessible)
				if !ok || strings.Trim(a.AccessibilityLabel(), ": ") == "" || a.AccessibilityRole() == "" {
					t.Errorf("%T has no name", o)
				}
			})
			if n < len(screens) {
				t.Errorf("only %d things take the keyboard", n)
			}
		})
	}
}

// The window shows addresses through the desktop: the portal, the logs.
func TestLinksOpenOnTheDesktop(t *testing.T) {
	f := newFake()
	d, a, _ := newTrayRig(t)
	d.Go(screenAccess)
	d.idle()
	d.press(d.texts.T("access.portal"))
	d.Go(screenSettings)
	d.press(d.texts.T("settings.log.open"))
	if want := []string{Portal, f.LogFolder()}; !slices.Equal(a.opened, want) {
		t.Errorf("opened %q, want %q", a.opened, want)
	}
	d.fake.folder = ""
	d.press(d.texts.T("settings.log.open"))
	d.wants("writes no logs")
}

// Two cards are shown beside each other if there is room, else one below the other.
func TestCardsBesideEachOther(t *testing.T) {
	for scale, beside := range map[int]bool{100: true, 200: false} {
		f := newFake()
		f.settings.TextScale = scale
		d := newRig(t, f)
		for _, p := range poses {
			if p.name == "card-two" {
				p.take(d)
			}
		}
		d.tall()
		at := map[string]fyne.Position{}
		walk(d.win.Content(), func(o fyne.CanvasObject) {
			if l, ok := o.(*widget.Label); ok && (l.Text == "A" || l.Text == "B") {
				at[l.Text] = fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
			}
		})
		if len(at) != 2 || (at["A"].Y == at["B"].Y) != beside || (at["A"].X == at["B"].X) == beside {
			t.Errorf("%d%%: %v", scale, at)
		}
	}
}
