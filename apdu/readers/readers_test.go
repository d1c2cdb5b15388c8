package readers

import "testing"

func TestEventKindsHaveDifferentNames(t *testing.T) {
	seen := map[string]bool{}
	for k := ReaderAdded; k <= Settled; k++ {
		if s := k.String(); s == "unknown" || s == "none" || seen[s] {
			t.Errorf("kind %d is %q", k, s)
		}
		seen[k.String()] = true
	}
	if EventKind(-1).String() != "unknown" || EventKind(99).String() != "unknown" {
		t.Error("a kind that does not exist has a name")
	}
}
