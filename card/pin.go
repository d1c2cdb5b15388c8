package card

import (
	"context"
	"errors"
	"fmt"

	"cie/apdu"
	"cie/card/state"
)

// Tries is the retry counter of a code.
type Tries struct {
	// Left is the number of tries left, 0 when the code is blocked, -1 when it
	// is not known.
	Left int
	// Max is the number of tries after a reset of the counter.
	Max int
	// Reported: the chip returned Left in the current channel. Otherwise Left was
	// seen earlier, and another device can have spent tries since.
	Reported bool
	// Pending: Left was seen earlier, and the operation with the code reads it again
	// before it sends the code: see LikelyTries.
	Pending bool
}

// CodeOption changes how a code is presented.
type CodeOption func(*codeOptions)

type codeOptions struct {
	lastTry bool
	accept  bool
	mark    *state.Mark
}

// AllowLastTry lets a code be sent although few tries are left, or may be. A
// program passes it only after the user confirmed it.
func AllowLastTry() CodeOption { return func(o *codeOptions) { o.lastTry = true } }

func options(opts []CodeOption) codeOptions {
	var o codeOptions
	for _, f := range opts {
		f(&o)
	}
	return o
}

// Tries reads the counter of a code from the card with GET DATA, after a device
// authentication (IAS ECC 3.4.5). It spends no try. If the chip does not return a
// counter, Tries returns the one last seen, or Left -1.
func (s *Session) Tries(ctx context.Context, ref PINRef) (Tries, error) {
	var out Tries
	err := s.run(ctx, func(t *operation) (err error) {
		t.total = t.prepareSteps()
		out, err = t.prepare(ref, false)
		return err
	})
	return out, err
}

// LastTries returns the counter last seen by this session or recorded in the
// state, without sending a command. Left is -1 if there is none. It does not wait
// for a running operation.
func (s *Session) LastTries(ref PINRef) Tries {
	s.info.Lock()
	defer s.info.Unlock()
	if t, ok := s.tries[ref]; ok {
		return t
	}
	return Tries{Left: -1, Max: ref.MaxTries()}
}

// setTriesLocked keeps a counter, in the state too.
func (s *Session) setTriesLocked(ref PINRef, left int) {
	s.rememberTries(ref, left)
	s.noteLocked(func(r *state.Record) { *counter(r, ref) = state.Counter{Left: left, Known: true} })
}

func (s *Session) rememberTries(ref PINRef, left int) {
	s.info.Lock()
	defer s.info.Unlock()
	s.tries[ref] = Tries{Left: left, Max: ref.MaxTries()}
}

// prepareSteps returns the number of steps of the next prepare.
func (t *operation) prepareSteps() int {
	steps := t.factSteps() + 1
	if t.channel == nil {
		steps += channelSteps
	}
	return steps
}

// prepare does everything that comes before a code: it checks the SOD, builds the
// channel and reads the counter. It sends no code. With code set it builds the
// channel again when reading the counter ended it.
func (t *operation) prepare(ref PINRef, code bool) (tries Tries, err error) {
	if t.s.auth != nil && t.s.auth.Level == NotGenuine {
		return Tries{}, t.s.auth.Reason
	}
	err = t.repeatable(func() error {
		if !code && t.counterSettled() {
			// The counter is not read, so no channel is needed.
			if err := t.needFacts(); err != nil {
				return err
			}
			tries, err = t.readTries(ref)
			return err
		}
		if err := t.needChannel(); err != nil {
			return err
		}
		t.s.noteGenuineLocked()
		t.next(StepTries)
		tries, err = t.readTries(ref)
		if err != nil || !code {
			return err
		}
		if err := t.needChannel(); err != nil {
			return err
		}
		if t.assumed && !tries.Reported {
			return t.checkPlace()
		}
		return nil
	})
	return tries, t.keepFake(err)
}

// keepFake keeps the outcome of a card that turned out not to be genuine: what
// Authenticity found without the chip's proof does not count. It returns err.
func (t *operation) keepFake(err error) error {
	var wrong *NotGenuineError
	if errors.As(err, &wrong) {
		t.s.auth = &Authenticity{Level: NotGenuine, Reason: wrong}
	}
	return err
}

// needChannel builds the channel if there is none. Constants with which it cannot
// be built are dropped; if they were loaded from the Store they are read from the card
// and tried again, once. The Store keeps them until others are verified, so that a
// genuine card is not downgraded.
func (t *operation) needChannel() error {
	if err := t.needFacts(); err != nil {
		return err
	}
	if t.channel != nil {
		return nil
	}
	stored := t.s.facts.fromStore
	err := t.buildChannel()
	if err == nil || linkLoss(err) > LossNone || t.check() != nil {
		return err
	}
	if !stored {
		t.s.dropFactsLocked()
		return err
	}
	t.s.facts = nil
	t.s.trace("stored constants do not match the card (%v), reading them again", err)
	if err := t.needFacts(); err != nil {
		return err
	}
	if err := t.buildChannel(); err != nil {
		t.s.dropFactsLocked()
		return err
	}
	return nil
}

// buildChannel builds the channel with the constants. It keeps the certificate of
// the terminal in the Store.
func (t *operation) buildChannel() error {
	f := t.s.facts
	known := f.Terminal != nil
	err := t.openChannel(&f.deviceKeys)
	f.signed = f.signed || err == nil
	if !known && f.Terminal != nil {
		t.s.saveFactsLocked()
	}
	return err
}

// readTries reads the counter of a code. If the chip returns none, readTries
// returns the counter last seen; the channel may be lost then.
func (t *operation) readTries(ref PINRef) (Tries, error) {
	left, reported, err := t.readCounter(ref)
	switch {
	case err != nil:
		return Tries{}, err
	case reported:
		t.s.setTriesLocked(ref, left)
	default:
		t.s.reloadTriesLocked()
	}
	tries := t.s.LastTries(ref)
	tries.Reported = reported
	return tries, nil
}

// Verify presents a code to the card: the PIN to use the key of the holder and
// read the protected files, the PUK before RESET RETRY COUNTER.
//
// Verify sends nothing, and spends no try, when the code is not 8 digits
// (*FormatError), when the card is not genuine (*NotGenuineError), when it is below
// genuine and the user has not accepted it (*NotAcceptedError), when the code is
// already blocked (*PINError with Tries 0), or when few tries are left and
// AllowLastTry is not passed (*LastTryError). For a wrong code it returns a
// *PINError with the tries left, and an *UncertainError when the answer was lost.
// It sends the code at most once.
func (s *Session) Verify(ctx context.Context, ref PINRef, code []byte, opts ...CodeOption) error {
	if err := CheckCode(code); err != nil {
		return err
	}
	return s.run(ctx, func(t *operation) error {
		t.total = t.prepareSteps() + 1
		return t.verify(ref, code, options(opts))
	})
}

func (t *operation) verify(ref PINRef, code []byte, o codeOptions) (err error) {
	tries, err := t.prepare(ref, true)
	if err != nil {
		return err
	}
	if err := t.mayReceiveCode(o); err != nil {
		return err
	}
	if err := tries.Check(ref, o.lastTry); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	back, err := t.s.leaveMarkLocked(o.mark)
	if err != nil {
		return err
	}
	t.s.shareLocked()
	defer func() {
		if err != nil {
			t.s.unshareLocked()
		}
	}()
	t.next(map[PINRef]StepName{PIN: StepVerifyPIN, PUK: StepVerifyPUK}[ref])
	r, err := t.verifyCode(ref, code)
	sw := r.SW
	if err != nil {
		var alone bool
		if sw, alone = clearStatus(err); !alone || !codeStatus(sw) {
			t.s.moveMarkLocked()
			return uncertain(ref, err)
		}
		// 63Cx in the clear still reports a wrong code.
	}
	if sw == apdu.SWOK {
		t.s.ahead = ahead{}
		t.s.rememberTries(ref, ref.MaxTries())
		t.s.noteLocked(func(r *state.Record) {
			*counter(r, ref) = state.Counter{Left: ref.MaxTries(), Known: true}
			back(r)
		})
		return nil
	}
	return t.refused(ref, apdu.Response{SW: sw}, insVerify)
}

// uncertain returns err if the chip certainly did not compare the code, and an
// *UncertainError otherwise.
func uncertain(ref PINRef, err error) error {
	if refusedInClear(err) {
		return err
	}
	return &UncertainError{Ref: ref, Err: err}
}

// refused returns the error for a status that a code got, and keeps the counter.
func (t *operation) refused(ref PINRef, r apdu.Response, ins byte) error {
	left, counted := r.SW.Tries()
	switch {
	case counted:
	case r.SW == apdu.SWBlocked, r.SW == apdu.SWReferenceNotUsable:
		left = 0
	case r.SW == apdu.SWWarnChanged: // 6300, seen in the field, has no count
		if left = t.s.LastTries(ref).Left; left > 0 {
			left--
		}
	default:
		return t.fail(&apdu.Error{INS: ins, SW: r.SW})
	}
	if left >= 0 {
		t.s.rememberTries(ref, left)
	}
	t.s.noteLocked(func(rec *state.Record) {
		if left >= 0 {
			*counter(rec, ref) = state.Counter{Left: left, Known: true}
		}
		rec.Mark = state.NewMark()
	})
	if r.SW == apdu.SWWarnChanged && t.channel != nil {
		if n, err := t.readTries(ref); err == nil && n.Reported {
			left = n.Left
		}
	}
	return &PINError{Ref: ref, Tries: left, SW: r.SW}
}

// ChangePIN verifies the old PIN and sets the new one (IAS ECC 9.4.2).
//
// A new PIN that is not 8 digits, one digit repeated, a run or equal to the old
// one is refused before any command. Errors of the old PIN are those of Verify.
// After the old PIN was accepted, a failure is an *InterruptedError with the state
// of the PIN. After a success the new PIN must be verified before it is used.
func (s *Session) ChangePIN(ctx context.Context, old, pin []byte, opts ...CodeOption) error {
	if err := CheckCode(old); err != nil {
		return err
	}
	if err := CheckNewPIN(pin, old); err != nil {
		return err
	}
	return s.run(ctx, func(t *operation) error {
		t.total = t.prepareSteps() + 2
		if err := t.verify(PIN, old, options(opts)); err != nil {
			return err
		}
		t.next(StepChangePIN)
		s.moveMarkLocked()
		r, err := t.changePIN(old, pin)
		return t.secondStep(PIN, insChangeReferenceData, r, err)
	})
}

// Unblock verifies the PUK and sets a new PIN with all its tries
// (IAS ECC 9.4.3). The rules for the new PIN are those of ChangePIN, the errors
// for the PUK those of Verify. After the PUK was accepted, a failure is an
// *InterruptedError with the state of the PIN.
func (s *Session) Unblock(ctx context.Context, puk, pin []byte, opts ...CodeOption) error {
	if err := CheckCode(puk); err != nil {
		return err
	}
	if err := CheckNewPIN(pin, nil); err != nil {
		return err
	}
	return s.resetRetryCounter(ctx, puk, pin, opts)
}

// ResetTries verifies the PUK and resets the counter of the PIN without changing
// the PIN (IAS ECC 9.4.3, P1=03). Errors are those of Unblock.
func (s *Session) ResetTries(ctx context.Context, puk []byte, opts ...CodeOption) error {
	if err := CheckCode(puk); err != nil {
		return err
	}
	return s.resetRetryCounter(ctx, puk, nil, opts)
}

// resetRetryCounter verifies the PUK and resets the counter of the PIN. pin is
// the new PIN, nil to keep the old one.
func (s *Session) resetRetryCounter(ctx context.Context, puk, pin []byte, opts []CodeOption) error {
	return s.run(ctx, func(t *operation) error {
		t.total = t.prepareSteps() + 2
		if err := t.verify(PUK, puk, options(opts)); err != nil {
			return err
		}
		t.next(StepResetPIN)
		s.moveMarkLocked()
		r, err := t.resetPIN(pin)
		if err := t.secondStep(PUK, insResetRetryCounter, r, err); err != nil {
			return err
		}
		s.setTriesLocked(PIN, PIN.MaxTries())
		return nil
	})
}

// secondStep returns the error of the command that follows an accepted code.
func (t *operation) secondStep(ref PINRef, ins byte, r apdu.Response, err error) error {
	switch {
	case err == nil && r.SW == apdu.SWOK:
		return nil
	case err == nil:
		// The chip answered under secure messaging.
		if codeStatus(r.SW) {
			err = t.refused(PIN, r, ins)
		} else {
			err = t.fail(&apdu.Error{INS: ins, SW: r.SW})
		}
		state := PINUnknown
		if notDone(r.SW) {
			state = PINUnchanged
		}
		return &InterruptedError{Ref: ref, State: state, Err: err}
	case refusedInClear(err):
		return &InterruptedError{Ref: ref, State: PINUnchanged, Err: err}
	default:
		return &InterruptedError{Ref: ref, State: PINUnknown, Err: err}
	}
}

// String returns "2 of 3", for logs.
func (t Tries) String() string {
	if t.Left < 0 {
		return fmt.Sprintf("unknown of %d", t.Max)
	}
	return fmt.Sprintf("%d of %d", t.Left, t.Max)
}
