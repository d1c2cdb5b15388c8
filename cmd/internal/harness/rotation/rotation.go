// Package rotation spreads over days what costs minutes: a run of make test tries a part
// of it, another part every day, and make slow tries all of it.
package rotation

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Turns is the number of different turns.
const Turns = 24

// Turn changes once a day, and returns to the first one after [Turns] days. TURN in the
// environment repeats one.
func Turn() int {
	if n, err := strconv.Atoi(os.Getenv("TURN")); err == nil {
		return n
	}
	return int(time.Now().Unix() / (24 * 60 * 60) % Turns)
}

// All reports whether nothing is left to another day: CIE_SLOW is set.
func All() bool { return os.Getenv("CIE_SLOW") != "" }

// Today returns one in n of the elements, in their order, other ones every day, and all of
// them within n days. n must divide [Turns]. With [All] it returns all of them.
func Today[E any](elements []E, n int) []E {
	if All() {
		return elements
	}
	return of(elements, n, Turn())
}

// Skip skips a test on the days that are not its own, one in n. Tests with the same number
// have the same days; numbers are given so that each day has as much to do.
func Skip(t testing.TB, number, n int) {
	t.Helper()
	if !All() && (number+Turn())%n != 0 {
		t.Skipf("another day's turn (one day in %d; make slow has all)", n)
	}
}

func of[E any](elements []E, n, turn int) (chosen []E) {
	for i, e := range elements {
		if (i+turn)%n == 0 {
			chosen = append(chosen, e)
		}
	}
	return chosen
}
