package cardtest_test

import (
	"math/big"
	"testing"

	"cie/card/cardtest"
)

// threes is a random source in which every read is the number three.
type threes struct{}

func (threes) Read(b []byte) (int, error) {
	clear(b)
	b[len(b)-1] = 3
	return len(b), nil
}

// FuzzExchange sends arbitrary commands to a powered card, in the clear and within a
// session. The card always returns at least a status, never panics, and no unprotected
// command uses a try.
func FuzzExchange(f *testing.F) {
	for _, seed := range []string{
		"00", "00A4040C06A00000000039", "00A40000023F00", "00A4020402D003", "00B0000080", "00B09D0000",
		"00B10005045402000006", "00CB3FFF0C4D0A7008BFA10104A3029700", "00CB3FFF0A4D087006BF810102A080",
		"00CB3FFF064D04A6029100", "002241A406800102840183", "0088000004DEADBEEF00", "002281B606800141830184",
		"102A00AE0A7F2182015D5F37820100", "0084000008", "00200081083132333435363738", "00C0000000",
		"0C2241A4198711010102030405060708090A0B0C0D0E0F108E080102030405060708" + "00",
		"00A4040C000006A00000000039", "00B00000000000",
	} {
		f.Add(fromHex(f, seed))
	}
	// Without randomness and with short exponents, so that the behaviour depends only on
	// the input and is fast.
	var cards [2]*cardtest.Card
	for i := range cards {
		cards[i], _ = newCard(f, cardtest.Profile{Extended: i == 1, Rand: threes{}})
	}
	p, g, q := (&client{t: f, send: cards[0].Exchange}).dh()
	f.Fuzz(func(t *testing.T, in []byte) {
		card := cards[len(in)%2]
		card.Reset()
		c := &client{t: t, send: card.Exchange, secret: big.NewInt(5)}
		c.enterCIE()
		// The input is a conversation: each command behind one length byte.
		talk := func() {
			for rest := in; len(rest) > 0; {
				n := min(int(rest[0]), len(rest)-1)
				cmd := rest[1 : 1+n]
				rest = rest[1+n:]
				if out := card.Exchange(cmd); len(out) < 2 {
					t.Fatalf("answer %X to %X", out, cmd)
				}
			}
		}
		if out := card.Exchange(in); len(out) < 2 {
			t.Fatalf("answer %X", out)
		}
		talk()
		if pin, puk := card.Tries(); pin != 3 || puk != 10 {
			t.Fatalf("%d and %d tries left", pin, puk)
		}
		// Under secure messaging the fuzzer's bytes are the plain text.
		c.enterCIE()
		c.agree(p, g, q)
		if len(in) >= 4 {
			data := in[4:min(len(in), 4+200)]
			if out := card.Exchange(c.wrap(in[0]&0x10, in[1], in[2], in[3], data, len(in)%257-1)); len(out) < 2 {
				t.Fatalf("answer %X under secure messaging", out)
			}
		}
		talk()
	})
}
