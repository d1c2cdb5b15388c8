package card_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"cie/apdu"
	"cie/apdu/sm"
	"cie/card"
	"cie/card/state"
)

// samples has at least one error for every Kind.
var samples = []struct {
	err  error
	kind card.Kind
	loss card.Loss
}{
	{errors.New("unknown"), card.KindOther, card.LossNone},
	{&card.InterruptedError{Ref: card.PIN, Err: apdu.ErrRemoved}, card.KindInterrupted, card.LossCard},
	{&card.InterruptedError{Ref: card.PUK, Err: &card.PINError{Ref: card.PIN}}, card.KindInterrupted, card.LossNone},
	{&card.InterruptedError{Ref: card.PUK, State: card.PINUnknown, Err: apdu.ErrMute}, card.KindInterruptedUnknown, card.LossConnection},
	{&card.UncertainError{Ref: card.PIN, Err: apdu.ErrReset}, card.KindUncertain, card.LossState},
	{&card.NotAcceptedError{Level: card.TestCard}, card.KindNotAccepted, card.LossNone},
	{&card.NotAcceptedError{Level: card.IssuerUnknown, Reason: card.ErrNotGenuine}, card.KindNotAccepted, card.LossNone},
	{&card.NotGenuineError{Check: "sod-hash", Err: errors.New("x")}, card.KindNotGenuine, card.LossNone},
	{&card.NotGenuineError{Check: "chip-signature", Err: apdu.ErrMute}, card.KindNotGenuine, card.LossConnection},
	{&card.PINError{Ref: card.PIN}, card.KindPINBlocked, card.LossNone},
	{&card.PINError{Ref: card.PUK}, card.KindPUKBlocked, card.LossNone},
	{&card.PINError{Ref: card.PIN, Tries: -1, SW: apdu.SWWarnChanged}, card.KindPINWrong, card.LossNone},
	{&card.PINError{Ref: card.PUK, Tries: 9}, card.KindPUKWrong, card.LossNone},
	{&card.LastTryError{Ref: card.PUK}, card.KindLastTry, card.LossNone},
	{&card.FormatError{Length: 4}, card.KindFormat, card.LossNone},
	{&card.WeakPINError{Reason: card.WeakRun}, card.KindWeak, card.LossNone},
	{context.Canceled, card.KindCanceled, card.LossNone},
	{context.DeadlineExceeded, card.KindDeadline, card.LossNone},
	{card.ErrPINRequired, card.KindPINRequired, card.LossNone},
	{fmt.Errorf("%w: %w", card.ErrPINRequired, apdu.ErrReset), card.KindPINRequired, card.LossState},
	{card.ErrNotCIE, card.KindNotCIE, card.LossNone},
	{card.ErrDataTooLong, card.KindDataTooLong, card.LossNone},
	{card.ErrUnsupported, card.KindUnsupported, card.LossNone},
	{fmt.Errorf("%w: %w", card.ErrMarkMoved, state.ErrLocked), card.KindMarkMoved, card.LossNone},
	{state.ErrDamaged, card.KindState, card.LossNone},
	{state.ErrLocked, card.KindState, card.LossNone},
	{state.ErrUnsafe, card.KindState, card.LossNone},
	{state.ErrDisabled, card.KindState, card.LossNone},
	{card.ErrClosed, card.KindClosed, card.LossConnection},
	{apdu.ErrNoService, card.KindNoService, card.LossConnection},
	{apdu.ErrNoReader, card.KindNoReader, card.LossCard},
	{apdu.ErrNoCard, card.KindNoCard, card.LossCard},
	{apdu.ErrMute, card.KindMute, card.LossConnection},
	{apdu.ErrRemoved, card.KindRemoved, card.LossCard},
	{apdu.ErrReset, card.KindReset, card.LossState},
	{apdu.ErrBusy, card.KindBusy, card.LossNone},
	{apdu.ErrTimeout, card.KindTimeout, card.LossConnection},
	{sm.ErrChannelLost, card.KindStep, card.LossNone},
	{&apdu.Error{INS: 0x22, SW: 0x6A80}, card.KindOther, card.LossNone},
}

func TestClassifyReturnsKindAndLossOfEveryError(t *testing.T) {
	if k := card.Classify(nil); k != card.KindNone || card.LossOf(nil) != card.LossNone {
		t.Errorf("no error is of kind %d, loss %d", k, card.LossOf(nil))
	}
	seen := map[card.Kind]bool{}
	for _, s := range samples {
		seen[s.kind] = true
		for _, err := range []error{s.err, fmt.Errorf("wrapped: %w", s.err), &card.StepError{Step: card.StepSign, Err: s.err}} {
			want := s.kind
			if want == card.KindOther && errors.As(err, new(*card.StepError)) {
				want = card.KindStep
			}
			if k := card.Classify(err); k != want {
				t.Errorf("%v: kind %d, want %d", err, k, want)
			}
			if l := card.LossOf(err); l != s.loss {
				t.Errorf("%v: loss %d, want %d", err, l, s.loss)
			}
		}
	}
	for _, k := range card.Kinds() {
		if !seen[k] {
			t.Errorf("no error of kind %d is tested", k)
		}
	}
	if slices.Contains(card.Kinds(), card.KindNone) {
		t.Error("KindNone is listed as the kind of an error")
	}
}

func TestTriesJudgesEveryCounter(t *testing.T) {
	type counter struct {
		ref      card.PINRef
		left     int
		reported bool
	}
	seen := map[card.Stake]bool{}
	for c, want := range map[counter]struct {
		stake   card.Stake
		blocked bool
	}{
		{card.PIN, 3, true}:   {card.StakeNone, false},
		{card.PIN, 1, true}:   {card.StakeLastPIN, false},
		{card.PIN, 1, false}:  {card.StakeLastPIN, false},
		{card.PIN, 0, true}:   {card.StakeNone, true},
		{card.PIN, 0, false}:  {card.StakeNone, false},
		{card.PIN, -1, false}: {card.StakeNone, false},
		{card.PUK, 10, true}:  {card.StakeNone, false},
		{card.PUK, 4, true}:   {card.StakeNone, false},
		{card.PUK, 3, true}:   {card.StakeFewPUK, false},
		{card.PUK, 0, true}:   {card.StakeFewPUK, true},
		{card.PUK, 10, false}: {card.StakeUnknownPUK, false},
		{card.PUK, -1, false}: {card.StakeUnknownPUK, false},
	} {
		tries := card.Tries{Left: c.left, Max: c.ref.MaxTries(), Reported: c.reported}
		seen[want.stake] = true
		if s := tries.Stake(c.ref); s != want.stake || tries.NeedsConsent(c.ref) != (s != card.StakeNone) || tries.Blocked() != want.blocked {
			t.Errorf("%v %v: stake %d, blocked %v", c.ref, tries, s, tries.Blocked())
		}
		kind := card.KindNone
		switch {
		case want.blocked && c.ref == card.PUK:
			kind = card.KindPUKBlocked
		case want.blocked:
			kind = card.KindPINBlocked
		case want.stake != card.StakeNone:
			kind = card.KindLastTry
		}
		if k := card.Classify(tries.Check(c.ref, false)); k != kind {
			t.Errorf("%v %v: the code is withheld with kind %d, want %d", c.ref, tries, k, kind)
		}
		if kind == card.KindLastTry {
			kind = card.KindNone
		}
		if k := card.Classify(tries.Check(c.ref, true)); k != kind {
			t.Errorf("%v %v, confirmed: the code is withheld with kind %d, want %d", c.ref, tries, k, kind)
		}
	}
	for _, s := range card.Stakes() {
		if !seen[s] {
			t.Errorf("no counter with stake %d is tested", s)
		}
	}
}

func TestLockOfBothCounters(t *testing.T) {
	dead, seen, left := card.Tries{Max: 3, Reported: true}, card.Tries{Max: 3}, card.Tries{Left: 1, Max: 3, Reported: true}
	for _, c := range []struct {
		pin, puk card.Tries
		want     card.Lock
	}{
		{left, left, card.LockNone}, {seen, seen, card.LockNone}, {dead, left, card.LockPIN}, {dead, seen, card.LockPIN},
		{left, dead, card.LockPUK}, {seen, dead, card.LockPUK}, {dead, dead, card.LockBoth},
	} {
		if l := card.LockOf(c.pin, c.puk); l != c.want {
			t.Errorf("PIN %+v, PUK %+v: lock %d, want %d", c.pin, c.puk, l, c.want)
		}
	}
	if want := []card.Lock{card.LockPIN, card.LockPUK, card.LockBoth}; !slices.Equal(card.Locks(), want) {
		t.Errorf("locks %v, want %v", card.Locks(), want)
	}
}

func TestOnlyStepsWithCodesMustFinish(t *testing.T) {
	for step, want := range map[card.StepName]bool{
		card.StepSelect: false, card.StepReadPublic: false, card.StepCheckSOD: false, card.StepAntiClone: false,
		card.StepKeyExchange: false, card.StepTerminalCert: false, card.StepTerminalAuth: false, card.StepChipAuth: false,
		card.StepTries: false, card.StepReadFile: false, card.StepSign: false,
		card.StepVerifyPIN: true, card.StepVerifyPUK: true, card.StepChangePIN: true, card.StepResetPIN: true,
	} {
		if step.MustFinish() != want {
			t.Errorf("%s: must finish is %v", step, !want)
		}
	}
}

func TestCheckSignBoundsData(t *testing.T) {
	for n, want := range map[int]error{0: card.ErrDataTooLong, 1: nil, card.MaxSign: nil, card.MaxSign + 1: card.ErrDataTooLong} {
		if err := card.CheckSign(make([]byte, n)); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
