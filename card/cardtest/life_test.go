package cardtest_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	"cie/card/cardtest"
)

// wrongCode returns a code that is neither the default PIN or PUK nor set by the tests.
func wrongCode() []byte { return []byte("90817263") }

func TestCodesFromChangeToBlocked(t *testing.T) {
	for _, family := range cardtest.Families() {
		t.Run(family.String(), func(t *testing.T) {
			t.Parallel()
			card, c := newCard(t, cardtest.Profile{Family: family})
			pin, puk, newPIN := cardtest.DefaultPIN(), cardtest.DefaultPUK(), []byte("10293847")
			c.authenticate()

			// Without the PIN the certificate stays closed.
			c.must(0x6982, 0xB0, 0x83, 0, nil, 0)
			if max, left := c.tries(1); max != 3 || left != 3 {
				t.Fatalf("PIN tries %d of %d", left, max)
			}
			c.verify(0x63C2, 0x81, wrongCode())
			c.verify(0x9000, 0x81, pin)
			if _, left := c.tries(1); left != 3 {
				t.Fatalf("the right PIN left %d tries", left)
			}
			cert, err := x509.ParseCertificate(bytes.TrimRight(c.readFile(0x1003), "\x00"))
			if err != nil {
				t.Fatal(err)
			}
			c.must(0x9000, 0x22, 0x41, 0xA4, []byte{0x80, 1, 2, 0x84, 1, 0x81}, -1)
			sum := sha256.Sum256([]byte("signed"))
			info := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, sum[:]...)
			signature := c.must(0x9000, 0x88, 0, 0, info, 0)
			if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature); err != nil {
				t.Fatal(err)
			}

			// Change: the flag is cleared, and the old code is wrong from now on.
			c.must(0x9000, 0x24, 0, 0x81, append(append([]byte(nil), pin...), newPIN...), -1)
			c.must(0x6982, 0xB0, 0x83, 0, nil, 0)
			c.verify(0x63C2, 0x81, pin)
			c.verify(0x63C1, 0x81, pin)
			c.verify(0x6983, 0x81, pin)
			c.verify(0x6983, 0x81, newPIN)
			if _, left := c.tries(1); left != 0 {
				t.Fatalf("blocked PIN has %d tries", left)
			}

			// Unblock.
			c.must(0x6982, 0x2C, 2, 0x81, newPIN, -1)
			c.verify(0x63C9, 0x82, wrongCode())
			c.verify(0x9000, 0x82, puk)
			c.must(0x9000, 0x2C, 3, 0x81, nil, -1)
			c.verify(0x9000, 0x81, newPIN)
			c.must(0x9000, 0x2C, 2, 0x81, pin, -1)
			c.must(0x6982, 0xB0, 0x83, 0, nil, 0)
			c.verify(0x9000, 0x81, pin)

			// The PUK becomes blocked.
			for left := 9; left > 0; left-- {
				c.verify(0x63C0|left, 0x82, wrongCode())
			}
			c.verify(0x6983, 0x82, wrongCode())
			c.verify(0x6983, 0x82, puk)
			c.must(0x6982, 0x2C, 2, 0x81, newPIN, -1)
			if p, u := card.Tries(); p != 3 || u != 0 {
				t.Fatalf("%d and %d tries left", p, u)
			}
			if s := card.Stats(); s.DeviceAuthentications != 1 || s.TriesSpent != 15 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}
