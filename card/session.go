package card

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cie/apdu"
)

// Session is one card in use. Its methods may be called from any goroutine.
// Each does one operation in one transaction (apdu.Card.Begin to End), so that
// other programs are not blocked while the user is typing. The secure channel
// serves all later operations until another program resets or uses the card;
// then it is built again, and operations that need a code return
// ErrPINRequired.
//
// The context of an operation is checked before every command until a code is
// sent. It does not end a wait for the card, which the connection limits.
type Session struct {
	opts Options
	chip *chip

	mu     lock
	closed bool
	facts  *facts
	// dialect is chip.dialect as it is in the Store.
	dialect dialect
	// storedGenuine: the constants in the Store are those of a genuine card.
	storedGenuine bool
	// genuineNoted: this session has recorded in the state that the card is genuine.
	genuineNoted bool
	// noteFailed: a change of the state failed, so the counters of this session are
	// newer.
	noteFailed bool
	auth       *Authenticity
	ahead      ahead
	// unshare ends the part of this session in the lock on the card; nil: it has none.
	unshare func()

	info  sync.Mutex
	tries map[PINRef]Tries // last counters seen
	files map[file][]byte  // protected files
}

// Open selects the CIE application of the card behind conn, reads the NIS and
// returns a Session. It sends three APDUs, more on cards that need another order
// of selections. A card on which no selection succeeds, or which does not
// answer, is reset once. Open needs no code and spends no try.
//
// Open returns ErrNotCIE for a card that answers but has no CIE application, and
// a *StepError when the link fails. The caller closes conn after the Session.
func Open(ctx context.Context, conn apdu.Card, opts Options) (*Session, error) {
	s := &Session{mu: make(lock, 1), opts: opts, tries: map[PINRef]Tries{}, files: map[file][]byte{}}
	var exchange func(apdu.Exchange)
	if opts.Trace != nil {
		exchange = func(x apdu.Exchange) { opts.Trace("%s", redact(x)) }
	}
	s.chip = newChip(conn, s.trace, exchange)
	s.trace("ATR %X, family %v", conn.ATR(), s.chip.family)
	err := s.run(ctx, func(t *operation) error {
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

// lock is a mutex for operations of seconds. The clock of a test (testing/synctest) goes
// on while a goroutine waits for it, which it does not for a sync.Mutex.
type lock chan struct{}

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }

// Close wipes the session keys and releases the lock on the card. It does not close the connection.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chip.forget()
	s.unshareLocked()
	s.closed = true
	return nil
}

// Stats returns the number of APDUs, GET RESPONSE included, and of bytes that
// this session has sent and received.
func (s *Session) Stats() apdu.Stats { return s.chip.client.Stats() }

func (s *Session) trace(format string, args ...any) {
	if s.opts.Trace != nil {
		s.opts.Trace(format, args...)
	}
}

// redact returns header, lengths and status of an exchange. It leaves out data
// fields, which can contain a code or personal data.
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
	count, total int  // steps announced, and expected
	retried      bool // after the state of the card was lost
}

// run does one operation on the card. While it waits for the card, background work of
// other programs of this user ends.
func (s *Session) run(ctx context.Context, f func(*operation) error) error {
	return s.transact(ctx, s.opts.State.Wait, f)
}

// transact does one operation on the card. It calls wait before it begins to wait for
// the card, and the result of wait afterwards.
func (s *Session) transact(ctx context.Context, wait func() func(), f func(*operation) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &operation{s: s, total: 1}
	waited := wait()
	var err error
	t.transaction, err = s.chip.begin(ctx, t.progress)
	waited()
	if err != nil {
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

// repeatable runs f, which must send no code. It runs f once more when f failed
// because another program has changed the state of the card since the last
// transaction: another application selected, the channel ended, the card reset.
// A chip that does not answer is reset first.
func (t *operation) repeatable(f func() error) error {
	assumed := t.assumed
	err := t.inPlace(f)
	if err == nil || t.retried || t.ctx.Err() != nil {
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
	t.retried = true
	t.trace("card state lost (%v), retrying", err)
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
