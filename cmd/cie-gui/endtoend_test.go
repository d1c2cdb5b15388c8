//go:build linux && x11

package main

import (
	"testing"
	"time"

	"cie/card/cardtest"
)

// The demonstration needs no reader, is labelled as one, and shows its card.
func TestDemoShowsItsCardWithoutReader(t *testing.T) {
	p := newUser(t)
	p.start("-demo")
	p.face()
	p.look()
	p.shot("demo")
	p.press("ctrl+q")
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the demonstration ends with %v", err)
	}
	if n := p.card.Stats().Resets; n != 0 {
		t.Error("the demonstration touched a card that is not its own")
	}
}

// The program as it is given to others changes the PIN of a card, by keyboard. The tasks
// of the guide are done in a window that can be asked what it shows (see walk).
func TestProgramChangesThePIN(t *testing.T) {
	codes := shortcut(t, "PIN e PUK")
	p := newUser(t)
	p.insertCard()
	started := time.Now()
	p.start()
	p.face()
	t.Logf("window on the screen %v after the start", time.Since(started).Round(time.Millisecond))
	p.see("the card is read", func() bool { return p.card.Stats().DeviceAuthentications > 0 })
	p.look()
	p.shot("card")

	const changed = "24681357"
	p.press(codes)
	p.code(string(cardtest.DefaultPIN()))
	p.code(changed)
	p.shot("change")
	p.code(changed)
	p.see("the PIN is changed", func() bool { return p.card.Stats().Changes == 1 })
	if n := p.card.Stats(); n.TriesSpent != 0 || string(p.card.PIN()) != changed {
		t.Errorf("%d tries spent", n.TriesSpent)
	}
	p.look()
	p.shot("changed")
}
