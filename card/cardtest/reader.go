package cardtest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"cie/apdu"
)

// slot is the reader of a card, shared by the programs that use it.
type slot struct {
	turn       *sync.Cond // with Card.mu: a transaction ended or the card was removed
	present    bool
	insertions int     // how often the card was put on the reader
	resets     int     // how often it was reset
	holder     *Reader // the connection with the transaction

	idleLimit time.Duration // see SetIdleLimit
	idleTimer *time.Timer   // nil: none is set
	lastUse   time.Time     // of the transaction
	longest   time.Duration // see LongestPause
}

func (s *slot) init(c *Card) {
	s.turn = sync.NewCond(&c.mu)
	s.present = true
	s.insertions = 1
}

// SetIdleLimit makes the card behave as on Windows, which resets a card whose transaction
// sees no command for 5 seconds: the transaction ends, and the next command of its connection
// gets apdu.ErrReset. It applies to transactions begun later; 0 means no limit.
func (c *Card) SetIdleLimit(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slot.idleLimit = d
}

// LongestPause returns the longest time in which a transaction saw no command, from Begin to
// End, and forgets it.
func (c *Card) LongestPause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	longest := c.slot.longest
	c.slot.longest = 0
	return longest
}

// used ends a pause of the transaction.
func (s *slot) used() {
	s.longest = max(s.longest, time.Since(s.lastUse))
	if s.idleTimer != nil {
		s.idleTimer.Stop()
		s.idleTimer = nil
	}
}

// idle begins a pause of the transaction.
func (c *Card) idle() {
	s := &c.slot
	s.lastUse = time.Now()
	if s.idleLimit == 0 {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(s.idleLimit, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if s.idleTimer == timer {
			s.used()
			c.idleReset()
		}
	})
	s.idleTimer = timer
}

// idleReset resets the card and ends the transaction.
func (c *Card) idleReset() {
	c.trace.note("reset by the system, which ends the transaction")
	c.reset()
	c.slot.holder = nil
	c.slot.turn.Broadcast()
}

// Reader is the connection of one program to the card, within the process, like a PC/SC
// handle in shared mode. It implements apdu.Card. Several Readers of one card are several
// programs: each is notified of the resets of the others, and waits while another has a
// transaction.
type Reader struct {
	card       *Card
	insertions int // of the slot, when this connection was made
	resets     int // resets of the slot that this connection was notified of
	closed     bool
}

// Reader connects to the card and gives the chip power if it has none.
func (c *Card) Reader() *Reader {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &Reader{card: c}
	if !c.slot.present {
		return r
	}
	if !c.power {
		c.reset()
	}
	r.insertions, r.resets = c.slot.insertions, c.slot.resets
	return r
}

// errClosed is the misuse of a closed connection.
var errClosed = errors.New("connection is closed")

// state returns why no command can be sent, or nil.
func (r *Reader) state() error {
	s := &r.card.slot
	switch {
	case r.closed:
		return errClosed
	case !s.present && r.insertions == 0:
		return apdu.ErrNoCard
	case !s.present || r.insertions != s.insertions:
		return apdu.ErrRemoved
	}
	return nil
}

// await waits until no other connection has a transaction.
func (r *Reader) await() error {
	s := &r.card.slot
	for {
		if err := r.state(); err != nil {
			return err
		}
		if s.holder == nil || s.holder == r {
			return nil
		}
		s.turn.Wait()
	}
}

// Transmit implements apdu.Transport. Its errors match apdu.ErrNoCard,
// apdu.ErrRemoved, apdu.ErrReset or apdu.ErrMute.
func (r *Reader) Transmit(command []byte) ([]byte, error) {
	c := r.card
	c.mu.Lock()
	defer c.mu.Unlock()
	err := r.await()
	if err == nil && r.resets != c.slot.resets {
		err = apdu.ErrReset
	}
	var response []byte
	if err == nil {
		if c.slot.holder == r {
			c.slot.used()
		}
		response, err = c.exchange(command, r)
		if c.slot.holder == r {
			c.idle()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("virtual card: %w", err)
	}
	return response, nil
}

// ATR returns the answer to reset of the card.
func (r *Reader) ATR() []byte { return r.card.ATR() }

// Begin waits for transactions of other connections and starts one. reset reports that
// another connection reset the card since the last call, so that the chip lost its state.
// Transmit works again afterwards.
func (r *Reader) Begin() (reset bool, err error) {
	c := r.card
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := r.await(); err != nil {
		return false, fmt.Errorf("virtual card: %w", err)
	}
	if c.slot.holder == r {
		return false, errors.New("virtual card: transaction within a transaction")
	}
	c.slot.holder = r
	reset = r.resets != c.slot.resets
	r.resets = c.slot.resets
	c.idle()
	return reset, nil
}

// End ends the transaction. If the card was removed, the transaction has ended already.
func (r *Reader) End() error {
	c := r.card
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := r.state(); err != nil {
		return fmt.Errorf("virtual card: %w", err)
	}
	if c.slot.holder != r {
		return errors.New("virtual card: no transaction")
	}
	c.slot.used()
	c.slot.holder = nil
	c.slot.turn.Broadcast()
	return nil
}

// Reset resets the card for this connection. The other connections are notified of a reset
// by another program.
func (r *Reader) Reset() error {
	c := r.card
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := r.await(); err != nil {
		return fmt.Errorf("virtual card: %w", err)
	}
	if c.slot.holder == r {
		c.slot.used()
		c.idle()
	}
	c.reset()
	r.resets = c.slot.resets
	return nil
}

// Close ends the connection and its transaction. It does not change the card.
func (r *Reader) Close() error {
	c := r.card
	c.mu.Lock()
	defer c.mu.Unlock()
	r.closed = true
	if c.slot.holder == r {
		c.slot.used()
		c.slot.holder = nil
	}
	c.slot.turn.Broadcast()
	return nil
}

// Insert inserts the card into the reader and reconnects this connection; the next Begin
// reports a reset. Other connections need a new [Card.Reader].
func (r *Reader) Insert() {
	c := r.card
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insert()
	r.insertions, r.closed = c.slot.insertions, false
}

// Remove removes the card from the reader.
func (r *Reader) Remove() { r.card.Remove() }

// Insert inserts the card into the reader with power. It does nothing if the card is there
// already.
func (c *Card) Insert() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insert()
}

// Remove removes the card from the reader: it loses power, and every connection gets
// apdu.ErrRemoved.
func (c *Card) Remove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove()
}

// Present reports whether the card is in the reader. New cards are, until Remove or a fault
// removes them.
func (c *Card) Present() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slot.present
}

func (c *Card) insert() {
	if c.slot.present {
		return
	}
	c.slot.present = true
	c.slot.insertions++
	c.reset()
}

func (c *Card) remove() {
	c.slot.present = false
	if c.slot.holder != nil {
		c.slot.used()
	}
	c.slot.holder = nil
	c.powerOff()
	c.trace.note("removed")
	c.slot.turn.Broadcast()
}
