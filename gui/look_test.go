package gui

import (
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/apdu"
	"cie/card"
	catalogue "cie/gui/text"
)

// luminance and contrast as WCAG 2.1 defines them (1.4.3).
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	f := func(v uint32) float64 {
		x := float64(v) / 0xffff
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*f(r) + 0.7152*f(g) + 0.0722*f(b)
}

func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

// over paints a translucent colour on another.
func over(top, below color.Color) color.Color {
	tr, tg, tb, ta := top.RGBA()
	br, bg, bb, _ := below.RGBA()
	mix := func(t, b uint32) uint16 { return uint16(t + b*(0xffff-ta)/0xffff) }
	return color.RGBA64{mix(tr, br), mix(tg, bg), mix(tb, bb), 0xffff}
}

func TestColoursHaveContrast(t *testing.T) {
	grounds := []fyne.ThemeColorName{theme.ColorNameBackground, colorSurface, colorNav, colorTint, colorGood, colorWarn, colorBad, theme.ColorNameInputBackground, theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground}
	inks := []fyne.ThemeColorName{theme.ColorNameForeground, colorMuted, theme.ColorNamePrimary, theme.ColorNameHyperlink, theme.ColorNameError, theme.ColorNameSuccess, theme.ColorNameWarning}
	pairs := [][2]fyne.ThemeColorName{
		{theme.ColorNameForeground, theme.ColorNameButton},
		{theme.ColorNameDisabled, theme.ColorNameDisabledButton},
		{theme.ColorNameDisabled, colorSurface},
		{theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary},
		{theme.ColorNameForegroundOnError, theme.ColorNameError},
		{theme.ColorNameForegroundOnSuccess, theme.ColorNameSuccess},
		{theme.ColorNameForegroundOnWarning, theme.ColorNameWarning},
	}
	for _, g := range grounds {
		for _, i := range inks {
			pairs = append(pairs, [2]fyne.ThemeColorName{i, g})
		}
	}
	for _, name := range []string{"light", "dark"} {
		th := &Theme{Name: name}
		c := func(n fyne.ThemeColorName) color.Color { return th.Color(n, theme.VariantLight) }
		for _, p := range pairs {
			if r := contrast(c(p[0]), c(p[1])); r < 4.5 {
				t.Errorf("%s: %s on %s has contrast %.2f", name, p[0], p[1], r)
			}
			// Also under the pointer.
			if r := contrast(c(p[0]), over(c(theme.ColorNameHover), c(p[1]))); r < 4.5 && p[1] != theme.ColorNamePrimary && p[0] != theme.ColorNameDisabled && (p[1] == theme.ColorNameButton || p[1] == colorNav) {
				t.Errorf("%s: %s on %s has contrast %.2f under the pointer", name, p[0], p[1], r)
			}
		}
		// Borders of fields have contrast to what surrounds them (1.4.11).
		if r := contrast(c(theme.ColorNameInputBorder), c(colorSurface)); r < 3 {
			t.Errorf("%s: border of fields has contrast %.2f", name, r)
		}
	}
}

// A pose is a state of the window to look at.
type pose struct {
	name string
	take func(d *rig)
}

var poses = []pose{
	{"card", func(d *rig) { d.lay(3, 10, card.Genuine) }},
	{"card-demo", func(d *rig) {
		d.opts.Demo = &Demo{PIN: testPIN, PUK: testPUK, Move: func() {}}
		d.apply(d.config)
		d.lay(3, 10, card.Genuine)
	}},
	{"card-blocked", func(d *rig) { d.lay(0, 7, card.Genuine) }},
	{"card-dead", func(d *rig) { d.lay(0, 0, card.IssuerUnknown) }},
	{"card-ask", func(d *rig) {
		d.lay(1, 10, card.Genuine)
		s := d.slots[testReader]
		s.asking = true
		d.current.update()
		d.focus()
	}},
	{"card-holder", func(d *rig) {
		d.lay(3, 10, card.Genuine)
		s := d.slots[testReader]
		s.asking = true
		d.current.update()
		d.focus()
		d.codes(testPIN)
		d.idle()
	}},
	{"card-two", func(d *rig) {
		d.fake.put("A", 3, 10, card.Genuine)
		d.fake.put("B", 2, 3, card.IssuerUnknown)
		d.show(ReaderState{Readers: []Reader{{Name: "A", Contactless: true, Presence: Present, Visit: 1}, {Name: "B", Presence: Present, Visit: 2}, {Name: "C"}}})
	}},
	{"card-mute", func(d *rig) { d.show(ReaderState{Readers: []Reader{d.reader(Mute)}}) }},
	{"card-expired", func(d *rig) {
		d.lay(3, 10, card.Genuine)
		d.slots[testReader].holder = &Holder{Surname: "PROVA", GivenName: "MARIA", FiscalCode: "PRVMRA70A41Z999S", DocumentNumber: "ZZ00000ZZ",
			NotAfter: testNow.AddDate(0, -1, 0), GraceUntil: testNow.AddDate(0, 2, 0)}
		d.current.update()
	}},
	{"card-none", func(d *rig) { d.show(ReaderState{}) }},
	{"card-service", func(d *rig) {
		d.show(ReaderState{Down: ErrNotAdmitted})
	}},
	{"card-no-service", func(d *rig) { d.show(ReaderState{Down: apdu.ErrNoService}) }},
	{"card-reading", func(d *rig) { d.read(card.StepTerminalAuth) }},
	{"card-empty", func(d *rig) { d.show(ReaderState{Readers: []Reader{d.reader(Empty)}}) }},
	{"change", func(d *rig) { d.lay(3, 10, card.Genuine); d.Go(screenChange); d.codes(testPIN, "1234") }},
	{"change-last", func(d *rig) {
		d.lay(2, 10, card.Genuine)
		d.Go(screenChange)
		d.codes("00000000", "24681357", "24681357")
		d.idle()
	}},
	{"change-done", func(d *rig) {
		d.lay(2, 10, card.Genuine)
		d.Go(screenChange)
		d.codes(testPIN, "24681357", "24681357")
		d.idle()
	}},
	{"change-busy", func(d *rig) {
		d.fake.hold = make(chan struct{})
		d.fake.steps = []card.StepName{card.StepSelect, card.StepKeyExchange, card.StepTries, card.StepVerifyPIN}
		d.lay(3, 10, card.Genuine)
		d.Go(screenChange)
		d.codes(testPIN, "24681357", "24681357")
		op := d.current.(*codeScreen).form.op
		d.until(func() bool { return op.unsafe })
		d.t.Cleanup(func() { close(d.fake.hold) })
	}},
	{"change-details", func(d *rig) {
		c := d.lay(3, 10, card.Genuine)
		d.Go(screenChange)
		c.failWith = &card.InterruptedError{Ref: card.PIN, State: card.PINUnknown, Err: fmt.Errorf("read /usr/lib/x86_64-linux-gnu/pcsc/drivers/serial/libccidtwin.so: %w", apdu.ErrRemoved)}
		d.codes(testPIN, "24681357", "24681357")
		d.idle()
		d.press(d.texts.T("details.show"))
	}},
	{"unblock-dead", func(d *rig) { d.lay(0, 0, card.Genuine); d.Go(screenUnblock) }},
	{"unblock", func(d *rig) { d.lay(0, 2, card.Genuine); d.Go(screenUnblock) }},
	{"access", func(d *rig) { d.lay(3, 10, card.Genuine); d.Go(screenAccess); d.idle() }},
	{"diagnostics", func(d *rig) { d.Go(screenDiagnostics); d.idle() }},
	{"access-login", func(d *rig) {
		d.lay(3, 10, card.Genuine)
		d.Go(screenAccess)
		d.idle()
		d.win.Canvas().Focus(d.current.(*accessScreen).ask.form.code.DigitField)
		d.codes(testPIN)
		d.idle()
	}},
	{"diagnostics-pin", func(d *rig) {
		d.lay(1, 10, card.Genuine)
		d.Go(screenDiagnostics)
		d.idle()
		d.press(d.texts.T("diagnostics.pin"))
	}},
	{"lost", func(d *rig) { d.Go(screenLost) }},
	{"card-details", func(d *rig) {
		d.lay(2, 9, card.Genuine)
		d.unfold()
	}},
	{"help", func(d *rig) { d.Go(screenHelp) }},
	{"help-lost", func(d *rig) {
		d.Go(screenHelp)
		d.current.(*helpScreen).open = slices.Index(helpTopics, "lost")
		d.current.(*helpScreen).show()
	}},
	{"settings", func(d *rig) { d.Go(screenSettings) }},
	{"about", func(d *rig) { d.Go(screenAbout) }},
}

var shots = flag.String("shots", "", "write a picture of every screen into this directory")

// read puts a card down that is at a step of reading.
func (d *rig) read(step card.StepName) {
	d.fake.put(testReader, 3, 10, card.Genuine)
	d.fake.reading = make(chan struct{})
	d.t.Cleanup(func() { close(d.fake.reading) })
	d.fake.readStep = step
	d.fake.states <- ReaderState{Readers: []Reader{d.reader(Present)}}
	d.until(func() bool { s := d.slots[testReader]; return s != nil && s.reading == step })
}

// tall makes the window as high as its content, so that nothing is scrolled away.
func (d *rig) tall() {
	size := d.win.Canvas().Size()
	around := size.Height - d.scroll.Size().Height
	d.resize(fyne.NewSize(size.Width, max(size.Height, d.scroll.Content.MinSize().Height+around+8)))
}

func (d *rig) resize(size fyne.Size) {
	d.win.Resize(size)
	relayout(d.page)
	d.scroll.ScrollToTop()
}

// sizes are those of the windows that are looked at: of a small screen today, and
// of an old one.
var sizes = []fyne.Size{{Width: 1280, Height: 800}, {Width: 1024, Height: 600}}

// sheets returns the settings of the sheets: all with -shots or CIE_SLOW, else those
// in which a text is cut first.
func sheets() (list []Settings) {
	all := *shots != "" || os.Getenv("CIE_SLOW") != ""
	for _, language := range catalogue.Languages {
		for _, scale := range []int{100, 200} {
			for _, look := range []string{"light", "dark"} {
				if all || look == "light" && (scale == 200 || language.Code == "it") {
					list = append(list, Settings{Language: language.Code, Theme: look, TextScale: scale})
				}
			}
		}
	}
	return list
}

// sweep returns the poses for a test that walks over all of them. With -short it returns
// every eighth.
func sweep() []pose {
	if !testing.Short() {
		return poses
	}
	var some []pose
	for i := 0; i < len(poses); i += 8 {
		some = append(some, poses[i])
	}
	return some
}

// Nothing is cut and nothing overlaps, on any page, in any language and at any size.
func TestNothingIsCut(t *testing.T) {
	for _, s := range sheets() {
		for _, p := range sweep() {
			t.Run(fmt.Sprintf("%s-%s-%d-%s", p.name, s.Language, s.TextScale, s.Theme), func(t *testing.T) {
				f := newFake()
				f.settings = s
				d := newRig(t, f)
				d.resize(sizes[0])
				p.take(d)
				for _, size := range sizes {
					name := fmt.Sprintf("%s-%s-%d-%s-%.0f", p.name, s.Language, s.TextScale, s.Theme, size.Width)
					d.resize(size)
					d.uncut(size)
					d.shot(name)
					if d.tall(); d.win.Canvas().Size() != size {
						d.shot(name + "-whole")
					}
				}
			})
		}
	}
}

// shot writes a picture of the window into the directory of -shots.
func (d *rig) shot(name string) {
	d.t.Helper()
	if *shots == "" {
		return
	}
	w, err := os.Create(filepath.Join(*shots, name+".png"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer w.Close()
	if err := png.Encode(w, d.win.Canvas().Capture()); err != nil {
		d.t.Fatal(err)
	}
}

// box is where a text or a control is, and the scroller that it is in; nil: none.
type box struct {
	name     string
	control  bool
	from, to fyne.Position
	in       *container.Scroll
}

// shows reports whether the words are written on a widget, in one piece.
func shows(o fyne.CanvasObject, words string) (found bool) {
	walk(o, func(o fyne.CanvasObject) {
		if t, ok := o.(*canvas.Text); ok {
			found = found || t.Text == words
		}
	})
	return found
}

// boxes returns where the texts and the controls of the window are.
func (d *rig) boxes() (list []box) {
	var walk func(o fyne.CanvasObject, at fyne.Position, in *container.Scroll)
	walk = func(o fyne.CanvasObject, at fyne.Position, in *container.Scroll) {
		if o == nil || !o.Visible() {
			return
		}
		at = at.Add(o.Position())
		if text, ok := o.(*canvas.Text); ok && text.Text != "" {
			list = append(list, box{text.Text, false, at, at.Add(text.MinSize()), in})
		}
		if a, ok := o.(fyne.Accessible); ok {
			if _, takes := o.(fyne.Focusable); takes {
				list = append(list, box{a.AccessibilityLabel(), true, at, at.Add(o.Size()), in})
			}
		}
		switch c := o.(type) {
		case *fyne.Container:
			for _, x := range c.Objects {
				walk(x, at, in)
			}
		case *container.Scroll:
			for _, x := range test.WidgetRenderer(c).Objects() {
				walk(x, at, c)
			}
		case fyne.Widget:
			for _, x := range test.WidgetRenderer(c).Objects() {
				walk(x, at, in)
			}
		}
	}
	walk(d.win.Content(), fyne.Position{}, nil)
	return list
}

// uncut checks that every text has the room it needs inside the window of that
// size and inside its scroller, and that neither texts nor controls overlap.
func (d *rig) uncut(want fyne.Size) {
	d.t.Helper()
	size := d.win.Canvas().Size()
	if size != want {
		d.t.Errorf("the window is %v, want %v", size, want)
	}
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		switch w := o.(type) {
		case *widget.Label, *pathText, *tile, *button, *check, *selection, *DigitField, *navItem, *topic:
			name := fmt.Sprintf("%T", w)
			if l, ok := w.(*widget.Label); ok {
				name = l.Text
			}
			if m := o.MinSize(); m.Width > o.Size().Width+1 || m.Height > o.Size().Height+1 {
				d.t.Errorf("%q needs %v and has %v", name, m, o.Size())
			}
		}
		if s, ok := o.(*selection); ok && !shows(s, s.Selected) {
			d.t.Errorf("the list %q has no room for %q", s.name, s.Selected)
		}
	})
	boxes := d.boxes()
	driver := fyne.CurrentApp().Driver()
	for i, a := range boxes {
		from, to := fyne.Position{}, fyne.NewPos(size.Width, size.Height)
		if a.in != nil {
			from = driver.AbsolutePositionForObject(a.in)
			to = from.AddXY(a.in.Size().Width, a.in.Content.Size().Height)
		}
		if a.from.X < from.X-0.5 || a.to.X > to.X+0.5 || a.from.Y < from.Y-0.5 || a.to.Y > to.Y+0.5 {
			d.t.Errorf("%q at %v to %v is outside of %v to %v", a.name, a.from, a.to, from, to)
		}
		for _, b := range boxes[i+1:] {
			if a.in != b.in || a.control != b.control {
				continue
			}
			w := min(a.to.X, b.to.X) - max(a.from.X, b.from.X)
			h := min(a.to.Y, b.to.Y) - max(a.from.Y, b.from.Y)
			// Lines of text touch; their letters do not.
			if w > 1 && (a.control && h > 1 || h > 0.35*(a.to.Y-a.from.Y)) {
				d.t.Errorf("%q and %q overlap by %.0f x %.0f", a.name, b.name, w, h)
			}
		}
	}
}

// A few screens, pixel by pixel. The pictures were looked at once; to make
// new ones, move testdata/failed/NAME.png over testdata/NAME.png.
func TestScreensMatchTheirPictures(t *testing.T) {
	dark := []string{"card", "change", "change-last", "unblock", "access-login"}
	for _, name := range append([]string{"card-empty", "diagnostics-pin", "help", "settings", "about"}, dark...) {
		for _, look := range []string{"light", "dark"} {
			if look == "dark" && !slices.Contains(dark, name) {
				continue
			}
			t.Run(name+"-"+look, func(t *testing.T) {
				f := newFake()
				f.settings = Settings{Language: "it", Theme: look}
				d := newRig(t, f)
				for _, p := range poses {
					if p.name == name {
						p.take(d)
					}
				}
				test.AssertImageMatches(t, name+"-"+look+".png", d.win.Canvas().Capture())
			})
		}
	}
}
