package gui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"cie/apdu"
	"cie/card"
)

// timers are the times that a window waits for, which pass at once.
type timers struct{ list []*timer }

type timer struct {
	after time.Duration
	f     func()
	off   bool
}

func (s *timers) after(d time.Duration, f func()) func() {
	x := &timer{after: d, f: f}
	s.list = append(s.list, x)
	return func() { x.off = true }
}

// pass lets a time pass: what waits for no longer is done.
func (s *timers) pass(d time.Duration) {
	list := s.list
	s.list = nil
	for _, x := range list {
		if x.off {
			continue
		}
		if x.after > d {
			s.list = append(s.list, x)
			continue
		}
		x.f()
	}
}

func (d *rig) time() *timers {
	s := &timers{}
	d.opts.After = s.after
	return s
}

func TestRevealedDigitsAreHiddenAgain(t *testing.T) {
	d := newRig(t, newFake())
	clock := d.time()
	d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	d.keys("1357")
	e := d.current.(*codeScreen).form.code
	hide := map[string]func(){
		"after a time":                 func() { clock.pass(revealTime) },
		"with the window left":         d.conceal,
		"when another field is chosen": func() { d.current.(*codeScreen).form.pin.FocusGained() },
		"when a button is chosen": func() {
			d.win.Canvas().Focus(d.current.(*codeScreen).form.back)
			d.until(func() bool { return !e.Revealed() })
		},
		"when nothing has the keyboard": func() {
			d.win.Canvas().Unfocus()
			d.until(func() bool { return !e.Revealed() })
		},
	}
	for when, f := range hide {
		test.Tap(e.reveal)
		clock.pass(revealTime - 1)
		if shown(e.DigitField) != "1357" {
			t.Fatalf("%s: the digits are not shown", when)
		}
		if f(); shown(e.DigitField) != "" && e.Revealed() {
			t.Errorf("the digits are shown %s", when)
		}
	}
	// The field and its button are one: the keyboard may go from one to the other.
	test.Tap(e.reveal)
	d.win.Canvas().Focus(e.reveal)
	d.win.Canvas().Focus(e.DigitField)
	done := false
	d.do(func() { done = true })
	d.until(func() bool { return done })
	if !e.Revealed() {
		t.Error("the button of the field hides its digits")
	}
	test.Tap(e.reveal)
	// A time that was begun before does not end a later one.
	test.Tap(e.reveal)
	test.Tap(e.reveal)
	first := clock.list
	test.Tap(e.reveal)
	for _, x := range first {
		if !x.off {
			t.Error("the first time goes on")
		}
	}
}

func TestHolderIsHiddenAgain(t *testing.T) {
	d := newRig(t, newFake())
	clock := d.time()
	d.lay(3, 10, card.Genuine)
	for when, hide := range map[string]func(){
		"after a time":          func() { clock.pass(holderTime) },
		"by the button":         func() { d.press("Hide") },
		"in a hidden window":    func() { d.closed(); d.hidden = false },
		"in a minimised window": d.unseen,
	} {
		d.press("Show my data")
		d.codes(testPIN)
		d.idle()
		d.wants("PRVMRA70A41Z999S")
		clock.pass(holderTime - 1)
		d.wants("PRVMRA70A41Z999S")
		hide()
		if all := d.words(); strings.Contains(all, "PROVA") || strings.Contains(all, "PRVMRA") || d.slots[testReader].holder != nil {
			t.Errorf("%s the holder is shown:\n%s", when, all)
		}
	}
}

func TestClipboardIsEmptiedOfAPastedCode(t *testing.T) {
	d := newRig(t, newFake())
	board := d.app.Clipboard()
	for _, tt := range []struct{ pasted, later, left string }{
		{testPIN, "", ""}, {"1357 2468", "", ""}, {testPIN, "a letter", "a letter"}, {testPIN, "24681357", "24681357"},
	} {
		d.lay(3, 10, card.Genuine)
		d.Go(screenChange)
		field := d.current.(*codeScreen).form.code.DigitField
		board.SetContent(tt.pasted)
		field.TypedShortcut(&fyne.ShortcutPaste{Clipboard: board})
		if !field.Complete() || board.Content() != tt.pasted {
			t.Fatalf("%d digits pasted, %q left", field.Len(), board.Content())
		}
		if tt.later != "" {
			board.SetContent(tt.later)
		}
		d.key(fyne.KeyReturn)
		d.codes("24681357", "24681357")
		d.idle()
		if got := board.Content(); got != tt.left {
			t.Errorf("after %q and %q the clipboard holds %q", tt.pasted, tt.later, got)
		}
	}
}

// A wrong code keeps the new PIN that was typed, and every way off the page
// forgets it.
func TestWrongCodeKeepsTheNewPIN(t *testing.T) {
	for name, tt := range map[string][2]string{screenChange: {testPIN, "Change PIN"}, screenUnblock: {testPUK, "Set new PIN"}} {
		d := newRig(t, newFake())
		c := d.lay(3, 10, card.Genuine)
		d.Go(name)
		d.codes("00000000", "24681357", "24681357")
		d.idle()
		f := d.current.(*codeScreen).form
		if f.code.Len() != 0 || !f.pin.Complete() || !f.again.Complete() || f.step != 0 {
			t.Fatalf("%s: %d %d %d digits in step %d", name, f.code.Len(), f.pin.Len(), f.again.Len(), f.step)
		}
		d.codes(tt[0])
		d.press(tt[1])
		d.idle()
		if c.pin != "24681357" {
			t.Errorf("%s: the card has PIN %s", name, c.pin)
		}
		d.Go(name)
		d.codes("00000000", "24681357", "24681357")
		d.idle()
		f = d.current.(*codeScreen).form
		d.Go(screenHelp)
		if f.pin.digits != [8]byte{} || f.again.digits != [8]byte{} {
			t.Errorf("%s: the new PIN stays", name)
		}
	}
}

// What the page shows as the state of the card is not an error, too.
func TestAnErrorIsShownOnce(t *testing.T) {
	for _, err := range []error{&card.NotGenuineError{Check: "sod-hash", Err: apdu.ErrReset}, apdu.ErrTimeout} {
		for _, name := range []string{screenChange, screenUnblock, screenAccess} {
			d := newRig(t, newFake())
			c := d.lay(3, 10, card.Genuine)
			d.Go(name)
			d.idle()
			c.failWith = err
			if name == screenAccess {
				d.win.Canvas().Focus(d.current.(*accessScreen).ask.form.code.DigitField)
				d.codes(testPIN)
			} else {
				d.codes(testPIN, "24681357")
				d.keys("24681357")
				c.err = err
				if c.card.Authenticity.Level = card.Genuine; card.Classify(err) == card.KindNotGenuine {
					c.err, c.card.Authenticity.Level = nil, card.NotGenuine
				}
				d.key(fyne.KeyReturn)
			}
			d.idle()
			title := d.texts.Problem(err).Title
			if n := strings.Count(d.words(), title+"\n"); n != 1 {
				t.Errorf("%s: %q is shown %d times:\n%s", name, title, n, d.words())
			}
		}
	}
}

// Refusals end with a button that leads to what helps.
func TestRefusedCodesHaveAWayOut(t *testing.T) {
	for _, tt := range []struct{ page, button, leads string }{
		{screenChange, "Choose a new PIN with the PUK", screenUnblock},
		{screenAccess, "Choose a new PIN with the PUK", screenUnblock},
		{screenUnblock, "The PUK is lost", screenLost},
	} {
		d := newRig(t, newFake())
		d.lay(3, 10, card.Genuine)
		d.Go(tt.page)
		d.idle()
		if tt.page == screenAccess {
			d.win.Canvas().Focus(d.current.(*accessScreen).ask.form.code.DigitField)
			d.codes("00000000")
		} else {
			d.codes("00000000", "24681357", "24681357")
		}
		d.idle()
		d.press(tt.button)
		if d.at != tt.leads {
			t.Errorf("%s: the button leads to %s", tt.page, d.at)
		}
	}
	d := newRig(t, newFake())
	d.lay(2, 0, card.Genuine)
	d.Go(screenChange)
	d.codes("00000000", "24681357", "24681357")
	d.idle()
	d.lacks("[Choose a new PIN with the PUK]") // a blocked PUK is no way out
}

// The warning of the last try and its way out are above the first field.
func TestLastTryIsWarnedOfAboveTheField(t *testing.T) {
	for _, tt := range []struct {
		page     string
		pin, puk int
		way      string
	}{{screenChange, 1, 10, "[Choose a new PIN with the PUK]"}, {screenUnblock, 0, 1, "[The PUK is lost]"}} {
		d := newRig(t, newFake())
		d.lay(tt.pin, tt.puk, card.Genuine)
		d.Go(tt.page)
		d.wants(tt.way)
		f := d.current.(*codeScreen).form
		y := func(o fyne.CanvasObject) float32 { return fyne.CurrentApp().Driver().AbsolutePositionForObject(o).Y }
		if !f.confirmBox.Visible() || y(f.confirm) >= y(f.code.DigitField) {
			t.Errorf("%s: the warning is at %v, the field at %v", tt.page, y(f.confirm), y(f.code.DigitField))
		}
		if bottom := y(f.code.DigitField) + f.code.DigitField.Size().Height; bottom > d.win.Canvas().Size().Height {
			t.Errorf("%s: the field ends at %v", tt.page, bottom)
		}
	}
}

// The button that stops a test login is in view, in a small window, too.
func TestStopButtonOfTestLoginIsInView(t *testing.T) {
	f := newFake()
	f.hold = make(chan struct{})
	f.steps = []card.StepName{card.StepSelect, card.StepKeyExchange}
	d := newRig(t, f)
	d.win.Resize(fyne.NewSize(1024, 560))
	d.lay(3, 10, card.Genuine)
	d.Go(screenAccess)
	d.idle()
	ask := d.current.(*accessScreen).ask
	d.win.Canvas().Focus(ask.form.code.DigitField)
	d.codes(testPIN)
	op := ask.form.op
	d.until(func() bool { return op.bar.Value == 1 })
	driver := fyne.CurrentApp().Driver()
	top := driver.AbsolutePositionForObject(op.stop).Y
	from := driver.AbsolutePositionForObject(d.scroll).Y
	if to := from + d.scroll.Size().Height; top < from || top+op.stop.Size().Height > to {
		t.Errorf("the button is at %v, the view from %v to %v", top, from, to)
	}
	close(f.hold)
	d.idle()
	if !slices.Contains(f.log, "login") {
		t.Error("no login was tried")
	}
}
