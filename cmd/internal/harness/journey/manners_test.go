package journey

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"cie/card"
	"cie/card/cardtest"
)

// TestStrictCardsOfOtherManners: what chips do in different ways, beside what
// they refuse, changes nothing.
func TestStrictCardsOfOtherManners(t *testing.T) {
	for name, change := range map[string]func(*cardtest.Profile){
		"61xx without Le":    func(p *cardtest.Profile) { p.NoLeStatus = true },
		"status outside":     func(p *cardtest.Profile) { p.OuterStatus = true },
		"PIN stays verified": func(p *cardtest.Profile) { p.KeepVerified = true },
		"extended length":    func(p *cardtest.Profile) { p.Extended = true },
		"template in EF.DH":  func(p *cardtest.Profile) { p.DH = cardtest.DHTemplate },
		"no padding":         func(p *cardtest.Profile) { p.Padding = map[uint16]int{} },
		"padded files": func(p *cardtest.Profile) {
			p.Padding = map[uint16]int{0x1001: 4, 0x1002: 300, 0x1003: 300, 0x1004: 300, 0x1005: 1, 0x1006: 300, 0xD003: 3, 0xD004: 300}
		},
		"nested counters": func(p *cardtest.Profile) { p.DOCP = cardtest.DOCPNested },
		"no counters":     func(p *cardtest.Profile) { p.DOCP = cardtest.DOCPInside },
	} {
		for _, list := range []string{"none", "all", "all,docp-sm", "all,no-aid"} {
			strict, err := cardtest.ParseStrict(list)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(name+"/"+list, func(t *testing.T) {
				t.Parallel()
				for _, j := range Journeys() {
					p := cardtest.Profile{Strict: strict, Family: cardtest.Gemalto}
					change(&p)
					place := inProcess(t, p)
					place.loose = true // more GET RESPONSE than the bounds allow for
					if _, _, err := j.Twice(place); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// TestStrictCardsInPieces: answers in pieces of every size are put together,
// with either class of GET RESPONSE.
func TestStrictCardsInPieces(t *testing.T) {
	for _, strict := range []cardtest.Strict{cardtest.StrictGetResponse, cardtest.StrictAll} {
		for _, size := range []int{33, 100, 255} {
			t.Run(fmt.Sprint(strict, "/", size), func(t *testing.T) {
				t.Parallel()
				for _, j := range Journeys() {
					place := inProcess(t, cardtest.Profile{Strict: strict})
					place.loose = true
					place.Card.SetFaults(cardtest.Faults{SplitAnswers: size})
					if _, _, err := j.Twice(place); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// TestTakenChannelLeavesNoRecord: another program takes the channel between two
// operations, which is no refusal. Afterwards a contact costs what it always did.
func TestTakenChannelLeavesNoRecord(t *testing.T) {
	ctx := context.Background()
	for _, list := range []string{"none", "docp-sm", "all"} {
		strict, err := cardtest.ParseStrict(list)
		if err != nil {
			t.Fatal(err)
		}
		for name, take := range map[string]func(*testing.T, Place){
			"channel built": func(t *testing.T, p Place) { openSession(t, p, &memory{}, card.PUK) },
			"root selected": func(t *testing.T, p Place) { sendAlone(t, p, 0x00, 0xA4, 0x00, 0x00) },
			"document selected": func(t *testing.T, p Place) {
				sendAlone(t, p, 0x00, 0xA4, 0x04, 0x0C, 7, 0xA0, 0, 0, 2, 0x47, 0x10, 1)
			},
			"file read in the clear": func(t *testing.T, p Place) { sendAlone(t, p, 0x00, 0xB0, 0x81, 0x00, 0x0C) },
			"reset":                  func(t *testing.T, p Place) { p.Card.Reset() },
		} {
			t.Run(list+"/"+name, func(t *testing.T) {
				t.Parallel()
				j := Journeys()[0] // status
				usual := untroubled(t, j, strict)
				p := inProcess(t, cardtest.Profile{Strict: strict})
				p.Store = &memory{}
				for range 2 {
					if _, err := j.Contact(p); err != nil {
						t.Fatal(err)
					}
					p.Card.Reset()
				}
				s := openSession(t, p, p.Store, card.PIN)
				for range 3 {
					take(t, p)
					for _, ref := range []card.PINRef{card.PIN, card.PUK} {
						tries, err := s.Tries(ctx, ref)
						if err != nil || tries.Left >= 0 && tries.Left != ref.MaxTries() {
							t.Errorf("%v: %v, %v", ref, tries, err)
						}
					}
					take(t, p)
					if _, err := s.Sign(ctx, make([]byte, 51)); !errors.Is(err, card.ErrPINRequired) {
						t.Errorf("signature: %v", err)
					}
					take(t, p)
					if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
						t.Error(err)
					}
					if _, err := s.Sign(ctx, make([]byte, 51)); err != nil {
						t.Error(err)
					}
				}
				p.Card.Reset()
				cost, err := j.Contact(p)
				if err != nil || cost.APDUs > usual.second || cost.ChannelsLost > 0 {
					t.Errorf("then %d commands, usually %d, and %d channels lost: %v", cost.APDUs, usual.second, cost.ChannelsLost, err)
				}
			})
		}
	}
}

// openSession opens a session of its own and verifies a code in it.
func openSession(t *testing.T, p Place, store card.Store, ref card.PINRef) *card.Session {
	t.Helper()
	ctx := context.Background()
	conn, err := p.Service.Connect(p.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s, err := card.Open(ctx, conn, card.Options{Store: store, Roots: roots()})
	if err != nil {
		t.Fatal(err)
	}
	code := cardtest.DefaultPIN()
	if ref == card.PUK {
		code = cardtest.DefaultPUK()
	}
	if err := s.Verify(ctx, ref, code, card.AllowLastTry()); err != nil {
		t.Fatal(err)
	}
	return s
}

// sendAlone sends one command in a transaction of its own.
func sendAlone(t *testing.T, p Place, command ...byte) {
	t.Helper()
	conn, err := p.Service.Connect(p.Reader)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Begin(); err != nil {
		t.Fatal(err)
	}
	defer conn.End()
	if _, err := conn.Transmit(command); err != nil {
		t.Fatal(err)
	}
}
