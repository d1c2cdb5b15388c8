package faultinjection

import (
	"cie/card"
	"cie/card/cardtest"
	"errors"
	"fmt"
	"testing"
)

// TestFaults injects every fault at every command of every operation, on cards of
// every family, on a card never seen and on a known one.
func TestFaults(t *testing.T) {
	kinds, families := cardtest.FaultKinds(), cardtest.Families()
	if testing.Short() {
		kinds, families = []cardtest.FaultKind{cardtest.RemoveBefore, cardtest.WrongMAC, cardtest.Status6F00After}, families[:1]
	}
	sum := &Sum{}
	t.Run("cards", func(t *testing.T) {
		for f, family := range families {
			for o, op := range append(Operations(), Readings()...) {
				for k, kind := range kinds {
					for _, known := range []bool{true, false} {
						if !All() && !selected(f, o, k, known) {
							continue
						}
						t.Run(fmt.Sprintf("%v/known=%v/%s/%v", family, known, op.Name, kind), func(t *testing.T) {
							t.Parallel()
							tryFaults(t, family, ShareOf(f), known, op, kind, sum)
						})
					}
				}
			}
		}
	})
	t.Log(sum)
}

// selected reports whether a short run tries an operation and a kind of fault with
// a family: the first family completely as a known card, the rest in part.
func selected(family, operation, kind int, known bool) bool {
	switch {
	case family > 0:
		return known && Selected(family, operation, kind)
	case !known:
		return SelectedUnknown(operation, kind)
	}
	return true
}

// TestShortRunCoversEveryPart checks that what the families divide in a short run is
// everything: each kind of fault on a card never seen and with each other family, and
// each position with some of them.
func TestShortRunCoversEveryPart(t *testing.T) {
	operations, kinds := len(append(Operations(), Readings()...)), len(cardtest.FaultKinds())
	count := func(family, kind int, known bool) (n int) {
		for o := range operations {
			if selected(family, o, kind, known) {
				n++
			}
		}
		return n
	}
	for k := range kinds {
		if n := count(0, k, true); n != operations {
			t.Errorf("kind %d: the first family has %d operations, want %d", k, n, operations)
		}
		if n := count(0, k, false); n != 2 {
			t.Errorf("kind %d: a card never seen has %d operations, want 2", k, n)
		}
		for f := 1; f < len(cardtest.Families()); f++ {
			if n := count(f, k, true); n != 1 {
				t.Errorf("kind %d: family %d has %d operations, want 1", k, f, n)
			}
		}
	}
	for at := 1; at <= 60; at++ {
		n := 0
		for f := 1; f < len(cardtest.Families()); f++ {
			if ShareOf(f).contains(at) {
				n++
			}
		}
		if n == 0 || !ShareOf(0).contains(at) {
			t.Errorf("position %d: %d families", at, n)
		}
	}
}

func tryFaults(t *testing.T, family cardtest.Family, share Share, known bool, op Operation, kind cardtest.FaultKind, sum *Sum) {
	c, err := cardtest.New(cardtest.Profile{Family: family})
	if err != nil {
		t.Fatal(err)
	}
	service := &cardtest.Service{}
	service.Insert("reader", c)
	putBack := func() error { c.Insert(); return nil }
	trial := Trial{Card: c, Service: service, Reader: "reader", PutBack: putBack, Known: known, Share: share, Sum: sum}
	if !known && !All() {
		// From the key exchange on a known card does the same.
		trial.Limit = 34
	}
	for _, err := range trial.Run(op, kind) {
		t.Error(err)
	}
}

// TestJudgementFindsWrongOutcomes uses cards and programs that behave wrongly, and expects
// the judgement to report it.
func TestJudgementFindsWrongOutcomes(t *testing.T) {
	ops := map[string]Operation{}
	for _, op := range append(Operations(), Readings()...) {
		ops[op.Name] = op
	}
	was := memory{PIN: string(firstPIN), PINTries: 3, PUKTries: 10}
	fresh, spent, dead := was, was, was
	fresh.PIN = string(secondPIN)
	spent.PINTries--
	dead.PUKTries--
	lost := errors.New("lost")
	refused := &card.PINError{Ref: card.PIN, Tries: 2, SW: 0x63C2}
	tests := []struct {
		name, op string
		now      memory
		cost     cardtest.Stats
		outcome  error
		good     bool
	}{
		{"login", "login", was, cardtest.Stats{Verifies: 1}, nil, true},
		{"login without a code", "login", was, cardtest.Stats{}, nil, false},
		{"code sent twice", "login", was, cardtest.Stats{Verifies: 2}, nil, false},
		{"a try lost", "login", spent, cardtest.Stats{}, lost, false},
		{"a try lost in a comparison", "login", spent, cardtest.Stats{Verifies: 1, TriesSpent: 1, Writes: 1}, lost, false},
		{"refused", "wrong PIN", spent, cardtest.Stats{Verifies: 1, TriesSpent: 1, Writes: 1}, refused, true},
		{"a try spent in silence", "wrong PIN", spent, cardtest.Stats{Verifies: 1, TriesSpent: 1, Writes: 1}, lost, false},
		{"the try is in doubt", "wrong PIN", spent, cardtest.Stats{Verifies: 1, TriesSpent: 1, Writes: 1}, &card.UncertainError{Ref: card.PIN, Err: lost}, true},
		{"refused before it was sent", "wrong PIN", was, cardtest.Stats{}, refused, false},
		{"a wrong code is taken", "wrong PIN", spent, cardtest.Stats{Verifies: 1, TriesSpent: 1, Writes: 1}, nil, false},
		{"changed", "change", fresh, cardtest.Stats{Verifies: 1, Changes: 1, Writes: 1}, nil, true},
		{"changed in silence", "change", fresh, cardtest.Stats{Verifies: 1, Changes: 1, Writes: 1}, lost, false},
		{"not changed", "change", was, cardtest.Stats{Verifies: 1}, nil, false},
		{"changed, and failure reported", "change", fresh, cardtest.Stats{Verifies: 1, Changes: 1, Writes: 1}, &card.InterruptedError{Ref: card.PIN, Err: lost}, false},
		{"changed, in doubt", "change", fresh, cardtest.Stats{Verifies: 1, Changes: 1, Writes: 1}, &card.InterruptedError{Ref: card.PIN, State: card.PINUnknown, Err: lost}, true},
		{"changed twice", "change", was, cardtest.Stats{Verifies: 1, Changes: 2, Writes: 2}, nil, false},
		{"PUK refused", "wrong PUK", dead, cardtest.Stats{Verifies: 1, TriesSpent: 1, Writes: 1}, &card.PINError{Ref: card.PUK, Tries: 9, SW: 0x63C9}, true},
		{"PUK refused, wrong count", "wrong PUK", dead, cardtest.Stats{Verifies: 1, TriesSpent: 1, Writes: 1}, &card.PINError{Ref: card.PUK, Tries: 8, SW: 0x63C8}, false},
		{"called a forgery", "login", was, cardtest.Stats{}, &card.NotGenuineError{Check: "sod-hash", Err: lost}, false},
		{"status", "status", was, cardtest.Stats{}, nil, true},
		{"status with a code", "status", was, cardtest.Stats{Verifies: 1}, nil, false},
	}
	for _, tt := range tests {
		op := ops[tt.op]
		err := errors.Join(op.judgeMemory(was, tt.now, tt.cost), op.judgeOutcome(tt.now, tt.cost, tt.outcome, cardtest.Faults{}))
		if (err == nil) != tt.good {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
