package card

import (
	"errors"

	"cie/apdu"
	"cie/apdu/sm"
)

// PINRef is the reference of a code in P2 of VERIFY, CHANGE REFERENCE DATA and
// RESET RETRY COUNTER (CIE Annex A).
type PINRef byte

// The two codes of a CIE. Each has 8 digits.
const (
	PIN PINRef = 0x81 // 3 tries, unblocked with the PUK
	PUK PINRef = 0x82 // 10 tries, then the chip is blocked permanently
)

// String returns "PIN" or "PUK".
func (r PINRef) String() string {
	if r == PUK {
		return "PUK"
	}
	return "PIN"
}

// MaxTries returns the number of tries after a reset of the counter (CIE Annex A).
func (r PINRef) MaxTries() int {
	if r == PUK {
		return 10
	}
	return 3
}

// CodeLength is the length of PIN and PUK in digits.
const CodeLength = 8

// verifyCode sends VERIFY (IAS ECC 9.4.1).
func (t *transaction) verifyCode(ref PINRef, code []byte) (apdu.Response, error) {
	t.verified(ref).Store(false)
	r, err := t.sendCode(apdu.Command{INS: insVerify, P2: byte(ref)}, code)
	t.verified(ref).Store(err == nil && r.SW == apdu.SWOK)
	return r, err
}

// changePIN sends CHANGE REFERENCE DATA, which resets the validation flag of the
// PIN (IAS ECC 9.4.2).
func (t *transaction) changePIN(old, pin []byte) (apdu.Response, error) {
	r, err := t.sendCode(apdu.Command{INS: insChangeReferenceData, P2: byte(PIN)}, old, pin)
	return t.pinChanged(r, err)
}

// resetPIN sends RESET RETRY COUNTER for the PIN, which needs a verified PUK. With
// pin nil the PIN stays as it is (IAS ECC 9.4.3).
func (t *transaction) resetPIN(pin []byte) (apdu.Response, error) {
	c := apdu.Command{INS: insResetRetryCounter, P1: 0x02, P2: byte(PIN)}
	if pin == nil {
		c.P1 = 0x03
	}
	r, err := t.sendCode(c, pin)
	return t.pinChanged(r, err)
}

// pinChanged notes that the PIN is not verified after a success.
func (t *transaction) pinChanged(r apdu.Response, err error) (apdu.Response, error) {
	if err == nil && r.SW == apdu.SWOK {
		t.pinVerified.Store(false)
	}
	return r, err
}

// sendCode sends a command with codes in its data field, and wipes the field.
func (t *transaction) sendCode(c apdu.Command, codes ...[]byte) (apdu.Response, error) {
	c.Data = make([]byte, 0, len(codes)*CodeLength)
	for _, code := range codes {
		c.Data = append(c.Data, code...)
	}
	defer clear(c.Data)
	return t.secure(c)
}

// codeStatus reports whether a status is an answer to a code.
func codeStatus(sw apdu.SW) bool {
	_, counted := sw.Tries()
	return counted || sw == apdu.SWWarnChanged || sw == apdu.SWBlocked || sw == apdu.SWReferenceNotUsable
}

// notDone reports whether a status means that the command was not executed. After
// a warning it was, and a status in no list leaves it open (IAS ECC 9.3.1).
func notDone(sw apdu.SW) bool {
	switch sw >> 8 {
	case 0x64, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6D, 0x6E:
		return true
	}
	return codeStatus(sw) || sw == apdu.SWMemoryFailure
}

// refusedInClear reports whether the chip refused the secure message itself, so
// that the command in it was not executed (IAS ECC 7.1.7). Chips without a channel
// return 6985, 6882 or 6982.
func refusedInClear(err error) bool {
	sw, ok := clearStatus(err)
	if !ok {
		return false
	}
	switch sw {
	case apdu.SWSMObjectMissing, apdu.SWSMObjectWrong, apdu.SWConditionsNotSatisfied, apdu.SWNoSM,
		apdu.SWSecurityNotSatisfied:
		return true
	}
	return false
}

// clearStatus returns the status of an answer in the clear without data. A status
// after data that do not verify is not one: it may be a part of a truncated
// answer.
func clearStatus(err error) (sw apdu.SW, ok bool) {
	var lost *sm.Error
	if !errors.As(err, &lost) || !errors.Is(lost.Reason, sm.ErrClearStatus) {
		return 0, false
	}
	return lost.SW, true
}
