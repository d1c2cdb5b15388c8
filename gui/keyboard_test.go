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
func TestOutcomeIsKept(t *testing.T) {
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
			d.wants("Your card")
			d.Go(screenChange)
			d.lacks("The PIN has been changed")
		}
	}
}

// The shortcuts of the window work while the keyboard is in a field.
func TestShortcutsFromField(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	for i, e := range screens {
		name := e.name
		d.Go(screenChange)
		field, ok := d.win.Canvas().Focused().(*DigitField)
		if !ok {
			t.Fatal("the keyboard is not in a field")
		}
		field.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyName(rune('1' + i)), Modifier: fyne.KeyModifierControl})
		if d.at != name {
			t.Errorf("Ctrl+%d leads to %s", i+1, d.at)
		}
	}
}

// A further line in the table of screens is all that another screen takes. The
// tenth has no digit of its own.
func TestFurtherScreensNeedOnlyAnEntry(t *testing.T) {
	before := screens
	t.Cleanup(func() { screens = before })
	for _, name := range []string{"ninth", "tenth"} {
		screens = append(slices.Clip(screens), entry{name, "nav.help", theme.HelpIcon, func(u *UI) screen { return &helpScreen{u: u} }})
	}
	d := newRig(t, newFake())
	if len(d.nav) != 10 {
		t.Fatalf("%d entries in the navigation", len(d.nav))
	}
	d.Go(screenAbout)
	d.shortcut(&desktop.CustomShortcut{KeyName: fyne.Key9, Modifier: fyne.KeyModifierShortcutDefault})
	if d.at != "ninth" || !d.nav[8].chosen || d.nav[7].chosen {
		t.Errorf("Ctrl+9 opens %s", d.at)
	}
	d.win.Canvas().Focus(d.nav[8])
	d.key(fyne.KeyDown)
	d.key(fyne.KeyReturn)
	if d.at != "tenth" || !d.nav[9].chosen {
		t.Errorf("the entry after the ninth opens %s", d.at)
	}
	d.key(fyne.KeyEscape)
	if d.at != screenCard {
		t.Errorf("Escape opens %s", d.at)
	}
}

// Everything that takes the keyboard has a name for screen readers.
func TestNamesForScreenReaders(t *testing.T) {
	for _, p := range poses {
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
func TestLinks(t *testing.T) {
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

// Two cards stand beside each other where there is room, else below.
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
