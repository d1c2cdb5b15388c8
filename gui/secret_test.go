package gui

import (
	"context"
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

// The channel is opened while the user types, in every form whose call uses the session of the
// Service, and dropped when the page is left.
func TestChannelIsOpenedWhileTheUserTypes(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	live := func() (n int) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, ctx := range f.prepared {
			if ctx.Err() == nil {
				n++
			}
		}
		return n
	}
	d.lay(3, 10, card.Genuine)
	if n := live(); n != 0 {
		t.Errorf("%d without a form", n)
	}
	for _, page := range []string{screenChange, screenUnblock} {
		d.Go(page)
		d.until(func() bool { return live() > 0 })
		d.keys("13")
		d.Go(screenCard)
		if n := live(); n != 0 {
			t.Errorf("%s: %d outlive the page", page, n)
		}
	}
	f.mu.Lock()
	f.prepared = nil
	f.mu.Unlock()
	d.Go(screenDiagnostics)
	d.idle()
	d.Go(screenAccess)
	if n := live(); n != 0 {
		t.Errorf("%d for pages on which nothing was typed", n)
	}
	d.Go(screenChange)
	d.codes(testPIN, "24681357", "24681357")
	d.idle()
	d.wants("The PIN has been changed")
	if n := live(); n != 0 {
		t.Errorf("%d after the change", n)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var contexts []context.Context
	for _, ctx := range f.prepared {
		if !slices.Contains(contexts, ctx) {
			contexts = append(contexts, ctx)
		}
	}
	if len(contexts) != 1 {
		t.Errorf("%d channels for one change", len(contexts))
	}
}
