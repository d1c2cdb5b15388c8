package card

import (
	"context"
	"errors"

	"cie/apdu"
	"cie/apdu/sm"
	"cie/card/state"
)

// Kind classifies the errors of this package, of the link to the card and of
// the state. Programs choose texts and codes for each Kind; they do not inspect
// errors for anything else than the details of one.
type Kind int

// The kinds of errors.
const (
	KindNone               Kind = iota // no error
	KindOther                          // none of the following
	KindInterrupted                    // *InterruptedError, PINUnchanged
	KindInterruptedUnknown             // *InterruptedError, PINUnknown
	KindUncertain                      // *UncertainError
	KindNotAccepted                    // *NotAcceptedError
	KindNotGenuine                     // ErrNotGenuine
	KindPINBlocked                     // *PINError, no try left for the PIN
	KindPUKBlocked                     // *PINError, no try left for the PUK
	KindPINWrong                       // *PINError for the PIN
	KindPUKWrong                       // *PINError for the PUK
	KindLastTry                        // *LastTryError
	KindFormat                         // *FormatError
	KindWeak                           // *WeakPINError
	KindCanceled                       // context.Canceled
	KindDeadline                       // context.DeadlineExceeded
	KindPINRequired                    // ErrPINRequired, whatever the cause
	KindNotCIE                         // ErrNotCIE
	KindDataTooLong                    // ErrDataTooLong
	KindUnsupported                    // ErrUnsupported
	KindMarkMoved                      // ErrMarkMoved
	KindState                          // state.ErrDamaged, ErrLocked, ErrUnsafe, ErrDisabled
	KindClosed                         // ErrClosed
	KindNoService                      // apdu.ErrNoService
	KindNoReader                       // apdu.ErrNoReader
	KindNoCard                         // apdu.ErrNoCard
	KindMute                           // apdu.ErrMute
	KindRemoved                        // apdu.ErrRemoved
	KindReset                          // apdu.ErrReset
	KindBusy                           // apdu.ErrBusy
	KindTimeout                        // apdu.ErrTimeout
	KindStep                           // *StepError or sm.ErrChannelLost without a more specific cause
	kinds
)

// Kinds returns every Kind of an error, for tests that each has an answer.
func Kinds() []Kind {
	var all []Kind
	for k := KindOther; k < kinds; k++ {
		all = append(all, k)
	}
	return all
}

// Loss is what an error of the link leaves of a session with a card.
type Loss int

// The losses. Each includes those before it.
const (
	LossNone       Loss = iota // the card answered, or was not asked
	LossState                  // the card was reset: selection, channel and verified codes are lost
	LossConnection             // the connection cannot be used any more
	LossCard                   // the card has left
)

// sentinels are the errors that carry no details, most specific first: an error
// about the card says more than the link failure inside it.
var sentinels = []struct {
	err  error
	kind Kind
	loss Loss
}{
	{context.Canceled, KindCanceled, LossNone},
	{context.DeadlineExceeded, KindDeadline, LossNone},
	{ErrPINRequired, KindPINRequired, LossNone},
	{ErrNotCIE, KindNotCIE, LossNone},
	{ErrDataTooLong, KindDataTooLong, LossNone},
	{ErrUnsupported, KindUnsupported, LossNone},
	{ErrMarkMoved, KindMarkMoved, LossNone},
	{state.ErrDamaged, KindState, LossNone},
	{state.ErrLocked, KindState, LossNone},
	{state.ErrUnsafe, KindState, LossNone},
	{state.ErrDisabled, KindState, LossNone},
	{ErrClosed, KindClosed, LossConnection},
	{apdu.ErrNoService, KindNoService, LossConnection},
	{apdu.ErrNoReader, KindNoReader, LossCard},
	{apdu.ErrNoCard, KindNoCard, LossCard},
	{apdu.ErrMute, KindMute, LossConnection},
	{apdu.ErrRemoved, KindRemoved, LossCard},
	{apdu.ErrReset, KindReset, LossState},
	{apdu.ErrBusy, KindBusy, LossNone},
	{apdu.ErrTimeout, KindTimeout, LossConnection},
	{sm.ErrChannelLost, KindStep, LossNone},
}

// LossOf returns the largest loss that an error reports. An error that is a
// code's outcome or a refusal for another reason reports that of its cause.
func LossOf(err error) Loss {
	loss := LossNone
	for _, s := range sentinels {
		if s.loss > loss && errors.Is(err, s.err) {
			loss = s.loss
		}
	}
	return loss
}

// Classify returns the Kind of an error. What is known of a code counts more
// than why: an error that interrupted a change of PIN is an interruption.
func Classify(err error) Kind {
	var (
		interrupted *InterruptedError
		uncertain   *UncertainError
		accepted    *NotAcceptedError
		refused     *PINError
		last        *LastTryError
		format      *FormatError
		weak        *WeakPINError
		step        *StepError
	)
	switch {
	case err == nil:
		return KindNone
	case errors.As(err, &interrupted):
		if interrupted.State == PINUnknown {
			return KindInterruptedUnknown
		}
		return KindInterrupted
	case errors.As(err, &uncertain):
		return KindUncertain
	case errors.As(err, &accepted):
		return KindNotAccepted
	case errors.Is(err, ErrNotGenuine):
		return KindNotGenuine
	case errors.As(err, &refused):
		return refused.kind()
	case errors.As(err, &last):
		return KindLastTry
	case errors.As(err, &format):
		return KindFormat
	case errors.As(err, &weak):
		return KindWeak
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.kind
		}
	}
	if errors.As(err, &step) {
		return KindStep
	}
	return KindOther
}

func (e *PINError) kind() Kind {
	switch {
	case e.Blocked() && e.Ref == PUK:
		return KindPUKBlocked
	case e.Blocked():
		return KindPINBlocked
	case e.Ref == PUK:
		return KindPUKWrong
	}
	return KindPINWrong
}
