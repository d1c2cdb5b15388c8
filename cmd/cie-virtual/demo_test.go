//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"cie/apdu"
	"cie/apdu/pcsc/pcscd"
	"cie/card"
	"cie/card/cardtest"
	"cie/gui/text"
)

// Every step of the demonstration notices when what it shows is not so.
func TestDemoStepsFailWhenUntrue(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*demo)
		step  string
	}{
		{"nothing", func(*demo) {}, ""},
		{"a card that is not the one made", func(d *demo) {
			d.original = mustCard(t, cardtest.Profile{NIS: "999900000009"})
			d.readers = &swapped{inProcessReaders{clone: d.clone}, mustCard(t, d.profile)}
		}, "recognise"},
		{"a try spent", func(d *demo) { spend(t, d.original, wrongPIN(d.pin)) }, "recognise"},
		{"a clone as the original", func(d *demo) { d.original = d.clone }, "recognise"},
		{"an original as the clone", func(d *demo) { d.clone = mustCard(t, d.profile) }, "authenticity"},
		{"another PIN", func(d *demo) { d.pin = []byte("11223344") }, "change-pin"},
		{"another PUK", func(d *demo) { d.puk = []byte("11223344") }, "unblock"},
		{"a chip that does not tell its counters", func(d *demo) {
			p := d.profile
			p.Forgery.RefuseTries = 0x6A88
			d.original = mustCard(t, p)
		}, "recognise"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDemo()
			d.inProcess, d.readers = true, &inProcessReaders{}
			if err := d.makeCards(); err != nil {
				t.Fatal(err)
			}
			tt.spoil(d)
			err := d.play(t.Context())
			d.closeReaders()
			last := d.out.Steps[len(d.out.Steps)-1]
			if tt.step == "" {
				if err != nil || !last.OK || len(d.out.Steps) != 9 {
					t.Fatalf("%v, %+v", err, last)
				}
				return
			}
			var f *failure
			if !errors.As(err, &f) || f.Exit != exitError {
				t.Fatalf("got %v", err)
			}
			if last.Name != tt.step || last.OK {
				t.Errorf("noticed in %q: %v", last.Name, err)
			}
		})
	}
}

// swapped connects to another card than the inserted one.
type swapped struct {
	inProcessReaders
	other *cardtest.Card
}

func (s *swapped) connect(clone bool) (apdu.Card, error) {
	if clone {
		return s.clone.Reader(), nil
	}
	return s.other.Reader(), nil
}

func mustCard(t *testing.T, p cardtest.Profile) *cardtest.Card {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func spend(t *testing.T, c *cardtest.Card, code []byte) {
	t.Helper()
	s, err := card.Open(t.Context(), c.Reader(), card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var wrong *card.PINError
	if err := s.Verify(t.Context(), card.PIN, code, card.AcceptUnknownIssuer()); !errors.As(err, &wrong) {
		t.Fatal(err)
	}
}

// newDemo returns a demonstration that prints nothing a test sees.
func newDemo() *demo {
	w := &env{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
	return &demo{app: &app{env: w, texts: text.Load("en")}}
}

func TestDemoExplainsWhyItCannotRun(t *testing.T) {
	d := newDemo()
	tests := []struct {
		err  error
		code string
		exit int
	}{
		{pcscd.ErrNotInstalled, "no-service", exitNothing},
		{pcscd.ErrNotPermitted, "no-service", exitNothing},
		{errors.New("something else"), "failed", exitError},
	}
	for _, tt := range tests {
		err := d.cannotRun(t.Context(), d.noService(fmt.Errorf("start: %w", tt.err)))
		f := d.failure(err)
		if f.Code != tt.code || f.Exit != tt.exit || f.Detail == "" {
			t.Errorf("%v: %+v", tt.err, f)
		}
		if !strings.Contains(f.advice, "cie-virtual demo --in-process") {
			t.Errorf("%v: does not name the way without a service: %q", tt.err, f.advice)
		}
	}
	ctx, stop := context.WithCancelCause(t.Context())
	stop(&stopped{syscall.SIGTERM})
	if f := d.failure(d.cannotRun(ctx, errors.New("ended"))); f.Exit != 143 || f.Code != "stopped" {
		t.Errorf("a run that was stopped: %+v", f)
	}
}
