//go:build unix

package main

import (
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest"
)

// A command for one reader does not contact the card in another one, such as the virtual card
// of Windows Hello, and is not delayed by it. Without --reader no card gets a code.
func TestCommandContactsOnlyTheChosenReader(t *testing.T) {
	const hello = "Windows Hello for Business 1"
	dir, pin := t.TempDir(), string(cardtest.DefaultPIN())
	inBubble(t, func(t *testing.T) {
		r := newIdleRun(t, dir)
		contacts := 0
		state := readers.State{Present: true, ATR: cardtest.Foreign{}.ATR()}
		r.service.Put(hello, state, func() (apdu.Card, error) {
			contacts++
			return cardtest.Foreign{Delay: 3 * time.Second}, nil
		})
		for _, args := range [][]string{{"pin", "verify"}, {"cert"}} {
			begin := time.Now()
			if code := r.cie(append(args, "--reader", "reader"), pin); code != exitOK {
				t.Errorf("%v: exit code %d\n%s", args, code, &r.output)
			}
			if took := time.Since(begin); took != time.Minute { // the user
				t.Errorf("%v took %v", args, took)
			}
		}
		if contacts != 0 {
			t.Errorf("the other card was contacted %d times", contacts)
		}
		before := r.card.Stats()
		if code := r.cie([]string{"pin", "verify"}); code != exitChoose {
			t.Errorf("without --reader: exit code %d\n%s", code, &r.output)
		}
		if n := r.card.Stats().Sub(before).Verifies; n != 0 {
			t.Errorf("the PIN was compared %d times", n)
		}
	})
}
