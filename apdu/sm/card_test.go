package sm

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"testing"

	"cie/apdu"
)

var (
	testKeys = Keys{
		ENC: [16]byte([]byte("session key ENC.")),
		MAC: [16]byte([]byte("session key MAC.")),
	}
	testSSC = [8]byte{7: 1}
)

// card is the card's end of a channel. It uses the primitives under test, so it
// cannot show that they are correct (the test vectors do), only that the channel
// accepts nothing but correct responses.
type card struct {
	t   testing.TB
	ch  *Channel // its own keys and counter
	got []apdu.Command
	// answer makes the response to an unwrapped command: plain data and status.
	answer func(n int, cmd apdu.Command) ([]byte, apdu.SW)
	// spoil changes the protected response before it is sent.
	spoil func(n int, r apdu.Response) apdu.Response
	// err returns the error of the link instead of the n-th response, nil for none.
	err func(n int) error
}

func newCard(t testing.TB) *card {
	return &card{
		t:      t,
		ch:     New(nil, &testKeys, testSSC),
		answer: func(int, apdu.Command) ([]byte, apdu.SW) { return nil, apdu.SWOK },
		spoil:  func(_ int, r apdu.Response) apdu.Response { return r },
		err:    func(int) error { return nil },
	}
}

// Send unwraps a protected command and responds to it.
func (c *card) Send(cmd apdu.Command) (apdu.Response, error) {
	c.t.Helper()
	if len(cmd.Data) > 255 || cmd.Ne != 256 || cmd.CLA&0x0C != 0x0C {
		c.t.Errorf("protected command %v", cmd)
	}
	objects, err := apdu.ParseTLVs(cmd.Data)
	if err != nil {
		c.t.Fatalf("protected command: %v", err)
	}
	plain := apdu.Command{CLA: cmd.CLA &^ 0x0C, INS: cmd.INS, P1: cmd.P1, P2: cmd.P2}
	for _, o := range objects {
		switch o.Tag {
		case tagCryptogram:
			plain.Data = c.decrypt(o.Value[1:])
		case tagTLV:
			plain.Data = c.decrypt(o.Value)
		case tagLe:
			plain.Ne = (int(o.Value[0])+255)%256 + 1
		}
	}
	again := c.ch.wrap(plain) // moves the counter of the card, too
	if !bytes.Equal(again.Data, cmd.Data) || again.CLA != cmd.CLA {
		c.t.Errorf("%v: protected as %X, want %X", plain, cmd.Data, again.Data)
	}
	c.got = append(c.got, plain)
	n := len(c.got)
	if err := c.err(n); err != nil {
		return apdu.Response{}, err
	}
	data, sw := c.answer(n, plain)
	c.ch.ssc++
	return c.spoil(n, apdu.Response{Data: c.protect(plain.INS, data, sw), SW: apdu.SWOK}), nil
}

func (c *card) decrypt(b []byte) []byte {
	out := make([]byte, len(b))
	cipher.NewCBCDecrypter(c.ch.enc, zeroIV[:]).CryptBlocks(out, b)
	n := unpad(out)
	if n < 0 {
		c.t.Fatal("command data without padding")
	}
	return out[:n]
}

func (c *card) encrypt(padded []byte) []byte {
	out := make([]byte, len(padded))
	cipher.NewCBCEncrypter(c.ch.enc, zeroIV[:]).CryptBlocks(out, padded)
	return out
}

// protect implements IAS ECC 7.1.10: cryptogram, status, MAC.
func (c *card) protect(ins byte, data []byte, sw apdu.SW) []byte {
	var b []byte
	if data != nil {
		padded := append(bytes.Clone(data), padding[:blockSize-len(data)%blockSize]...)
		if ins&1 == 0 {
			b = apdu.AppendTLV(b, tagCryptogram, append([]byte{1}, c.encrypt(padded)...))
		} else {
			b = apdu.AppendTLV(b, tagTLV, c.encrypt(padded))
		}
	}
	return c.seal(apdu.AppendTLV(b, tagStatus, binary.BigEndian.AppendUint16(nil, uint16(sw))))
}

// seal appends a correct MAC to b.
func (c *card) seal(b []byte) []byte {
	m := c.ch.mac.start(c.ch.ssc)
	m.write(b)
	m.pad()
	sum := m.sum()
	return apdu.AppendTLV(bytes.Clone(b), tagMAC, sum[:])
}

type sender func(apdu.Command) (apdu.Response, error)

func (f sender) Send(c apdu.Command) (apdu.Response, error) { return f(c) }

// quiet is a testing.TB that ignores failures of the card for invalid commands.
type quiet struct{ testing.TB }

func (*quiet) Errorf(string, ...any) {}
