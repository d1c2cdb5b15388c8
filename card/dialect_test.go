package card_test

import (
	"strings"
	"testing"

	"cie/card"
	"cie/card/cardtest"
)

// errands are what people do with a card, each from Open to Close.
var errands = map[string]func(testing.TB, *card.Session){
	"status": func(t testing.TB, s *card.Session) {
		a, err := s.Authenticity(ctx)
		must(t, err)
		if a.Level != card.Genuine {
			t.Error(a)
		}
		for _, ref := range []card.PINRef{card.PIN, card.PUK} {
			_, err := s.Tries(ctx, ref)
			must(t, err)
		}
		_, err = s.SerialICC(ctx)
		must(t, err)
	},
	"verify": verify,
	"certificate": func(t testing.TB, s *card.Session) {
		verify(t, s)
		_, err := s.Certificate(ctx)
		must(t, err)
		_, err = s.DocumentNumber(ctx)
		must(t, err)
	},
	"sign": func(t testing.TB, s *card.Session) {
		verify(t, s)
		sign(t, s)
		sign(t, s)
	},
	"change": func(t testing.TB, s *card.Session) {
		must(t, s.ChangePIN(ctx, cardtest.DefaultPIN(), freshPIN))
		must(t, s.ChangePIN(ctx, freshPIN, cardtest.DefaultPIN()))
	},
	"unblock": func(t testing.TB, s *card.Session) {
		must(t, s.Unblock(ctx, cardtest.DefaultPUK(), cardtest.DefaultPIN()))
	},
}

// strictSets are the kinds of refusal, each alone and all that can be together.
func strictSets() []cardtest.Strict {
	return append(cardtest.StrictKinds(), cardtest.StrictAll)
}

// TestStrictCards expects every errand to succeed on cards that refuse the
// forms that no client sends, and to lose no channel on a card that is known.
func TestStrictCards(t *testing.T) {
	for _, strict := range strictSets() {
		for name, errand := range errands {
			t.Run(strict.String()+"/"+name, func(t *testing.T) {
				c := newCard(t, cardtest.Profile{Strict: strict})
				store := memStore{}
				for _, contact := range []string{"first", "second", "third"} {
					c.PowerOn()
					before := c.Stats()
					s := open(t, c, card.Options{Store: store})
					errand(t, s)
					s.Close()
					cost := c.Stats().Sub(before)
					t.Logf("%s contact: %d APDUs, %d device authentications", contact, cost.APDUs, cost.DeviceAuthentications)
					if contact != "first" && (cost.DeviceAuthentications > 1 || cost.ChannelsLost > 0) {
						t.Errorf("%s contact: %d device authentications, %d channels lost", contact, cost.DeviceAuthentications, cost.ChannelsLost)
					}
					if cost.TriesSpent != 0 || cost.SMFailures != 0 || cost.Resets != 0 {
						t.Errorf("%s contact: %+v", contact, cost)
					}
				}
				for key, value := range store {
					if !strings.HasPrefix(key, "9") {
						t.Logf("%s: %s", key, value)
					}
				}
			})
		}
	}
}
