package card_test

import (
	"testing"

	"cie/card"
	"cie/card/cardtest"
)

// journey is a task of a user, with its limits of command APDUs and device
// authentications on the virtual card.
type journey struct {
	name string
	// known: the card was used before, its constants are stored.
	known bool
	// prepare runs before the count starts, in the same session as do.
	prepare func(testing.TB, *card.Session)
	do      func(testing.TB, *card.Session)
	apdus   int // at most, 0: no limit
	auths   int // exactly
}

func verify(t testing.TB, s *card.Session) { must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN())) }

func sign(t testing.TB, s *card.Session) {
	_, err := s.Sign(ctx, make([]byte, 51))
	must(t, err)
}

// journeys are the figures of the README. Where prepare is nil the count
// includes Open.
var journeys = []journey{
	{name: "status-without-PIN", do: func(t testing.TB, s *card.Session) {
		a, err := s.Authenticity(ctx)
		must(t, err)
		if a.Level != card.Genuine {
			t.Fatal(a)
		}
		_, err = s.Tries(ctx, card.PIN)
		must(t, err)
		_, err = s.Tries(ctx, card.PUK)
		must(t, err)
	}, auths: 1},
	{name: "first-login-and-certificate", do: func(t testing.TB, s *card.Session) {
		verify(t, s)
		_, err := s.Certificate(ctx)
		must(t, err)
	}, apdus: 65, auths: 1},
	{name: "login-and-signature", known: true, do: func(t testing.TB, s *card.Session) {
		verify(t, s)
		sign(t, s)
	}, apdus: 22, auths: 1},
	{name: "further-signature", known: true, prepare: func(t testing.TB, s *card.Session) {
		verify(t, s)
		sign(t, s)
	}, do: sign, apdus: 3},
	{name: "PIN-change", known: true, do: func(t testing.TB, s *card.Session) {
		must(t, s.ChangePIN(ctx, cardtest.DefaultPIN(), []byte("28281414")))
	}, apdus: 20, auths: 1},
	{name: "unblock", known: true, do: func(t testing.TB, s *card.Session) {
		must(t, s.Unblock(ctx, cardtest.DefaultPUK(), []byte("28281414")))
	}, apdus: 20, auths: 1},
}

// run does the journey on a new card and returns its cost.
func (j journey) run(t testing.TB, family cardtest.Family) cardtest.Stats {
	c := newCard(t, cardtest.Profile{Family: family})
	opts := card.Options{Store: memStore{}, Roots: testRoots(t)}
	if j.known {
		s := open(t, c, opts)
		_, err := s.Tries(ctx, card.PIN)
		must(t, err)
		s.Close()
	}
	c.PowerOn()
	before := c.Stats()
	s := open(t, c, opts)
	if j.prepare != nil {
		j.prepare(t, s)
		before = c.Stats()
	}
	j.do(t, s)
	return c.Stats().Sub(before)
}

func TestJourneysStayWithinTheirCost(t *testing.T) {
	for family := range families {
		for _, j := range journeys {
			t.Run(family.String()+"/"+j.name, func(t *testing.T) {
				cost := j.run(t, family)
				if j.apdus > 0 && cost.APDUs > j.apdus {
					t.Errorf("%d APDUs, at most %d", cost.APDUs, j.apdus)
				}
				if cost.DeviceAuthentications != j.auths {
					t.Errorf("%d device authentications, want %d", cost.DeviceAuthentications, j.auths)
				}
				if cost.Resets != 0 {
					t.Errorf("%d resets", cost.Resets)
				}
			})
		}
	}
}

// BenchmarkJourney reports the cost of the journeys on a slow card at 106 kbit/s.
func BenchmarkJourney(b *testing.B) {
	for _, j := range journeys {
		b.Run(j.name, func(b *testing.B) {
			var cost cardtest.Stats
			for b.Loop() {
				cost = j.run(b, cardtest.NXP)
			}
			b.ReportMetric(float64(cost.APDUs), "APDUs")
			b.ReportMetric(float64(cost.BytesUp), "B-up")
			b.ReportMetric(float64(cost.BytesDown), "B-down")
			b.ReportMetric(float64(cost.DeviceAuthentications), "device-auths")
			b.ReportMetric(cost.Modelled.Seconds(), "modelled-s")
			b.ReportMetric(0, "ns/op") // the time of the host includes that of the virtual chip
		})
	}
}
