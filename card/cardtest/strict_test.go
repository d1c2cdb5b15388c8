package cardtest_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cie/card/cardtest"
)

func TestStrictNamesRoundTrip(t *testing.T) {
	for _, k := range cardtest.StrictKinds() {
		back, err := cardtest.ParseStrict(k.String())
		if err != nil || back != k || strings.Contains(k.String(), ",") {
			t.Errorf("%v: parsed to %v, %v", k, back, err)
		}
	}
	parse := func(list string) cardtest.Strict {
		s, err := cardtest.ParseStrict(list)
		if err != nil {
			t.Errorf("%s: %v", list, err)
		}
		return s
	}
	for list, want := range map[string]cardtest.Strict{
		"none":             0,
		"all":              cardtest.StrictAll,
		"ALL":              cardtest.StrictAll,
		"sfi-dh,SFI-CLEAR": cardtest.StrictSFIDH | cardtest.StrictSFIClear,
		"all,no-aid":       cardtest.StrictAll&^cardtest.StrictMFElsewhere | cardtest.StrictNoAID,
		"docp-6d00,all":    cardtest.StrictAll&^cardtest.StrictDOCP6982 | cardtest.StrictDOCP6D00,
	} {
		if got := parse(list); got != want || parse(got.String()) != want {
			t.Errorf("%s: %v, want %v", list, got, want)
		}
	}
	for _, list := range []string{"", "sfi", "sfi-dh,", "none,all", "no-mf,no-aid", "no-mf,mf-elsewhere", "all,no-mf,no-aid",
		"docp-sm,docp-6982", "eof-empty,eof-6B00"} {
		if s, err := cardtest.ParseStrict(list); err == nil {
			t.Errorf("%q: parsed to %v", list, s)
		}
	}
	if err := cardtest.StrictAll.Check(); err != nil {
		t.Error(err)
	}
	for _, s := range []cardtest.Strict{1 << 30, cardtest.StrictNoMF | cardtest.StrictNoAID} {
		if _, err := cardtest.New(cardtest.Profile{Strict: s}); err == nil {
			t.Errorf("a card was made with %#x", uint32(s))
		}
	}
}

// For each kind: the forms refused in the clear, and the proven form that is accepted.
func TestStrictRefusesInClear(t *testing.T) {
	const (
		enter   = "00A4040C06A00000000039 -> 9000"
		byAID   = "00A4040C0DA0000000308000000009816001"
		mf      = "00A40000"
		serial  = "5A0A8025009999000000011F"
		nis     = "393939393030303030303031"
		extRoot = "00CB3FFF0B4D097007BFA004037F4980"
	)
	for kind, steps := range map[cardtest.Strict][]string{
		cardtest.StrictSFIClear: {
			"00B09B0004 -> 6A82", enter, "00B081000C -> " + nis + "9000", "00B0840004 -> 6A82", "00B0860004 -> 6A82",
			"00B0820009 -> 6A82", "00B10004045402000006 -> 6A82",
			"00B0850004 -> 3082010A9000", "00B10006045402000003 -> 5301779000",
			"00A4020402100400 -> 62*", "00B0000004 -> 3082010A9000", "00A40204021006 -> 9000", "00B0000001 -> 779000"},
		cardtest.StrictSFIDH: {
			"00B09B0004 -> 6A82", "00B1001B045402000006 -> 6A82", "00B09D0001 -> 439000",
			"00A4020402D004 -> 9000", "00B0000004 -> 3082022C9000", enter, "00B0840004 -> 3082010A9000"},
		cardtest.StrictDataLe: {
			enter, extRoot + "00 -> 6700", extRoot + " -> 6100", "00C0000000 -> 7082*",
			"00CB3FFF0C4D0A7008BFA10104A3029700 -> 6100"},
		cardtest.StrictEOFEmpty: {
			"00A4020402D003 -> 9000", "00B0000080 -> " + serial + "9000", "00B0000C80 -> 9000", "00B0001080 -> 9000",
			"00B000000C -> " + serial + "9000", "00B10000045402000C10 -> 9000", "00B10000045402000010 -> 530C" + serial + "9000"},
		cardtest.StrictEOF6B00: {
			"00A4020402D003 -> 9000", "00B0000080 -> " + serial + "9000", "00B0000C80 -> 6B00", "00B000000C -> " + serial + "9000"},
		cardtest.StrictEOF6Cxx: {
			"00A4020402D003 -> 9000", "00B0000080 -> 6C0C", "00B0000000 -> 6C0C", "00B000000C -> " + serial + "9000",
			"00B0000410 -> 6C08", "00B0000C80 -> 6B00", "00B10000045402000010 -> 6C0E", "00B1000004540200000E -> 530C" + serial + "9000",
			enter, "00B081000C -> " + nis + "9000"},
		cardtest.StrictNoMF: {
			mf + " -> 6A82", "00A40000023F00 -> 6A82", byAID + " -> 9000", "00A4020402D003 -> 9000", enter, byAID + " -> 9000",
			"00A4020402D004 -> 9000"},
		cardtest.StrictNoAID: {
			byAID + " -> 6A82", mf + " -> 9000", "00A4020402D003 -> 9000", enter, mf + " -> 9000", "00A4020402D004 -> 9000"},
		cardtest.StrictMFElsewhere: {
			"00A4020402D003 -> 6A82", mf + " -> 9000", "00A4020402D003 -> 6A82", "00A4020402D004 -> 6A82", "00B09B0004 -> 6A82",
			byAID + " -> 9000", "00A4020402D003 -> 9000", "00A4020402D004 -> 9000", "00B0000004 -> 3082022C9000",
			mf + " -> 9000", enter, "00B081000C -> " + nis + "9000"},
	} {
		for _, f := range []cardtest.Family{cardtest.NXP, cardtest.STM} {
			t.Run(fmt.Sprint(kind, "/", f), func(t *testing.T) {
				c, _ := newCard(t, cardtest.Profile{Family: f, Strict: kind})
				exchange(t, c, steps...)
			})
		}
	}
}

// A refused GET DATA does not change the key agreement, so that the proven form can follow.
func TestStrictDataLeInKeyAgreement(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{Strict: cardtest.StrictDataLe})
	c.enterCIE()
	puk := tlvOf([]byte{0x91}, append(make([]byte, 255), 2))
	c.must(0x9000, 0x22, 0x41, 0xA6, append([]byte{0x80, 1, 0x9B, 0x83, 1, 0x81}, puk...), -1)
	exchange(t, card, "00CB3FFF064D04A602910000 -> 6700", "00CB3FFF064D04A6029100 -> 6100", "00C0000000 -> A6820104*")
}

// refusedForm is a command under secure messaging.
type refusedForm struct {
	ins, p1, p2 byte
	data        []byte
	le          int
}

// proofForm is INTERNAL AUTHENTICATE with the key of the last MSE SET.
func proofForm(le int) refusedForm { return refusedForm{0x88, 0, 0, []byte("to be signed"), le} }

func counterForm(ref byte) refusedForm {
	return refusedForm{0xCB, 0x3F, 0xFF, []byte{0x4D, 8, 0x70, 6, 0xBF, 0x81, ref, 2, 0xA0, 0x80}, 0}
}

// A form refused under secure messaging gets a status in the clear and ends the channel and
// the validity of the PIN. The proven form of the same step works in a new channel.
func TestStrictRefusalEndsChannel(t *testing.T) {
	select1003 := func(c *client) { c.must(0x9000, 0xA4, 2, 4, []byte{0x10, 0x03}, -1) }
	chooseKey := func(c *client) { c.must(0x9000, 0x22, 0x41, 0xA4, []byte{0x80, 1, 2, 0x84, 1, 0x81}, -1) }
	nothing := func(*client) {}
	for _, test := range []struct {
		kind    cardtest.Strict
		before  func(*client)
		refused []refusedForm
		status  string
		proven  []refusedForm
	}{
		{cardtest.StrictSFISM, select1003,
			[]refusedForm{{0xB0, 0x83, 0, nil, 0x80}, {0xB0, 0x81, 0, nil, 0x0C}, {0xB1, 0, 3, []byte{0x54, 2, 0, 0}, 0x80}}, "6A82",
			[]refusedForm{{0xB0, 0, 0, nil, 0x80}, {0xB0, 1, 0, nil, 0}}},
		{cardtest.StrictReadLe, select1003,
			[]refusedForm{{0xB0, 0, 0, nil, 0x81}, {0xB0, 0, 0, nil, 0xE7}, {0xB0, 0, 0, nil, 0xFF}, {0xB0, 0x83, 0, nil, 0xE7},
				{0xB1, 0, 0, []byte{0x54, 2, 0, 0}, 0xE7}}, "6700",
			[]refusedForm{{0xB0, 0, 0, nil, 0x80}, {0xB0, 0, 0, nil, 1}, {0xB0, 0, 0, nil, 0}}},
		{cardtest.StrictSignLe, chooseKey, []refusedForm{proofForm(0), proofForm(0x80)}, "6700", []refusedForm{proofForm(-1)}},
		{cardtest.StrictDOCP6982, nothing, []refusedForm{counterForm(1), counterForm(2)}, "6982", nil},
		{cardtest.StrictDOCP6988, nothing, []refusedForm{counterForm(1), counterForm(2)}, "6988", nil},
		{cardtest.StrictDOCP6A88, nothing, []refusedForm{counterForm(1), counterForm(2)}, "6A88", nil},
		{cardtest.StrictDOCP6D00, nothing, []refusedForm{counterForm(1), counterForm(2)}, "6D00", nil},
	} {
		for i, form := range test.refused {
			t.Run(fmt.Sprintf("%v/%d", test.kind, i), func(t *testing.T) {
				t.Parallel()
				card, c := newCard(t, cardtest.Profile{Strict: test.kind})
				c.authenticate()
				c.verify(0x9000, 0x81, cardtest.DefaultPIN())
				test.before(c)
				if got := fmt.Sprintf("%X", c.send(c.wrap(0, form.ins, form.p1, form.p2, form.data, form.le))); got != test.status {
					t.Errorf("answer %s, want %s", got, test.status)
				}
				if got := fmt.Sprintf("%X", c.send(c.wrap(0, 0x84, 0, 0, nil, 8))); got != "6985" {
					t.Errorf("afterwards %s: the channel is not lost", got)
				}
				if st := card.Stats(); st.Refusals != 1 || st.ChannelsLost != 1 {
					t.Errorf("%d refusals, %d channels lost", st.Refusals, st.ChannelsLost)
				}
				c.authenticate()
				c.must(0x6982, 0x24, 0, 0x81, append(cardtest.DefaultPIN(), wrongCode()...), -1)
				c.verify(0x9000, 0x81, cardtest.DefaultPIN())
				test.before(c)
				for _, p := range test.proven {
					c.must(0x9000, p.ins, p.p1, p.p2, p.data, p.le)
				}
				if st := card.Stats(); st.Refusals != 1 || st.ChannelsLost != 1 {
					t.Errorf("a proven form was refused: %d refusals, %d channels lost", st.Refusals, st.ChannelsLost)
				}
			})
		}
	}
}

// The other keys accept DO 97, which clients in the field send.
func TestStrictSignLeIsForTheHolder(t *testing.T) {
	_, c := newCard(t, cardtest.Profile{Strict: cardtest.StrictSignLe})
	c.authenticate() // with DO 97
	c.must(0x9000, 0x22, 0x41, 0xA4, []byte{0x80, 1, 2, 0x84, 1, 0x83}, -1)
	c.must(0x9000, 0x88, 0, 0, []byte("challenge"), 0)
}

func TestStrictCounterUnderSM(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{Strict: cardtest.StrictDOCPSM})
	c.authenticate()
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	for ref := byte(1); ref <= 2; ref++ {
		f := counterForm(ref)
		c.must(0x6A88, f.ins, f.p1, f.p2, f.data, f.le)
	}
	c.must(0x9000, 0xB0, 0x82, 0, nil, 9) // channel and PIN stay
	if st := card.Stats(); st.Refusals != 2 || st.ChannelsLost != 0 {
		t.Errorf("%d refusals, %d channels lost", st.Refusals, st.ChannelsLost)
	}
}

func TestStrictShortSMRefusesLongCommands(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{Strict: cardtest.StrictShortSM})
	exchange(t, card, "00A4020C022F01 -> 9000", "00B0000E12 -> E010020200FF020200E602020100020200E69000")
	c.authenticate()
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	c.must(0x9000, 0xA4, 2, 4, []byte{0x10, 0x03}, -1)
	whole := c.readFile(0x1003)
	for le, want := range map[int]int{0x80: 0x80, 0xCF: 0xCF, 0xD0: 0xCF, 0xE7: 0xCF, 0: 0xCF} {
		answer := c.send(c.wrap(0, 0xB0, 0, 0, nil, le))
		if len(answer) > 230 {
			t.Errorf("Le %02X: answer of %d bytes", le, len(answer))
		}
		data, sw := c.unwrap(0xB0, answer[:len(answer)-2])
		if sw != 0x9000 || !bytes.Equal(data, whole[:want]) {
			t.Errorf("Le %02X: %d bytes, %04X", le, len(data), sw)
		}
	}
	answer := c.send(c.wrap(0, 0xB1, 0, 0, []byte{0x54, 2, 0, 0}, 0xE7))
	if len(answer) > 230 {
		t.Errorf("odd INS: answer of %d bytes", len(answer))
	}
	if _, sw := c.unwrap(0xB1, answer[:len(answer)-2]); sw != 0x9000 {
		t.Errorf("odd INS: %04X", sw)
	}
	// In the clear nothing is truncated.
	c.secure = false
	c.enterCIE()
	if out := c.must(0x9000, 0xB0, 0x84, 0, nil, 0xE7); len(out) != 0xE7 {
		t.Errorf("%d bytes in the clear", len(out))
	}
}

func TestStrictEndOfFileUnderSM(t *testing.T) {
	for kind, want := range map[cardtest.Strict][2]int{
		0:                       {0x6282, 0x6B00},
		cardtest.StrictEOFEmpty: {0x9000, 0x9000},
		cardtest.StrictEOF6B00:  {0x9000, 0x6B00},
		cardtest.StrictEOF6Cxx:  {0x6C09, 0x6B00},
		cardtest.StrictEOFEmpty | cardtest.StrictEOF6Cxx: {0x6C09, 0x9000},
	} {
		_, c := newCard(t, cardtest.Profile{Strict: kind})
		c.authenticate()
		c.verify(0x9000, 0x81, cardtest.DefaultPIN())
		c.must(0x9000, 0xA4, 2, 4, []byte{0x10, 0x02}, -1)
		if out, sw := c.do(0xB0, 0, 0, nil, 0x80); sw != want[0] || (sw>>8 == 0x6C) != (len(out) == 0) {
			t.Errorf("%v across the end: %d bytes, %04X", kind, len(out), sw)
		}
		if out := c.must(0x9000, 0xB0, 0, 0, nil, 9); string(out) != "ZZ00000ZZ" {
			t.Errorf("%v: %q", kind, out)
		}
		if out, sw := c.do(0xB0, 0, 9, nil, 0x80); sw != want[1] || len(out) > 0 {
			t.Errorf("%v at the end: %d bytes, %04X", kind, len(out), sw)
		}
	}
}

// Clients in the field send GET RESPONSE for an answer
// under secure messaging with CLA 00 and with 0C; a strict chip refuses 00, and
// the answer and the channel stay.
func TestGetResponseUnderSM(t *testing.T) {
	for _, strict := range []cardtest.Strict{0, cardtest.StrictGetResponse} {
		card, c := newCard(t, cardtest.Profile{Strict: strict})
		c.proven = true
		c.authenticate()
		c.verify(0x9000, 0x81, cardtest.DefaultPIN())
		c.must(0x9000, 0x22, 0x41, 0xA4, []byte{0x80, 1, 2, 0x84, 1, 0x81}, -1)
		answer := c.send(c.wrap(0, 0x88, 0, 0, []byte("to be signed"), -1))
		n := len(answer) - 2
		if answer[n] != 0x61 {
			t.Fatalf("answer of %d bytes, %X", n, answer[n:])
		}
		if strict != 0 {
			for range 2 {
				exchange(t, card, "00C00000"+fmt.Sprintf("%02X", answer[n+1])+" -> 6E00")
			}
		}
		rest := c.send([]byte{0x0C, 0xC0, 0, 0, answer[n+1]})
		answer = slices.Concat(answer[:n], rest[:len(rest)-2])
		if out, sw := c.unwrap(0x88, answer); sw != 0x9000 || len(out) != 256 {
			t.Errorf("signature of %d bytes, %04X", len(out), sw)
		}
		c.must(0x9000, 0x84, 0, 0, nil, 8) // the channel stays
		if st := card.Stats(); st.ChannelsLost != 0 {
			t.Errorf("%d channels lost", st.ChannelsLost)
		}
		// In the clear CLA 00 is the only one.
		c.secure = false
		c.enterCIE()
		exchange(t, card, "00CB3FFF0B4D097007BFA004037F498010 -> 70*")
		exchange(t, card, "0CC0000000 -> 6985")
	}
}

// On a chip that refuses all forms together, a client with proven forms only gets no refusal.
func TestStrictAcceptsProvenForms(t *testing.T) {
	sets := []string{"all", "all,no-mf", "all,no-aid", "all,docp-sm", "all,eof-6B00", "all,docp-6988"}
	for _, f := range cardtest.Families() {
		for i, list := range sets {
			if i > 0 && f != cardtest.NXP && f != cardtest.STM {
				continue
			}
			t.Run(fmt.Sprint(f, "/", list), func(t *testing.T) {
				t.Parallel()
				strict, err := cardtest.ParseStrict(list)
				if err != nil {
					t.Fatal(err)
				}
				card, c := newCard(t, cardtest.Profile{Family: f, Strict: strict})
				c.proven = true
				c.enterRoot()
				if got := fmt.Sprintf("%X", c.readFile(0xD003)); got != "5A0A8025009999000000011F" {
					t.Errorf("EF.SN.ICC %s", got)
				}
				c.enterCIE()
				if got := c.must(0x9000, 0xB0, 0x81, 0, nil, 0x0C); string(got) != "999900000001" {
					t.Errorf("EF.ID_Servizi %q", got)
				}
				if sod := c.readFile(0x1006); len(sod) == 0 || sod[0] != 0x77 {
					t.Errorf("EF.SOD %X", sod)
				}
				c.authenticate()
				c.verify(0x9000, 0x81, cardtest.DefaultPIN())
				if got := c.readFile(0x1002); string(got) != "ZZ00000ZZ" {
					t.Errorf("EF.Seriale %q", got)
				}
				cert, err := x509.ParseCertificate(bytes.TrimRight(c.readFile(0x1003), "\x00"))
				if err != nil {
					t.Fatal(err)
				}
				c.must(0x9000, 0x22, 0x41, 0xA4, []byte{0x80, 1, 2, 0x84, 1, 0x81}, -1)
				signature := c.must(0x9000, 0x88, 0, 0, []byte("to be signed"), -1)
				if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), 0, []byte("to be signed"), signature); err != nil {
					t.Error(err)
				}
				c.must(0x9000, 0x24, 0, 0x81, append(cardtest.DefaultPIN(), wrongCode()...), -1)
				c.verify(0x9000, 0x82, cardtest.DefaultPUK())
				c.must(0x9000, 0x2C, 2, 0x81, cardtest.DefaultPIN(), -1)
				refusals := 0
				if list == "all,no-aid" {
					refusals = 2 // the IAS AID is sent first, both times that the root is selected
				}
				if st := card.Stats(); st.Refusals != refusals || st.ChannelsLost != 0 || st.KeyAgreements != 1 || st.TriesSpent != 0 {
					t.Errorf("%d refusals, %d channels lost, %d key agreements, %d tries spent",
						st.Refusals, st.ChannelsLost, st.KeyAgreements, st.TriesSpent)
				}
			})
		}
	}
}

// TestCountersHaveTheLayoutOfTheFamily compares whole answers of GET DATA for the counters.
func TestCountersHaveTheLayoutOfTheFamily(t *testing.T) {
	rules := "8C06F30000734300" + "9C06F30000734300"
	for layout, want := range map[cardtest.DOCPLayout]string{
		cardtest.DOCPNested: "701EBF81011AA0189A01039B0102A110" + rules,
		cardtest.DOCPInside: "701EBF81011AA018A1169A01039B0102" + rules,
	} {
		_, c := newCard(t, cardtest.Profile{DOCP: layout})
		c.authenticate()
		c.verify(0x63C2, 0x81, wrongCode())
		f := counterForm(1)
		if got := fmt.Sprintf("%X", c.must(0x9000, f.ins, f.p1, f.p2, f.data, f.le)); got != want {
			t.Errorf("layout %d\n got %s\nwant %s", layout, got, want)
		}
	}
}
