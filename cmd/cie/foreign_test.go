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
// of Windows Hello, and is not delayed by it. Without --reader it waits two seconds
// for the other card and then uses the CIE.
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
		begin := time.Now()
		if code := r.cie([]string{"pin", "verify"}, pin); code != exitOK {
			t.Errorf("without --reader: exit code %d\n%s", code, &r.output)
		}
		if took := time.Since(begin); took != time.Minute+otherTime {
			t.Errorf("without --reader it took %v", took)
		}
	})
}

// Where another program uses the slow card it may be a CIE: no card gets a code.
func TestSlowCardInUseIsACandidate(t *testing.T) {
	dir, pin := t.TempDir(), string(cardtest.DefaultPIN())
	inBubble(t, func(t *testing.T) {
		r := newIdleRun(t, dir)
		other, err := cardtest.New(cardtest.Profile{NIS: "999900000002"})
		if err != nil {
			t.Fatal(err)
		}
		state := readers.State{Present: true, InUse: true, ATR: other.Reader().ATR()}
		r.service.Put("second", state, func() (apdu.Card, error) {
			time.Sleep(time.Minute)
			return other.Reader(), nil
		})
		before := r.card.Stats()
		if code := r.cie([]string{"pin", "verify"}, pin); code != exitChoose {
			t.Errorf("exit code %d\n%s", code, &r.output)
		}
		if n := r.card.Stats().Sub(before).Verifies; n != 0 {
			t.Errorf("the PIN was compared %d times", n)
		}
	})
}
