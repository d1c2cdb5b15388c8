package card

import (
	"fmt"
	"slices"
	"testing"

	"cie/apdu"
)

func TestOnlyACIEMakesOtherCardsNoCandidates(t *testing.T) {
	for _, c := range []struct {
		cards []Recognition
		want  []int
	}{
		{nil, nil},
		{[]Recognition{NotCIE}, []int{0}},
		{[]Recognition{NotCIE, IsCIE}, []int{1}},
		{[]Recognition{IsCIE, NotCIE, NotCIE}, []int{0}},
		{[]Recognition{IsCIE, IsCIE, NotCIE}, []int{0, 1}},
		{[]Recognition{IsCIE, MayBeCIE}, []int{0, 1}},
		{[]Recognition{NotCIE, MayBeCIE}, []int{0, 1}},
		{[]Recognition{NotCIE, NotCIE}, []int{0, 1}},
	} {
		if got := Candidates(c.cards); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.cards, got, c.want)
		}
	}
}

func TestUnreachableCardMayBeACIE(t *testing.T) {
	for err, want := range map[error]Recognition{
		nil: IsCIE, ErrNotCIE: NotCIE, apdu.ErrNoCard: NotCIE, apdu.ErrMute: MayBeCIE, apdu.ErrBusy: MayBeCIE, apdu.ErrTimeout: MayBeCIE,
	} {
		if err != nil {
			err = fmt.Errorf("open: %w", err)
		}
		if got := RecognitionOf(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}
