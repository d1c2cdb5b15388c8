package servicetest

import (
	"testing"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest"
	"cie/cmd/internal/harness/faultinjection"
	"cie/cmd/internal/harness/journey"
)

// TestStrictCards does every journey over a real PC/SC daemon on cards that
// refuse the forms no client in the field sends: all that can be together on
// every family, and each kind on one. Package journey does the rest in process,
// and "make faults" here.
func TestStrictCards(t *testing.T) {
	d := sharedService(t)
	sum := &journey.Sum{}
	t.Run("cards", func(t *testing.T) {
		for i, set := range journey.Sets() {
			for f, family := range cardtest.Families() {
				// The kinds take turns with the families.
				if !faultinjection.All() && set.Strict != cardtest.StrictAll && (set.Variant || i%len(cardtest.Families()) != f) {
					continue
				}
				t.Run(name(set.Name, family), func(t *testing.T) {
					t.Parallel()
					c, err := cardtest.New(cardtest.Profile{Family: family, Strict: set.Strict})
					must(t, err)
					s := d.slot(t)
					s.insert(c)
					s.waitFor(nil)
					place := journey.Place{Card: c, Service: s.alone(), Reader: s.daemon.Reader(s.number)}
					for _, j := range journey.Journeys() {
						first, second, err := j.Twice(place)
						if err != nil {
							t.Error(err)
						}
						sum.Add(j.Name, set.Name, first, second)
					}
				})
			}
		}
	})
	t.Log("\n" + sum.String())
}

// alone returns a service with the slot's reader alone: other tests use the others.
func (s *slot) alone() *cardtest.Service {
	service, reader := &cardtest.Service{}, s.daemon.Reader(s.number)
	service.Put(reader, readers.State{Present: true}, func() (apdu.Card, error) { return s.context.Connect(reader) })
	return service
}
