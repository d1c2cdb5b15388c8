package cardtest_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cie/card/cardtest"
)

func TestStatusInTheClear(t *testing.T) {
	for name, steps := range map[string][]string{
		"not a command": {"00 -> 6700", "00A400 -> 6700", "00A4040C05A0 -> 6700", "00A4040C0000 -> 6700",
			"00A4040C000000 -> 6700", "00A4040C00000010 -> 6700", "00A4040C01A00000 -> 6700"},
		"extended length is not supported": {"00B00000000010 -> 6700", "00A4040C000006A00000000039 -> 6700"},
		"class": {"80A40000 -> 6E00", "FFA40000 -> 6E00", "20A40000 -> 6E00", "40A40000 -> 6E00",
			"01A40000 -> 6881", "03A40000 -> 6881", "04A40000 -> 6882", "08A40000 -> 6882", "0CA40000 -> 6985"},
		"instruction": {"0000000000 -> 6D00", "00FE0000 -> 6D00", "00CA9F7F00 -> 6D00", "00B20000 -> 6D00"},
		"never": {"00D6000001FF -> 6982", "00D7000001FF -> 6982", "00DB3FFF0100 -> 6982", "00E0000000 -> 6982",
			"00E4000000 -> 6982", "0044000000 -> 6982", "0004000000 -> 6982", "00E6000000 -> 6982", "00E8000000 -> 6982",
			"0047000000 -> 6982", "002A9E9A00 -> 6982", "002A808600 -> 6982"},
		"security operations": {"002A90A00100 -> 6985", "002A0000 -> 6A86", "002A00AE0100 -> 6A88"},
		"MSE restore":         {"0022F301 -> 6982", "0022F304 -> 6982", "0022F305 -> 6A88", "0022F30101FF -> 6700"},
		"MSE set": {"002240A406800102840183 -> 6A86", "002241AA03800140 -> 6A81", "002241B8068001028401FF -> 6A81",
			"002241A406800102840183 -> 9000", "002241A40684018380 -> 6700", "002241A40684018380010200 -> 9000",
			"002241A403840183 -> 6A80", "002241A409800102800102840183 -> 6A80", "002241A406800103840183 -> 6A80",
			"002241A4068001028402 -> 6700", "002241A405800102840183 -> 6A80", "002241A40580010284 -> 6700",
			"002281B606800141830184 -> 9000", "002281B603830184 -> 9000", "002281B606800142830184 -> 6A80", "002281B6048302AABB -> 6A80",
			"002281A40E830C000000000000000000000000 -> 9000", "002281A403830184 -> 6A80"},
		"codes need a channel": {"00200081083132333435363738 -> 6982", "00200082083132333435363738 -> 6982",
			"00240081103132333435363738313233343536373A -> 6982", "002C0281083132333435363738 -> 6982", "002C0381 -> 6982",
			"00200081 -> 6982", "00200181 -> 6A86", "00200080 -> 6A88", "00200001 -> 6A88", "00200083 -> 6A88",
			"00240182 -> 6A86", "00240082 -> 6982", "002C0181 -> 6A86", "002C0282 -> 6982", "002C0281 -> 6982"},
		"challenge": {"0084010008 -> 6A86", "0084000010 -> 6700", "0084000001AA -> 6700"},
		"authentications need a channel": {
			"0082000001AA -> 6E00", "0082010001AA -> 6A86",
			"002241A40684018280019B -> 9000", "00880000081122334455667788 -> 6E00",
			"002241A406800102840181 -> 9000", "00880000081122334455667788 -> 6982",
			"00880100081122334455667788 -> 6A86"},
		"internal authentication": {
			"0088000001AA00 -> 6985", // no MSE SET
			"002241A406800102840184 -> 9000", "0088000001AA00 -> 6A88",
			"002241A406800102840182 -> 9000", "0088000001AA00 -> 6985", // algorithm of another key
			"002241A40680019B840183 -> 9000", "0088000001AA00 -> 6985",
			"002281A40E830C000000000000000000000000 -> 9000", "0088000001AA00 -> 6985", // the other kind
			"002241A406800102840183 -> 9000", "00880000 -> 6700",
			"0088000067" + strings.Repeat("AA", 103) + " -> 6700",
		},
		"no answer waits": {"00C0000000 -> 6985", "00C0010000 -> 6A86", "00C0000001AA -> 6700"},
		"chaining": {
			"10200081083132333435363738 -> 6884", "10A4040C06A00000000039 -> 6884",
			"102241A4028001 -> 9000", "002241A40402840183 -> 9000", // a chain of two makes one
			"102241A403800102 -> 9000", "002241A403840183 -> 9000",
			"102241A403800102 -> 9000", "00C0000000 -> 6985", "002241A403840183 -> 6A80", // broken by GET RESPONSE
			"102241A403800102 -> 9000", "0084000008 -> *", "002241A403840183 -> 6A80",
			"102241A403800102 -> 9000", "002281A403840183 -> 6A80",
			"102A00AE0100 -> 9000", "002A00AE0100 -> 6A88"},
		"key agreement": {
			"00CB3FFF064D04A6029100 -> 6985",
			"002241A60380019B -> 6A80",
			"002241A60680019B830181 -> 6A80"},
		"objects of the root": {"00A40000 -> 9000", "00CB3FFF0B4D097007BFA004037F4980 -> 6A88",
			"00200081083132333435363738 -> 6A88", "002241A406800102840183 -> 9000", "0088000001AA00 -> 6A88",
			"002281B606800141830184 -> 9000", "002A00AE0100 -> 6A88", "0022F301 -> 6A88"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newCard(t, cardtest.Profile{})
			exchange(t, c, "00A4040C06A00000000039 -> 9000")
			exchange(t, c, steps...)
			if pin, puk := c.Tries(); pin != 3 || puk != 10 {
				t.Errorf("%d and %d tries left", pin, puk)
			}
		})
	}
}

func TestKeyAgreementRange(t *testing.T) {
	_, c := newCard(t, cardtest.Profile{})
	p, _, _ := c.dh()
	of := func(b []byte) []byte {
		return append([]byte{0x80, 1, 0x9B, 0x83, 1, 0x81}, tlvOf([]byte{0x91}, b)...)
	}
	number := func(last byte) []byte { return append(make([]byte, 255), last) }
	pMinus1 := bytes.Clone(p.Bytes())
	pMinus1[255]--
	for name, b := range map[string][]byte{
		"zero": number(0), "one": number(1), "p": p.Bytes(), "p-1": pMinus1,
		"above p": bytes.Repeat([]byte{0xFF}, 256), "short": number(2)[1:], "long": append([]byte{0}, number(2)...),
	} {
		if _, sw := c.do(0x22, 0x41, 0xA6, of(b), -1); sw != 0x6A80 {
			t.Errorf("%s: %04X", name, sw)
		}
	}
	c.must(0x9000, 0x22, 0x41, 0xA6, of(number(2)), -1)
	// A K_DH that does not exist is noticed when it is used.
	c.must(0x9000, 0x22, 0x41, 0xA6, append([]byte{0x80, 1, 0x9B, 0x83, 1, 0x82}, tlvOf([]byte{0x91}, number(2))...), -1)
	c.must(0x6A88, 0xCB, 0x3F, 0xFF, []byte{0x4D, 4, 0xA6, 2, 0x91, 0}, 0)
	// So is an algorithm other than that of the object.
	if _, sw := c.do(0x22, 0x41, 0xA6, append([]byte{0x80, 1, 0x1B, 0x83, 1, 0x81}, tlvOf([]byte{0x91}, number(2))...), -1); sw != 0x6A80 {
		t.Errorf("algorithm 1B: %04X", sw)
	}
}

// TestChannelEnds lists what ends secure messaging and what does not.
func TestChannelEndsOnWrongCommand(t *testing.T) {
	alive := func(c *client) bool {
		out := c.send(c.wrap(0, 0xB0, 0x81, 0, nil, 12))
		c.ssc++ // that of the answer
		return len(out) > 2
	}
	edit := func(change func(cmd []byte) []byte) func(*client) string {
		return func(c *client) string {
			return fmt.Sprintf("%X", c.send(change(c.wrap(0, 0x22, 0x41, 0xA4, []byte{0x80, 1, 2, 0x84, 1, 0x83}, 0))))
		}
	}
	inTheClear := func(cmd string) func(*client) string {
		return func(c *client) string { return fmt.Sprintf("%X", c.send(fromHex(c.t, cmd))) }
	}
	// cut makes a command of the protected one's header and some objects.
	cut := func(cmd []byte, body ...byte) []byte {
		return append(append(append(slices.Clone(cmd[:4]), byte(len(body))), body...), 0)
	}
	for name, test := range map[string]struct {
		do    func(*client) string
		want  string
		alive bool
	}{
		"wrong MAC":  {do: edit(func(b []byte) []byte { b[len(b)-2] ^= 1; return b }), want: "6988"},
		"wrong data": {do: edit(func(b []byte) []byte { b[9] ^= 1; return b }), want: "6988"},
		"other head": {do: edit(func(b []byte) []byte { b[3] = 0xB6; return b }), want: "6988"},
		"no MAC":     {do: edit(func(b []byte) []byte { return cut(b, b[5:len(b)-11]...) }), want: "6987"},
		"no objects": {do: edit(func(b []byte) []byte { return b[:4] }), want: "6987"},
		"short MAC":  {do: edit(func(b []byte) []byte { return cut(b, append(b[5:len(b)-11:len(b)-11], 0x8E, 4, 1, 2, 3, 4)...) }), want: "6988"},
		"MAC first": {do: edit(func(b []byte) []byte {
			return cut(b, append(slices.Clone(b[len(b)-11:len(b)-1]), b[5:len(b)-11]...)...)
		}), want: "6988"},
		"Le first":    {do: edit(func(b []byte) []byte { return cut(b, slices.Concat([]byte{0x97, 1, 0}, b[5:16], b[19:29])...) }), want: "6988"},
		"twice":       {do: edit(func(b []byte) []byte { return cut(b, slices.Concat(b[5:16], b[5:])...) }), want: "6988"},
		"wrong tag":   {do: edit(func(b []byte) []byte { b[5] = 0x85; return b }), want: "6988"},
		"unknown tag": {do: edit(func(b []byte) []byte { b[5] = 0x89; return b }), want: "6988"},
		"no TLV":      {do: edit(func(b []byte) []byte { return cut(b, 0x87, 0x7F, 1) }), want: "6988"},
		"replayed": {do: func(c *client) string {
			cmd := c.wrap(0, 0x84, 0, 0, nil, 8)
			c.send(cmd)
			return fmt.Sprintf("%X", c.send(cmd))
		}, want: "6988"},

		"a command in the clear":        {do: inTheClear("00B081000C"), want: "3939393930303030303030319000"},
		"a protected file in the clear": {do: inTheClear("00B0820009"), want: "6982"},
		"root by identifier":            {do: inTheClear("00A4000C"), want: "9000"},
		"a malformed command":           {do: inTheClear("00A4"), want: "6700"},
		"a foreign class":               {do: inTheClear("80CA0000"), want: "6E00"},
		"the travel document":           {do: inTheClear("00A4040C07A0000002471001"), want: "9000"},

		"application by name":        {do: inTheClear("00A4040C06A00000000039"), want: "9000", alive: true},
		"an application that is not": {do: inTheClear("00A4040C06A00000000040"), want: "6A82", alive: true},
		"GET RESPONSE":               {do: inTheClear("00C0000000"), want: "6985", alive: true},
		"an error under the channel": {do: func(c *client) string {
			_, sw := c.do(0xB0, 0x89, 0, nil, 0)
			return fmt.Sprintf("%04X", sw)
		}, want: "6A82", alive: true},
		"an unknown instruction under the channel": {do: func(c *client) string {
			_, sw := c.do(0xFE, 0, 0, nil, -1)
			return fmt.Sprintf("%04X", sw)
		}, want: "6D00", alive: true},
		"a new key agreement": {do: func(c *client) string {
			number := append(make([]byte, 255), 2)
			_, sw := c.do(0x22, 0x41, 0xA6, append([]byte{0x80, 1, 0x9B, 0x83, 1, 0x81}, tlvOf([]byte{0x91}, number)...), -1)
			return fmt.Sprintf("%04X", sw)
		}, want: "9000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := newCard(t, cardtest.Profile{})
			c.authenticate()
			c.verify(0x9000, 0x81, cardtest.DefaultPIN())
			if got := test.do(c); got != test.want {
				t.Errorf("answer %s, want %s", got, test.want)
			}
			if got := alive(c); got != test.alive {
				t.Fatalf("channel alive: %v", got)
			}
			if test.alive {
				c.must(0x9000, 0xA4, 4, 0x0C, []byte{0xA0, 0, 0, 0, 0, 0x39}, -1)
				c.must(0x9000, 0xB0, 0x82, 0, nil, 9) // the PIN is still verified
				return
			}
			// A protected command without a channel.
			if got := fmt.Sprintf("%X", c.send(c.wrap(0, 0x84, 0, 0, nil, 8))); got != "6985" {
				t.Errorf("without a channel %s", got)
			}
			// The PIN fell with it.
			c.secure = false
			c.authenticate()
			c.must(0x6982, 0xB0, 0x82, 0, nil, 9)
		})
	}
}

func TestKeepVerifiedKeepsPIN(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{KeepVerified: true})
	c.authenticate()
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	c.secure = false
	c.authenticate()
	c.must(0x9000, 0xB0, 0x82, 0, nil, 9)
	card.Reset()
	c.secure = false
	c.authenticate()
	c.must(0x6982, 0xB0, 0x82, 0, nil, 9)
}

func TestVariantsOfWrongCodes(t *testing.T) {
	for name, test := range map[string]struct {
		p    cardtest.Profile
		want []int
	}{
		"IAS ECC":         {cardtest.Profile{}, []int{0x63C2, 0x63C1, 0x6983, 0x6983}},
		"63C0":            {cardtest.Profile{LastTry63C0: true}, []int{0x63C2, 0x63C1, 0x63C0, 0x6983}},
		"6300":            {cardtest.Profile{Forgery: cardtest.Forgery{WrongPIN6300: true}}, []int{0x6300, 0x6300, 0x6300, 0x6983}},
		"6300 and a last": {cardtest.Profile{LastTry63C0: true, Forgery: cardtest.Forgery{WrongPIN6300: true}}, []int{0x6300, 0x6300, 0x6300, 0x6983}},
	} {
		t.Run(name, func(t *testing.T) {
			card, c := newCard(t, test.p)
			c.authenticate()
			for i, want := range test.want {
				c.verify(want, 0x81, wrongCode())
				if pin, _ := card.Tries(); pin != max(0, 2-i) {
					t.Errorf("%d tries left after %d", pin, i+1)
				}
			}
		})
	}
}

func TestOuterStatusRepeatsInner(t *testing.T) {
	for _, outer := range []bool{false, true} {
		_, c := newCard(t, cardtest.Profile{OuterStatus: outer})
		c.authenticate()
		out := c.send(c.wrap(0, 0x20, 0, 0x81, wrongCode(), -1))
		want := []byte{0x90, 0x00}
		if outer {
			want = []byte{0x63, 0xC2}
		}
		if !bytes.Equal(out[len(out)-2:], want) {
			t.Errorf("outer status %X, want %X", out[len(out)-2:], want)
		}
		if _, sw := c.unwrap(0x20, out[:len(out)-2]); sw != 0x63C2 {
			t.Errorf("inner status %04X", sw)
		}
	}
}

func TestLengthsOfCodes(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{})
	c.authenticate()
	for _, n := range []int{0, 1, 4, 7, 9, 16} {
		c.verify(0x6700, 0x81, make([]byte, n))
		c.verify(0x6700, 0x82, make([]byte, n))
	}
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	for _, n := range []int{0, 8, 15, 17, 24} {
		c.must(0x6700, 0x24, 0, 0x81, make([]byte, n), -1)
	}
	c.verify(0x9000, 0x82, cardtest.DefaultPUK())
	c.must(0x6700, 0x2C, 2, 0x81, make([]byte, 7), -1)
	c.must(0x6700, 0x2C, 2, 0x81, nil, -1)
	c.must(0x6700, 0x2C, 3, 0x81, make([]byte, 8), -1)
	if pin, puk := card.Tries(); pin != 3 || puk != 10 {
		t.Errorf("%d and %d tries left", pin, puk)
	}
}

// The tries go down, the flag falls, the PIN stays.
func TestChangeWithWrongOldCode(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{})
	c.authenticate()
	c.must(0x6982, 0x24, 0, 0x81, append(cardtest.DefaultPIN(), wrongCode()...), -1)
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	c.must(0x63C2, 0x24, 0, 0x81, append(wrongCode(), wrongCode()...), -1)
	c.must(0x6982, 0x24, 0, 0x81, append(cardtest.DefaultPIN(), wrongCode()...), -1)
	if pin, _ := card.Tries(); pin != 2 || !bytes.Equal(card.PIN(), cardtest.DefaultPIN()) {
		t.Errorf("%d tries left, PIN %s", pin, card.PIN())
	}
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	c.must(0x6982, 0x24, 0, 0x82, append(cardtest.DefaultPUK(), wrongCode()...), -1)
}
