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
	// ErrPINRequired: the operation needs a verified PIN and none is, or the
	// one verified was lost because another program reset or used the card.
	// The caller decides whether to ask for it again.
	ErrPINRequired = errors.New("the PIN has to be verified first")
	// ErrNotGenuine: the card is a clone or somebody sits between it and the
	// program. Every *NotGenuineError matches it.
	ErrNotGenuine = errors.New("the card is not genuine")
	// ErrClosed: the session was closed.
	ErrClosed = errors.New("the session is closed")
	// ErrDataTooLong: more than 102 bytes to sign (IAS ECC 9.5.6).
	ErrDataTooLong = errors.New("more data to sign than the chip takes")
	// ErrUnsupported: a signature scheme that the chip does not have.
	ErrUnsupported = errors.New("not supported by the chip")
	// ErrMarkMoved: a kept code was not sent because the mark of the card is not
	// the one it was kept under, or cannot be read and changed.
	ErrMarkMoved = errors.New("the mark of the card has moved")
	// ErrNotStored: a Store has nothing under the key.
	ErrNotStored = errors.New("not stored")
)

// PINError is a code that the card refused or would refuse.
type PINError struct {
	Ref PINRef
	// Tries left. 0: blocked. -1: the card gave no count.
	Tries int
	// SW is the status the card gave, 0 when nothing was sent because the
	// code was known to be blocked.
	SW apdu.SW
}

// Blocked reports that no try is left.
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

// FormatError is a PIN or PUK that is not exactly 8 digits. Nothing was sent.
type FormatError struct {
	// Length in bytes of what was given.
	Length int
}

func (e *FormatError) Error() string { return "a code has exactly 8 digits" }

// Weakness says why a new PIN is refused.
type Weakness string

// The weaknesses of a new PIN.
const (
	WeakSame      Weakness = "same-digit" // one digit repeated
	WeakRun       Weakness = "run"        // digits in sequence, up or down
	WeakUnchanged Weakness = "unchanged"  // equal to the old one
)

// WeakPINError refuses a new PIN. Nothing was sent.
type WeakPINError struct{ Reason Weakness }

func (e *WeakPINError) Error() string { return "new PIN refused: " + string(e.Reason) }

// StepError is a failure of the link or of the protocol, with the step it
// happened in. Err is the cause: one of the apdu.Err values, an *apdu.Error,
// a secure messaging error.
type StepError struct {
	Step StepName
	Err  error
}

func (e *StepError) Error() string { return string(e.Step) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// NotGenuineError reports which check a card failed. It matches ErrNotGenuine.
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

// PINState says what is known of the PIN after an operation was cut off.
type PINState int

// What is known of the PIN.
const (
	// PINUnchanged: the card did not get the new PIN; what held before holds.
	PINUnchanged PINState = iota
	// PINUnknown: the command went out and its answer did not come back: the
	// new PIN holds, or what held before. Reading the tries left does not
	// tell which; trying the new PIN does, at the price of a try if it is not.
	PINUnknown
)

// InterruptedError is a change of PIN or an unblocking that was cut off after
// the first code had been accepted: the card was moved, reset or refused the
// second step. It says what state the card is in.
type InterruptedError struct {
	// Ref is the code that was accepted: PIN for a change, PUK for an unblocking.
	Ref   PINRef
	State PINState
	Err   error
}

func (e *InterruptedError) Error() string {
	state := "the PIN is as before"
	if e.State == PINUnknown {
		state = "the new PIN may or may not be set"
	}
	return fmt.Sprintf("interrupted after the %v was accepted, %s: %v", e.Ref, state, e.Err)
}

// Unwrap returns the cause.
func (e *InterruptedError) Unwrap() error { return e.Err }

// UncertainError is a code that was sent and whose answer did not come back:
// a try may have been spent. It is never sent again by this package.
type UncertainError struct {
	Ref PINRef
	Err error
}

func (e *UncertainError) Error() string {
	return fmt.Sprintf("the answer to the %v did not come back, a try may have been spent: %v", e.Ref, e.Err)
}

// Unwrap returns the cause.
func (e *UncertainError) Unwrap() error { return e.Err }
