package journey

import (
	"cie/card"
	"cie/card/cardtest"
	"cie/cmd/internal/harness/faultinjection"
	"cie/cmd/internal/harness/rotation"
	"context"
	"fmt"
	"testing"
)

// inProcess lays a new card on a reader of this process.
func inProcess(t testing.TB, p cardtest.Profile) Place {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	service := &cardtest.Service{}
	service.Insert("reader", c)
	return Place{Card: c, Service: service, Reader: "reader"}
}

// TestStrictCards does every journey on cards that refuse each kind of form,
// and all of them, of every family: all succeed, no try is spent, and the
// second contact loses no channel. Other choices among the kinds that exclude
// each other are tried on two families, which are opened in different ways. A day
// has a sixth of the families after the first, but all with the strictest cards;
// make faults has all of them.
func TestStrictCards(t *testing.T) {
	sum := &Sum{}
	t.Run("cards", func(t *testing.T) {
		for s, set := range Sets() {
			families := cardtest.Families()
			if set.Variant && !faultinjection.All() || testing.Short() {
				families = []cardtest.Family{cardtest.NXP, cardtest.STM}
			}
			for f, family := range families {
				for i, j := range Journeys() {
					// All of the first family and of the strictest cards, of the rest a twelfth a day.
					if f > 0 && set.Strict != cardtest.StrictAll && !faultinjection.All() && (f+s+i+rotation.Turn())%12 != 0 {
						continue
					}
					t.Run(fmt.Sprint(set.Name, "/", family, "/", j.Name), func(t *testing.T) {
						t.Parallel()
						first, second, err := j.Twice(inProcess(t, cardtest.Profile{Family: family, Strict: set.Strict}))
						if err != nil {
							t.Error(err)
						}
						sum.Add(j.Name, set.Name, first, second)
					})
				}
			}
		}
	})
	t.Log("\n" + sum.String())
}

// TestFurtherSignature: the second signature of a channel takes its two
// commands and one GET RESPONSE.
func TestFurtherSignature(t *testing.T) {
	for _, strict := range []cardtest.Strict{0, cardtest.StrictAll} {
		p := inProcess(t, cardtest.Profile{Strict: strict})
		p.Store = &memory{}
		j := Journey{Name: "signatures", session: func(ctx context.Context, s *card.Session, pin []byte) error {
			if err := s.Verify(ctx, card.PIN, pin); err != nil {
				return err
			}
			for i := range 3 {
				before := p.Card.Stats().APDUs
				if _, err := s.Sign(ctx, make([]byte, 51)); err != nil {
					return err
				}
				if n := p.Card.Stats().APDUs - before; i > 0 && n > 3 {
					t.Errorf("%v: signature %d takes %d commands", strict, i+1, n)
				}
			}
			return nil
		}}
		if _, err := j.Contact(p); err != nil {
			t.Errorf("%v: %v", strict, err)
		}
	}
}
