package card_test

import (
	"errors"
	"path/filepath"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/state"
)

func markOf(t *testing.T, st *state.Store, c *cardtest.Card) state.Mark {
	t.Helper()
	r, err := st.Get(c.NIS())
	must(t, err)
	return r.Mark
}

func TestMarkChangesWhenKeptPINMayBeWrong(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	st := state.Dir(filepath.Join(t.TempDir(), "cie"))
	s := open(t, c, card.Options{State: st})
	pin, puk, fresh := cardtest.DefaultPIN(), cardtest.DefaultPUK(), []byte("28281414")
	must(t, s.Verify(ctx, card.PIN, pin))
	m, err := s.Mark()
	must(t, err)
	if again, err := s.Mark(); again != m || err != nil || !s.MarkIs(m) || s.MarkIs(state.Mark{}) {
		t.Fatalf("%x, %x, %v", again, m, err)
	}
	must(t, s.Verify(ctx, card.PIN, pin))
	must(t, s.Verify(ctx, card.PUK, puk))
	if markOf(t, st, c) != m {
		t.Error("a right code moved the mark")
	}
	for name, f := range map[string]func(){
		"wrong PIN": func() { wantPINError(t, s.Verify(ctx, card.PIN, fresh), card.PIN, 2) },
		"wrong PUK": func() { wantPINError(t, s.Verify(ctx, card.PUK, fresh), card.PUK, 9) },
		"change":    func() { must(t, s.ChangePIN(ctx, pin, fresh)); must(t, s.ChangePIN(ctx, fresh, pin)) },
		"unblock":   func() { must(t, s.Unblock(ctx, puk, pin)) },
		"reset":     func() { must(t, s.ResetTries(ctx, puk)) },
	} {
		before := markOf(t, st, c)
		f()
		if markOf(t, st, c) == before {
			t.Errorf("%s: the mark did not move", name)
		}
		must(t, s.Verify(ctx, card.PIN, pin))
		must(t, s.Verify(ctx, card.PUK, puk))
	}
}

func TestKeptPINIsSentOnlyAtItsMark(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	st := state.Dir(filepath.Join(t.TempDir(), "cie"))
	s := open(t, c, card.Options{State: st})
	pin := cardtest.DefaultPIN()
	must(t, s.Verify(ctx, card.PIN, pin))
	m, err := s.Mark()
	must(t, err)
	for range 2 { // a right one restores the mark
		must(t, s.Verify(ctx, card.PIN, pin, card.OnlyAtMark(m)))
		if markOf(t, st, c) != m {
			t.Fatal("the mark was not moved back")
		}
	}
	before := c.Stats()
	for _, other := range []state.Mark{{}, state.NewMark()} {
		if err := s.Verify(ctx, card.PIN, pin, card.OnlyAtMark(other)); !errors.Is(err, card.ErrMarkMoved) {
			t.Errorf("%v", err)
		}
	}
	if d := c.Stats().Sub(before); d.Verifies != 0 {
		t.Error("a code was sent")
	}
	// Another device changed the PIN: one try, of the first program that signs.
	wantPINError(t, s.Verify(ctx, card.PIN, []byte("28281414"), card.OnlyAtMark(m)), card.PIN, 2)
	if err := s.Verify(ctx, card.PIN, pin, card.OnlyAtMark(m)); !errors.Is(err, card.ErrMarkMoved) {
		t.Errorf("%v", err)
	}
}

// The mark changes before the code is sent, so a program that ends in between costs
// no second try.
func TestMarkChangesBeforeKeptPINIsSent(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	sent := 0
	for at := 1; at < 40; at++ {
		c.SetFaults(cardtest.Faults{})
		c.Insert()
		st := state.Memory()
		s := open(t, c, card.Options{State: st})
		must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
		m, err := s.Mark()
		must(t, err)
		before := c.Stats()
		c.SetFaults(cardtest.FaultAt(at, cardtest.RemoveAfter))
		err = s.Verify(ctx, card.PIN, cardtest.DefaultPIN(), card.OnlyAtMark(m))
		d := c.Stats().Sub(before)
		if err == nil {
			break
		}
		if moved := markOf(t, st, c) != m; moved != (d.Verifies == 1) {
			t.Errorf("fault at %d: %d codes arrived, mark moved: %v", at, d.Verifies, moved)
		}
		sent += d.Verifies
	}
	if sent == 0 {
		t.Error("no fault hit VERIFY")
	}
}

func TestRefusalWithoutCountLowersTheKnownCounter(t *testing.T) {
	c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{WrongPIN6300: true, RefuseTries: 0x6A88}})
	st := state.Memory()
	s := open(t, c, card.Options{State: st})
	pin, wrong := cardtest.DefaultPIN(), []byte("40404041")
	wantPINError(t, s.Verify(ctx, card.PIN, wrong), card.PIN, -1) // nothing was known
	must(t, s.Verify(ctx, card.PIN, pin))
	for left := 2; left >= 1; left-- {
		s = open(t, c, card.Options{State: st}) // also over sessions
		wantPINError(t, s.Verify(ctx, card.PIN, wrong), card.PIN, left)
	}
	var last *card.LastTryError
	if err := s.Verify(ctx, card.PIN, pin); !errors.As(err, &last) || last.Tries.Left != 1 {
		t.Errorf("last try: %v", err)
	}
	must(t, s.Verify(ctx, card.PIN, pin, card.AllowLastTry()))
	if n := open(t, c, card.Options{State: st}).LastTries(card.PIN).Left; n != 3 {
		t.Errorf("%d tries known after the right PIN", n)
	}
	must(t, s.Verify(ctx, card.PIN, pin)) // without another confirmation
}

func TestPUKNeedsReportedCounter(t *testing.T) {
	puk := cardtest.DefaultPUK()
	var last *card.LastTryError
	c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{RefuseTries: 0x6A88}})
	st := state.Memory()
	s := open(t, c, card.Options{State: st})
	if err := s.Verify(ctx, card.PUK, puk); !errors.As(err, &last) || last.Ref != card.PUK {
		t.Fatalf("no counter: %v", err)
	}
	if st := c.Stats(); st.Verifies != 0 {
		t.Fatal("sent")
	}
	must(t, s.Verify(ctx, card.PUK, puk, card.AllowLastTry()))
	if n := s.LastTries(card.PUK); n.Left != 10 || n.Reported {
		t.Errorf("%+v known", n)
	}
	for _, s := range []*card.Session{s, open(t, c, card.Options{State: st})} {
		if err := s.Unblock(ctx, puk, []byte("28281414")); !errors.As(err, &last) {
			t.Errorf("what was seen last counted: %v", err)
		}
	}
}

// The counter of the PIN is not read again, and an unknown one needs no consent,
// because the PUK unblocks the PIN.
func TestUnknownPINCounterNeedsNoConsent(t *testing.T) {
	c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{RefuseTries: 0x6A88}})
	for range 2 {
		must(t, open(t, c, card.Options{}).Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	}
}
