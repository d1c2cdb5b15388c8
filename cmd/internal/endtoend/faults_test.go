package endtoend

import (
	"errors"
	"testing"

	"cie/card"
	"cie/card/cardtest"
)

var fresh = []byte("28281414")

// TestFaults injects faults at every APDU position of login, change of PIN
// and unblocking, over a real PC/SC daemon, for every family: nothing hangs,
// no code is compared twice, the error says truly which PIN holds, and the
// card works once it is put back. What the daemon does not change, package
// card tests in process with more kinds of faults.
func TestFaults(t *testing.T) {
	d := getDesk(t)
	operations := []struct {
		name    string
		do      func(*card.Session) error
		changes bool
	}{
		{"login", func(s *card.Session) error {
			if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
				return err
			}
			_, err := s.Sign(ctx, make([]byte, 51))
			return err
		}, false},
		{"change", func(s *card.Session) error {
			return s.ChangePIN(ctx, cardtest.DefaultPIN(), fresh)
		}, true},
		{"unblock", func(s *card.Session) error {
			return s.Unblock(ctx, cardtest.DefaultPUK(), fresh)
		}, true},
	}
	kinds := []cardtest.FaultKind{cardtest.RemoveBefore, cardtest.RemoveAfter, cardtest.ResetBefore,
		cardtest.WrongMAC, cardtest.Status6F00After, cardtest.SelectOther, cardtest.Truncate}
	for i, family := range cardtest.Families() {
		for o, op := range operations {
			for k, kind := range kinds {
				// The first family gets everything; the others, which share all
				// code after the key exchange, take turns.
				if i > 0 && (o != i%len(operations) || k != i%len(kinds)) {
					continue
				}
				t.Run(name(family, op.name, kind), func(t *testing.T) {
					t.Parallel()
					store := card.DirStore(t.TempDir())
					slot := d.slot(t)
					c := newCard(t, cardtest.Profile{Family: family})
					slot.insert(c)
					s := slot.open(store)
					_, err := s.Tries(ctx, card.PIN) // the card is known from here on
					must(t, err)
					positions := 17 // commands of a device authentication and the counter
					for at := 1; at <= positions; at++ {
						must(t, slot.reset())
						s := slot.open(store)
						before := c.Stats()
						c.SetFaults(cardtest.FaultAt(at, kind))
						err := op.do(s)
						cost := c.Stats().Sub(before)
						positions = max(positions, c.Commands())
						if cost.Verifies > 1 || cost.Changes > 1 || cost.Unblocks > 1 || cost.TriesSpent > 0 {
							t.Errorf("%v at %d: %d codes compared, %d tries spent", kind, at, cost.Verifies, cost.TriesSpent)
						}
						c.SetFaults(cardtest.Faults{})
						if !c.Present() {
							slot.remove()
							slot.waitGone()
							c.Insert()
							slot.insert(c)
						}
						if cost.Verifies == 0 {
							continue // the chip never got to the codes
						}
						checkHolding(t, slot.open(store), op.changes, err)
						if cost.Changes+cost.Unblocks > 0 {
							slot.remove()
							slot.waitGone()
							c = newCard(t, cardtest.Profile{Family: family})
							slot.insert(c)
						}
					}
				})
			}
		}
	}
}

// reset resets the card as another program does. pcscd can take a card that
// has just come for one that leaves again, so it is asked more than once.
func (s *slot) reset() error {
	var err error
	for range 50 {
		if err = s.connect().Reset(); err == nil {
			return nil
		}
		pause()
	}
	return err
}

// waitGone waits until the daemon has noticed that the card left.
func (s *slot) waitGone() {
	s.t.Helper()
	for range 200 {
		states, err := s.context.Status()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, st := range states {
			if st.Name == s.daemon.Reader(s.number) && !st.Present {
				return
			}
		}
		pause()
	}
	s.t.Fatal("the card does not leave the reader")
}

// checkHolding checks that the PIN which holds is the one that err says.
func checkHolding(t *testing.T, s *card.Session, changes bool, err error) {
	t.Helper()
	pins := [][]byte{cardtest.DefaultPIN()}
	var cut *card.InterruptedError
	switch {
	case changes && err == nil:
		pins = [][]byte{fresh}
	case changes && errors.As(err, &cut) && cut.State == card.PINUnknown:
		pins = append(pins, fresh)
	}
	for i, pin := range pins {
		got := s.Verify(ctx, card.PIN, pin)
		if got == nil {
			return
		}
		if i == len(pins)-1 {
			t.Errorf("reported %v; then the PIN: %v", err, got)
		}
	}
}
