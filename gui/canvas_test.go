package gui

import (
	"fmt"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"cie/card"
	catalogue "cie/gui/text"
)

// focusables returns the things on the window that take the keyboard.
func (d *rig) focusables() []fyne.Focusable {
	var list []fyne.Focusable
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		f, ok := o.(fyne.Focusable)
		if w, off := o.(fyne.Disableable); ok && !(off && w.Disabled()) {
			list = append(list, f)
		}
	})
	return list
}

// Each paint renews the entries of the toolkit's cache for all that the window
// can reach: controls, and the texts that the pages put beside them.
func TestPaintRenewsEveryControl(t *testing.T) {
	for _, p := range sweep() {
		t.Run(p.name, func(t *testing.T) {
			d := newRig(t, newFake())
			p.take(d)
			root := d.win.Content().(*fyne.Container)
			l, ok := root.Layout.(renewing)
			if !ok || l.root() != root {
				t.Fatalf("the content has layout %T", root.Layout)
			}
			n := 0
			walk(root, func(o fyne.CanvasObject) {
				switch o.(type) {
				case *navItem, *tile, *topic, *button, *check, *selection, *DigitField, *pathText, *stepBar, *widget.ProgressBarInfinite:
					if n++; !within(root, o) {
						t.Errorf("%T is out of reach", o)
					}
				}
			})
			if n < len(screens) {
				t.Errorf("%d objects", n)
			}
		})
	}
}

// endlessBars counts the bars of unknown length in the window.
func (d *rig) endlessBars() (n int) {
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if _, ok := o.(*widget.ProgressBarInfinite); ok {
			n++
		}
	})
	return n
}

// A bar of unknown length moves only while it is on the page: it is one and
// the same as the page changes, and stops when the page is left and when the
// window is hidden.
func TestEndlessBarStopsWhenItLeaves(t *testing.T) {
	d := newRig(t, newFake())
	var bar *widget.ProgressBarInfinite
	moves := func(when string, want bool) {
		t.Helper()
		n := 0
		if want {
			n = 1
		}
		if bar.Running() != want || len(d.bars) != n || d.endlessBars() > 1 {
			t.Errorf("%s: running %v, %d bars move, %d on the page", when, bar.Running(), len(d.bars), d.endlessBars())
		}
	}
	d.Go(screenDiagnostics)
	bar = d.current.(*diagnosticsScreen).bar
	d.closed()
	moves("in a hidden window", false)
	d.open()
	for range 2 {
		d.Go(screenDiagnostics)
		bar = d.current.(*diagnosticsScreen).bar
		moves("while the steps are unknown", true)
		d.idle()
		moves("after the diagnostics", false)
		d.press(d.texts.T("diagnostics.again")) // the steps are known by now
		if d.endlessBars() != 0 {
			t.Error("the second run does not say how far it is")
		}
		d.idle()
	}
	d.Go(screenDiagnostics)
	bar = d.current.(*diagnosticsScreen).bar
	d.Go(screenAbout)
	moves("after diagnostics that were left", false)
	d.Go(screenAccess)
	bar = d.current.(*accessScreen).bar
	moves("while browsers are looked for", true)
	d.idle()
	moves("after browsers were found", false)
}

// Every page scrolls by keys, from whatever has the keyboard and from nothing
// (WCAG 2.1.1).
func TestKeysScrollEveryPage(t *testing.T) {
	for _, p := range sweep() {
		t.Run(p.name, func(t *testing.T) {
			d := newRig(t, newFake())
			p.take(d)
			d.win.Resize(fyne.NewSize(900, 300))
			relayout(d.page)
			end := d.scroll.Content.Size().Height - d.scroll.Size().Height
			if end <= 0 {
				t.Skip("nothing to scroll")
			}
			holders := append(d.focusables(), nil)
			for _, h := range holders {
				d.win.Canvas().Focus(h)
				send := func(k fyne.KeyName) {
					if h == nil {
						d.win.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: k})
						return
					}
					h.TypedKey(&fyne.KeyEvent{Name: k})
				}
				at := func(k fyne.KeyName, want float32) {
					t.Helper()
					send(k)
					if y := d.scroll.Offset.Y; y != want {
						t.Errorf("%T: %s scrolls to %v of %v", h, k, y, end)
					}
				}
				at(fyne.KeyEnd, end)
				at(fyne.KeyPageDown, end)
				at(fyne.KeyHome, 0)
				at(fyne.KeyPageUp, 0)
				if send(fyne.KeyPageDown); d.scroll.Offset.Y <= 0 {
					t.Errorf("%T: PageDown does not scroll", h)
				}
				switch h.(type) {
				case *navItem, *selection, *sheet: // use the arrows
				default:
					send(fyne.KeyHome)
					if send(fyne.KeyDown); d.scroll.Offset.Y <= 0 {
						t.Errorf("%T: the arrow does not scroll", h)
					}
					at(fyne.KeyUp, 0)
				}
				if now := d.win.Canvas().Focused(); now != h {
					t.Errorf("%T loses the keyboard to %T", h, now)
				}
			}
		})
	}
}

// What is pressed by keyboard keeps it, or the page gives it to something else
// that is shown (WCAG 2.4.3).
func TestPressedButtonKeepsKeyboard(t *testing.T) {
	for _, p := range sweep() {
		t.Run(p.name, func(t *testing.T) {
			d := newRig(t, newFake())
			p.take(d)
			for i := range d.focusables() {
				list := d.focusables()
				if i >= len(list) {
					break
				}
				b, ok := list[i].(*button)
				if !ok {
					continue
				}
				at, rebuilt := d.at, d.current
				d.win.Canvas().Focus(b)
				b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
				if dialog := d.win.Canvas().Overlays().Top(); dialog != nil {
					d.win.Canvas().Overlays().Remove(dialog) // it had the keyboard
					continue
				}
				now, _ := d.win.Canvas().Focused().(fyne.CanvasObject)
				if now == nil || !within(d.win.Content(), now) {
					t.Errorf("after %q the keyboard is in %T, not on the page", b.AccessibilityLabel(), now)
				}
				if within(d.win.Content(), b) && d.current == rebuilt && !b.Disabled() && now == nil {
					t.Errorf("%q loses the keyboard", b.AccessibilityLabel())
				}
				if d.at != at {
					break // the page was left
				}
			}
		})
	}
}

// Codes that were typed survive a look at them, and Return after it.
func TestReturnAfterRevealKeepsCodes(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	d.codes(testPIN, "24681357")
	d.keys("24681357")
	f := d.current.(*codeScreen).form
	for i, e := range []*codeEntry{f.pin, f.again, f.code} {
		if i == 2 {
			f.turn(0)
		}
		d.win.Canvas().Focus(e.reveal)
		for range 3 {
			d.key(fyne.KeyReturn)
		}
		if d.win.Canvas().Focused() != e.reveal || !e.Revealed() {
			t.Errorf("the keyboard is in %T, revealed: %v", d.win.Canvas().Focused(), e.Revealed())
		}
	}
	if d.at != screenChange || !f.code.Complete() || !f.pin.Complete() || !f.again.Complete() {
		t.Errorf("on %s, %d %d %d digits", d.at, f.code.Len(), f.pin.Len(), f.again.Len())
	}
}

// A page that is built again under the keyboard gives it to what took the
// place of the thing that had it.
func TestRebuiltPageKeepsKeyboard(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	var way *tile
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if x, ok := o.(*tile); ok && x.title == d.texts.T("nav.change") {
			way = x
		}
	})
	d.win.Canvas().Focus(way)
	d.current.update()
	now, ok := d.win.Canvas().Focused().(*tile)
	if !ok || now.title != way.title || !within(d.win.Content(), now) {
		t.Errorf("the keyboard is in %#v", d.win.Canvas().Focused())
	}
	d.show(ReaderState{}) // and to the page when nothing did
	if o, ok := d.win.Canvas().Focused().(fyne.CanvasObject); !ok || !within(d.win.Content(), o) {
		t.Errorf("the keyboard is in %T, not on the page", d.win.Canvas().Focused())
	}
}

// Everything that takes the keyboard is of this package, where each shows it,
// and leaves the shortcuts to the window (WCAG 2.4.7).
func TestEveryTabStopIsVisible(t *testing.T) {
	for _, p := range sweep() {
		t.Run(p.name, func(t *testing.T) {
			d := newRig(t, newFake())
			p.take(d)
			for _, f := range d.focusables() {
				if kind := fmt.Sprintf("%T", f); !strings.HasPrefix(kind, "*gui.") {
					t.Errorf("%s takes the keyboard", kind)
				}
				switch f.(type) {
				case *DigitField, *textEntry:
					continue // its border shows it; TestShortcutsFromField, TestVerifyAsksForAPassword
				}
				if _, ok := f.(fyne.Shortcutable); ok {
					t.Errorf("%T swallows shortcuts", f)
				}
			}
		})
	}
}

// Values that a user needs elsewhere can be copied, by keyboard, too.
func TestValuesAreCopied(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.press(d.texts.T("card.show-holder"))
	d.codes(testPIN)
	d.idle()
	for caption, value := range map[string]string{"holder.fiscal": "PRVMRA70A41Z999S", "holder.document": "ZZ00000ZZ"} {
		name := d.texts.T("copy", d.texts.T(caption))
		for _, f := range d.focusables() {
			if b, ok := f.(*button); ok && b.name == name {
				d.win.Canvas().Focus(b)
				d.key(fyne.KeyReturn)
			}
		}
		if got := fyne.CurrentApp().Clipboard().Content(); got != value {
			t.Errorf("%s copies %q", name, got)
		}
	}
}

// The advice for a lost card holds on every page: nothing is unblocked with a
// dead PUK, and a PIN that works is said to work.
func TestAdviceForBlockedPUK(t *testing.T) {
	for _, language := range catalogue.Languages {
		f := newFake()
		f.settings.Language = language.Code
		d := newRig(t, f)
		unblock, useless := d.texts.T("error.pin-blocked.remedy"), d.texts.T("error.puk-blocked.remedy")
		works := d.texts.T("error.puk-blocked.pin-works")
		d.lay(0, 0, card.Genuine)
		for _, name := range []string{screenCard, screenChange, screenUnblock, screenAccess, screenDiagnostics} {
			d.Go(name)
			d.idle()
			if name == screenDiagnostics {
				d.press(d.texts.T("diagnostics.pin"))
			}
			d.wants(useless)
			d.lacks(unblock, works, "["+d.texts.T("nav.unblock")+"]")
		}
		d.lay(3, 0, card.Genuine)
		d.Go(screenUnblock)
		d.wants(works)
		d.lacks(useless, unblock)
		d.lay(-1, 0, card.Genuine)
		d.Go(screenUnblock)
		d.wants(d.texts.T("error.puk-blocked.pin-unknown"))
		d.lacks(useless, works)

		// The same for a PIN that gets blocked on the page.
		for _, name := range []string{screenAccess, screenDiagnostics} {
			d.lay(1, 0, card.Genuine)
			d.Go(name)
			d.idle()
			ask := func() *pinAsk {
				if s, ok := d.current.(*accessScreen); ok {
					return s.ask
				}
				return d.current.(*diagnosticsScreen).ask
			}()
			if name == screenDiagnostics {
				d.press(d.texts.T("diagnostics.pin"))
			}
			d.win.Canvas().Focus(ask.form.code.DigitField)
			d.codes("00000000")
			ask.form.confirm.SetChecked(true)
			test.Tap(ask.form.submit)
			d.idle()
			d.wants(useless)
			d.lacks(unblock, works)
		}
	}
}
