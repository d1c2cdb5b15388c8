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

// Operation is what a user does with a card.
type Operation struct {
	Name string
	// PINTries is what the card has left when the operation begins.
	PINTries int
	// begin is what comes before, and is not disturbed; nil: nothing.
	begin func(ctx context.Context, u *use, m memory) error
	// do is the operation on a card whose memory is m.
	do func(ctx context.Context, u *use, m memory) error
	// goOn is what the same program does when the cause is gone, and must be able to
	// do; nil: nothing.
	goOn func(ctx context.Context, u *use, m memory) error
	// after is the memory once the card carried out the comparison of the
	// first code, and then the second command where the operation has one.
	after func(m memory, second bool) memory
	// second: the operation has a command that follows an accepted code.
	second bool
	// wrong: the code is a wrong one, and a try is spent.
	wrong bool
	// public: no code is needed.
	public bool
	// login: the module keeps the PIN, and may present it again.
	login bool
	// loggedIn: the code was presented before.
	loggedIn bool
}

// session returns what opens the card for an operation of package card.
func session(do func(ctx context.Context, s *card.Session, m memory) error) func(context.Context, *use, memory) error {
	return func(ctx context.Context, u *use, m memory) error {
		s, err := u.trial.open(ctx, u.options)
		if err != nil {
			return err
		}
		defer s.Close()
		return do(ctx, s, m)
	}
}

// verified returns the operation that begins with the PIN.
func verified(do func(ctx context.Context, s *card.Session) error) func(context.Context, *use, memory) error {
	return session(func(ctx context.Context, s *card.Session, m memory) error {
		if err := s.Verify(ctx, card.PIN, []byte(m.PIN)); err != nil {
			return err
		}
		return do(ctx, s)
	})
}

func same(m memory, _ bool) memory { return m }

// Operations returns what users do: with the card, the life of a PIN, which is used,
// mistyped, changed, blocked and unblocked, its counter set back, and the PUK mistyped;
// with the module of a browser; and with a batch of documents.
func Operations() []Operation {
	return []Operation{
		{Name: "status", PINTries: 3, public: true, after: same,
			do: session(func(ctx context.Context, s *card.Session, _ memory) error {
				if _, err := s.Authenticity(ctx); err != nil {
					return err
				}
				_, err := s.Tries(ctx, card.PUK)
				return err
			})},
		{Name: "verify", PINTries: 3, after: same,
			do: verified(func(context.Context, *card.Session) error { return nil })},
		{Name: "wrong PIN", PINTries: 3, wrong: true,
			do: session(func(ctx context.Context, s *card.Session, m memory) error {
				return s.Verify(ctx, card.PIN, wrongPIN)
			}),
			after: func(m memory, _ bool) memory { m.PINTries--; return m }},
		{Name: "change", PINTries: 3, second: true,
			do: session(func(ctx context.Context, s *card.Session, m memory) error {
				return s.ChangePIN(ctx, []byte(m.PIN), m.other())
			}),
			after: func(m memory, second bool) memory {
				if second {
					m.PIN = string(m.other())
				}
				return m
			}},
		{Name: "unblock", PINTries: 0, second: true,
			do: session(func(ctx context.Context, s *card.Session, m memory) error {
				return s.Unblock(ctx, puk, m.other())
			}),
			after: func(m memory, second bool) memory {
				if second {
					m.PIN, m.PINTries = string(m.other()), cardtest.MaxPINTries
				}
				return m
			}},
		{Name: "reset tries", PINTries: 2, second: true,
			do: session(func(ctx context.Context, s *card.Session, m memory) error {
				return s.ResetTries(ctx, puk)
			}),
			after: func(m memory, second bool) memory {
				if second {
					m.PINTries = cardtest.MaxPINTries
				}
				return m
			}},
		{Name: "wrong PUK", PINTries: 3, wrong: true,
			do: session(func(ctx context.Context, s *card.Session, m memory) error {
				return s.Unblock(ctx, wrongPUK, m.other())
			}),
			after: func(m memory, _ bool) memory { m.PUKTries--; return m }},
		{Name: "certificate", PINTries: 3, after: same,
			do: verified(func(ctx context.Context, s *card.Session) error {
				_, err := s.Certificate(ctx)
				return err
			})},
		{Name: "sign", PINTries: 3, after: same,
			do: verified(func(ctx context.Context, s *card.Session) error {
				_, err := s.Sign(ctx, make([]byte, 51))
				return err
			})},
		{Name: "module login", PINTries: 3, after: same, login: true, do: moduleLogin, goOn: moduleGoesOn},
		{Name: "module signature", PINTries: 3, after: same, login: true, loggedIn: true,
			begin: moduleLoggedIn, do: moduleSignatures, goOn: moduleGoesOn},
		{Name: documentBatch, PINTries: 3, after: same, do: signDocuments},
	}
}
