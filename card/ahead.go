package card

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cie/apdu/sm"
	"cie/card/state"
)

// AheadTime is the time after which a channel of OpenAhead is dropped in which no code
// was verified.
const AheadTime = time.Minute

// ahead is the channel that Prepare has built, until a code is verified in it, and the
// context of its last call.
type ahead struct {
	channel *sm.Channel
	ctx     context.Context
}

// OpenAhead does the work of Prepare in the background, while the user types a code, and
// returns at once. It reports no error: the operation with the code meets the cause
// itself, and waits for work in progress. When ctx ends, or after AheadTime, work in
// progress ends after the current command, and a channel that was built is dropped
// unless the card accepted a code in it. A later call takes the channel over.
func (s *Session) OpenAhead(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, AheadTime)
	context.AfterFunc(ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.ahead.ctx == ctx && s.ahead.channel == s.chip.channel {
			s.chip.dropChannel()
		}
	})
	go func() {
		if err := s.Prepare(ctx); err != nil {
			s.trace("no channel before the code: %v", err)
		}
	}()
}

// LikelyTries returns the tries of a code to show before the user types it, without a
// command, and reports whether they will do. They do for a card that may get codes and
// whose counter was seen when it needed no consent, where reading it would take a
// device authentication: OpenAhead does that while the user types, and the operation
// with the code reads the counter and decides. It returns a *LastTryError if the
// counter has changed so much that the user has to confirm.
func (s *Session) LikelyTries(ref PINRef) (tries Tries, ok bool) {
	tries = s.LastTries(ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	if tries.Left <= 0 || s.chip.channel != nil || s.chip.counterSettled() || !s.keptLocked() {
		return tries, false
	}
	tries.Pending = true
	return tries, !tries.NeedsConsent(ref)
}

// Prepare builds the channel that a code needs while the user is still typing it:
// Verify then costs the counter and its own command alone. It sends no code and
// spends no try. A later operation uses the channel unless another program has
// ended it since.
//
// Prepare does nothing, and returns ErrInUse, while a program of this user is logged
// in to the card, whose channel it would end; logins of other software cannot be
// seen. It ends with that error, too, as soon as another program of this user waits
// for a card. It opens no channel to a card that may receive no code: the errors are
// those of Verify. Without a state it returns state.ErrDisabled.
func (s *Session) Prepare(caller context.Context) error {
	ctx, end := context.WithCancelCause(caller)
	defer end(nil)
	// Another program that waits is not to end its background work for this one.
	wait := func() func() { return func() {} }
	err := s.transact(ctx, wait, func(t *operation) error {
		if t.channel != nil {
			if t.channel == s.ahead.channel {
				s.ahead.ctx = caller
			}
			return nil
		}
		if s.facts != nil && !s.keptLocked() {
			return s.refusalLocked()
		}
		release, err := s.opts.State.TryExclusive(s.chip.nis)
		if errors.Is(err, state.ErrLocked) {
			return fmt.Errorf("%w: %w", ErrInUse, err)
		}
		if err != nil {
			return err
		}
		defer release()
		t.yield = func() {
			if s.opts.State.Awaited() {
				end(ErrInUse)
			}
		}
		t.total = t.prepareSteps() - 1
		if err := t.keepFake(t.repeatable(t.prepareChannel)); err != nil {
			return err
		}
		s.ahead = ahead{t.channel, caller}
		return nil
	})
	if err != nil && context.Cause(ctx) == ErrInUse {
		err = fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return err
}

// refusalLocked returns the error for a card that is neither genuine nor accepted for
// good.
func (s *Session) refusalLocked() error {
	if err := s.acceptableLocked(codeOptions{}); err != nil {
		return err
	}
	return &NotAcceptedError{Level: s.facts.checked.Level}
}

// prepareChannel builds the channel. Where it is not known whether the chip returns
// its counters it asks for one now: a refusal may end the channel, and in a new one
// it cannot be the effect of another program.
func (t *operation) prepareChannel() error {
	if err := t.needFacts(); err != nil {
		return err
	}
	if !t.s.keptLocked() {
		return t.s.refusalLocked()
	}
	if err := t.needChannel(); err != nil {
		return err
	}
	t.s.noteGenuineLocked()
	n := t.dialect.Counters
	if n.answered || t.s.facts.fromStore && n.Refused == 0 || t.counterSettled() {
		return nil
	}
	if _, err := t.readTries(PIN); err != nil {
		return err
	}
	return t.needChannel()
}

// shareLocked takes part in the lock on the card, so that background work does not end
// the channel of a login. A failure costs time only.
func (s *Session) shareLocked() {
	if s.unshare != nil || !s.keptLocked() || s.opts.State == nil {
		return
	}
	release, err := s.opts.State.Share(s.chip.nis)
	if err != nil {
		s.trace("state: %v", err)
		return
	}
	s.unshare = release
}

func (s *Session) unshareLocked() {
	if s.unshare != nil {
		s.unshare()
		s.unshare = nil
	}
}

// ReleaseLogin ends the part of this session in the lock on the card, which Verify
// began and which otherwise lasts until Close. A program calls it when it does not
// need the verified code any more but keeps the session.
func (s *Session) ReleaseLogin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unshareLocked()
}

// InUse reports whether a program of this user is logged in to the card, this session
// apart. It sends no command.
func (s *Session) InUse() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unshare == nil && s.keptLocked() && s.opts.State.Shared(s.chip.nis)
}
