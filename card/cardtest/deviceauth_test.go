package cardtest_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"testing"

	"cie/card/cardtest"
)

// Every step is refused before the preceding one.
func TestDeviceAuthenticationStepsAreOrdered(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{})
	p, g, q := c.dh()
	n := c.root()
	chr := append([]byte{0x83, 12, 0, 0, 0, 0}, snIFD...)
	internal := []byte{0x84, 1, 0x82, 0x80, 1, 0x9B}

	c.agree(p, g, q)
	c.must(0x6A88, 0x2A, 0, 0xAE, c.certificate(n, nil), -1) // no key named
	c.must(0x9000, 0x22, 0x41, 0xA4, internal, -1)
	c.must(0x6985, 0x88, 0, 0, make([]byte, 8), 0) // terminal not authenticated
	c.must(0x9000, 0x22, 0x81, 0xA4, chr, -1)
	rnd := c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.must(0x6A88, 0x82, 0, 0, c.proof(rnd, p, g, q), -1) // no certificate
	c.must(0x9000, 0x22, 0x81, 0xB6, []byte{0x83, 1, 0x84}, -1)
	c.must(0x9000, 0x2A, 0, 0xAE, c.certificate(n, nil), -1)
	c.must(0x6985, 0x82, 0, 0, c.proof(rnd, p, g, q), -1) // no challenge
	rnd = c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.must(0x9000, 0x22, 0x81, 0xA4, chr, -1)
	c.must(0x6985, 0x82, 0, 0, c.proof(rnd, p, g, q), -1) // challenge not of the command before
	rnd = c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.must(0x6700, 0x82, 0, 0, c.proof(rnd, p, g, q)[:200], -1)
	rnd = c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.must(0x6300, 0x82, 0, 0, c.proof(make([]byte, 8), p, g, q), -1)
	c.must(0x6985, 0x82, 0, 0, c.proof(rnd, p, g, q), -1) // the challenge is spent
	c.must(0x9000, 0x22, 0x41, 0xA4, internal, -1)
	c.must(0x6985, 0x88, 0, 0, make([]byte, 8), 0)
	c.must(0x9000, 0x22, 0x81, 0xA4, append([]byte{0x83, 12, 1, 0, 0, 0}, snIFD...), -1)
	rnd = c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.must(0x6A88, 0x82, 0, 0, c.proof(rnd, p, g, q), -1) // a key of another name
	c.must(0x9000, 0x22, 0x81, 0xA4, chr, -1)
	rnd = c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.must(0x9000, 0x82, 0, 0, c.proof(rnd, p, g, q), -1)
	c.verify(0x6982, 0x81, cardtest.DefaultPIN()) // half of it is not enough
	if _, sw := c.do(0xCB, 0x3F, 0xFF, []byte{0x4D, 8, 0x70, 6, 0xBF, 0x81, 1, 2, 0xA0, 0x80}, 0); sw != 0x6982 {
		t.Errorf("tries before the end: %04X", sw)
	}
	c.must(0x9000, 0x22, 0x41, 0xA4, internal, -1)
	c.must(0x6700, 0x88, 0, 0, make([]byte, 7), 0)
	c.must(0x9000, 0x88, 0, 0, make([]byte, 8), 0)
	c.ssc = new(big.Int).SetBytes(append(bytes.Clone(rnd[4:]), 0, 0, 0, 0)).Uint64()
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	if s := card.Stats(); s.KeyAgreements != 1 || s.DeviceAuthentications != 1 || s.SMFailures != 0 {
		t.Errorf("stats %+v", s)
	}
	// One external authentication permits one internal authentication only.
	c.must(0x9000, 0x22, 0x41, 0xA4, internal, -1)
	c.must(0x6985, 0x88, 0, 0, make([]byte, 8), 0)
	// A selection forgets the key of the certificate.
	c.enterCIE()
	c.must(0x9000, 0x22, 0x81, 0xA4, chr, -1)
	rnd = c.must(0x9000, 0x84, 0, 0, nil, 8)
	c.must(0x6A88, 0x82, 0, 0, c.proof(rnd, p, g, q), -1)
}

func TestTerminalCertificateIsVerified(t *testing.T) {
	for name, test := range map[string]struct {
		message func([]byte)        // before signing
		data    func([]byte) []byte // after
		root    func(n *big.Int) *big.Int
		want    int
	}{
		"good":              {want: 0x9000},
		"unknown profile":   {message: func(m []byte) { m[0] = 0x13 }, want: 0x6985},
		"other CAR inside":  {message: func(m []byte) { m[8]++ }, want: 0x6982},
		"role of a CA":      {message: func(m []byte) { m[27] = 0x21 }, want: 0x6982},
		"other application": {message: func(m []byte) { m[26]++ }, want: 0x6982},
		"SHA-1 device":      {message: func(m []byte) { m[36] = 0x01 }, want: 0x6A80},
		"short modulus":     {message: func(m []byte) { m[37] = 0 }, want: 0x6A80},
		"even modulus":      {message: func(m []byte) { m[292] &^= 1 }, want: 0x6A80},
		"even exponent":     {message: func(m []byte) { m[296] = 0 }, want: 0x6A80},
		"exponent 1":        {message: func(m []byte) { m[294] = 0 }, want: 0x6A80},
		"wrong signature":   {data: func(d []byte) []byte { d[100] ^= 1; return d }, want: 0x6982},
		"wrong remainder":   {data: func(d []byte) []byte { d[280] ^= 1; return d }, want: 0x6982},
		"other CAR":         {data: func(d []byte) []byte { d[len(d)-1]++; return d }, want: 0x6982},
		"other template":    {data: func(d []byte) []byte { d[1]++; return d }, want: 0x6A80},
		"object missing":    {data: func(d []byte) []byte { return tlvOf([]byte{0x7F, 0x21}, d[5:len(d)-10]) }, want: 0x6A80},
		"objects exchanged": {data: func(d []byte) []byte {
			return tlvOf([]byte{0x7F, 0x21}, append(bytes.Clone(d[len(d)-10:]), d[5:len(d)-10]...))
		}, want: 0x6A80},
		"something behind": {data: func(d []byte) []byte { return append(d, 0x42, 0) }, want: 0x6A80},
		"truncated":        {data: func(d []byte) []byte { return d[:300] }, want: 0x6A80},
		"empty":            {data: func(d []byte) []byte { return d[:0] }, want: 0x6A80},
		"root of another":  {root: func(n *big.Int) *big.Int { return new(big.Int).Sub(n, big.NewInt(2)) }, want: 0x6982},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := newCard(t, cardtest.Profile{})
			p, g, q := c.dh()
			n := c.root()
			if test.root != nil {
				n = test.root(n)
			}
			c.agree(p, g, q)
			c.must(0x9000, 0x22, 0x81, 0xB6, []byte{0x80, 1, 0x41, 0x83, 1, 0x84}, -1)
			data := c.certificate(n, test.message)
			if test.data != nil {
				data = test.data(data)
			}
			c.must(test.want, 0x2A, 0, 0xAE, data, -1)
			// The terminal's key may not sign certificates.
			c.must(0x9000, 0x22, 0x81, 0xB6, append([]byte{0x83, 12, 0, 0, 0, 0}, snIFD...), -1)
			c.must(0x6A88, 0x2A, 0, 0xAE, data, -1)
		})
	}
}

func TestForgeryDeviatesFromGenuineCard(t *testing.T) {
	key := func(c *client) error { return c.tryAuthenticate() }
	t.Run("public key", func(t *testing.T) {
		for forged, want := range map[cardtest.PublicKeyForgery]func(p *big.Int) *big.Int{
			cardtest.PublicKeyZero:      func(*big.Int) *big.Int { return new(big.Int) },
			cardtest.PublicKeyOne:       func(*big.Int) *big.Int { return big.NewInt(1) },
			cardtest.PublicKeyPMinusOne: func(p *big.Int) *big.Int { return new(big.Int).Sub(p, big.NewInt(1)) },
			cardtest.PublicKeyP:         func(p *big.Int) *big.Int { return p },
		} {
			_, c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{PublicKey: forged}})
			p, g, q := c.dh()
			c.agree(p, g, q)
			if got := new(big.Int).SetBytes(c.puKICC); got.Cmp(want(p)) != 0 {
				t.Errorf("forged %d: %X", forged, got)
			}
			// The client of this test does not check the value and gets a working
			// channel, whatever its own key is.
			for range 4 {
				c.secure = false
				if err := c.tryAuthenticate(); err != nil {
					t.Errorf("forged %d: %v", forged, err)
				}
				c.verify(0x9000, 0x81, cardtest.DefaultPIN())
			}
		}
	})
	t.Run("internal authentication", func(t *testing.T) {
		_, c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{InternalAuthentication: true}})
		if key(c) == nil {
			t.Error("the signature is right")
		}
	})
	t.Run("EF.Int.Kpub", func(t *testing.T) {
		_, honest := newCard(t, cardtest.Profile{})
		_, c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{IntKey: true}})
		if err := key(c); err != nil {
			t.Error(err)
		}
		c.secure, honest.secure = false, false
		honest.enterCIE()
		if bytes.Equal(c.readFile(0x1004), honest.readFile(0x1004)) {
			t.Error("EF.Int.Kpub is that of the genuine card")
		}
		if !bytes.Equal(c.readFile(0x1006), honest.readFile(0x1006)) {
			t.Error("EF.SOD is not that of the genuine card")
		}
	})
	t.Run("anti-cloning", func(t *testing.T) {
		for _, forged := range []bool{false, true} {
			_, c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{AntiClone: forged}})
			c.enterCIE()
			k := c.publicKey(0x1005)
			c.must(0x9000, 0x22, 0x41, 0xA4, []byte{0x80, 1, 2, 0x84, 1, 0x83}, -1)
			challenge := []byte("a challenge")
			signature := c.must(0x9000, 0x88, 0, 0, challenge, 0)
			if again := c.must(0x9000, 0x88, 0, 0, challenge, 0); !bytes.Equal(signature, again) {
				t.Error("the signature is not deterministic")
			}
			if err := rsa.VerifyPKCS1v15(k, 0, challenge, signature); (err != nil) != forged {
				t.Errorf("forged %v: %v", forged, err)
			}
		}
	})
	t.Run("domain parameters", func(t *testing.T) {
		_, c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{DHObject: true}})
		_, g, _ := c.dh()
		out := c.must(0x9000, 0xCB, 0x3F, 0xFF, []byte{0x4D, 10, 0x70, 8, 0xBF, 0xA1, 1, 4, 0xA3, 2, 0x97, 0}, 0)
		if bytes.HasSuffix(out, g.FillBytes(make([]byte, 256))) {
			t.Error("GET DATA gives the generator of EF.DH")
		}
	})
	t.Run("tries", func(t *testing.T) {
		card, c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{RefuseTries: 0x6A88}})
		c.authenticate()
		for _, n := range []byte{1, 2} {
			c.must(0x6A88, 0xCB, 0x3F, 0xFF, []byte{0x4D, 8, 0x70, 6, 0xBF, 0x81, n, 2, 0xA0, 0x80}, 0)
		}
		if pin, puk := card.Tries(); pin != 3 || puk != 10 {
			t.Error("a try was spent")
		}
	})
}

// Two cards of different key sets share no key.
func TestKeySetsShareNoKey(t *testing.T) {
	seen := map[[32]byte]bool{}
	for set := 1; set <= cardtest.KeySets; set++ {
		_, c := newCard(t, cardtest.Profile{KeySet: set, OnBoardKey: true})
		c.authenticate()
		c.verify(0x9000, 0x81, cardtest.DefaultPIN())
		for _, fid := range []uint16{0x1004, 0x1005, 0x1007} {
			sum := sha256.Sum256(c.readFile(fid))
			if seen[sum] {
				t.Errorf("key set %d shares %04X", set, fid)
			}
			seen[sum] = true
		}
		// Every root works with the published exponent: authenticate did.
	}
}
