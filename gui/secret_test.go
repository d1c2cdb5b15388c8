package gui

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2"

	"cie/card"
)

// Options.Secret hears of the first digit typed and of the last one wiped, the
// operation that the code is for included.
func TestSecretIsHeldFromFirstDigitToEndOfOperation(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	var heard []bool
	d.opts.Secret = func(held bool) { heard = append(heard, held) }
	wants := func(when string, want ...bool) {
		t.Helper()
		if !slices.Equal(heard, want) {
			t.Fatalf("%s: %v, want %v", when, heard, want)
		}
	}
	d.lay(3, 10, card.Genuine)
	d.Go(screenChange)
	wants("an empty form")
	d.keys("1")
	wants("a digit", true)
	d.key(fyne.KeyBackspace)
	wants("none again", true, false)
	d.keys("13")
	d.Go(screenCard)
	wants("the screen was left", true, false, true, false)

	heard = nil
	f.hold = make(chan struct{})
	f.steps = []card.StepName{card.StepVerifyPIN}
	d.Go(screenChange)
	d.codes(testPIN, "24681357", "24681357")
	op := d.current.(*codeScreen).form.op
	d.until(func() bool { return op.unsafe })
	wants("while the card is at work", true)
	close(f.hold)
	d.idle()
	d.wants("The PIN has been changed")
	wants("after the operation", true, false)
}
