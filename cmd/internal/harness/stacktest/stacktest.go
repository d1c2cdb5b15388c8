//go:build linux

// Package stacktest starts private PC/SC services for tests, where the machine
// permits it.
package stacktest

import (
	"context"
	"os"
	"testing"
	"time"

	"cie/card/cardtest/stack"
	"cie/card/cardtest/vpcd"
)

// Start starts a service that lasts until the end of the test. A machine where
// none can run skips the test, with CI in the environment it fails it.
func Start(t testing.TB, opts stack.Options) *stack.Stack {
	t.Helper()
	s, err := stack.Start(context.Background(), opts)
	if stack.Unavailable(err) && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED with a real PC/SC service: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("pcscd:\n%s", s.Logs())
		}
		s.Stop()
	})
	return s
}

// patience bounds the wait for power. It only ends what hangs.
const patience = time.Minute

// Insert inserts a card into a reader and waits until the service has switched it on.
func Insert(t testing.TB, s *stack.Stack, slot int, chip vpcd.Card) *stack.Card {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := s.Insert(slot, chip)
	if err := c.Powered(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}
