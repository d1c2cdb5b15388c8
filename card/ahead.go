package card

import (
	"context"
	"errors"
	"fmt"

	"cie/card/state"
)

// Prepare builds the channel that a code needs while the user is still typing it:
// Verify then costs the counter and its own command alone. It sends no code and
// spends no try. A later operation uses the channel unless another program has
// ended it since.
//
// Prepare does nothing, and returns ErrInUse, while a program of this user is logged
// in to the card, whose channel it would end; logins of other software cannot be
// seen. It opens no channel to a card that may receive no code: the errors are those
// of Verify. Without a state it returns state.ErrDisabled.
func (s *Session) Prepare(ctx context.Context) error {
	return s.run(ctx, func(t *operation) error {
		if t.channel != nil {
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
		t.total = t.prepareSteps() - 1
		return t.keepFake(t.repeatable(t.prepareChannel))
	})
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
