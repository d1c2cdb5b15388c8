package pcsc

import (
	"errors"
	"slices"
	"sync"
	"time"

	"cie/apdu"

	"github.com/ebfe/scard"
)

// Conn is a shared connection to the card in one reader. It implements
// apdu.Card. Its methods may be called from several goroutines, one call at a
// time is executed.
//
// When the card, the reader or the service is gone, or the reader does not answer
// in time, the connection is dead: every method returns that error from then on,
// and the caller connects again. A connection never continues with another card.
//
// The next Begin resets a card that stopped answering or was switched off.
type Conn struct {
	reader string // printable
	raw    string // for the service
	cfg    Config

	mu      sync.Mutex
	hctx    *scard.Context
	card    *scard.Card
	atr     []byte
	counter uint16 // insertions and removals when connected
	tx      bool   // between Begin and End
	lost    bool   // the card stopped answering: only a reset helps
	dead    error  // why the connection is unusable; nil: it is usable
}

// Connect implements readers.Service. reader is a name that this Context
// returned, or one that is the service's own.
func (c *Context) Connect(reader string) (apdu.Card, error) {
	const op = "connect"
	if c.life.Err() != nil {
		return nil, ErrClosed
	}
	if reader == "" {
		return nil, &Error{Op: op, Kind: apdu.ErrNoReader}
	}
	hctx, err := establish(c.cfg.Timeout)
	if err != nil {
		return nil, err
	}
	raw := c.names.raw(reader)
	conn := &Conn{reader: c.names.show(raw), raw: raw, cfg: c.cfg, hctx: hctx}
	conn.mu.Lock()
	defer conn.mu.Unlock()
	var count uint16
	var atr []byte
	err = conn.do(op, c.cfg.BusyTimeout, func() error {
		var err error
		if count, err = conn.open(hctx); err != nil {
			return err
		}
		st, err := conn.card.Status()
		if err != nil {
			return err
		}
		atr = st.Atr
		return usable(conn.card)
	})
	if err != nil {
		conn.close()
		return nil, err
	}
	conn.counter, conn.atr = count, atr
	return conn, nil
}

// open connects and returns the count of insertions and removals that belongs to
// the card. pcscd counts an insertion a moment after it reports the card, and a
// card can be exchanged during the call, so the count must be the same afterwards.
func (c *Conn) open(hctx *scard.Context) (count uint16, err error) {
	for range 5 {
		if count, err = c.count(hctx); err != nil {
			return 0, err
		}
		if err := c.openTwice(hctx); err != nil {
			return 0, err
		}
		after, err := c.count(hctx)
		if err != nil || after == count {
			return count, err
		}
		disconnect(c.card)
		c.card = nil
	}
	return 0, scard.ErrNoSmartcard // the count changed during every try
}

// count returns the service's count of insertions and removals.
func (c *Conn) count(hctx *scard.Context) (uint16, error) {
	s := []scard.ReaderState{{Reader: c.raw}}
	err := statusChange(hctx, s, 0)
	return counter(s[0].EventState), err
}

// openTwice connects twice and keeps the second connection. pcscd marks a card as
// in use first and counts the connection a moment later. When the last other
// program disconnects in between, pcscd treats the card as unused and switches it
// off half a second later, although a new connection exists. The first connection
// is counted when the second one is made, so pcscd never sees an unused card.
func (c *Conn) openTwice(hctx *scard.Context) error {
	first, err := hctx.Connect(c.raw, scard.ShareShared, scard.ProtocolAny)
	if err != nil {
		return err
	}
	c.card = first
	second, err := hctx.Connect(c.raw, scard.ShareShared, scard.ProtocolAny)
	if err != nil {
		return err
	}
	c.card = second
	return disconnect(first)
}

// usable rejects a protocol for which scard has no transmission. A connection can
// get one when it acknowledges a reset.
func usable(card *scard.Card) error {
	switch card.ActiveProtocol() {
	case scard.ProtocolT0, scard.ProtocolT1:
		return nil
	}
	return scard.ErrProtoMismatch
}

// do runs f for at most d under c.mu. Failures that end the connection are
// remembered; after a timeout the library's handles belong to the call left
// behind.
func (c *Conn) do(op string, d time.Duration, f func() error) error {
	if c.dead != nil {
		return c.dead
	}
	hctx := c.hctx
	err, done := limited(d, f, func() {
		// f has returned, so c.card is stable, and no other call uses the
		// handles of a dead connection.
		if c.card != nil {
			disconnect(c.card)
		}
		release(hctx)
	})
	if !done {
		c.dead = &Error{Op: op, Reader: c.reader, Kind: apdu.ErrTimeout}
		c.hctx = nil
		return c.dead
	}
	if c.atr != nil && errors.Is(err, scard.ErrNoSmartcard) {
		err = scard.ErrRemovedCard // there was one
	}
	if err = wrap(op, c.reader, err); err == nil {
		return nil
	}
	for _, final := range []error{apdu.ErrNoService, apdu.ErrNoReader, apdu.ErrNoCard, apdu.ErrRemoved} {
		if errors.Is(err, final) {
			c.dead = err
		}
	}
	return err
}

// ATR returns the card's answer to reset.
func (c *Conn) ATR() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.atr)
}

// Transmit sends one command APDU and returns the response APDU. It never
// resends. Errors match apdu.ErrReset (another program reset the card: the command
// was not executed; Begin continues), ErrRemoved, ErrMute, ErrNoReader,
// ErrNoService, or ErrTimeout, after which it is not known whether the card
// executed the command.
func (c *Conn) Transmit(command []byte) ([]byte, error) {
	const op = "transmit"
	if len(command) < 4 {
		return nil, &Error{Op: op, Reader: c.reader, Code: uint32(scard.ErrInvalidParameter)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	hctx, card := c.hctx, c.card
	own := slices.Clone(command) // the caller's slice is not used after a timeout
	var resp []byte
	err := c.do(op, c.cfg.Timeout, func() error {
		defer clear(own)
		if err := usable(card); err != nil {
			return err // scard would panic
		}
		r, err := card.Transmit(own)
		if err == nil && len(r) < 2 {
			err = scard.ErrNotTransacted // some drivers report a broken link as an empty answer
		}
		if errors.Is(err, scard.ErrNotTransacted) || errors.Is(err, scard.ErrCommDataLost) {
			return c.explain(hctx, err)
		}
		if errors.Is(err, scard.ErrProtoMismatch) {
			// The command used the protocol of the connection, so that protocol
			// no longer applies: the card was switched off and did not get the command.
			return scard.ErrResetCard
		}
		resp = r
		return err
	})
	if err != nil {
		c.lost = c.lost || errors.Is(err, apdu.ErrMute)
		return nil, err
	}
	return resp, nil
}

// explain finds out why an exchange failed. pcscd reports a card that was removed
// during an exchange like a card that stopped answering, and detects the removal
// only at its next poll (every 400 ms).
func (c *Conn) explain(hctx *scard.Context, cause error) error {
	cur := scard.StatePresent | scard.StateFlag(c.counter)<<16
	s := []scard.ReaderState{{Reader: c.raw, CurrentState: cur}}
	for range 3 { // other changes of state (another program connects) are no answer
		err := statusChange(hctx, s, time.Second)
		if errors.Is(err, scard.ErrTimeout) {
			return cause
		}
		if err != nil {
			return err
		}
		st := s[0].EventState
		if st&scard.StatePresent == 0 || counter(st) != c.counter {
			return scard.ErrRemovedCard
		}
		if st&scard.StateMute != 0 {
			return scard.ErrUnresponsiveCard
		}
		s[0].CurrentState = st &^ scard.StateChanged
	}
	return cause
}

// Begin reserves the card for this program until End. It waits until another
// program's transaction ends. After BusyTimeout it returns apdu.ErrBusy, and the
// connection is dead, because the wait in the library cannot be cancelled.
//
// reset reports whether another program reset the card since the last transaction,
// or Begin did because the card was off or silent: its selection, channel and
// verified codes are lost. If the card was removed in the meantime, Begin returns
// apdu.ErrRemoved, even if a card is in the reader again.
func (c *Conn) Begin() (reset bool, err error) {
	const op = "begin transaction"
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return false, c.dead
	}
	if c.tx {
		return false, &Error{Op: op + " twice", Reader: c.reader}
	}
	hctx, card, lost := c.hctx, c.card, c.lost
	var atr []byte
	err = c.do(op, c.cfg.BusyTimeout, func() error {
		for range 5 {
			err := card.BeginTransaction()
			if err == nil {
				woken, err := c.wake(hctx, lost)
				if err != nil {
					card.EndTransaction(scard.LeaveCard)
				}
				if woken != nil {
					atr = woken
				}
				return err
			}
			if !errors.Is(err, scard.ErrResetCard) {
				return err
			}
			if atr, err = c.again(hctx, scard.LeaveCard); err != nil {
				return err
			}
		}
		return scard.ErrSharingViolation // another program reset the card at every try
	})
	if errors.Is(err, apdu.ErrTimeout) {
		c.dead = &Error{Op: op, Reader: c.reader, Kind: apdu.ErrBusy}
		err = c.dead
	}
	if err != nil {
		return false, err
	}
	c.tx, c.lost = true, false
	if atr != nil {
		c.atr = atr
	}
	return atr != nil, nil
}

// wake resets a card that stopped answering, or that the service or another program
// switched off during this connection: only a reset makes it usable. It returns nil
// when no reset was needed.
func (c *Conn) wake(hctx *scard.Context, silent bool) (atr []byte, err error) {
	st, err := c.card.Status()
	if err != nil || !silent && !switchedOff(st) {
		return nil, err
	}
	return c.again(hctx, scard.ResetCard)
}

// again acknowledges or executes a reset. SCardReconnect also accepts another card
// in the reader, so the count of insertions and removals must be the one from the
// time of the connection.
func (c *Conn) again(hctx *scard.Context, d scard.Disposition) (atr []byte, err error) {
	if err := c.card.Reconnect(scard.ShareShared, scard.ProtocolAny, d); err != nil {
		return nil, err
	}
	switch now, err := c.count(hctx); {
	case err != nil:
		return nil, err
	case now != c.counter:
		return nil, scard.ErrRemovedCard
	}
	st, err := c.card.Status()
	if err != nil {
		return nil, err
	}
	return st.Atr, usable(c.card)
}

// End releases the card for other programs without resetting it. Without a
// transaction it does nothing. It returns no error for a transaction that was lost
// with its card: the operation in it has failed already.
func (c *Conn) End() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.tx || c.dead != nil {
		c.tx = false
		return nil
	}
	c.tx = false
	card := c.card
	err := c.do("end transaction", c.cfg.Timeout, func() error { return card.EndTransaction(scard.LeaveCard) })
	if errors.Is(err, apdu.ErrReset) || errors.Is(err, apdu.ErrRemoved) {
		return nil // the next Begin reports it
	}
	return err
}

// Reset resets the card; every other connection to it reports the reset. A
// transaction continues.
func (c *Conn) Reset() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	hctx := c.hctx
	var atr []byte
	err := c.do("reset", c.cfg.Timeout, func() (err error) {
		atr, err = c.again(hctx, scard.ResetCard)
		return err
	})
	if err == nil {
		c.atr, c.lost = atr, false
	}
	return err
}

// Close ends the connection and does not change the card. It waits for a running
// call, at most for its time limit. A second Close does nothing.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
	return nil
}

func (c *Conn) close() {
	c.tx = false
	if c.dead == nil {
		c.dead = ErrClosed
	}
	if c.hctx == nil {
		return // released, or still used by a call that hangs
	}
	hctx, card := c.hctx, c.card
	c.hctx = nil
	// The time is limited because the service may hang.
	limited(c.cfg.Timeout, func() error {
		if card != nil {
			disconnect(card) // ends a transaction, too
		}
		return release(hctx)
	}, func() {})
}
