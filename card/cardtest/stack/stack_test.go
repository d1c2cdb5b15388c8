//go:build linux

package stack_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"time"

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

// Powered ends with its context.
func TestPoweredGivesUp(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Insert(s.Slots(), newCard(t)).Powered(ctx); err == nil {
		t.Error("a card has power in a slot that does not exist")
	}
}
