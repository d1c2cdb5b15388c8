package card_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
)

var freshPIN = []byte("28281414")

// scenario is an operation into which every fault is thrown at every command.
type scenario struct {
	name string
	do   func(*card.Session) error
	// maxVerifies and maxSpent bound what the card may be asked, whatever
	// goes wrong: one comparison per code a person gave, and no try spent
	// unless the code was wrong.
	maxVerifies, maxSpent int
	changesPIN            bool
}

var scenarios = []scenario{
	{name: "login", maxVerifies: 1, do: func(s *card.Session) error {
		if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
			return err
		}
		if _, err := s.Certificate(ctx); err != nil {
			return err
		}
		_, err := s.Sign(ctx, make([]byte, 51))
		return err
	}},
	{name: "wrong PIN", maxVerifies: 1, maxSpent: 1, do: func(s *card.Session) error {
		return s.Verify(ctx, card.PIN, []byte("40404041"))
	}},
	{name: "change", maxVerifies: 1, changesPIN: true, do: func(s *card.Session) error {
		return s.ChangePIN(ctx, cardtest.DefaultPIN(), freshPIN)
	}},
	{name: "unblock", maxVerifies: 1, changesPIN: true, do: func(s *card.Session) error {
		return s.Unblock(ctx, cardtest.DefaultPUK(), freshPIN)
	}},
	{name: "status", do: func(s *card.Session) error {
		if _, err := s.Authenticity(ctx); err != nil {
			return err
		}
		_, err := s.Tries(ctx, card.PUK)
		return err
	}},
}

// TestFaults throws every fault into every operation at every command, on a
// card never seen and on a known one: no panic, no hang, no code compared
// twice, no try lost or won, an error that says truly which PIN holds, and a
// card that works again once it lies still.
func TestFaults(t *testing.T) {
	kinds := cardtest.FaultKinds()
	if testing.Short() {
		kinds = []cardtest.FaultKind{cardtest.RemoveBefore, cardtest.RemoveAfter, cardtest.WrongMAC}
	}
	for _, family := range []cardtest.Family{cardtest.NXP, cardtest.Gemalto, cardtest.Unknown} {
		for _, known := range []bool{false, true} {
			for i, sc := range scenarios {
				// What is read of a card never seen, and what happens once the
				// channel stands, hardly depends on the family.
				if family != cardtest.NXP && (!known || i%3 != 0) {
					continue
				}
				t.Run(fmt.Sprintf("%v/known=%v/%s", family, known, sc.name), func(t *testing.T) {
					t.Parallel()
					store := memStore{}
					if known {
						s := open(t, newCard(t, cardtest.Profile{Family: family}), card.Options{Store: store})
						_, err := s.Tries(ctx, card.PIN)
						must(t, err)
					}
					positions := sc.try(t, family, store, cardtest.Faults{}, false)
					if positions < 15 {
						t.Fatalf("only %d commands", positions)
					}
					if !known {
						// From the key exchange on a known card does the same.
						positions = min(positions, 34)
					}
					for _, kind := range kinds {
						for at := 1; at <= positions; at++ {
							sc.try(t, family, store, cardtest.FaultAt(at, kind), true)
						}
					}
				})
			}
		}
	}
}

// try does the scenario on a fresh card with the faults and judges the
// outcome. It returns the number of commands.
func (sc scenario) try(t *testing.T, family cardtest.Family, stored memStore, faults cardtest.Faults, faulty bool) int {
	t.Helper()
	store := memStore{}
	for k, v := range stored {
		store[k] = v
	}
	name := "no fault"
	if faulty {
		name = fmt.Sprintf("%v at %d", faults.Events[0].Kind, faults.Events[0].At)
	}
	c := newCard(t, cardtest.Profile{Family: family})
	c.SetFaults(faults)
	before := c.Stats()
	s, err := card.Open(ctx, c.Reader(), card.Options{Roots: testRoots(t), Store: store})
	if err == nil {
		err = sc.do(s)
	}
	commands := c.Commands()
	cost := c.Stats().Sub(before)
	if !faulty && sc.maxSpent == 0 && err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if cost.Verifies > sc.maxVerifies || cost.Changes > 1 || cost.Unblocks > 1 {
		t.Errorf("%s: %d codes compared, %d changes, %d resets of the counter", name, cost.Verifies, cost.Changes, cost.Unblocks)
	}
	if cost.TriesSpent > sc.maxSpent {
		t.Errorf("%s: %d tries spent", name, cost.TriesSpent)
	}
	// The outcome that was reported must be the true one.
	var wrong *card.PINError
	if errors.As(err, &wrong) && cost.TriesSpent == 0 {
		t.Errorf("%s: reported %v, but no try was spent", name, err)
	}
	if errors.Is(err, card.ErrNotGenuine) && !lying(faults) {
		t.Errorf("%s: a genuine card was called not genuine: %v", name, err)
	}

	// Put back and left alone, the card works, with the PIN that the error
	// says. Where no code was compared every seventh position is enough.
	if cost.Verifies == 0 && commands%7 != 0 {
		return commands
	}
	c.SetFaults(cardtest.Faults{})
	c.Insert()
	c.Reset()
	again, err2 := card.Open(ctx, c.Reader(), card.Options{Roots: testRoots(t), Store: store})
	if err2 != nil {
		t.Fatalf("%s: opening again: %v", name, err2)
	}
	tries, err2 := again.Tries(ctx, card.PIN)
	if err2 != nil || tries.Left != 3-cost.TriesSpent {
		t.Errorf("%s: then %v tries, %v; %d were spent", name, tries, err2, cost.TriesSpent)
	}
	for _, pin := range sc.holding(err) {
		err2 = again.Verify(ctx, card.PIN, pin)
		if err2 == nil {
			break
		}
	}
	if err2 != nil {
		t.Errorf("%s: reported %v; then the PIN: %v", name, err, err2)
	}
	return commands
}

// holding returns the PINs of which one must hold after the scenario ended
// with err.
func (sc scenario) holding(err error) [][]byte {
	old := cardtest.DefaultPIN()
	if !sc.changesPIN {
		return [][]byte{old}
	}
	var cut *card.InterruptedError
	switch {
	case err == nil:
		return [][]byte{freshPIN}
	case errors.As(err, &cut) && cut.State == card.PINUnknown:
		return [][]byte{old, freshPIN}
	default:
		return [][]byte{old}
	}
}

// lying reports whether a fault changes what the card says, which can look
// like a forgery.
func lying(f cardtest.Faults) bool {
	for _, e := range f.Events {
		switch e.Kind {
		case cardtest.FlipBit, cardtest.TruncateData, cardtest.Truncate:
			return true
		}
	}
	return false
}

// TestSplitAnswers: answers in pieces of every size change nothing.
func TestSplitAnswers(t *testing.T) {
	for _, size := range []int{20, 33, 100, 255} {
		c := newCard(t, cardtest.Profile{})
		c.SetFaults(cardtest.Faults{SplitAnswers: size})
		s := open(t, c, card.Options{})
		for _, sc := range scenarios {
			if sc.maxSpent > 0 || sc.changesPIN {
				continue
			}
			if err := sc.do(s); err != nil {
				t.Errorf("pieces of %d bytes: %s: %v", size, sc.name, err)
			}
		}
	}
}

// TestOtherPrograms: between two operations another program may do anything.
// What needs no code goes on; what needs one says that it is needed again.
func TestOtherPrograms(t *testing.T) {
	interferences := map[string]func(testing.TB, *cardtest.Card){
		"reset": func(t testing.TB, c *cardtest.Card) { must(t, c.Reader().Reset()) },
		"selects the travel document": func(t testing.TB, c *cardtest.Card) {
			transmit(t, c, "00A4040C07A0000002471001")
		},
		"selects the root":   func(t testing.TB, c *cardtest.Card) { transmit(t, c, "00A4000C") },
		"reads in the clear": func(t testing.TB, c *cardtest.Card) { transmit(t, c, "00B081000C") },
	}
	for name, interfere := range interferences {
		t.Run(name, func(t *testing.T) {
			c := newCard(t, cardtest.Profile{})
			s := open(t, c, card.Options{})
			interfere(t, c)
			a, err := s.Authenticity(ctx)
			if err != nil || a.Level != card.Genuine {
				t.Fatalf("authenticity: %+v, %v", a, err)
			}
			interfere(t, c)
			wantTries(t, s, card.PIN, 3)
			interfere(t, c)
			wantTries(t, s, card.PUK, 10)
			interfere(t, c)
			verify(t, s)
			before := c.Stats()
			interfere(t, c)
			if _, err := s.Sign(ctx, make([]byte, 51)); !errors.Is(err, card.ErrPINRequired) {
				t.Errorf("signature: %v", err)
			}
			if s.Verified(card.PIN) {
				t.Error("the PIN still counts as verified")
			}
			if _, err := s.Certificate(ctx); !errors.Is(err, card.ErrPINRequired) {
				t.Errorf("certificate: %v", err)
			}
			if d := c.Stats().Sub(before); d.Verifies != 0 {
				t.Error("the PIN was sent again")
			}
			verify(t, s)
			sign(t, s)
			interfere(t, c)
			must(t, s.ChangePIN(ctx, cardtest.DefaultPIN(), freshPIN))
			if st := c.Stats(); st.TriesSpent != 0 {
				t.Errorf("%d tries spent", st.TriesSpent)
			}
		})
	}
}

func transmit(t testing.TB, c *cardtest.Card, command string) {
	t.Helper()
	r := c.Reader()
	defer r.Close()
	if _, err := r.Begin(); err != nil {
		t.Fatal(err)
	}
	defer r.End()
	if _, err := r.Transmit(unhex(t, command)); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var b []byte
	if _, err := fmt.Sscanf(s, "%x", &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAnotherCard: a card put on the reader in place of the one that was
// opened never gets a code.
func TestAnotherCard(t *testing.T) {
	chosen := newCard(t, cardtest.Profile{})
	other := newCard(t, cardtest.Profile{NIS: "999900000002"})
	conn := &swapped{Conn: chosen.Reader()}
	s, err := card.Open(ctx, conn, card.Options{Roots: testRoots(t)})
	must(t, err)
	must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
	conn.swap(other.Reader())
	if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); !errors.Is(err, apdu.ErrRemoved) {
		t.Errorf("verify: %v", err)
	}
	if err := s.Unblock(ctx, cardtest.DefaultPUK(), freshPIN); !errors.Is(err, apdu.ErrRemoved) {
		t.Errorf("unblock: %v", err)
	}
	if st := other.Stats(); st.Verifies != 0 {
		t.Error("a code was sent to the other card")
	}
}

// swapped is a connection behind which the card changes unnoticed: only a
// reset is reported.
type swapped struct {
	card.Conn
	reset bool
}

func (s *swapped) swap(to card.Conn) { s.Conn, s.reset = to, true }

func (s *swapped) Begin() (bool, error) {
	reset, err := s.Conn.Begin()
	reset, s.reset = reset || s.reset, false
	return reset, err
}

// TestStoreOfNoUse: whatever a store holds, it costs speed only.
func TestStoreOfNoUse(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	good := memStore{}
	verify(t, open(t, c, card.Options{Store: good}))
	key := c.NIS()
	foreign := memStore{}
	otherCard := newCard(t, cardtest.Profile{NIS: "999900000002"})
	verify(t, open(t, otherCard, card.Options{Store: foreign}))
	// The same NIS on another chip: a card made anew, or a cache put there by
	// somebody who has an issuer of his own.
	sameNIS := memStore{}
	verify(t, open(t, newCard(t, cardtest.Profile{KeySet: 4}), card.Options{Store: sameNIS}))
	contents := map[string][]byte{
		"nothing":      nil,
		"no JSON":      []byte("{"),
		"empty JSON":   []byte("{}"),
		"other card":   foreign[otherCard.NIS()],
		"other chip":   sameNIS[key],
		"cut":          good[key][:len(good[key])/2],
		"future":       []byte(`{"Version":99}`),
		"wrong counts": append([]byte(`{"LastTries":{"129":{"Left":-7,"Max":3}},`), good[key][1:]...),
	}
	for name, content := range contents {
		c.Reset()
		s := open(t, c, card.Options{Store: memStore{key: content}})
		if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range good[key] {
		if i%97 != 0 {
			continue
		}
		bad := append([]byte(nil), good[key]...)
		bad[i] ^= 0x01
		c.Reset()
		s := open(t, c, card.Options{Store: memStore{key: bad}})
		if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	s := open(t, c, card.Options{Store: noStore{}})
	verify(t, s)
}

// noStore cannot be read or written.
type noStore struct{}

func (noStore) Load(string) ([]byte, error) { return nil, errors.New("no disk") }
func (noStore) Save(string, []byte) error   { return errors.New("no disk") }
func (noStore) Delete(string) error         { return errors.New("no disk") }

// TestConcurrent uses one session from many goroutines, and two sessions as
// two programs: every signature is right and no try is spent.
func TestConcurrent(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	roots := testRoots(t)
	var wg sync.WaitGroup
	for range 2 {
		s := open(t, c, card.Options{Roots: roots})
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 5 {
					_, err := s.Sign(ctx, make([]byte, 51))
					for errors.Is(err, card.ErrPINRequired) {
						if err = s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err == nil {
							_, err = s.Sign(ctx, make([]byte, 51))
						}
					}
					if err != nil {
						t.Error(err)
					}
				}
			}()
		}
	}
	wg.Wait()
	if st := c.Stats(); st.TriesSpent != 0 {
		t.Errorf("%d tries spent", st.TriesSpent)
	}
}
