package card_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
)

// countdown cancels a context during the at-th command.
type countdown struct {
	apdu.Card
	at     int
	cancel context.CancelFunc
}

func (c *countdown) Transmit(command []byte) ([]byte, error) {
	if c.at--; c.at == 0 {
		c.cancel()
	}
	return c.Card.Transmit(command)
}

// A login is cancelled at every command, also when the chip refuses the terminal,
// as a man in the middle could. A channel without a proof of the chip must not
// receive the code.
func TestCancelledLoginSendsNoCodeToUnprovenChip(t *testing.T) {
	known := memStore{}
	verify(t, open(t, newCard(t, cardtest.Profile{}), card.Options{Store: known}))
	refused := memStore{}
	for nis, data := range known {
		var facts map[string]any
		must(t, json.Unmarshal(data, &facts))
		facts["Terminal"] = bytes.Repeat([]byte{0x7F}, 300)
		data, err := json.Marshal(facts)
		must(t, err)
		refused[nis] = data
	}
	for name, store := range map[string]memStore{"new": {}, "known": known, "terminal refused": refused} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				c := newCard(t, cardtest.Profile{})
				conn := &countdown{Card: c.Reader()}
				proved := false
				sent := 0
				s, err := card.Open(ctx, conn, card.Options{
					Roots: testRoots(t),
					Store: maps.Clone(store),
					Trace: func(format string, args ...any) {
						if strings.HasPrefix(fmt.Sprintf(format, args...), "> 0C200081") {
							sent++
							proved = c.Stats().DeviceAuthentications > 0
						}
					},
				})
				must(t, err)
				cancelled, cancel := context.WithCancel(ctx)
				conn.at, conn.cancel = at, cancel
				err = s.Verify(cancelled, card.PIN, cardtest.DefaultPIN())
				cancel()
				if conn.at > 0 {
					must(t, err)
					if at < 10 {
						t.Errorf("only %d commands", at)
					}
					break
				}
				if err != nil && sent > 0 {
					t.Errorf("command %d: %v, and a code was sent", at, err)
				}
				if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
					t.Errorf("after a cancellation at command %d: %v", at, err)
				}
				if !proved {
					t.Errorf("command %d: a code was sent to a chip that had proved nothing", at)
				}
				if st := c.Stats(); st.TriesSpent != 0 {
					t.Errorf("command %d: %d tries spent", at, st.TriesSpent)
				}
			}
		})
	}
}

// A cancellation between two commands keeps the channel and the verified PIN.
func TestCancelledReadingKeepsChannel(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	conn := &countdown{Card: c.Reader()}
	s, err := card.Open(ctx, conn, card.Options{Roots: testRoots(t)})
	must(t, err)
	verify(t, s)
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	conn.at, conn.cancel = 2, cancel
	if _, err := s.Certificate(cancelled); !errors.Is(err, context.Canceled) {
		t.Fatalf("certificate: %v", err)
	}
	if !s.Verified(card.PIN) {
		t.Error("the PIN does not count as verified")
	}
	before := c.Stats()
	if _, err := s.Certificate(ctx); err != nil {
		t.Errorf("certificate: %v", err)
	}
	if d := c.Stats().Sub(before); d.KeyAgreements != 0 {
		t.Error("the channel was built again")
	}
}

// A selection by name keeps the channel (IAS ECC 3.3.3.1) and changes the current
// DF in it.
func TestSelectionByAnotherProgramKeepsChannel(t *testing.T) {
	for name, selection := range map[string]string{
		"IAS": "00A4040C0DA0000000308000000009816001",
		"CIE": "00A4040C06A00000000039",
	} {
		for _, counter := range []uint16{0, 0x6A88} {
			t.Run(fmt.Sprintf("%s/%X", name, counter), func(t *testing.T) {
				c := newCard(t, cardtest.Profile{Family: cardtest.STM, Forgery: cardtest.Forgery{RefuseTries: counter}})
				s := open(t, c, card.Options{})
				verify(t, s)
				sign(t, s)
				before := c.Stats()
				for what, f := range map[string]func() error{
					"sign":        func() error { _, err := s.Sign(ctx, make([]byte, 51)); return err },
					"certificate": func() error { _, err := s.Certificate(ctx); return err },
					"number":      func() error { _, err := s.DocumentNumber(ctx); return err },
					"genuine":     func() error { _, err := s.Authenticity(ctx); return err },
					"anti-clone":  func() error { _, err := s.AntiCloneSign(ctx, []byte("message")); return err },
					"tries":       func() error { _, err := s.Tries(ctx, card.PUK); return err },
					"verify":      func() error { return s.Verify(ctx, card.PIN, cardtest.DefaultPIN()) },
				} {
					transmit(t, c, selection)
					if err := f(); err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
				if d := c.Stats().Sub(before); d.KeyAgreements != 0 || d.TriesSpent != 0 {
					t.Errorf("%d key agreements, %d tries spent", d.KeyAgreements, d.TriesSpent)
				}
				transmit(t, c, selection)
				must(t, s.ChangePIN(ctx, cardtest.DefaultPIN(), freshPIN))
				transmit(t, c, selection)
				must(t, s.Unblock(ctx, cardtest.DefaultPUK(), cardtest.DefaultPIN(), card.AllowLastTry()))
			})
		}
	}
}

func TestUncertainErrorMeansCodeWasSent(t *testing.T) {
	for k, kind := range cardtest.FaultKinds() {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			first, step := positions(k)
			for at := first; ; at += step {
				c := newCard(t, cardtest.Profile{})
				sent := false
				s := open(t, c, card.Options{Trace: func(format string, args ...any) {
					sent = sent || strings.HasPrefix(fmt.Sprintf(format, args...), "> 0C200081")
				}})
				c.SetFaults(cardtest.FaultAt(at, kind))
				err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN())
				var uncertain *card.UncertainError
				if errors.As(err, &uncertain) && !sent {
					t.Errorf("at %d: %v", at, err)
				}
				if c.Commands() < at {
					break
				}
			}
		})
	}
}

// positions returns the first command to disturb and the step to the next: a third of the
// commands, with -short, as in Wine, a fifth of them, which the causes divide between
// them, and all of them in make faults.
func positions(cause int) (first, step int) {
	switch {
	case os.Getenv("FAULTS") == "all":
		return 1, 1
	case testing.Short():
		return 1 + cause%5, 5
	}
	return 1 + cause%3, 3
}

// A card that is genuine in the Store cannot return with an unknown issuer, which
// any clone can have.
func TestUnknownIssuerCannotReplaceGenuineCard(t *testing.T) {
	roots := sod.BuiltinRoots().Clone()
	must(t, roots.AddPEM(cardtest.CSCAPEM()))
	store := memStore{}
	verify(t, open(t, newCard(t, cardtest.Profile{}), card.Options{Store: store, Roots: roots}))
	// The same NIS with other keys.
	for _, forged := range []cardtest.SODForgery{cardtest.SODForeignSigner, cardtest.SODUnknownForm} {
		c := newCard(t, cardtest.Profile{KeySet: 4, Forgery: cardtest.Forgery{SOD: forged}})
		for range 2 {
			s := open(t, c, card.Options{Store: store, Roots: roots})
			for range 2 {
				if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); !errors.Is(err, card.ErrNotGenuine) {
					t.Errorf("verify: %v", err)
				}
			}
		}
		if c.Stats().Verifies != 0 {
			t.Error("a code was sent")
		}
	}
	// Another genuine card with this NIS replaces it, and then the first one again.
	for _, set := range []int{4, 0} {
		verify(t, open(t, newCard(t, cardtest.Profile{KeySet: set}), card.Options{Store: store, Roots: roots}))
	}
}

// cutOff replaces the answer to a command that the card has executed.
type cutOff struct {
	apdu.Card
	ins    byte
	answer []byte
}

func (c *cutOff) Transmit(command []byte) ([]byte, error) {
	answer, err := c.Card.Transmit(command)
	if command[1] == c.ins {
		answer = c.answer
	}
	return answer, err
}

// The end of a truncated answer can look like any status. It must not be used as
// one, which would decide the state of the PIN.
func TestTruncatedAnswerLeavesPINUnknown(t *testing.T) {
	for _, sw := range []apdu.SW{apdu.SWSMObjectMissing, apdu.SWSecurityNotSatisfied, apdu.SWTries | 1, apdu.SWBlocked} {
		for ins, f := range map[byte]func(*card.Session) error{
			0x20: func(s *card.Session) error { return s.Verify(ctx, card.PIN, cardtest.DefaultPIN()) },
			0x24: func(s *card.Session) error { return s.ChangePIN(ctx, cardtest.DefaultPIN(), freshPIN) },
			0x2C: func(s *card.Session) error { return s.Unblock(ctx, cardtest.DefaultPUK(), freshPIN) },
		} {
			conn := &cutOff{
				Card:   newCard(t, cardtest.Profile{}).Reader(),
				ins:    ins,
				answer: apdu.Response{Data: unhex(t, "990290008E08"), SW: sw}.Encode(),
			}
			s, err := card.Open(ctx, conn, card.Options{Roots: testRoots(t)})
			must(t, err)
			err = f(s)
			var uncertain *card.UncertainError
			var cut *card.InterruptedError
			if !errors.As(err, &uncertain) && (!errors.As(err, &cut) || cut.State != card.PINUnknown) {
				t.Errorf("%04X to %02X: %v", uint16(sw), ins, err)
			}
		}
	}
}

// elsewhere selects another DF before every signature under secure messaging.
type elsewhere struct{ apdu.Card }

func (c elsewhere) Transmit(command []byte) ([]byte, error) {
	if command[0] == 0x0C && command[1] == 0x88 {
		if _, err := c.Card.Transmit(append([]byte{0x00, 0xA4, 0x04, 0x0C, 0x0D},
			0xA0, 0x00, 0x00, 0x00, 0x30, 0x80, 0x00, 0x00, 0x00, 0x09, 0x81, 0x60, 0x01)); err != nil {
			return nil, err
		}
	}
	return c.Card.Transmit(command)
}

func TestRefusedServiceKeyIsUsedInClear(t *testing.T) {
	conn := &struct{ apdu.Card }{newCard(t, cardtest.Profile{Family: cardtest.STM}).Reader()}
	s, err := card.Open(ctx, conn, card.Options{Roots: testRoots(t)})
	must(t, err)
	verify(t, s)
	conn.Card = elsewhere{conn.Card}
	if a, err := s.Authenticity(ctx); err != nil || a.Level != card.Genuine {
		t.Errorf("%+v, %v", a, err)
	}
}
