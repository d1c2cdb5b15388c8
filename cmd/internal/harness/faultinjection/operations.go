package faultinjection

import (
	"context"

	"cie/card"
	"cie/card/cardtest"
)

// The codes of the cards on trial.
var (
	firstPIN  = cardtest.DefaultPIN()
	secondPIN = []byte("28281414")
	wrongPIN  = []byte("40404041")
	puk       = cardtest.DefaultPUK()
	wrongPUK  = []byte("13131313")
)

// memory is what a card keeps without power.
type memory struct {
	PIN      string
	PINTries int
	PUKTries int
}

// other returns the one of two PINs that the card does not have, for the next change.
func (m memory) other() []byte {
	if m.PIN == string(firstPIN) {
		return secondPIN
	}
	return firstPIN
}

// Operation is a part of the life of a PIN.
type Operation struct {
	Name string
	// PINTries is what the card has left when the operation begins.
	PINTries int
	// do is the operation on a card whose memory is m.
	do func(ctx context.Context, s *card.Session, m memory) error
	// after is the memory once the card carried out the comparison of the
	// first code, and then the second command where the operation has one.
	after func(m memory, second bool) memory
	// second: the operation has a command that follows an accepted code.
	second bool
	// wrong: the code is a wrong one, and a try is spent.
	wrong bool
	// public: no code is needed.
	public bool
}

func same(m memory, _ bool) memory { return m }

// Readings are operations that only read.
func Readings() []Operation {
	return []Operation{
		{Name: "status", PINTries: 3, public: true, after: same,
			do: func(ctx context.Context, s *card.Session, _ memory) error {
				if _, err := s.Authenticity(ctx); err != nil {
					return err
				}
				_, err := s.Tries(ctx, card.PUK)
				return err
			}},
		{Name: "certificate", PINTries: 3, after: same,
			do: func(ctx context.Context, s *card.Session, m memory) error {
				if err := s.Verify(ctx, card.PIN, []byte(m.PIN)); err != nil {
					return err
				}
				if _, err := s.Certificate(ctx); err != nil {
					return err
				}
				_, err := s.Sign(ctx, make([]byte, 51))
				return err
			}},
	}
}

// Operations returns the life of a PIN: used, mistyped, changed, blocked and
// unblocked, its counter set back, and the PUK mistyped.
func Operations() []Operation {
	return []Operation{
		{Name: "login", PINTries: 3, after: same,
			do: func(ctx context.Context, s *card.Session, m memory) error {
				if err := s.Verify(ctx, card.PIN, []byte(m.PIN)); err != nil {
					return err
				}
				_, err := s.Sign(ctx, make([]byte, 51))
				return err
			}},
		{Name: "wrong PIN", PINTries: 3, wrong: true,
			do: func(ctx context.Context, s *card.Session, m memory) error {
				return s.Verify(ctx, card.PIN, wrongPIN)
			},
			after: func(m memory, _ bool) memory { m.PINTries--; return m }},
		{Name: "change", PINTries: 3, second: true,
			do: func(ctx context.Context, s *card.Session, m memory) error {
				return s.ChangePIN(ctx, []byte(m.PIN), m.other())
			},
			after: func(m memory, second bool) memory {
				if second {
					m.PIN = string(m.other())
				}
				return m
			}},
		{Name: "unblock", PINTries: 0, second: true,
			do: func(ctx context.Context, s *card.Session, m memory) error {
				return s.Unblock(ctx, puk, m.other())
			},
			after: func(m memory, second bool) memory {
				if second {
					m.PIN, m.PINTries = string(m.other()), cardtest.MaxPINTries
				}
				return m
			}},
		{Name: "reset tries", PINTries: 2, second: true,
			do: func(ctx context.Context, s *card.Session, m memory) error {
				return s.ResetTries(ctx, puk)
			},
			after: func(m memory, second bool) memory {
				if second {
					m.PINTries = cardtest.MaxPINTries
				}
				return m
			}},
		{Name: "wrong PUK", PINTries: 3, wrong: true,
			do: func(ctx context.Context, s *card.Session, m memory) error {
				return s.Unblock(ctx, wrongPUK, m.other())
			},
			after: func(m memory, _ bool) memory { m.PUKTries--; return m }},
	}
}
