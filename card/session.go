package card

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cie/apdu"
	"cie/apdu/sm"
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
	conn   apdu.Card
	opts   Options
	client *apdu.Client
	nis    string
	family Family

	mu     sync.Mutex
	closed bool
	root   selectRoot // what led to DF_CIE
	// inDF: DF_CIE is selected as far as this program knows.
	inDF bool
	// atRoot: the root is selected, and DF_CIE was before.
	atRoot bool
	// assumed: inDF, atRoot and channel come from an earlier hold of the card, in
	// between which another program can have changed them.
	assumed bool
	channel *sm.Channel
	facts   *facts
	dialect dialect
	// genuine: the Store has this card, and what it has is found genuine.
	genuine bool
	noted   bool // the state knows that the card is genuine
	unnoted bool // the state lacks something that this session has seen
	auth    *Authenticity
	cert    []byte
	serial  string

	// info guards what is also read while an operation is under way.
	info     sync.Mutex
	verified map[PINRef]bool
	tries    map[PINRef]Tries // last counters seen
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
	s := &Session{
		conn:     conn,
		opts:     opts,
		family:   FamilyOf(conn.ATR()),
		verified: map[PINRef]bool{},
		tries:    map[PINRef]Tries{},
	}
	cfg := apdu.Config{}
	if opts.Trace != nil {
		cfg.Trace = func(x apdu.Exchange) { opts.Trace("%s", redact(x)) }
	}
	s.client = apdu.NewClient(conn, cfg)
	s.trace("ATR %X, family %v", conn.ATR(), s.family)
	err := s.run(ctx, 1, func(t *operation) error {
		t.begin(StepSelect)
		s.loadRoot()
		return t.repeatable(func() (err error) {
			s.nis, err = t.find()
			return err
		})
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
	s.forget()
	s.closed = true
	return nil
}

// Stats returns the number of APDUs (GET RESPONSE included) and bytes that
// this session has moved.
func (s *Session) Stats() apdu.Stats { return s.client.Stats() }

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

// dropChannel wipes the secure channel and what depended on it.
func (s *Session) dropChannel() {
	if s.channel != nil {
		s.channel.Close()
		s.channel = nil
	}
	s.setVerified(PIN, false)
	s.setVerified(PUK, false)
}

// forget drops everything assumed about the state of the card.
func (s *Session) forget() {
	s.dropChannel()
	s.inDF, s.atRoot, s.assumed = false, false, false
}

// operation is one hold of the card.
type operation struct {
	s           *Session
	ctx         context.Context
	step, total int
	name        StepName
	rebuilt     bool
	// committed: a code has been sent; abandoning now would leave the card
	// between two states, so cancellation no longer counts.
	committed bool
	// fresh: what is selected was selected by name in this operation, in the clear.
	fresh bool
	// opened: the channel was built, or its place in DF_CIE restored, in this operation.
	opened bool
	// asked: the chip gave no counter in this operation.
	asked bool
	// reset: this operation has reset the card.
	reset bool
}

// run holds the card and does one operation on it. steps is the number of
// progress steps that f is expected to begin.
func (s *Session) run(ctx context.Context, steps int, f func(*operation) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &operation{s: s, ctx: ctx, total: steps, name: StepSelect}
	if err := t.take(); err != nil {
		return err
	}
	// The card is given back whatever happened; if it is gone there is
	// nothing to give back, and the operation's own outcome counts.
	defer func() { _ = s.conn.End() }()
	defer s.learnGetResponse()
	s.assumed = s.inDF || s.atRoot || s.channel != nil
	return f(t)
}

// take begins a transaction and notices a reset by somebody else.
func (t *operation) take() error {
	reset, err := t.s.conn.Begin()
	if err != nil {
		t.s.forget()
		return &StepError{Step: t.name, Err: err}
	}
	if reset {
		t.s.trace("the card was reset by another program")
		t.s.forget()
	}
	return nil
}

// resetCard resets the card, once in an operation: nothing else brings back a
// chip that fell silent, or that is in a state from which no way leads in. It
// is never called after a code was sent.
func (t *operation) resetCard() error {
	if t.reset || t.committed {
		return &StepError{Step: t.name, Err: apdu.ErrMute}
	}
	t.reset = true
	t.s.trace("resetting the card")
	t.s.forget()
	t.fresh, t.opened = false, false
	if err := t.s.conn.Reset(); err != nil {
		return &StepError{Step: t.name, Err: err}
	}
	return nil
}

// begin announces the next step.
func (t *operation) begin(name StepName) {
	t.name = name
	t.committed = t.committed || name.MustFinish()
	t.step++
	t.total = max(t.total, t.step)
	t.s.trace("# %s", name)
	if t.s.opts.Progress != nil {
		t.s.opts.Progress(Progress{Step: t.step, Total: t.total, Name: name})
	}
}

// clear sends a command outside secure messaging, which ends the channel
// (IAS ECC 7.1.14).
func (t *operation) clear(c apdu.Command) (apdu.Response, error) {
	t.s.dropChannel()
	return t.transmit(t.s.client, c)
}

// secure sends a command through the channel.
func (t *operation) secure(c apdu.Command) (apdu.Response, error) {
	if t.s.channel == nil {
		return apdu.Response{}, &StepError{Step: t.name, Err: sm.ErrChannelLost}
	}
	r, err := t.transmit(t.s.channel, c)
	// A command that was not sent, because the operation was cancelled, leaves
	// the channel as it was.
	if err != nil && t.s.channel != nil && t.s.channel.Err() != nil {
		t.s.dropChannel()
	}
	return r, err
}

func (t *operation) transmit(to apdu.Sender, c apdu.Command) (apdu.Response, error) {
	if err := t.check(t.ctx); err != nil {
		return apdu.Response{}, err
	}
	r, err := to.Send(c)
	if err != nil {
		if LossOf(err) > LossNone {
			t.s.forget()
			t.fresh, t.opened = false, false
		}
		return apdu.Response{}, &StepError{Step: t.name, Err: err}
	}
	return r, nil
}

// expectOK turns every status but 9000 into a StepError.
func (t *operation) expectOK(ins byte, r apdu.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if r.SW != apdu.SWOK {
		return nil, &StepError{Step: t.name, Err: &apdu.Error{INS: ins, SW: r.SW}}
	}
	return r.Data, nil
}

func (t *operation) clearOK(c apdu.Command) ([]byte, error) {
	r, err := t.clear(c)
	return t.expectOK(c.INS, r, err)
}

func (t *operation) secureOK(c apdu.Command) ([]byte, error) {
	r, err := t.secure(c)
	return t.expectOK(c.INS, r, err)
}

// repeatable runs f, which must send no code, and runs it once more when it
// failed on a state that another program took away since this one last held
// the card: another application selected, the channel ended, the card reset. A
// chip that fell silent is reset first.
func (t *operation) repeatable(f func() error) error {
	assumed := t.s.assumed
	err := t.inPlace(f)
	if err == nil || t.rebuilt || t.ctx.Err() != nil {
		return err
	}
	switch {
	case errors.Is(err, apdu.ErrReset):
		_ = t.s.conn.End()
		if err := t.take(); err != nil {
			return err
		}
	case errors.Is(err, apdu.ErrMute):
		if t.resetCard() != nil {
			return err
		}
	case assumed && LossOf(err) == LossNone:
	default:
		return err
	}
	t.rebuilt = true
	t.s.trace("state taken away (%v), starting over", err)
	t.s.forget()
	return f()
}

// inPlace runs f, which must send no code, and runs it once more in DF_CIE when
// it failed in a channel from an earlier hold of the card: another program can
// have selected something else by name since, which leaves the channel and what
// was proved in it alone (IAS ECC 3.3.3.1, 4.1.1).
//
// No client selects DF_CIE under secure messaging. It is done only where the
// place is wrong, so that a refusal loses a channel that is of no use as it is.
func (t *operation) inPlace(f func() error) error {
	err := f()
	if err == nil || !t.s.assumed || t.s.channel == nil {
		return err
	}
	lost := t.checkPlace()
	if lost != nil && t.s.channel != nil {
		_, lost = t.secureOK(selectAID(aidDFCIE))
	}
	if lost != nil {
		if t.s.channel == nil {
			err = lost
		}
		return err
	}
	t.s.assumed, t.opened = false, true
	t.s.trace("in DF_CIE again after %v", err)
	return f()
}
