package servicetest

import (
	"path/filepath"
	"testing"

	"cie/apdu"
	"cie/card/cardtest"
	"cie/cmd/internal/harness/faultinjection"
)

// TestFaults injects faults at every APDU position of every operation of a
// PIN's life over a real PC/SC daemon: nothing hangs, no code is compared
// twice, the card keeps what it should, the program reports correctly what became of
// PIN and tries, and the card works on. What the daemon does not change,
// package faultinjection tests in process with more kinds of faults.
func TestFaults(t *testing.T) {
	d := sharedService(t)
	// Those that wait for the service to notice come first.
	kinds := []cardtest.FaultKind{cardtest.RemoveBefore, cardtest.RemoveAfter, cardtest.Truncate,
		cardtest.ResetBefore, cardtest.WrongMAC, cardtest.Status6F00After, cardtest.SelectOther}
	sum := &faultinjection.Sum{}
	t.Run("cards", func(t *testing.T) {
		for k, kind := range kinds {
			for f, family := range cardtest.Families() {
				for o, op := range faultinjection.Operations() {
					if !faultinjection.All() && f > 0 && !faultinjection.Selected(f, o, k) {
						continue
					}
					t.Run(name(family, op.Name, kind), func(t *testing.T) {
						t.Parallel()
						state := filepath.Join(t.TempDir(), "card.json")
						c, err := cardtest.Load(state, cardtest.Profile{Family: family})
						must(t, err)
						s := d.slot(t)
						s.insert(c)
						s.waitFor(nil)
						// It waits until the service has noticed that the card is gone.
						putBack := func() error {
							s.remove()
							s.waitFor(apdu.ErrNoCard)
							c.Insert()
							s.insert(c)
							s.waitFor(nil)
							return nil
						}
						trial := faultinjection.Trial{Card: c, Service: s.context, Reader: s.daemon.Reader(s.number), PutBack: putBack, State: state, Known: true, Share: faultinjection.ShareOf(f), Sum: sum}
						for _, err := range trial.Run(op, kind) {
							t.Error(err)
						}
					})
				}
			}
		}
	})
	t.Log(sum)
}
