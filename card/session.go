package card

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cie/apdu"
)

// Session is one card in use. Its methods may be called from any goroutine;
// each takes the card for itself (apdu.Card.Begin), does one operation and gives
// the card back, so that other programs and a person's thinking are never
// held up. The secure channel, once built, serves all later operations until
// another program resets or uses the card; then it is built again, and
// operations that need a code answer ErrPINRequired.
//
// A context is looked at before every command that comes before a code is sent.
// It does not cut short a wait for the card: the connection bounds it.
type Session struct {
	opts Options
	chip *chip

	mu     sync.Mutex
	closed bool
	facts  *facts
	// dialect is what the Store has of chip.dialect.
	dialect dialect
	// storedGenuine: the Store has this card, and what it has is found genuine.
	storedGenuine bool
	// genuineNoted: the state has been told that the card is genuine.
	genuineNoted bool
	// noteFailed: the state lacks something that this session has seen.
	noteFailed bool
	auth       *Authenticity
	cert       []byte
	serial     string

	info  sync.Mutex
	tries map[PINRef]Tries // last counters seen
}

// Open recognises the card behind conn and returns a Session for it. It
// selects the applications and reads the NIS: three APDUs, more on cards that
// want another way in. A card on which no way leads in, or which does not
// answer, is reset once. It needs no code and spends no try.
//
// A card that answers but has no CIE application gives ErrNotCIE; failures of
// the link give a *StepError. The caller keeps conn and closes it after the
// Session.
func Open(ctx context.Context, conn apdu.Card, opts Options) (*Session, error) {
	s := &Session{opts: opts, tries: map[PINRef]Tries{}}
	var exchange func(apdu.Exchange)
	if opts.Trace != nil {
		exchange = func(x apdu.Exchange) { opts.Trace("%s", redact(x)) }
	}
	s.chip = newChip(conn, s.trace, exchange)
	s.trace("ATR %X, family %v", conn.ATR(), s.chip.family)
	err := s.run(ctx, 1, func(t *operation) error {
		t.next(StepSelect)
		s.loadRoot()
		return t.repeatable(t.ready)
	})
	if err != nil {
		return nil, err
	}
	s.loadDialect()
	s.loadFacts()
	s.loadTries()
	return s, nil
}

// Close wipes the session keys. The connection stays open: it is the caller's.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chip.forget()
	s.closed = true
	return nil
}

// Stats returns the number of APDUs (GET RESPONSE included) and bytes that
// this session has moved.
func (s *Session) Stats() apdu.Stats { return s.chip.client.Stats() }

func (s *Session) trace(format string, args ...any) {
	if s.opts.Trace != nil {
		s.opts.Trace(format, args...)
	}
}

// redact describes an exchange by header, lengths and status: a data field
// can hold a code or personal data and is never shown.
func redact(x apdu.Exchange) string {
	if len(x.Command) < 4 {
		return "> malformed"
	}
	line := fmt.Sprintf("> %X (%d bytes)", x.Command[:4], len(x.Command))
	switch n := len(x.Response); {
	case x.Err != nil:
		return line + " < " + x.Err.Error()
	case n < 2:
		return line + fmt.Sprintf(" < %d bytes, no status", n)
	default:
		return line + fmt.Sprintf(" < %X (%d bytes)", x.Response[n-2:], n)
	}
}

// operation is one transaction of a session. s.mu is locked while it runs.
type operation struct {
	*transaction
	s            *Session
	count, total int // steps announced, and expected
	// rebuilt: the operation was started over after the state of the card was lost.
	rebuilt bool
}

// run does one operation on the card. steps is the number of progress steps that
// f is expected to announce.
func (s *Session) run(ctx context.Context, steps int, f func(*operation) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &operation{s: s, total: steps}
	var err error
	if t.transaction, err = s.chip.begin(ctx, t.progress); err != nil {
		return err
	}
	defer t.end()
	defer s.saveLearnedLocked()
	return f(t)
}

// progress reports a step to the caller.
func (t *operation) progress(step StepName) {
	t.count++
	t.total = max(t.total, t.count)
	if t.s.opts.Progress != nil {
		t.s.opts.Progress(Progress{Step: t.count, Total: t.total, Name: step})
	}
}

// repeatable runs f, which must send no code, and runs it once more when it
// failed on a state that another program took away since this one last held
// the card: another application selected, the channel ended, the card reset. A
// chip that fell silent is reset first.
func (t *operation) repeatable(f func() error) error {
	assumed := t.assumed
	err := t.inPlace(f)
	if err == nil || t.rebuilt || t.ctx.Err() != nil {
		return err
	}
	switch {
	case errors.Is(err, apdu.ErrReset):
		if err := t.relock(); err != nil {
			return err
		}
	case errors.Is(err, apdu.ErrMute):
		if t.resetCard() != nil {
			return err
		}
	case assumed && linkLoss(err) == LossNone:
	default:
		return err
	}
	t.rebuilt = true
	t.s.trace("state taken away (%v), starting over", err)
	t.forget()
	return f()
}

// inPlace runs f, which must send no code, and runs it once more in DF_CIE when
// it failed in a channel from an earlier transaction.
func (t *operation) inPlace(f func() error) error {
	err := f()
	if err == nil || !t.assumed || t.channel == nil {
		return err
	}
	if lost := t.restorePlace(); lost != nil {
		if t.channel == nil {
			err = lost
		}
		return err
	}
	t.trace("in DF_CIE again after %v", err)
	return f()
}
