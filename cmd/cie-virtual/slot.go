package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/card/cardtest"
	"cie/card/cardtest/vpcd"
)

// slot is one card and the reader it belongs to.
type slot struct {
	app        *app
	number     int // from 1
	card       *cardtest.Card
	profile    cardtest.Profile
	knownCodes bool // the codes are the public ones
	addr       string
	in         *vpcd.Slot
	quiet      bool // do not report comings and goings

	mu        sync.Mutex
	cancel    context.CancelFunc // nil: out of the reader
	done      chan struct{}
	connected bool
}

func (s *slot) report(t string, args ...any) {
	if !s.quiet {
		s.app.say(t, append([]any{s.number}, args...)...)
	}
}

// insert puts the card into the reader until remove or the end of ctx.
func (s *slot) insert(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.report("virtual.already-in")
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	s.cancel, s.done = cancel, done
	s.card.Insert()
	s.card.PowerOff() // the reader switches it on
	go func() {
		defer close(done)
		defer cancel()
		events := s.events()
		err := s.in.Serve(ctx, s.card, vpcd.Config{Event: events})
		if errors.Is(err, vpcd.ErrAbsent) {
			s.mu.Lock()
			s.cancel, s.connected = nil, false
			s.mu.Unlock()
			s.report("virtual.lost", s.number)
		}
	}()
}

// events reports what happens to the connection, the same trouble only once.
func (s *slot) events() func(error) {
	var last string
	return func(err error) {
		s.mu.Lock()
		was := s.connected
		s.connected = err == nil
		s.mu.Unlock()
		now := fmt.Sprint(err)
		switch {
		case err == nil:
			now = ""
			s.report("virtual.inserted")
		case was && !s.card.Present(): // reported when Serve ends
		case was:
			s.report("virtual.thrown-out")
		case now != last:
			s.report("virtual.unreachable", s.addr, err)
		}
		last = now
	}
}

// remove removes the card from the reader and waits until it is removed. It reports
// whether it was inserted.
func (s *slot) remove() bool {
	s.mu.Lock()
	cancel, done := s.cancel, s.done
	s.cancel, s.connected = nil, false
	s.mu.Unlock()
	if done != nil {
		if cancel != nil {
			cancel()
		}
		<-done
	}
	s.card.Remove()
	return cancel != nil
}

// state reports where the card is.
func (s *slot) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cancel == nil:
		return "virtual.state.out"
	case !s.connected:
		return "virtual.state.waiting"
	}
	return "virtual.state.in"
}

// sharedTrace is one destination of the traces of several cards.
type sharedTrace struct {
	mu   sync.Mutex
	w    io.Writer
	last int
}

func (t *sharedTrace) of(number int) io.Writer { return &cardTrace{t, number} }

// cardTrace marks where the lines of another card begin.
type cardTrace struct {
	t      *sharedTrace
	number int
}

// Write implements io.Writer.
func (c *cardTrace) Write(p []byte) (int, error) {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	if c.t.last != c.number {
		c.t.last = c.number
		if _, err := fmt.Fprintf(c.t.w, "# card %d\n", c.number); err != nil {
			return 0, err
		}
	}
	return c.t.w.Write(p)
}

// seenWithin is how long PC/SC may take to see cards that were inserted.
const seenWithin = 30 * time.Second

// awaitCards waits until PC/SC shows as many cards of each ATR as were inserted.
func awaitCards(ctx context.Context, cards ...*cardtest.Card) error {
	want := map[string]int{}
	for _, c := range cards {
		want[string(c.ATR())]++
	}
	ctx, cancel := context.WithTimeout(ctx, seenWithin)
	defer cancel()
	pc := pcsc.New(pcsc.Config{})
	defer pc.Close()
	events, err := pc.Watch(ctx)
	if err != nil {
		return err
	}
	reason := error(context.DeadlineExceeded)
	at := map[string]string{} // reader -> ATR
	for e := range events {
		switch e.Kind {
		case readers.CardInserted:
			at[e.Reader] = string(e.ATR)
		case readers.CardRemoved:
			delete(at, e.Reader)
		case readers.ServiceLost:
			reason = e.Err
		case readers.ServiceBack:
			reason = context.DeadlineExceeded
		}
		have := map[string]int{}
		for _, atr := range at {
			have[atr]++
		}
		enough := true
		for atr, n := range want {
			enough = enough && have[atr] >= n
		}
		if enough {
			return nil
		}
	}
	return reason
}
