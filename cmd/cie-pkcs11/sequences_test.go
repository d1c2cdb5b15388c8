//go:build linux

package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"cie/card/cardtest"
)

// A program that makes random calls gets the results that a model of the standard's state
// machine has, signs what it asked for and uses no try, whatever the order of the calls.
// CIE_SEQUENCES gives the duration, for instance 1h, and seeds of their own.
func TestRandomCallsFollowTheModel(t *testing.T) {
	var duration time.Duration
	start := uint64(1)
	if s := os.Getenv("CIE_SEQUENCES"); s != "" {
		var err error
		if duration, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		start = uint64(time.Now().UnixNano())
	}
	m := newMachine(t, cardtest.Profile{})
	exe, so := program(t, "sequences"), library(t)
	t.Run("programs", func(t *testing.T) {
		for i := range uint64(2) { // they share the card
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				out := runFor(t, duration+5*time.Minute, m.env, exe, so, string(cardtest.DefaultPIN()), string(cardtest.DefaultPUK()),
					fmt.Sprint(start+i), fmt.Sprint(int(duration.Seconds())), "3000")
				var calls, logins, verified int
				if _, err := fmt.Sscan(out, &calls, &logins, &verified); err != nil {
					t.Fatalf("seed %d: %v: %q", start+i, err, out)
				}
				t.Logf("seed %d: %d calls, %d logins, %d signatures verified", start+i, calls, logins, verified)
				if logins < 10 || verified < 10 {
					t.Errorf("seed %d: too few logins or signatures", start+i)
				}
			})
		}
	})
	if st := m.card.Stats(); st.TriesSpent != 0 {
		t.Errorf("%+v", st)
	}
}
