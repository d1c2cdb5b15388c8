//go:build linux

package stack_test

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cie/apdu/pcsc"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
)

// patience bounds what the tests wait for. It only ends what hangs.
const patience = time.Minute

func start(t *testing.T) *stack.Stack {
	t.Helper()
	s, err := stack.Start(t.Context(), stack.Options{})
	if stack.Unavailable(err) && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED in a real PC/SC service: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// counted counts how often the reader connected to the card or gave it power.
type counted struct {
	*cardtest.Card
	on atomic.Int64
}

func (c *counted) PowerOn() []byte {
	c.on.Add(1)
	return c.Card.PowerOn()
}

func newCard(t *testing.T) *counted {
	t.Helper()
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	return &counted{Card: c}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// The service gives power to a card when it is inserted, and again after a
// restart of the service and when a card that a fault removed is back.
func TestInsertedCardGetsPower(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	chip := newCard(t)
	c := s.Insert(0, chip)
	if err := c.Powered(ctx); err != nil {
		t.Fatal(err)
	}
	if !chip.Powered() {
		t.Error("the card has no power")
	}
	before := chip.on.Load()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	await(t, "power after a restart", func() bool { return chip.on.Load() >= before+2 && chip.Powered() })

	chip.Card.Remove()
	c.Remove()
	c = s.Insert(1, chip)
	before = chip.on.Load()
	time.Sleep(50 * time.Millisecond)
	if got := chip.on.Load(); got != before {
		t.Errorf("a card that is absent was inserted")
	}
	chip.Card.Insert()
	if err := c.Powered(ctx); err != nil {
		t.Fatal(err)
	}
	c.Remove()
	c.Remove()
	if chip.Powered() {
		t.Error("the card has power outside of the reader")
	}
}

// The service notices a card that is inserted as soon as another one was removed, even
// in the middle of a command.
func TestServiceNoticesEachCard(t *testing.T) {
	s := start(t)
	if err := s.Setenv(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var commands atomic.Int64
	var client sync.WaitGroup
	client.Go(func() {
		pc := pcsc.New(pcsc.Config{})
		defer pc.Close()
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			all, err := pc.Readers()
			if err != nil || len(all) == 0 {
				continue
			}
			c, err := pc.Connect(all[0])
			if err != nil {
				continue
			}
			for err == nil && ctx.Err() == nil {
				if _, err = c.Begin(); err == nil {
					_, err = c.Transmit([]byte{0x00, 0xCA, 0x00, 0x00, 0x00})
					commands.Add(1)
				}
			}
			c.Close()
		}
	})
	defer client.Wait()
	defer cancel()
	for range 10 {
		chip := newCard(t)
		c := s.Insert(0, chip)
		if err := c.Powered(ctx); err != nil {
			t.Fatal(err)
		}
		if on := chip.on.Load(); on > 5 {
			t.Errorf("inserted more than once: power-up %d", on)
		}
		before := commands.Load()
		await(t, "commands", func() bool { return commands.Load() >= before+5 })
		c.Remove()
	}
}

// Powered ends with its context.
func TestPoweredGivesUp(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Insert(s.Slots(), newCard(t)).Powered(ctx); err == nil {
		t.Error("a card has power in a slot that does not exist")
	}
}
