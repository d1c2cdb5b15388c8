package card

import (
	"errors"

	"cie/apdu"
)

// Loss is what a session with a card loses with an error of the link.
type Loss int

// The losses. Each includes those before it.
const (
	LossNone       Loss = iota // the card answered, or no command was sent
	LossState                  // the card was reset: selection, channel and verified codes are lost
	LossConnection             // the connection cannot be used any more
	LossCard                   // the card has left
)

// linkLosses are the losses that errors of the link report.
var linkLosses = []struct {
	err  error
	loss Loss
}{
	{apdu.ErrNoService, LossConnection},
	{apdu.ErrNoReader, LossCard},
	{apdu.ErrNoCard, LossCard},
	{apdu.ErrMute, LossConnection},
	{apdu.ErrRemoved, LossCard},
	{apdu.ErrReset, LossState},
	{apdu.ErrTimeout, LossConnection},
}

// linkLoss returns the largest loss that an error of the link reports.
func linkLoss(err error) Loss {
	loss := LossNone
	for _, l := range linkLosses {
		if l.loss > loss && errors.Is(err, l.err) {
			loss = l.loss
		}
	}
	return loss
}
