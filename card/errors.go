package card

import (
	"errors"
	"fmt"

	"cie/apdu"
)

// Errors without further detail; tested with errors.Is.
var (
	// ErrNotCIE: the card answers, but it has no CIE application.
	ErrNotCIE = errors.New("the card is not an Italian electronic identity card")
	// ErrPINRequired: the operation needs a verified PIN, and no PIN was
	// verified, or another program has reset or used the card since. The caller
	// decides whether to ask the user again.
	ErrPINRequired = errors.New("the PIN must be verified first")
	// ErrNotGenuine: the card is a clone, or the connection to it is
	// intercepted. Every *NotGenuineError matches it.
	ErrNotGenuine = errors.New("the card is not genuine")
	// ErrClosed: the session was closed.
	ErrClosed = errors.New("the session is closed")
	// ErrDataTooLong: more than 102 bytes to sign (IAS ECC 9.5.6).
	ErrDataTooLong = errors.New("data exceeds the 102 bytes the chip can sign")
	// ErrUnsupported: the chip does not support the signature scheme.
	ErrUnsupported = errors.New("not supported by the chip")
	// ErrMarkMoved: a kept code was not sent, because the mark of the card has
	// changed, or cannot be read and changed.
	ErrMarkMoved = errors.New("the mark of the card has changed")
	// ErrInUse: nothing was prepared, because a program of this user is logged in to
	// the card, or prepares it.
	ErrInUse = errors.New("a program is logged in to the card")
	// ErrNotStored: a Store has no value for the key.
	ErrNotStored = errors.New("not stored")
)

// PINError reports a code that the card refused or would refuse.
type PINError struct {
	Ref PINRef
	// Tries left. 0: blocked. -1: the card returned no count.
	Tries int
	// SW is the status that the card returned, 0 when nothing was sent because
	// the code is blocked.
	SW apdu.SW
}

// Blocked reports whether no try is left.
func (e *PINError) Blocked() bool { return e.Tries == 0 }

func (e *PINError) Error() string {
	switch {
	case e.Blocked():
		return fmt.Sprintf("%v is blocked", e.Ref)
	case e.Tries < 0:
		return fmt.Sprintf("wrong %v", e.Ref)
	default:
		return fmt.Sprintf("wrong %v, tries left: %d", e.Ref, e.Tries)
	}
}

// Unwrap returns the status word, so that errors.Is(err, apdu.SWBlocked) works.
func (e *PINError) Unwrap() error {
	if e.SW == 0 {
		return nil
	}
	return e.SW
}

// FormatError reports a PIN or PUK that is not exactly 8 digits. Nothing was sent.
type FormatError struct {
	// Length of the code in bytes.
	Length int
}

func (e *FormatError) Error() string { return "PIN and PUK must be exactly 8 digits" }

// Weakness is why a new PIN is refused.
type Weakness string

// The weaknesses of a new PIN.
const (
	WeakSame      Weakness = "same-digit" // one digit repeated
	WeakRun       Weakness = "run"        // digits in sequence, up or down
	WeakUnchanged Weakness = "unchanged"  // equal to the old one
)

// WeakPINError reports a new PIN that is refused. Nothing was sent.
type WeakPINError struct{ Reason Weakness }

func (e *WeakPINError) Error() string { return "new PIN refused: " + string(e.Reason) }

// StepError reports a failure of the link or of the protocol, with its step. Err
// is the cause: one of the apdu.Err values, an *apdu.Error or an error of secure
// messaging.
type StepError struct {
	Step StepName
	Err  error
}

func (e *StepError) Error() string { return string(e.Step) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// NotGenuineError reports why a card is not genuine. It matches ErrNotGenuine.
type NotGenuineError struct {
	// Check that failed, such as "sod-signature", "sod-hash", "chip-signature".
	Check string
	Err   error
}

func (e *NotGenuineError) Error() string {
	return fmt.Sprintf("the card is not genuine: %s: %v", e.Check, e.Err)
}

// Unwrap returns the cause.
func (e *NotGenuineError) Unwrap() error { return e.Err }

// Is makes every NotGenuineError match ErrNotGenuine.
func (e *NotGenuineError) Is(target error) bool { return target == ErrNotGenuine }

// PINState is what is known of the PIN after an interrupted operation.
type PINState int

// The states of the PIN.
const (
	// PINUnchanged: the card did not receive the new PIN.
	PINUnchanged PINState = iota
	// PINUnknown: the command was sent and its answer was lost, so the old or the
	// new PIN is valid. The counter does not show which. A verification of the
	// new PIN does, and spends a try if it is the old one.
	PINUnknown
)

// InterruptedError reports a change of PIN or an unblocking that failed after the
// first code was accepted: the card was moved or reset, or refused the second
// step.
type InterruptedError struct {
	// Ref is the code that was accepted: PIN for a change, PUK for an unblocking.
	Ref   PINRef
	State PINState
	Err   error
}

func (e *InterruptedError) Error() string {
	state := "the PIN is unchanged"
	if e.State == PINUnknown {
		state = "the new PIN may or may not be set"
	}
	return fmt.Sprintf("interrupted after the %v was accepted, %s: %v", e.Ref, state, e.Err)
}

// Unwrap returns the cause.
func (e *InterruptedError) Unwrap() error { return e.Err }

// UncertainError reports that a code was sent and its answer was lost: a try may
// have been spent. This package never sends the code again.
type UncertainError struct {
	Ref PINRef
	Err error
}

func (e *UncertainError) Error() string {
	return fmt.Sprintf("the answer to the %v was lost, a try may have been spent: %v", e.Ref, e.Err)
}

// Unwrap returns the cause.
func (e *UncertainError) Unwrap() error { return e.Err }
