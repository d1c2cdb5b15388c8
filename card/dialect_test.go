package card_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
)

// errands are tasks of users, each from Open to Close.
var errands = map[string]func(testing.TB, *card.Session){
	"status": func(t testing.TB, s *card.Session) {
		a, err := s.Authenticity(ctx)
		must(t, err)
		if a.Level != card.Genuine {
			t.Error(a)
		}
		for _, ref := range []card.PINRef{card.PIN, card.PUK} {
			_, err := s.Tries(ctx, ref)
			must(t, err)
		}
		_, err = s.SerialICC(ctx)
		must(t, err)
	},
	"verify": verify,
	"certificate": func(t testing.TB, s *card.Session) {
		verify(t, s)
		_, err := s.Certificate(ctx)
		must(t, err)
		_, err = s.DocumentNumber(ctx)
		must(t, err)
	},
	"sign": func(t testing.TB, s *card.Session) {
		verify(t, s)
		sign(t, s)
		sign(t, s)
	},
	"change": func(t testing.TB, s *card.Session) {
		must(t, s.ChangePIN(ctx, cardtest.DefaultPIN(), freshPIN))
		must(t, s.ChangePIN(ctx, freshPIN, cardtest.DefaultPIN()))
	},
	"unblock": func(t testing.TB, s *card.Session) {
		must(t, s.Unblock(ctx, cardtest.DefaultPUK(), cardtest.DefaultPIN(), card.AllowLastTry()))
	},
}

// Every errand succeeds on cards that refuse the forms that no client sends, and
// loses no channel on a known card.
func TestKnownStrictCardLosesNoChannel(t *testing.T) {
	for _, strict := range cardtest.StrictKinds() {
		for name := range errands {
			t.Run(strict.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				runErrand(t, cardtest.Profile{Strict: strict}, name)
			})
		}
	}
	for family := range families {
		for name := range errands {
			t.Run(family.String()+"/all/"+name, func(t *testing.T) {
				t.Parallel()
				runErrand(t, cardtest.Profile{Family: family, Strict: cardtest.StrictAll}, name)
			})
		}
	}
}

// runErrand does an errand three times, each time in a new session.
func runErrand(t *testing.T, p cardtest.Profile, name string) {
	c := newCard(t, p)
	store := memStore{}
	for _, contact := range []string{"first", "second", "third"} {
		c.PowerOn()
		before := c.Stats()
		s := open(t, c, card.Options{Store: store})
		errands[name](t, s)
		s.Close()
		cost := c.Stats().Sub(before)
		if contact != "first" && (cost.DeviceAuthentications > 1 || cost.ChannelsLost > 0) {
			t.Errorf("%s contact: %d device authentications, %d channels lost", contact, cost.DeviceAuthentications, cost.ChannelsLost)
		}
		if cost.TriesSpent != 0 || cost.SMFailures != 0 || cost.Resets != 0 {
			t.Errorf("%s contact: %+v", contact, cost)
		}
	}
	t.Log(dialectOf(store))
}

// dialectOf returns the records in a store other than the constants of the card.
func dialectOf(store memStore) map[string]string {
	records := map[string]string{}
	for key, value := range store {
		if strings.HasPrefix(key, "dialect ") || strings.HasPrefix(key, "root ") {
			records[key] = string(value)
		}
	}
	return records
}

// Another program selects something, or the chip answers 6F00 once, at every
// command of a first contact. Nothing is recorded, whatever the outcome.
func TestTransientRefusalLeavesNoRecord(t *testing.T) {
	kinds := []cardtest.FaultKind{cardtest.SelectOther, cardtest.SelectRoot, cardtest.SelectSame,
		cardtest.Status6F00, cardtest.Status6F00After, cardtest.ResetBefore}
	for _, family := range []cardtest.Family{cardtest.NXP, cardtest.STM} {
		for k, kind := range kinds {
			t.Run(family.String()+"/"+kind.String(), func(t *testing.T) {
				t.Parallel()
				first, step := positions(k)
				for at := first; ; at += step {
					c := newCard(t, cardtest.Profile{Family: family})
					store := memStore{}
					c.SetFaults(cardtest.FaultAt(at, kind))
					opts := card.Options{Store: store, Roots: testRoots(t)}
					if s, err := card.Open(ctx, c.Reader(), opts); err == nil {
						s.Authenticity(ctx)
						if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err == nil {
							s.Certificate(ctx)
							s.Sign(ctx, make([]byte, 51))
						}
						s.Close()
					}
					if records := dialectOf(store); len(records) > 0 {
						t.Errorf("command %d: %v", at, records)
					}
					if st := c.Stats(); st.TriesSpent != 0 {
						t.Errorf("command %d: %d tries spent", at, st.TriesSpent)
					}
					if c.Commands() < at {
						break
					}
				}
			})
		}
	}
}

// Another program ends the channel between two operations of a session.
func TestLostChannelLeavesNoRecord(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	store := memStore{}
	s := open(t, c, card.Options{Store: store})
	for _, command := range []string{"00A4000C", "00A4040C07A0000002471001", "00B081000C"} {
		for name, f := range map[string]func() error{
			"tries":  func() error { _, err := s.Tries(ctx, card.PIN); return err },
			"verify": func() error { return s.Verify(ctx, card.PIN, cardtest.DefaultPIN()) },
		} {
			transmit(t, c, command)
			must(t, f())
			if tries, err := s.Tries(ctx, card.PIN); err != nil || tries.Left != 3 {
				t.Errorf("%s after %s: %v, %v", name, command, tries, err)
			}
		}
	}
	if records := dialectOf(store); len(records) > 0 {
		t.Error(records)
	}
}

// A store with the refusals of another card costs APDUs once.
func TestDialectIsDroppedWhenItNoLongerFits(t *testing.T) {
	strict := cardtest.StrictSFIDH | cardtest.StrictGetResponse | cardtest.StrictNoMF
	store := memStore{}
	strictCard := newCard(t, cardtest.Profile{Strict: strict})
	errands["sign"](t, open(t, strictCard, card.Options{Store: store}))
	if records := dialectOf(store); len(records) != 2 {
		t.Fatal(records)
	}
	// A chip with the same NIS and ATR, and with the opposite refusals.
	c := newCard(t, cardtest.Profile{Strict: cardtest.StrictNoAID})
	errands["sign"](t, open(t, c, card.Options{Store: store}))
	for key := range dialectOf(store) {
		if strings.HasPrefix(key, "root ") {
			t.Errorf("%s is still recorded", key)
		}
	}
}

// cuts ends a file in another way. It never returns a complete first block.
type cuts struct {
	apdu.Card
	size int
}

func (c *cuts) Transmit(command []byte) ([]byte, error) {
	if len(command) == 5 && command[1] == 0xB0 && int(command[4]) > c.size {
		command = append([]byte(nil), command...)
		command[4] = byte(c.size)
	}
	return c.Card.Transmit(command)
}

// A card can return less than Ne with 9000.
func TestShortAnswersAreReadToTheEnd(t *testing.T) {
	for _, size := range []int{2, 50, 100} {
		s, err := card.Open(ctx, &cuts{newCard(t, cardtest.Profile{}).Reader(), size}, card.Options{Roots: testRoots(t)})
		if size < 12 && err != nil {
			t.Fatal(err)
		}
		must(t, err)
		a, err := s.Authenticity(ctx)
		if err != nil || a.Level != card.Genuine {
			t.Errorf("%d bytes: %+v, %v", size, a, err)
		}
	}
}

// The counter is not read in a channel with a verified code from a chip that has
// not returned one yet.
func TestVerifiedPINOutlivesUnknownCounter(t *testing.T) {
	for _, strict := range []cardtest.Strict{cardtest.StrictDOCP6982, cardtest.StrictDOCP6988, cardtest.StrictDOCPSM} {
		c := newCard(t, cardtest.Profile{Strict: strict})
		s := open(t, c, card.Options{})
		verify(t, s)
		before := c.Stats()
		for _, ref := range []card.PINRef{card.PIN, card.PUK} {
			if _, err := s.Tries(ctx, ref); err != nil {
				t.Errorf("%v: %v", strict, err)
			}
		}
		sign(t, s)
		if cost := c.Stats().Sub(before); cost.ChannelsLost != 0 || cost.KeyAgreements != 0 {
			t.Errorf("%v: %+v", strict, cost)
		}
	}
}

func TestCounterIsNotReadAfterTwoRefusals(t *testing.T) {
	for _, kind := range []cardtest.Strict{cardtest.StrictDOCP6982, cardtest.StrictDOCP6988, cardtest.StrictDOCP6A88,
		cardtest.StrictDOCP6D00, cardtest.StrictDOCPSM} {
		c := newCard(t, cardtest.Profile{Strict: kind})
		store := memStore{}
		s := open(t, c, card.Options{Store: store})
		wantPINError(t, s.Verify(ctx, card.PIN, []byte("40404041")), card.PIN, 2)
		if n := c.Stats().Refusals; n != 1 {
			t.Errorf("%v: asked %d times in one operation", kind, n)
		}
		for range 3 {
			wantTries(t, s, card.PIN, 2) // from memory
		}
		verify(t, s)
		s.Close()
		verify(t, open(t, c, card.Options{Store: store}))
		if n := c.Stats().Refusals; n > 2 {
			t.Errorf("%v: asked %d times", kind, n)
		}
	}
}

// once answers the first command that matches, instead of the card.
type once struct {
	apdu.Card
	match  func(command []byte) bool
	answer []byte
	err    error
}

func (c *once) Transmit(command []byte) ([]byte, error) {
	if c.match != nil && c.match(command) {
		c.match = nil
		return c.answer, c.err
	}
	return c.Card.Transmit(command)
}

// The record of a chip that refused once and answers later is removed.
func TestCounterIsReadAgainAfterOneRefusal(t *testing.T) {
	for _, answer := range []string{"6982", "6985", "6A88", "6F00"} {
		conn := &once{Card: newCard(t, cardtest.Profile{}).Reader(), answer: unhex(t, answer)}
		store := memStore{}
		s, err := card.Open(ctx, conn, card.Options{Store: store, Roots: testRoots(t)})
		must(t, err)
		conn.match = func(command []byte) bool { return command[0] == 0x0C && command[1] == 0xCB }
		wantTries(t, s, card.PIN, -1)
		if conn.match != nil {
			t.Fatal("the chip was not asked")
		}
		wantTries(t, s, card.PIN, 3)
		if records := dialectOf(store); len(records) > 0 {
			t.Errorf("%s: %v", answer, records)
		}
	}
}

func TestCounterIsReadAtItsOwnLevelOnly(t *testing.T) {
	for layout, want := range map[cardtest.DOCPLayout]int{cardtest.DOCPNamed: 3, cardtest.DOCPNested: 3, cardtest.DOCPInside: -1} {
		s := open(t, newCard(t, cardtest.Profile{DOCP: layout}), card.Options{})
		wantTries(t, s, card.PIN, want)
		verify(t, s)
	}
}

// If EF.DH cannot be read, the signature of the chip over the group replaces it.
func TestChipProofReplacesUnreadableEFDH(t *testing.T) {
	gone := map[uint16][]byte{0xD004: {}}
	for name, tt := range map[string]struct {
		profile cardtest.Profile
		want    card.Level
	}{
		"not there":                {cardtest.Profile{Files: gone}, card.Genuine},
		"other values":             {cardtest.Profile{Forgery: cardtest.Forgery{DHObject: true}}, card.NotGenuine},
		"and no proof":             {cardtest.Profile{Files: gone, Forgery: cardtest.Forgery{InternalAuthentication: true}}, card.NotGenuine},
		"and another key":          {cardtest.Profile{Files: gone, Forgery: cardtest.Forgery{IntKey: true}}, card.NotGenuine},
		"and issuer unknown":       {cardtest.Profile{Files: gone, Forgery: cardtest.Forgery{SOD: cardtest.SODForeignSigner}}, card.VirtualCard},
		"and a SOD without a form": {cardtest.Profile{Files: gone, Forgery: cardtest.Forgery{SOD: cardtest.SODUnknownForm}}, card.VirtualCard},
		"no form":                  {cardtest.Profile{Files: map[uint16][]byte{0xD004: unhex(t, "0403010203")}}, card.NotGenuine}, // its hash is wrong
	} {
		t.Run(name, func(t *testing.T) {
			store := memStore{}
			c := newCard(t, tt.profile)
			for range 2 { // from the card, and from the store
				s := open(t, c, card.Options{Store: store})
				a, err := s.Authenticity(ctx)
				if err != nil || a.Level != tt.want {
					t.Errorf("%+v, %v", a, err)
				}
				if tt.want == card.NotGenuine {
					continue
				}
				before := c.Stats()
				must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN(), card.AcceptUnknownIssuer()))
				sign(t, s)
				if cost := c.Stats().Sub(before); tt.want == card.Genuine && cost.KeyAgreements != 0 || cost.ChannelsLost != 0 {
					t.Errorf("%+v", cost)
				}
			}
		})
	}
}

func TestCardIsResetBeforeErrNotCIE(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	conn := &stuck{Card: c.Reader(), stuck: true}
	s, err := card.Open(ctx, conn, card.Options{Roots: testRoots(t)})
	must(t, err)
	verify(t, s)
	if conn.resets != 1 {
		t.Errorf("%d resets", conn.resets)
	}
	conn = &stuck{Card: c.Reader(), stuck: true, forever: true}
	if _, err := card.Open(ctx, conn, card.Options{}); !errors.Is(err, card.ErrNotCIE) || conn.resets != 1 {
		t.Errorf("%v after %d resets", err, conn.resets)
	}
}

// stuck refuses everything until it is reset.
type stuck struct {
	apdu.Card
	stuck, forever bool
	resets         int
}

func (c *stuck) Transmit(command []byte) ([]byte, error) {
	if c.stuck || c.forever {
		return []byte{0x69, 0x85}, nil
	}
	return c.Card.Transmit(command)
}

func (c *stuck) Reset() error {
	c.resets++
	c.stuck = false
	return c.Card.Reset()
}

// The chip stops to answer at every command without a code. The only effect is that
// a PIN is needed again.
func TestSilentChipIsResetOnce(t *testing.T) {
	for _, kind := range []cardtest.FaultKind{cardtest.MuteBefore, cardtest.MuteAfter} {
		for at := 1; ; at++ {
			c := newCard(t, cardtest.Profile{})
			code := false
			opts := card.Options{Roots: testRoots(t), Trace: func(format string, args ...any) {
				line := fmt.Sprintf(format, args...)
				code = code || strings.HasPrefix(line, "> 0C2000") && strings.Contains(line, apdu.ErrMute.Error())
			}}
			c.SetFaults(cardtest.FaultAt(at, kind))
			before := c.Stats()
			err := func() error {
				s, err := card.Open(ctx, c.Reader(), opts)
				if err != nil {
					return err
				}
				defer s.Close()
				if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
					return err
				}
				_, err = s.Sign(ctx, make([]byte, 51))
				if errors.Is(err, card.ErrPINRequired) {
					if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
						return err
					}
					_, err = s.Sign(ctx, make([]byte, 51))
				}
				return err
			}()
			cost := c.Stats().Sub(before)
			var uncertain *card.UncertainError
			switch {
			case c.Commands() < at:
				if at < 40 {
					t.Errorf("only %d commands", at)
				}
			case code:
				if !errors.As(err, &uncertain) || cost.Resets != 1 { // the first power
					t.Errorf("%v at the PIN: %v, %+v", kind, err, cost)
				}
			case err != nil || cost.Resets != 2:
				t.Errorf("%v at %d: %v, %+v", kind, at, err, cost)
			}
			if cost.TriesSpent != 0 {
				t.Errorf("%v at %d: %d tries spent", kind, at, cost.TriesSpent)
			}
			if c.Commands() < at {
				break
			}
		}
	}
}

func TestDeadChipIsNotResetTwice(t *testing.T) {
	conn := &dead{Card: newCard(t, cardtest.Profile{}).Reader()}
	if _, err := card.Open(ctx, conn, card.Options{}); !errors.Is(err, apdu.ErrMute) || conn.resets != 1 {
		t.Errorf("%v after %d resets", err, conn.resets)
	}
}

// dead never answers.
type dead struct {
	apdu.Card
	resets int
}

func (c *dead) Transmit([]byte) ([]byte, error) { return nil, apdu.ErrMute }
func (c *dead) Reset() error                    { c.resets++; return nil }
