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

// Kinds returns every Kind of an error, so that tests can check that each has a
// text.
func Kinds() []Kind {
	var all []Kind
	for k := KindOther; k < kinds; k++ {
		all = append(all, k)
	}
	return all
}

// sentinels are the errors without details, most specific first: an error about the
// card is more specific than the failure of the link that it wraps.
var sentinels = []struct {
	err  error
	kind Kind
}{
	{context.Canceled, KindCanceled},
	{context.DeadlineExceeded, KindDeadline},
	{ErrPINRequired, KindPINRequired},
	{ErrNotCIE, KindNotCIE},
	{ErrDataTooLong, KindDataTooLong},
	{ErrUnsupported, KindUnsupported},
	{ErrMarkMoved, KindMarkMoved},
	{state.ErrDamaged, KindState},
	{state.ErrLocked, KindState},
	{state.ErrUnsafe, KindState},
	{state.ErrDisabled, KindState},
	{ErrClosed, KindClosed},
	{apdu.ErrNoService, KindNoService},
	{apdu.ErrNoReader, KindNoReader},
	{apdu.ErrNoCard, KindNoCard},
	{apdu.ErrMute, KindMute},
	{apdu.ErrRemoved, KindRemoved},
	{apdu.ErrReset, KindReset},
	{apdu.ErrBusy, KindBusy},
	{apdu.ErrTimeout, KindTimeout},
	{sm.ErrChannelLost, KindStep},
}

// LossOf returns the largest loss that an error, or an error that it wraps,
// reports.
func LossOf(err error) Loss {
	if errors.Is(err, ErrClosed) {
		return max(LossConnection, linkLoss(err))
	}
	return linkLoss(err)
}

// Classify returns the Kind of an error. The state of a code has precedence over
// its cause: a reset that interrupted a change of PIN is KindInterrupted.
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
