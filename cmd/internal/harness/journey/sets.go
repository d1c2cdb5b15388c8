package journey

import "cie/card/cardtest"

// Set is what the chip of a card refuses.
type Set struct {
	Name   string
	Strict cardtest.Strict
	// Variant: all that can be together, with another choice than "all" has
	// among the kinds that exclude each other.
	Variant bool
}

// Sets returns nothing, each kind alone, all, and the variants of all.
func Sets() []Set {
	sets := []Set{{Name: "none"}}
	for _, k := range cardtest.StrictKinds() {
		sets = append(sets, Set{Name: k.String(), Strict: k})
	}
	sets = append(sets, Set{Name: "all", Strict: cardtest.StrictAll})
	for _, list := range []string{"all,no-mf", "all,no-aid", "all,docp-sm", "all,docp-6A88", "all,eof-6B00"} {
		s, err := cardtest.ParseStrict(list)
		if err != nil {
			panic(err) // a constant
		}
		sets = append(sets, Set{Name: list, Strict: s, Variant: true})
	}
	return sets
}
