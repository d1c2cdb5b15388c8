package pkcs11mod

import (
	"errors"

	"cie/card"
	"cie/pkcs11mod/ck"
)

// codes are the return values for the kinds of errors. KindFormat has two, and
// the return value of an operation whose outcome is not known is that of the
// cause: see rvOf.
var codes = map[card.Kind]ck.RV{
	card.KindNone:        ck.CKR_OK,
	card.KindOther:       ck.CKR_FUNCTION_FAILED,
	card.KindNotAccepted: ck.CKR_FUNCTION_REJECTED,
	card.KindNotGenuine:  ck.CKR_FUNCTION_REJECTED,
	card.KindPINBlocked:  ck.CKR_PIN_LOCKED,
	card.KindPUKBlocked:  ck.CKR_PIN_LOCKED,
	card.KindPINWrong:    ck.CKR_PIN_INCORRECT,
	card.KindPUKWrong:    ck.CKR_PIN_INCORRECT,
	card.KindLastTry:     ck.CKR_FUNCTION_REJECTED,
	card.KindFormat:      ck.CKR_PIN_INVALID,
	card.KindWeak:        ck.CKR_PIN_INVALID,
	card.KindCanceled:    ck.CKR_FUNCTION_CANCELED,
	card.KindDeadline:    ck.CKR_FUNCTION_CANCELED,
	card.KindPINRequired: ck.CKR_USER_NOT_LOGGED_IN,
	card.KindNotCIE:      ck.CKR_TOKEN_NOT_RECOGNIZED,
	card.KindDataTooLong: ck.CKR_DATA_LEN_RANGE,
	card.KindUnsupported: ck.CKR_MECHANISM_INVALID,
	card.KindMarkMoved:   ck.CKR_FUNCTION_FAILED,
	card.KindState:       ck.CKR_FUNCTION_FAILED,
	card.KindClosed:      ck.CKR_DEVICE_REMOVED,
	card.KindNoService:   ck.CKR_DEVICE_ERROR, // the token remains until an event reports otherwise
	card.KindNoReader:    ck.CKR_DEVICE_REMOVED,
	card.KindNoCard:      ck.CKR_DEVICE_REMOVED,
	card.KindMute:        ck.CKR_DEVICE_ERROR,
	card.KindRemoved:     ck.CKR_DEVICE_REMOVED,
	card.KindReset:       ck.CKR_DEVICE_ERROR,
	card.KindBusy:        ck.CKR_FUNCTION_FAILED,
	card.KindTimeout:     ck.CKR_DEVICE_ERROR,
	card.KindStep:        ck.CKR_DEVICE_ERROR,
}

// rvOf returns the return value for an error of a card operation.
func rvOf(err error) ck.RV {
	var (
		interrupted *card.InterruptedError
		uncertain   *card.UncertainError
		format      *card.FormatError
	)
	switch kind := card.Classify(err); {
	case errors.As(err, &interrupted):
		return rvOf(interrupted.Err)
	case errors.As(err, &uncertain):
		return rvOf(uncertain.Err)
	case errors.As(err, &format) && format.Length != card.CodeLength:
		return ck.CKR_PIN_LEN_RANGE
	default:
		return codes[kind]
	}
}

// result returns the code for the outcome of a card operation in a session. If the session
// was closed or the card removed since, it returns that code.
func (c *call) result(err error) ck.RV {
	if rv := c.in.over(c.s); rv != ck.CKR_OK {
		return rv
	}
	if err != nil {
		c.in.trace("slot %d: %v", c.s.slotID, err)
	}
	return rvOf(err)
}
