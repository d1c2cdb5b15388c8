package gui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"cie/card"
	"cie/card/state"
)

// codePages lead to every page that takes a code.
var codePages = map[string]func(d *rig){
	"holder":      func(d *rig) { d.Go(screenCard); d.press("Show my data") },
	"change":      func(d *rig) { d.Go(screenChange) },
	"unblock":     func(d *rig) { d.Go(screenUnblock) },
	"access":      func(d *rig) { d.Go(screenAccess); d.idle() },
	"diagnostics": func(d *rig) { d.Go(screenDiagnostics); d.idle(); d.press("Check with the PIN too") },
}

// fields counts the fields for codes that are shown.
func (d *rig) fields() (n int) {
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if _, ok := o.(*DigitField); ok {
			n++
		}
	})
	return n
}

func TestEveryPageAsksBeforeTheFirstDigit(t *testing.T) {
	for level, title := range map[card.Level]string{
		card.IssuerUnknown: "The issuer of this card is not known",
		card.TestCard:      "This is a test card",
		card.VirtualCard:   "This is a virtual card",
	} {
		for name, enter := range codePages {
			t.Run(string(level)+"/"+name, func(t *testing.T) {
				d := newRig(t, newFake())
				c := d.lay(3, 10, level)
				enter(d)
				d.wants(title, "[I accept this card]")
				if n := d.fields(); n != 0 {
					t.Fatalf("%d fields for codes", n)
				}
				d.keys(testPIN)
				d.idle()
				if slices.ContainsFunc(d.fake.log, func(s string) bool {
					return s == "holder" || s == "change" || s == "unblock" || s == "login" || s == "diagnose"
				}) {
					t.Errorf("done without consent: %v", d.fake.log)
				}
				// A store that cannot be written keeps the question.
				c.failWith = state.ErrDamaged
				d.press("I accept this card")
				d.until(func() bool { return strings.Contains(d.words(), "cannot be read or changed") })
				d.wants(title)
				if n := d.fields(); n != 0 {
					t.Fatalf("%d fields for codes", n)
				}
				c.failWith = nil
				d.press("I accept this card")
				d.until(func() bool { return d.fields() > 0 })
				d.lacks(title)
			})
		}
	}
}

// The decision is for one card: another one in its place is asked about again.
func TestConsentEndsWithTheCard(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.IssuerUnknown)
	d.Go(screenChange)
	d.press("I accept this card")
	d.until(func() bool { return d.fields() == 1 })
	d.keys("1357")
	d.lay(3, 10, card.IssuerUnknown)
	d.wants("The issuer of this card is not known")
	if n := d.fields(); n != 0 {
		t.Errorf("%d fields for codes", n)
	}
}

func TestNoFieldsWhileTheCardIsChecked(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	s := d.slots[testReader]
	s.card.Authenticity, s.done = card.Authenticity{}, false
	f := d.newForm(s, card.PIN, false, "go", nil, nil, nil)
	if f.gate == nil || f.first() != nil {
		t.Fatal("codes are taken before the check")
	}
	s.card.Authenticity.Level = card.Genuine
	f.check()
	if f.gate != nil || f.first() == nil {
		t.Error("no codes after the check")
	}
}

// A PIN that another device may have unblocked is not called blocked. It needs no
// confirmation: a blocked chip refuses it without spending anything.
func TestCounterSeenEarlierIsNoObstacle(t *testing.T) {
	d := newRig(t, newFake())
	c := d.fake.put(testReader, 0, 10, card.Genuine)
	c.card.PIN.Reported = false
	d.show(ReaderState{Readers: []Reader{d.reader(Present)}})
	d.Go(screenChange)
	form := d.current.(*codeScreen).form
	if form == nil || form.confirmBox.Visible() {
		t.Error("no form without a confirmation")
	}
	c = d.fake.put(testReader, -1, -1, card.Genuine)
	c.card.PIN.Reported, c.card.PUK.Reported = false, false
	d.show(ReaderState{Readers: []Reader{d.reader(Present)}})
	d.Go(screenChange)
	if d.current.(*codeScreen).form.confirmBox.Visible() {
		t.Error("a PIN of which nothing is known wants a confirmation")
	}
	d.Go(screenUnblock)
	if !d.current.(*codeScreen).form.confirmBox.Visible() {
		t.Error("a PUK of which nothing is known wants none")
	}
	d.wants("does not report how many attempts are left for the PUK")
}
