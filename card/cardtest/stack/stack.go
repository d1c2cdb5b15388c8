//go:build linux

// Package stack runs virtual cards in a real PC/SC service: a private pcscd
// with virtual readers (see package pcscd) and the cards in them. PC/SC programs
// reach the cards with the environment of [Stack.Env]. It does not import
// "testing" and opens no connection to the service.
package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"cie/apdu/pcsc/pcscd"
	"cie/card/cardtest/vpcd"
)

// Stack is a private PC/SC service and the cards in its readers.
type Stack struct {
	*pcscd.Daemon
	ctx context.Context // of Start: its end removes the cards

	mu    sync.Mutex
	cards []*Card
	slots map[int]*vpcd.Slot
}

// Options of [Start]. The zero value is a service with two readers.
type Options = pcscd.Options

// Start starts a service without cards. Stop, the end of ctx or the end of this
// process ends it.
func Start(ctx context.Context, opts Options) (*Stack, error) {
	d, err := pcscd.Start(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &Stack{Daemon: d, ctx: ctx, slots: map[int]*vpcd.Slot{}}, nil
}

// Unavailable reports whether err of [Start] means that no private service can
// run on this machine: it is not installed, or not permitted.
func Unavailable(err error) bool {
	return errors.Is(err, pcscd.ErrNotInstalled) || errors.Is(err, pcscd.ErrNotPermitted)
}

// Stop removes the cards and ends the service.
func (s *Stack) Stop() {
	s.mu.Lock()
	cards := s.cards
	s.cards = nil
	s.mu.Unlock()
	for _, c := range cards {
		c.Remove()
	}
	s.Daemon.Stop()
}

// Card is a card in a reader.
type Card struct {
	stack   *Stack
	slot    int
	cancel  context.CancelFunc
	removed chan struct{} // closed when the card is out of the reader
	powered chan struct{} // closed when the service has given the card power
	once    sync.Once

	mu   sync.Mutex
	last error // why the card is not in the reader
}

// Insert puts a card into the reader of a slot (0 to Slots-1), where it stays
// until Remove or Stop. Where another card was removed, the slot stays empty for long
// enough that the service notices. The card is inserted again when the service was
// restarted, and when a card that its faults removed is present again. Insert does not
// wait for the service, see [Card.Powered].
func (s *Stack) Insert(slot int, chip vpcd.Card) *Card {
	ctx, cancel := context.WithCancel(s.ctx)
	c := &Card{stack: s, slot: slot, cancel: cancel, removed: make(chan struct{}), powered: make(chan struct{})}
	s.mu.Lock()
	s.cards = append(s.cards, c)
	into := s.slots[slot]
	if into == nil {
		into = &vpcd.Slot{Dial: func(context.Context) (net.Conn, error) { return s.Dial(slot) }}
		s.slots[slot] = into
	}
	s.mu.Unlock()
	cfg := vpcd.Config{Event: c.event, Powered: func() { c.once.Do(func() { close(c.powered) }) }}
	go func() {
		defer close(c.removed)
		for errors.Is(into.Serve(ctx, chip, cfg), vpcd.ErrAbsent) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return c
}

func (c *Card) event(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = err
}

// Powered waits until the service has noticed the card and given it power, or
// until the end of ctx. Clients see the card shortly after.
func (c *Card) Powered(ctx context.Context) error {
	select {
	case <-c.powered:
		return nil
	case <-ctx.Done():
	case <-c.removed:
	}
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	return fmt.Errorf("pcscd does not give power to the card in slot %d: %w; its log: %s", c.slot, errors.Join(context.Cause(ctx), last), c.stack.Logs())
}

// Remove takes the card out of the reader and returns when it is out; the
// service notices within half a second. It may be called more than once.
func (c *Card) Remove() {
	c.cancel()
	<-c.removed
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	c.stack.cards = slices.DeleteFunc(c.stack.cards, func(o *Card) bool { return o == c })
}
