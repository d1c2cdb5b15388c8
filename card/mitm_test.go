package card_test

import (
	"errors"
	"testing"

	"cie/card"
	"cie/card/cardtest"
)

// A card whose device authentication fails is not genuine afterwards, and gets no
// code.
func TestFailedChipProofShowsInAuthenticity(t *testing.T) {
	for _, stored := range []bool{false, true} {
		store := memStore{}
		if stored {
			s := open(t, newCard(t, cardtest.Profile{}), card.Options{Store: store})
			verify(t, s)
			s.Close()
		}
		c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{InternalAuthentication: true}})
		s := open(t, c, card.Options{Store: store})
		if _, err := s.Tries(ctx, card.PIN); !errors.Is(err, card.ErrNotGenuine) {
			t.Fatal(err)
		}
		a, err := s.Authenticity(ctx)
		if err != nil || a.Level != card.NotGenuine {
			t.Errorf("stored %v: %+v, %v", stored, a, err)
		}
		if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); !errors.Is(err, card.ErrNotGenuine) {
			t.Error(err)
		}
	}
}
