package rotation

import (
	"slices"
	"testing"
)

// TestEveryElementHasItsDay expects each element once in n days, whatever the first day is.
func TestEveryElementHasItsDay(t *testing.T) {
	elements := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	for _, n := range []int{1, 2, 3, 4, 6, 8, 12, 24} {
		for first := range Turns {
			var seen []int
			for day := range n {
				seen = append(seen, of(elements, n, (first+day)%Turns)...)
			}
			if slices.Sort(seen); !slices.Equal(seen, elements) {
				t.Errorf("one in %d, from turn %d: %v", n, first, seen)
			}
		}
	}
}

// TestSlowRunLeavesNothingOut expects all elements with CIE_SLOW, a part without it.
func TestSlowRunLeavesNothingOut(t *testing.T) {
	elements := []string{"a", "b", "c"}
	t.Setenv("TURN", "5")
	t.Setenv("CIE_SLOW", "1")
	if got := Today(elements, 3); !All() || !slices.Equal(got, elements) {
		t.Errorf("with CIE_SLOW: %v", got)
	}
	t.Setenv("CIE_SLOW", "")
	if got := Today(elements, 3); All() || !slices.Equal(got, []string{"b"}) {
		t.Errorf("without it: %v", got)
	}
}
