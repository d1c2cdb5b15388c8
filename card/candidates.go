package card

import (
	"errors"

	"cie/apdu"
)

// Recognition is what a program knows of the card in a reader.
type Recognition int

// The values of Recognition.
const (
	MayBeCIE Recognition = iota // not recognised yet, or not reachable
	IsCIE
	NotCIE
)

// RecognitionOf returns what the result of [Open], or of the connection before
// it, shows about a card. A card that fails on the link, or that another program
// uses, can be a CIE; one whose answers are not those of a CIE is none.
func RecognitionOf(err error) Recognition {
	switch {
	case err == nil:
		return IsCIE
	case errors.Is(err, ErrNotCIE), errors.Is(err, apdu.ErrNoCard), errors.Is(err, apdu.ErrNoReader):
		return NotCIE
	}
	return MayBeCIE
}

// Candidates returns the indexes of the cards that the user can mean. A card
// that is not a CIE, such as the virtual card of Windows Hello, is no candidate
// where another card is a CIE. With more than one candidate the user chooses.
func Candidates(cards []Recognition) []int {
	var all, possible []int
	found := false
	for i, c := range cards {
		all = append(all, i)
		if c != NotCIE {
			possible = append(possible, i)
		}
		found = found || c == IsCIE
	}
	if found {
		return possible
	}
	return all
}
