package pkcs11mod

import (
	"context"
	"errors"

	"cie/apdu"
	"cie/apdu/sm"
	"cie/card"
	"cie/pkcs11mod/ck"
)

// codes is the one place where errors become return values. The first match
// counts: an error about a code says more than the link failure inside it.
var codes = []struct {
	err error
	rv  ck.RV
}{
	{card.ErrPINRequired, ck.CKR_USER_NOT_LOGGED_IN},
	{errNoCode, ck.CKR_USER_NOT_LOGGED_IN},
	{card.ErrNotCIE, ck.CKR_TOKEN_NOT_RECOGNIZED},
	{card.ErrNotGenuine, ck.CKR_FUNCTION_REJECTED},
	{card.ErrDataTooLong, ck.CKR_DATA_LEN_RANGE},
	{card.ErrUnsupported, ck.CKR_MECHANISM_INVALID},
	{card.ErrClosed, ck.CKR_DEVICE_REMOVED},
	{apdu.ErrRemoved, ck.CKR_DEVICE_REMOVED},
	{apdu.ErrNoCard, ck.CKR_DEVICE_REMOVED},
	{apdu.ErrNoReader, ck.CKR_DEVICE_REMOVED},
	{errOtherCard, ck.CKR_DEVICE_REMOVED},
	{errTaken, ck.CKR_DEVICE_ERROR},
	{apdu.ErrNoService, ck.CKR_DEVICE_ERROR}, // the token is there until an event says otherwise
	{apdu.ErrBusy, ck.CKR_FUNCTION_FAILED},
	{apdu.ErrReset, ck.CKR_DEVICE_ERROR},
	{apdu.ErrMute, ck.CKR_DEVICE_ERROR},
	{apdu.ErrTimeout, ck.CKR_DEVICE_ERROR},
	{sm.ErrChannelLost, ck.CKR_DEVICE_ERROR},
	{context.Canceled, ck.CKR_FUNCTION_CANCELED},
	{context.DeadlineExceeded, ck.CKR_FUNCTION_CANCELED},
}

// rvOf returns the return value for an error of a card operation.
func rvOf(err error) ck.RV {
	if err == nil {
		return ck.CKR_OK
	}
	var (
		wrong  *card.PINError
		last   *card.LastTryError
		trust  *card.NotAcceptedError
		format *card.FormatError
		weak   *card.WeakPINError
		step   *card.StepError
	)
	switch {
	case errors.As(err, &wrong) && wrong.Blocked():
		return ck.CKR_PIN_LOCKED
	case errors.As(err, &wrong):
		return ck.CKR_PIN_INCORRECT
	case errors.As(err, &last), errors.As(err, &trust):
		return ck.CKR_FUNCTION_REJECTED
	case errors.As(err, &format) && format.Length != card.CodeLength:
		return ck.CKR_PIN_LEN_RANGE
	case errors.As(err, &format), errors.As(err, &weak):
		return ck.CKR_PIN_INVALID
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.rv
		}
	}
	if errors.As(err, &step) {
		return ck.CKR_DEVICE_ERROR
	}
	return ck.CKR_FUNCTION_FAILED
}

// result returns the code for the outcome of a card operation in a session.
// Where the session or the card went away meanwhile, that is the answer.
func (c *call) result(err error) ck.RV {
	if rv := c.in.over(c.s); rv != ck.CKR_OK {
		return rv
	}
	if err != nil {
		c.in.trace("slot %d: %v", c.s.slotID, err)
	}
	return rvOf(err)
}
