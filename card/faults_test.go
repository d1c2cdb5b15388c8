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

// Answers come in pieces of every size.
func TestSplitAnswersAreJoined(t *testing.T) {
	for _, size := range []int{20, 33, 100, 255} {
		c := newCard(t, cardtest.Profile{})
		c.SetFaults(cardtest.Faults{SplitAnswers: size})
		s := open(t, c, card.Options{})
		if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
			t.Errorf("pieces of %d bytes: PIN: %v", size, err)
		}
		if _, err := s.Certificate(ctx); err != nil {
			t.Errorf("pieces of %d bytes: certificate: %v", size, err)
		}
		if _, err := s.Sign(ctx, make([]byte, 51)); err != nil {
			t.Errorf("pieces of %d bytes: signature: %v", size, err)
		}
		if _, err := s.Authenticity(ctx); err != nil {
			t.Errorf("pieces of %d bytes: authenticity: %v", size, err)
		}
		wantTries(t, s, card.PUK, 10)
	}
}

// Another program uses the card between two operations. Operations without a code
// succeed; the others return ErrPINRequired.
func TestOperationsSurviveOtherPrograms(t *testing.T) {
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

func TestExchangedCardGetsNoCode(t *testing.T) {
	chosen := newCard(t, cardtest.Profile{})
	other := newCard(t, cardtest.Profile{NIS: "999900000002"})
	conn := &swapped{Card: chosen.Reader()}
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

// swapped is a connection whose card changes, and which reports a reset only.
type swapped struct {
	apdu.Card
	reset bool
}

func (s *swapped) swap(to apdu.Card) { s.Card, s.reset = to, true }

func (s *swapped) Begin() (bool, error) {
	reset, err := s.Card.Begin()
	reset, s.reset = reset || s.reset, false
	return reset, err
}

func TestUselessStoreCostsOnlySpeed(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	good := memStore{}
	verify(t, open(t, c, card.Options{Store: good}))
	key := c.NIS()
	foreign := memStore{}
	otherCard := newCard(t, cardtest.Profile{NIS: "999900000002"})
	verify(t, open(t, otherCard, card.Options{Store: foreign}))
	// The same NIS on another chip: a new card, or a forged cache with another
	// issuer.
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

// One session is used from many goroutines, and two sessions like two programs:
// every signature is right.
func TestConcurrentUseSpendsNoTry(t *testing.T) {
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
