package pkcs11mod

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"cie/apdu"
	"cie/apdu/sm"
	"cie/card"
	"cie/card/state"
	"cie/pkcs11mod/ck"
)

// The codes are the interface for callers and must not change.
func TestReturnValueOfEveryError(t *testing.T) {
	step := func(err error) error { return &card.StepError{Step: card.StepSign, Err: err} }
	for _, tt := range []struct {
		err error
		rv  ck.RV
	}{
		{nil, ck.CKR_OK},
		{errors.New("unknown"), ck.CKR_FUNCTION_FAILED},
		{errNoCode, ck.CKR_USER_NOT_LOGGED_IN},
		{errOtherCard, ck.CKR_DEVICE_REMOVED},
		{errTaken, ck.CKR_DEVICE_ERROR},
		{fmt.Errorf("%w: %v", errPanic, "x"), ck.CKR_FUNCTION_FAILED},
		{&card.PINError{Ref: card.PIN}, ck.CKR_PIN_LOCKED},
		{&card.PINError{Ref: card.PUK, SW: apdu.SWBlocked}, ck.CKR_PIN_LOCKED},
		{&card.PINError{Ref: card.PIN, Tries: 2}, ck.CKR_PIN_INCORRECT},
		{&card.PINError{Ref: card.PUK, Tries: -1}, ck.CKR_PIN_INCORRECT},
		{&card.LastTryError{Ref: card.PUK}, ck.CKR_FUNCTION_REJECTED},
		{&card.NotAcceptedError{Level: card.IssuerUnknown}, ck.CKR_FUNCTION_REJECTED},
		{&card.FormatError{Length: 4}, ck.CKR_PIN_LEN_RANGE},
		{&card.FormatError{Length: card.CodeLength}, ck.CKR_PIN_INVALID},
		{&card.WeakPINError{Reason: card.WeakSame}, ck.CKR_PIN_INVALID},
		{card.ErrPINRequired, ck.CKR_USER_NOT_LOGGED_IN},
		{fmt.Errorf("%w: %w", card.ErrPINRequired, step(apdu.ErrReset)), ck.CKR_USER_NOT_LOGGED_IN},
		{card.ErrNotCIE, ck.CKR_TOKEN_NOT_RECOGNIZED},
		{&card.NotGenuineError{Check: "chip-signature", Err: errors.New("x")}, ck.CKR_FUNCTION_REJECTED},
		{card.ErrDataTooLong, ck.CKR_DATA_LEN_RANGE},
		{card.ErrUnsupported, ck.CKR_MECHANISM_INVALID},
		{card.ErrClosed, ck.CKR_DEVICE_REMOVED},
		{card.ErrMarkMoved, ck.CKR_FUNCTION_FAILED},
		{fmt.Errorf("%w: %w", card.ErrMarkMoved, state.ErrLocked), ck.CKR_FUNCTION_FAILED},
		{state.ErrDamaged, ck.CKR_FUNCTION_FAILED},
		{step(apdu.ErrRemoved), ck.CKR_DEVICE_REMOVED},
		{step(apdu.ErrNoCard), ck.CKR_DEVICE_REMOVED},
		{step(apdu.ErrNoReader), ck.CKR_DEVICE_REMOVED},
		{step(apdu.ErrNoService), ck.CKR_DEVICE_ERROR},
		{step(apdu.ErrBusy), ck.CKR_FUNCTION_FAILED},
		{apdu.ErrReset, ck.CKR_DEVICE_ERROR},
		{apdu.ErrMute, ck.CKR_DEVICE_ERROR},
		{apdu.ErrTimeout, ck.CKR_DEVICE_ERROR},
		{sm.ErrChannelLost, ck.CKR_DEVICE_ERROR},
		{step(&apdu.Error{INS: 0x88, SW: 0x6A80}), ck.CKR_DEVICE_ERROR},
		{&apdu.Error{INS: 0x88, SW: 0x6A80}, ck.CKR_FUNCTION_FAILED},
		{step(context.Canceled), ck.CKR_FUNCTION_CANCELED},
		{context.DeadlineExceeded, ck.CKR_FUNCTION_CANCELED},
		// The return value is that of the cause.
		{&card.UncertainError{Ref: card.PIN, Err: step(apdu.ErrRemoved)}, ck.CKR_DEVICE_REMOVED},
		{&card.UncertainError{Ref: card.PIN, Err: step(sm.ErrChannelLost)}, ck.CKR_DEVICE_ERROR},
		{&card.InterruptedError{Ref: card.PUK, Err: &card.PINError{Ref: card.PIN}}, ck.CKR_PIN_LOCKED},
		{&card.InterruptedError{Ref: card.PIN, Err: &card.PINError{Ref: card.PIN, Tries: 2}}, ck.CKR_PIN_INCORRECT},
		{&card.InterruptedError{Ref: card.PIN, State: card.PINUnknown, Err: step(apdu.ErrMute)}, ck.CKR_DEVICE_ERROR},
		{&card.InterruptedError{Ref: card.PIN, Err: errors.New("x")}, ck.CKR_FUNCTION_FAILED},
	} {
		if rv := rvOf(tt.err); rv != tt.rv {
			t.Errorf("%v: %v, want %v", tt.err, rv, tt.rv)
		}
		if tt.err == nil {
			continue
		}
		if rv := rvOf(fmt.Errorf("wrapped: %w", tt.err)); rv != tt.rv {
			t.Errorf("wrapped: %v: %v, want %v", tt.err, rv, tt.rv)
		}
	}
}

func TestEveryKindHasAReturnValue(t *testing.T) {
	for _, k := range card.Kinds() {
		_, ok := codes[k]
		if ofCause := k == card.KindInterrupted || k == card.KindInterruptedUnknown || k == card.KindUncertain; ok == ofCause {
			t.Errorf("kind %d has a return value of its own: %v", k, ok)
		}
	}
}

// The chip can sign for every mechanism of the module.
func TestMechanismsOfferOnlyWhatTheChipSigns(t *testing.T) {
	for _, m := range mechanisms {
		if m.flags&ck.CKF_SIGN == 0 {
			continue
		}
		digest := make([]byte, card.MaxSign)
		if m.hash != 0 {
			digest = digest[:m.hash.Size()]
		}
		info, err := card.DigestInfo(m.hash, digest)
		if err == nil {
			err = card.CheckSign(info)
		}
		if err != nil {
			t.Errorf("mechanism %#x: %v", m.typ, err)
		}
	}
}
