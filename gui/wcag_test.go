package gui

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"cie/card"
)

// The edges of controls and the mark of the keyboard have contrast to what is beside
// them (WCAG 2.2: 1.4.11, 2.4.13).
func TestContrastOfControlsAndFocus(t *testing.T) {
	grounds := []fyne.ThemeColorName{theme.ColorNameBackground, colorSurface, colorNav, colorGood, colorWarn, colorBad}
	for _, name := range []string{"light", "dark"} {
		th := &Theme{Name: name}
		c := func(n fyne.ThemeColorName) color.Color { return th.Color(n, theme.VariantLight) }
		for _, mark := range []fyne.ThemeColorName{theme.ColorNameForeground, theme.ColorNamePrimary} {
			for _, g := range append(grounds, colorTint, theme.ColorNameInputBackground) {
				if r := contrast(c(mark), c(g)); r < 3 {
					t.Errorf("%s: the focus in %s on %s has contrast %.2f", name, mark, g, r)
				}
			}
		}
		for _, p := range [][2]fyne.ThemeColorName{
			{theme.ColorNameInputBorder, colorSurface}, // fields, lists and bars, and what is around them
			{theme.ColorNameInputBorder, theme.ColorNameInputBackground},
			{theme.ColorNamePrimary, colorSurface}, // the done part of a bar
			{theme.ColorNameSuccess, colorSurface}, // dots of tries
			{theme.ColorNameWarning, colorSurface},
			{theme.ColorNameError, colorSurface},
		} {
			if r := contrast(c(p[0]), c(p[1])); r < 3 {
				t.Errorf("%s: %s on %s has contrast %.2f", name, p[0], p[1], r)
			}
		}
	}
}

// Lists and ticks show the keyboard by a border, not by their fill alone.
func TestListsAndTicksHaveARing(t *testing.T) {
	d := newRig(t, newFake())
	d.Go(screenSettings)
	n := 0
	for _, f := range d.focusables() {
		var r *ring
		switch w := f.(type) {
		case *selection:
			r = w.ring
		case *check:
			r = w.ring
		default:
			continue
		}
		n++
		d.win.Canvas().Focus(f)
		if r.border.StrokeWidth != 2 || r.border.StrokeColor != theme.Color(theme.ColorNameForeground) {
			t.Errorf("%T with the keyboard: %v wide", f, r.border.StrokeWidth)
		}
		if d.win.Canvas().Unfocus(); r.border.StrokeWidth == 2 {
			t.Errorf("%T without the keyboard looks the same", f)
		}
	}
	if n < 5 {
		t.Errorf("%d lists and ticks", n)
	}
}

// Everything that is pressed is at least 24 by 24 (WCAG 2.2: 2.5.8).
func TestTargetsAreBigEnough(t *testing.T) {
	for _, p := range sweep() {
		t.Run(p.name, func(t *testing.T) {
			d := newRig(t, newFake())
			p.take(d)
			n := 0
			walk(d.win.Content(), func(o fyne.CanvasObject) {
				if _, ok := o.(fyne.Tappable); !ok {
					return
				}
				if !strings.HasPrefix(fmt.Sprintf("%T", o), "*gui.") {
					return // the bar beside a page, which keys and the wheel scroll
				}
				n++
				if s := o.Size(); s.Width < 24 || s.Height < 24 {
					t.Errorf("%T is %v", o, s)
				}
			})
			if n < len(screens) {
				t.Errorf("%d targets", n)
			}
		})
	}
}

// The toolkit gives screen readers the named objects in containers. With what the window
// adds these are all that can be read or takes the keyboard, once each.
func TestScreenReadersAreGivenThePage(t *testing.T) {
	was := speaks
	speaks = true
	t.Cleanup(func() { speaks = was })
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	for _, page := range pages() {
		d.Go(page.name)
		d.idle()
		d.win.Content().MinSize()
		given := map[string]int{}
		var collect func(o fyne.CanvasObject, at fyne.Position) // as the driver does
		collect = func(o fyne.CanvasObject, at fyne.Position) {
			if !o.Visible() {
				return
			}
			at = at.Add(o.Position())
			if a, ok := o.(fyne.Accessible); ok && a.AccessibilityRole() != fyne.AccessibleRoleContainer {
				given[fmt.Sprintf("%s %.0f %.0f", a.AccessibilityLabel(), at.X, at.Y)]++
			}
			if c, ok := o.(*fyne.Container); ok {
				for _, x := range c.Objects {
					collect(x, at)
				}
			}
		}
		collect(d.win.Content(), fyne.Position{})
		n := 0
		for _, f := range d.focusables() {
			o := f.(fyne.CanvasObject)
			at := fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
			name := fmt.Sprintf("%s %.0f %.0f", f.(fyne.Accessible).AccessibilityLabel(), at.X, at.Y)
			if given[name] != 1 {
				t.Errorf("%s: %q is given %d times", page.name, name, given[name])
			}
			n++
		}
		if n < len(screens) || len(given) < n+2 {
			t.Errorf("%s: %d of %d objects take the keyboard", page.name, n, len(given))
		}
	}
}
