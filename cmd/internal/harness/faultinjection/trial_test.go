package faultinjection

import (
	"cie/card"
	"cie/card/cardtest"
	"cie/cmd/internal/harness/rotation"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
)

// TestFaults lets everything go wrong at every command of every operation, on cards of
// every family, on a card never seen and on a known one: the card, readers and service,
// and the files of the program.
func TestFaults(t *testing.T) {
	causes, families := Faults(), cardtest.Families()
	if testing.Short() {
		causes, families = []Cause{Fault(cardtest.RemoveBefore), Fault(cardtest.WrongMAC), Fault(cardtest.Status6F00After)}, families[:1]
	}
	sum := &Sum{}
	t.Run("cards", func(t *testing.T) {
		for f, family := range families {
			for o, op := range Operations() {
				for k, cause := range causes {
					for _, known := range []bool{true, false} {
						if !All() && !selected(f, o, k, known) {
							continue
						}
						t.Run(fmt.Sprintf("%v/known=%v/%s/%v", family, known, op.Name, cause), func(t *testing.T) {
							t.Parallel()
							trial := newTrial(t, family, sum)
							trial.Known, trial.Share = known, ShareOf(f, k)
							if !known && !All() {
								// From the key exchange on a known card does the same.
								trial.Limit = 34
							}
							trial.run(t, op, cause)
						})
					}
				}
			}
		}
		for o, op := range Operations() {
			for k, cause := range Surroundings(nil) {
				t.Run(fmt.Sprintf("%v/known=true/%s/%v", families[0], op.Name, cause), func(t *testing.T) {
					t.Parallel()
					trial := newTrial(t, cardtest.NXP, sum)
					trial.Known, trial.Share = true, Few(o, k)
					trial.run(t, op, Surroundings(trial.service)[k])
				})
			}
			for k, cause := range append(Damages(), Disks()...) {
				t.Run(fmt.Sprintf("%v/known=true/%s/%v", families[0], op.Name, cause), func(t *testing.T) {
					t.Parallel()
					trial := newTrial(t, cardtest.NXP, sum)
					trial.Known, trial.Files, trial.Share = true, true, Few(o, k)
					onSmallDisk(t, cause, trial.Folder)
					trial.run(t, op, cause)
				})
			}
		}
	})
	t.Logf("TURN=%d\n%v", rotation.Turn(), sum)
}

// selected reports whether a short run tries an operation and a fault of the card with
// a family: the first family with all as a known card, the rest in part.
func selected(family, operation, cause int, known bool) bool {
	switch {
	case family > 0:
		return known && Selected(family, operation, cause)
	case !known:
		return SelectedUnknown(operation, cause)
	}
	return true
}

// TestShortRunCoversEveryPart checks that what a short run divides is everything: each
// cause on a card never seen and with each other family, and each position with some of
// them.
func TestShortRunCoversEveryPart(t *testing.T) {
	if All() || Matrix() {
		t.Skip("this is no short run")
	}
	operations, causes := len(Operations()), len(Faults())
	count := func(family, cause int, known bool) (n int) {
		for o := range operations {
			if selected(family, o, cause, known) {
				n++
			}
		}
		return n
	}
	for k := range causes {
		if n := count(0, k, true); n != operations {
			t.Errorf("cause %d: the first family has %d operations, want %d", k, n, operations)
		}
		if n := count(0, k, false); n != 1 {
			t.Errorf("cause %d: a card never seen has %d operations, want 1", k, n)
		}
		for f := 1; f < len(cardtest.Families()); f++ {
			if n := count(f, k, true); n != 1 {
				t.Errorf("cause %d: family %d has %d operations, want 1", k, f, n)
			}
		}
	}
	for at := 1; at <= 60; at++ {
		first := 0
		for k := range causes {
			if ShareOf(0, k).contains(at) {
				first++
			}
		}
		if first < causes/rotation.Turns {
			t.Errorf("position %d: %d causes with the first family", at, first)
		}
		others, few := 0, 0
		for turn := range rotation.Turns {
			t.Setenv("TURN", strconv.Itoa(turn))
			for f := 1; f < len(cardtest.Families()); f++ {
				if ShareOf(f, 0).contains(at) {
					others++
				}
			}
			if Few(0, 0).contains(at) {
				few++
			}
		}
		if n := len(cardtest.Families()) - 1; others != n || few != 1 {
			t.Errorf("position %d: in all turns %d other families, want %d, and %d times one operation, want 1", at, others, n, few)
		}
	}
}

// inProcess is a trial with a service in this process.
type inProcess struct {
	Trial
	service *cardtest.Service
}

func newTrial(t *testing.T, family cardtest.Family, sum *Sum) *inProcess {
	t.Helper()
	c, err := cardtest.New(cardtest.Profile{Family: family})
	if err != nil {
		t.Fatal(err)
	}
	service := &cardtest.Service{}
	service.Insert("reader", c)
	putBack := func() error {
		service.Remove("reader")
		service.Insert("reader", c)
		return nil
	}
	return &inProcess{service: service, Trial: Trial{
		Card: c, Service: service, Reader: "reader", PutBack: putBack, Folder: t.TempDir(), Sum: sum,
	}}
}

// onSmallDisk gives a cause the disk that it needs.
func onSmallDisk(t *testing.T, cause Cause, dir string) {
	t.Helper()
	if !cause.Disk {
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a file system")
	}
	if err := SmallDisk(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Unmount(dir); err != nil {
			t.Error(err)
		}
	})
}

func (trial *inProcess) run(t *testing.T, op Operation, cause Cause) {
	t.Helper()
	for _, err := range trial.Run(op, cause) {
		t.Error(err)
	}
}

// TestJudgementFindsWrongOutcomes uses cards and programs that behave wrongly, and expects
// the judgement to report it.
func TestJudgementFindsWrongOutcomes(t *testing.T) {
	ops := map[string]Operation{}
	for _, op := range Operations() {
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
		{"login", "verify", was, cardtest.Stats{Verifies: 1}, nil, true},
		{"login without a code", "verify", was, cardtest.Stats{}, nil, false},
		{"code sent twice", "verify", was, cardtest.Stats{Verifies: 2}, nil, false},
		{"a try lost", "verify", spent, cardtest.Stats{}, lost, false},
		{"a try lost in a comparison", "verify", spent, cardtest.Stats{Verifies: 1, TriesSpent: 1, Writes: 1}, lost, false},
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
		{"called a forgery", "verify", was, cardtest.Stats{}, &card.NotGenuineError{Check: "sod-hash", Err: lost}, false},
		{"status", "status", was, cardtest.Stats{}, nil, true},
		{"status with a code", "status", was, cardtest.Stats{Verifies: 1}, nil, false},
	}
	for _, tt := range tests {
		op := ops[tt.op]
		err := errors.Join(op.judgeMemory(was, tt.now, tt.cost), op.judgeOutcome(tt.now, tt.cost, tt.outcome, Cause{}))
		if (err == nil) != tt.good {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
