package endtoend

import (
	"testing"

	"cie/apdu"
	"cie/card/cardtest"
	"cie/cmd/internal/journey"
	"cie/cmd/internal/ordeal"
)

// TestStrictCards does every journey over a real PC/SC daemon on cards that
// refuse the forms no client in the field sends: all that can be together on
// every family, and each kind on one. Package journey does the rest in process,
// and "make faults" here.
func TestStrictCards(t *testing.T) {
	d := getDesk(t)
	sum := &journey.Sum{}
	t.Run("cards", func(t *testing.T) {
		for i, set := range journey.Sets() {
			for f, family := range cardtest.Families() {
				// The kinds take turns with the families.
				if !ordeal.All() && set.Strict != cardtest.StrictAll && (set.Variant || i%len(cardtest.Families()) != f) {
					continue
				}
				t.Run(name(set.Name, family), func(t *testing.T) {
					t.Parallel()
					c, err := cardtest.New(cardtest.Profile{Family: family, Strict: set.Strict})
					must(t, err)
					s := d.slot(t)
					s.insert(c)
					s.connect() // waits until the service has the card
					s.disconnect()
					place := journey.Place{Card: c, Connect: s.place}
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

// place makes a connection of its own to the card in the reader.
func (s *slot) place() (apdu.Card, error) {
	conn, err := s.context.Connect(s.daemon.Reader(s.number))
	if err != nil {
		return nil, err // not a nil pointer in an interface
	}
	return conn, nil
}
