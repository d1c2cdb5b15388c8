package sm

import (
	"bytes"
	"errors"
	"testing"

	"cie/apdu"
)

// FuzzOpenResponse passes forged responses to a channel. With sealed the fuzzer
// has the keys: its objects get a correct MAC, so that the code after the check
// of the MAC is reached too.
func FuzzOpenResponse(f *testing.F) {
	good := newCard(f)
	good.ch.ssc += 2
	for _, data := range [][]byte{nil, {}, []byte("data"), make([]byte, 231)} {
		whole := good.protect(0xB0, data, 0x9000)
		f.Add(whole, uint16(0x9000), false)
		f.Add(whole[:len(whole)-10], uint16(0x9000), true)
		whole = good.protect(0xCB, data, 0x63C2)
		f.Add(whole[:len(whole)-10], uint16(0x63C2), true)
	}
	f.Add([]byte{}, uint16(0x6988), false)
	f.Add([]byte{0x87, 0x80, 0, 0}, uint16(0x9000), true)

	f.Fuzz(func(t *testing.T, objects []byte, sw uint16, sealed bool) {
		c := newCard(t)
		c.spoil = func(_ int, r apdu.Response) apdu.Response {
			r = apdu.Response{Data: objects, SW: apdu.SW(sw)}
			if sealed {
				r.Data = c.seal(objects)
			}
			return r
		}
		ch := New(c, &testKeys, testSSC)
		r, err := ch.Send(read)
		if err != nil {
			for _, reason := range []error{ErrClearStatus, ErrMissingObject, ErrObject, ErrMAC, ErrPadding, ErrStatus} {
				if errors.Is(err, reason) && errors.Is(err, ErrChannelLost) && ch.Err() != nil {
					return
				}
			}
			t.Fatalf("error of another kind: %v, channel %v", err, ch.Err())
		}
		// An accepted response must equal that of a genuine card, except for the
		// unprotected status and longer forms of lengths.
		received := c.spoil(0, apdu.Response{}).Data
		p, err := parseProtected(received)
		if err != nil {
			t.Fatal(err)
		}
		even, odd := c.protect(0xB0, r.Data, p.status), c.protect(0xCB, r.Data, p.status)
		short := shortest(t, received)
		if !bytes.Equal(short[:len(short)-macLen], even[:len(even)-macLen]) &&
			!bytes.Equal(short[:len(short)-macLen], odd[:len(odd)-macLen]) {
			t.Fatalf("accepted %X, a genuine card returns %X", short, even)
		}
	})
}

// shortest encodes a series of objects with lengths in the shortest form.
func shortest(t *testing.T, b []byte) []byte {
	objects, err := apdu.ParseTLVs(b)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, o := range objects {
		out = apdu.AppendTLV(out, o.Tag, o.Value)
	}
	return out
}
