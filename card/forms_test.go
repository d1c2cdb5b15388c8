package card_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/state"
)

// provenClear and provenSecure are the forms that clients in the field send to
// real cards, as the trace of the virtual card shows them. Under secure
// messaging it shows the plain command, Le for DO97.
var (
	provenClear = regexp.MustCompile(`^> (` + strings.Join([]string{
		`00A40000`, `00A4040C0DA0000000308000000009816001`, `00A4040C06A00000000039`, // root, DF_CIE
		`00A4020402(D003|D004|100[1-6])`, `00B081000C`, `00B0850000`, // files
		`00B0[0-7].{3}(00|[0-7].|80)`, `00B0[0-7].{3}E7`, // READ; E7 of EF.SN.ICC and in the clear
		`00CB3FFF(06|08|09|0A|0B|0C).*`, `00C00000..`, `0CC00000..`, // GET DATA, its Le is checked separately
		`002241A406800102840183`, `00880000..(.{64}|.{24})(00)?`, // anti-cloning
		`102241A6FF80019B830181918201.*`, `002241A6.*`, // key agreement
		`[01]C.*`,
	}, "|") + `)$`)
	provenSecure = regexp.MustCompile(`^# > (` + strings.Join([]string{
		`002281B6 06 800141830184( 00)?`, `[01]02A00AE .. [0-9A-F]+`, // terminal certificate
		`002281A4 0E 830C00000000[0-9A-F]{16}`, `00840000 08`, `[01]0820000 .. [0-9A-F]+`, // external authentication
		`002241A4 06 84018280019B`, `00880000 08 [0-9A-F]{16}`, // internal authentication
		`002000(81|82) 08 \*+`, `00240081 10 \*+`, `002C0281 08 \*+`, `002C0381`, // codes
		`00A40204 02 100[23]`, `00B0[0-7]... (80|00|[0-7].)`, // files; below 80 after 6Cxx
		`002241A4 06 800102840181`, `00880000 .. [0-9A-F]+`, // signature
	}, "|") + `)$`)
	getDataLe = regexp.MustCompile(`^> 00CB3FFF(..)(.*)$`)
)

// unproven returns the commands of a trace that no client in the field sends.
func unproven(trace string) (out []string) {
	for line := range strings.Lines(trace) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "# > ") && !provenSecure.MatchString(line),
			strings.HasPrefix(line, "> ") && !provenClear.MatchString(line):
			out = append(out, line)
		}
		if m := getDataLe.FindStringSubmatch(line); m != nil && len(m[2]) != 2*int(unhexByte(m[1])) {
			out = append(out, line)
		}
	}
	return out
}

func unhexByte(s string) byte {
	n := 0
	for _, c := range s {
		n = n<<4 | strings.IndexRune("0123456789ABCDEF", c)
	}
	return byte(n)
}

// Every command to a strict card in the second session and later is one that
// clients send. In the first session that is so under secure messaging, except for
// the counter.
func TestKnownStrictCardGetsProvenFormsOnly(t *testing.T) {
	for _, family := range []cardtest.Family{cardtest.NXP, cardtest.Gemalto, cardtest.STM, cardtest.Bare} {
		for name, errand := range errands {
			t.Run(family.String()+"/"+name, func(t *testing.T) {
				c := newCard(t, cardtest.Profile{Family: family, Strict: cardtest.StrictAll})
				store := memStore{}
				for contact := 1; contact <= 3; contact++ {
					c.PowerOn()
					var trace bytes.Buffer
					c.Trace(&trace)
					s := open(t, c, card.Options{Store: store})
					errand(t, s)
					s.Close()
					c.Trace(nil)
					for _, line := range unproven(trace.String()) {
						if contact > 1 || strings.HasPrefix(line, "# > ") && !strings.HasPrefix(line, "# > 00CB3FFF") {
							t.Errorf("contact %d: %s", contact, line)
						}
					}
				}
			})
		}
	}
}

// changed lets a test answer commands instead of the card.
type changed struct {
	apdu.Card
	answer func(command []byte) []byte // nil: the card answers
}

func (c *changed) Transmit(command []byte) ([]byte, error) {
	if answer := c.answer(command); answer != nil {
		return answer, nil
	}
	return c.Card.Transmit(command)
}

// A chip answers a form that is not proven with data that cannot be parsed. It gets
// the proven form.
func TestMalformedAnswerToUnprovenForm(t *testing.T) {
	sfi := func(c []byte) bool { return c[0] == 0 && c[1] == 0xB0 && c[2]&0x80 != 0 && c[2] != 0x81 }
	dataLe := func(c []byte) bool {
		return c[0] == 0 && c[1] == 0xCB && len(c) == 6+int(c[4])
	}
	for name, match := range map[string]func([]byte) bool{"SFI": sfi, "GET DATA with Le": dataLe} {
		for _, answer := range []string{"9000", "6282", "6B00", "6400", "6CFF"} {
			t.Run(name+"/"+answer, func(t *testing.T) {
				store := memStore{}
				conn := &changed{newCard(t, cardtest.Profile{}).Reader(), func(command []byte) []byte {
					if match(command) {
						return unhex(t, answer)
					}
					return nil
				}}
				s, err := card.Open(ctx, conn, card.Options{Store: store, Roots: testRoots(t)})
				must(t, err)
				a, err := s.Authenticity(ctx)
				if err != nil || a.Level != card.Genuine {
					t.Fatalf("%+v, %v", a, err)
				}
				verify(t, s)
				sign(t, s)
			})
		}
	}
}

// The MF is that of another application, from which DF_CIE cannot be selected, and
// there is no EF.DH.
func TestMFOfAnotherApplicationIsNotNeeded(t *testing.T) {
	for _, family := range []cardtest.Family{cardtest.NXP, cardtest.STM} {
		c := newCard(t, cardtest.Profile{Family: family, Strict: cardtest.StrictMFElsewhere,
			Files: map[uint16][]byte{0xD004: {}}})
		elsewhere := false
		conn := &changed{c.Reader(), func(command []byte) []byte {
			if command[0] == 0 && command[1] == 0xA4 {
				switch {
				case command[2] == 0:
					elsewhere = true
				case len(command) > 12:
					elsewhere = false
				case elsewhere && command[2] == 4:
					return []byte{0x6A, 0x82}
				}
			}
			return nil
		}}
		s, err := card.Open(ctx, conn, card.Options{Roots: testRoots(t)})
		must(t, err)
		a, err := s.Authenticity(ctx)
		if err != nil || a.Level != card.Genuine {
			t.Errorf("%v: %+v, %v", family, a, err)
		}
		verify(t, s)
		sign(t, s)
	}
}

// A record of CLA 0C for a chip that refuses it costs one channel at most.
func TestWrongClassOfGetResponseIsRemoved(t *testing.T) {
	for _, status := range []string{"6E00", "6987", "6985", "6D00", "6A86"} {
		c := newCard(t, cardtest.Profile{})
		store := memStore{}
		known := open(t, c, card.Options{Store: store})
		verify(t, known)
		known.Close()
		store["dialect "+known.NIS()] = []byte(`{"Version":1,"SecureGetResponse":true}`)
		conn := &changed{c.Reader(), func(command []byte) []byte {
			if command[0] == 0x0C && command[1] == 0xC0 {
				return unhex(t, status)
			}
			return nil
		}}
		s, err := card.Open(ctx, conn, card.Options{Store: store, Roots: testRoots(t)})
		must(t, err)
		if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); err != nil {
			t.Errorf("%s: %v", status, err)
			continue
		}
		sign(t, s)
		if records := dialectOf(store); len(records) > 0 {
			t.Errorf("%s: %v", status, records)
		}
	}
}

// On a chip that returns no counter, an open session reads from the state that
// another one has spent tries.
func TestCounterOfAnotherSessionCounts(t *testing.T) {
	c := newCard(t, cardtest.Profile{Strict: cardtest.StrictDOCP6D00})
	opts := card.Options{Store: memStore{}, State: state.Memory()}
	first := open(t, c, opts)
	verify(t, first)
	wrong := []byte("40404041")
	second := open(t, c, opts)
	wantPINError(t, second.Verify(ctx, card.PIN, wrong), card.PIN, 2)
	wantPINError(t, second.Verify(ctx, card.PIN, wrong), card.PIN, 1)
	var last *card.LastTryError
	if err := first.Verify(ctx, card.PIN, wrong); !errors.As(err, &last) {
		t.Errorf("the last try was spent: %v", err)
	}
	wantTries(t, first, card.PIN, 1)
}

// No device authentication is done for a remembered counter.
func TestNoChannelIsBuiltForUnreadCounter(t *testing.T) {
	for _, strict := range []cardtest.Strict{cardtest.StrictDOCP6982, cardtest.StrictDOCPSM} {
		c := newCard(t, cardtest.Profile{Strict: strict})
		store := memStore{}
		opts := card.Options{Store: store, State: state.Memory()}
		for range 3 {
			verify(t, open(t, c, opts))
			c.PowerOn()
		}
		s := open(t, c, opts)
		before := c.Stats()
		wantTries(t, s, card.PIN, 3)
		if cost := c.Stats().Sub(before); cost.APDUs != 0 {
			t.Errorf("%v: %+v", strict, cost)
		}
	}
}
