package sm

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cie/apdu"
)

func TestChannelProtectsEveryForm(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, 9, 230, 231, 232, 462, 463, 1000} {
		for _, ins := range []byte{0xB0, 0xCB} {
			for _, ne := range []int{0, 1, 231, 255, 256, 65536} {
				for _, back := range []int{-1, 0, 1, 8, 231, 1000} {
					c := newCard(t)
					data := bytes.Repeat([]byte{0x80, 0}, 500)[:size]
					var answer []byte
					if back >= 0 {
						answer = bytes.Repeat([]byte{0, 0x80}, 500)[:back]
					}
					c.answer = func(_ int, cmd apdu.Command) ([]byte, apdu.SW) {
						if cmd.CLA&0x10 != 0 {
							return nil, apdu.SWOK
						}
						return answer, apdu.SWWarnEOF
					}
					ch := New(c, &testKeys, testSSC)
					r, err := ch.Send(apdu.Command{INS: ins, P1: 1, P2: 2, Data: data, Ne: ne})
					if err != nil {
						t.Fatalf("%d bytes, %02X, Ne %d, %d back: %v", size, ins, ne, back, err)
					}
					if !bytes.Equal(r.Data, answer) || r.SW != apdu.SWWarnEOF {
						t.Errorf("%d bytes, %02X, Ne %d, %d back: %v", size, ins, ne, back, r)
					}
					var sent []byte
					for i, cmd := range c.got {
						last := i == len(c.got)-1
						if cmd.CLA&0x10 == 0 != last || len(cmd.Data) > MaxPlain || !last && cmd.Ne != 0 {
							t.Errorf("block %d of %d: %v", i+1, len(c.got), cmd)
						}
						sent = append(sent, cmd.Data...)
					}
					if !bytes.Equal(sent, data) || c.got[len(c.got)-1].Ne != min(ne, 256) {
						t.Errorf("%d bytes, Ne %d: the card got %v", size, ne, c.got)
					}
				}
			}
		}
	}
}

// read is the command that the tests below send.
var read = apdu.Command{INS: 0xB0, Ne: 256}

// mustBeLost checks that a channel is closed: the error is of the right kind, no
// further command is sent, and the keys are overwritten.
func mustBeLost(t *testing.T, c *card, ch *Channel, r apdu.Response, err, reason error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, ErrChannelLost) || !errors.Is(err, reason) {
		t.Fatalf("%v, want %v", err, reason)
	}
	if r.SW != 0 || r.Data != nil {
		t.Errorf("a response in spite of the error: %v", r)
	}
	if got := ch.Err(); !errors.Is(got, reason) || !errors.Is(got, ErrChannelLost) {
		t.Errorf("Err is %v", got)
	}
	sent := len(c.got)
	if _, err := ch.Send(read); !errors.Is(err, ErrClosed) || !errors.Is(err, ErrChannelLost) {
		t.Errorf("Send afterwards: %v", err)
	}
	if len(c.got) != sent {
		t.Error("sent something over a lost channel")
	}
	if err := ch.Close(); err != nil {
		t.Error(err)
	}
	if got := ch.Err(); !errors.Is(got, reason) {
		t.Errorf("Err after Close is %v", got)
	}
	if ch.enc != nil || ch.mac.left != nil || ch.mac.both != nil || ch.ssc != 0 {
		t.Error("keys and counter are still there")
	}
}

func TestChannelIsLostOnWrongResponse(t *testing.T) {
	type spoil = func(c *card, r apdu.Response) apdu.Response
	data := func(f func(c *card, b []byte) []byte) spoil {
		return func(c *card, r apdu.Response) apdu.Response { r.Data = f(c, r.Data); return r }
	}
	raw := func(b ...byte) spoil { return data(func(*card, []byte) []byte { return b }) }
	// sealed is a response of the given objects with a correct MAC.
	sealed := func(b ...byte) spoil { return data(func(c *card, _ []byte) []byte { return c.seal(b) }) }
	outer := func(sw apdu.SW) spoil {
		return func(_ *card, r apdu.Response) apdu.Response { r.SW = sw; return r }
	}
	bare := func(sw apdu.SW) spoil {
		return func(*card, apdu.Response) apdu.Response { return apdu.Response{SW: sw} }
	}
	cryptogram := func(tag apdu.Tag, value ...byte) []byte { return apdu.AppendTLV(nil, tag, value) }
	status := []byte{0x99, 2, 0x90, 0}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

	for _, c := range []struct {
		name   string
		spoil  spoil
		reason error
	}{
		{"clear 9000", bare(0x9000), ErrClearStatus},
		{"clear 6987", bare(0x6987), ErrClearStatus},
		{"clear 6988", bare(0x6988), ErrClearStatus},
		{"clear 6982", bare(0x6982), ErrClearStatus},
		{"clear 63C2", bare(0x63C2), ErrClearStatus},
		{"clear 6110, not in a chain", bare(0x6110), ErrClearStatus},
		{"clear 6C08", bare(0x6C08), ErrClearStatus},
		{"MAC, first byte", data(func(_ *card, b []byte) []byte { b[len(b)-8] ^= 1; return b }), ErrMAC},
		{"MAC, last byte", data(func(_ *card, b []byte) []byte { b[len(b)-1] ^= 0x80; return b }), ErrMAC},
		{"cryptogram", data(func(_ *card, b []byte) []byte { b[3] ^= 1; return b }), ErrMAC},
		{"status inside", data(func(_ *card, b []byte) []byte { b[len(b)-12] ^= 1; return b }), ErrMAC},
		{"MAC of the counter before", data(func(c *card, b []byte) []byte {
			c.ch.ssc--
			return c.protect(0xB0, []byte("data"), 0x9000)
		}), ErrMAC},
		{"MAC of the counter after", data(func(c *card, b []byte) []byte {
			c.ch.ssc++
			return c.protect(0xB0, []byte("data"), 0x9000)
		}), ErrMAC},
		{"cryptogram left out", data(func(_ *card, b []byte) []byte { return b[len(b)-14:] }), ErrMAC},
		{"no MAC", data(func(_ *card, b []byte) []byte { return b[:len(b)-10] }), ErrMissingObject},
		{"no status", sealed(cryptogram(0x87, 1, 1, 2, 3, 4, 5, 6, 7, 8)...), ErrMissingObject},
		{"MAC alone", sealed(), ErrMissingObject},
		{"short MAC", raw(join(status, []byte{0x8E, 4, 1, 2, 3, 4})...), ErrObject},
		{"empty MAC", raw(join(status, []byte{0x8E, 0})...), ErrObject},
		{"long MAC", raw(join(status, []byte{0x8E, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9})...), ErrObject},
		{"two MACs", data(func(_ *card, b []byte) []byte { return append(b, b[len(b)-10:]...) }), ErrObject},
		{"something after the MAC", data(func(_ *card, b []byte) []byte { return append(b, 0x81, 0) }), ErrObject},
		{"zeros after the MAC", data(func(_ *card, b []byte) []byte { return append(b, 0, 0) }), ErrObject},
		{"cut off", data(func(_ *card, b []byte) []byte { return b[:len(b)-1] }), ErrObject},
		{"cut off in the cryptogram", data(func(_ *card, b []byte) []byte { return b[:5] }), ErrObject},
		{"no objects", raw(0, 0, 0, 0), ErrObject},
		{"unknown object", sealed(join([]byte{0x81, 1, 0}, status)...), ErrObject},
		{"object of a command", sealed(join([]byte{0x97, 1, 0}, status)...), ErrObject},
		{"two statuses", sealed(join(status, status)...), ErrObject},
		{"short status", sealed(0x99, 1, 0x90), ErrObject},
		{"long status", sealed(0x99, 3, 0x90, 0, 0), ErrObject},
		{"cryptogram after the status", sealed(join(status, cryptogram(0x87, 1, 1, 2, 3, 4, 5, 6, 7, 8))...), ErrObject},
		{"two cryptograms", sealed(join(cryptogram(0x87, 1, 1, 2, 3, 4, 5, 6, 7, 8), cryptogram(0x85, 1, 2, 3, 4, 5, 6, 7, 8), status)...), ErrObject},
		{"padding indicator", sealed(join(cryptogram(0x87, 2, 1, 2, 3, 4, 5, 6, 7, 8), status)...), ErrObject},
		{"no padding indicator", sealed(join(cryptogram(0x87), status)...), ErrObject},
		{"no cryptogram in 87", sealed(join(cryptogram(0x87, 1), status)...), ErrObject},
		{"no cryptogram in 85", sealed(join(cryptogram(0x85), status)...), ErrObject},
		{"half a block", sealed(join(cryptogram(0x87, 1, 1, 2, 3, 4), status)...), ErrObject},
		{"indefinite length", raw(0x87, 0x80, 1, 0, 0), ErrObject},
		{"data without padding", data(func(c *card, _ []byte) []byte {
			return c.seal(join(cryptogram(0x85, c.encrypt([]byte("8 bytes!"))...), status))
		}), ErrPadding},
		{"data of zeros", data(func(c *card, _ []byte) []byte {
			return c.seal(join(cryptogram(0x85, c.encrypt(make([]byte, 16))...), status))
		}), ErrPadding},
		{"padding longer than a block", data(func(c *card, _ []byte) []byte {
			return c.seal(join(cryptogram(0x85, c.encrypt(append([]byte("1234567\x80"), make([]byte, 8)...))...), status))
		}), ErrPadding},
		{"outside 6982", outer(0x6982), ErrStatus},
		{"outside 6282", outer(0x6282), ErrStatus},
		{"outside 6A82", outer(0x6A82), ErrStatus},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := newCard(t)
			card.answer = func(int, apdu.Command) ([]byte, apdu.SW) { return []byte("data"), apdu.SWOK }
			card.spoil = func(n int, r apdu.Response) apdu.Response {
				if n == 2 {
					return c.spoil(card, r)
				}
				return r
			}
			ch := New(card, &testKeys, testSSC)
			if _, err := ch.Send(read); err != nil {
				t.Fatal(err)
			}
			r, err := ch.Send(read)
			mustBeLost(t, card, ch, r, err, c.reason)
			if strings.HasPrefix(c.name, "clear") {
				var sw apdu.SW
				if !errors.As(err, &sw) || !strings.Contains(c.name, fmt.Sprintf("%04X", uint16(sw))) {
					t.Errorf("%v does not contain the status", err)
				}
			}
		})
	}
}

// The channel refuses a response in which any single bit was changed.
func TestChannelRefusesEveryFlippedBit(t *testing.T) {
	answer := func(int, apdu.Command) ([]byte, apdu.SW) { return []byte("some plain data"), apdu.SWOK }
	c := newCard(t)
	c.answer = answer
	var size int
	c.spoil = func(_ int, r apdu.Response) apdu.Response { size = len(r.Data); return r }
	if _, err := New(c, &testKeys, testSSC).Send(read); err != nil {
		t.Fatal(err)
	}
	for bit := range size * 8 {
		c := newCard(t)
		c.answer = answer
		c.spoil = func(_ int, r apdu.Response) apdu.Response { r.Data[bit/8] ^= 1 << (bit % 8); return r }
		ch := New(c, &testKeys, testSSC)
		if r, err := ch.Send(read); !errors.Is(err, ErrChannelLost) || ch.Err() == nil {
			t.Errorf("bit %d: %v, %v", bit, r, err)
		}
	}
}

func TestChannelIsLostOnLinkErrors(t *testing.T) {
	for _, link := range []error{apdu.ErrRemoved, apdu.ErrReset, apdu.ErrTimeout, apdu.ErrRunaway} {
		for at := 1; at <= 3; at++ {
			c := newCard(t)
			c.err = func(n int) error {
				if n == at {
					return fmt.Errorf("reader: %w", link)
				}
				return nil
			}
			ch := New(c, &testKeys, testSSC)
			r, err := ch.Send(apdu.Command{INS: 0x2A, Data: make([]byte, 3*MaxPlain)})
			mustBeLost(t, c, ch, r, err, link)
			if want := "secure channel lost: reader: " + link.Error(); err.Error() != want {
				t.Errorf("%q, want %q", err, want)
			}
			if len(c.got) != at {
				t.Errorf("%v at %d: %d commands sent", link, at, len(c.got))
			}
		}
	}
}

// The protected status is returned, even if an unprotected one or other bytes of
// the link differ from it.
func TestChannelReturnsProtectedStatus(t *testing.T) {
	for _, c := range []struct{ inside, outside, want apdu.SW }{
		{0x9000, 0x9000, 0x9000},
		{0x63C2, 0x9000, 0x63C2},
		{0x63C2, 0x63C2, 0x63C2},
		{0x63C2, 0x63C3, 0x63C2}, // the unprotected one is not authentic
		{0x6300, 0x63C2, 0x6300},
		{0x9000, 0x63C2, 0x63C2},
		{0x9000, 0x6300, 0x6300},
		{0x63C2, 0x6300, 0x63C2},
		{0x6300, 0x6300, 0x6300},
		{0x6983, 0x9000, 0x6983},
		{0x6983, 0x6983, 0x6983},
		{0x6282, 0x6282, 0x6282},
		{0x6A82, 0x9000, 0x6A82},
		{0x9000, 0x6110, 0x9000},
	} {
		card := newCard(t)
		card.answer = func(int, apdu.Command) ([]byte, apdu.SW) { return nil, c.inside }
		card.spoil = func(_ int, r apdu.Response) apdu.Response { r.SW = c.outside; return r }
		ch := New(card, &testKeys, testSSC)
		for range 2 { // the channel remains usable
			r, err := ch.Send(apdu.Command{INS: 0x20, P2: 0x81, Data: []byte("12345678")})
			if err != nil || r.SW != c.want {
				t.Errorf("%04X inside, %04X outside: %v, %v", uint16(c.inside), uint16(c.outside), r, err)
			}
		}
	}
	for _, inside := range []apdu.SW{0x6983, 0x6A82} { // contradiction
		card := newCard(t)
		card.answer = func(int, apdu.Command) ([]byte, apdu.SW) { return nil, inside }
		card.spoil = func(_ int, r apdu.Response) apdu.Response { r.SW = 0x63C2; return r }
		ch := New(card, &testKeys, testSSC)
		r, err := ch.Send(apdu.Command{INS: 0x20, P2: 0x81, Data: []byte("12345678")})
		mustBeLost(t, card, ch, r, err, ErrStatus)
	}
}

func TestChannelProtectsEveryBlockOfChain(t *testing.T) {
	data := bytes.Repeat([]byte{7}, 3*MaxPlain)
	t.Run("answers of blocks stay in the card", func(t *testing.T) {
		c := newCard(t)
		c.answer = func(n int, _ apdu.Command) ([]byte, apdu.SW) {
			if n == 3 {
				return []byte("done"), apdu.SWOK
			}
			return nil, apdu.SWOK
		}
		c.spoil = func(n int, r apdu.Response) apdu.Response {
			if n < 3 {
				return apdu.Response{SW: 0x610E}
			}
			return r
		}
		ch := New(c, &testKeys, testSSC)
		r, err := ch.Send(apdu.Command{INS: 0x2A, Data: data, Ne: 256})
		if err != nil || string(r.Data) != "done" || len(c.got) != 3 {
			t.Errorf("%v, %v, %d blocks", r, err, len(c.got))
		}
	})
	t.Run("a refusal ends the chain", func(t *testing.T) {
		c := newCard(t)
		c.answer = func(n int, _ apdu.Command) ([]byte, apdu.SW) {
			if n == 2 {
				return nil, apdu.SWWrongData
			}
			return nil, apdu.SWOK
		}
		ch := New(c, &testKeys, testSSC)
		r, err := ch.Send(apdu.Command{INS: 0x2A, Data: data})
		if err != nil || r.SW != apdu.SWWrongData || len(c.got) != 2 || ch.Err() != nil {
			t.Errorf("%v, %v, %d blocks, %v", r, err, len(c.got), ch.Err())
		}
	})
	t.Run("a block dropped on the way", func(t *testing.T) {
		c := newCard(t)
		dropped := sender(func(cmd apdu.Command) (apdu.Response, error) {
			if cmd.CLA&0x10 != 0 {
				return apdu.Response{SW: 0x6110}, nil // the card never receives it
			}
			c.t = &quiet{TB: t}
			return c.Send(cmd)
		})
		ch := New(dropped, &testKeys, testSSC)
		r, err := ch.Send(apdu.Command{INS: 0x2A, Data: data})
		mustBeLost(t, c, ch, r, err, ErrMAC)
	})
	t.Run("chaining bit of the caller", func(t *testing.T) {
		c := newCard(t)
		ch := New(c, &testKeys, testSSC)
		for _, cla := range []byte{0x10, 0x00} {
			if r, err := ch.Send(apdu.Command{CLA: cla, INS: 0x2A, Data: data[:MaxPlain]}); err != nil || r.SW != apdu.SWOK {
				t.Errorf("%v, %v", r, err)
			}
		}
		if len(c.got) != 2 || c.got[0].CLA != 0x10 || c.got[1].CLA != 0 {
			t.Errorf("%v", c.got)
		}
	})
}

// A command that cannot be sent does not close the channel.
func TestChannelRefusesWhatCannotBeSent(t *testing.T) {
	c := newCard(t)
	ch := New(c, &testKeys, testSSC)
	for _, cmd := range []apdu.Command{
		{INS: 0xB0, Ne: -1},
		{INS: 0xB0, Ne: 65537},
		{INS: 0x2A, Data: make([]byte, 65536)},
	} {
		if _, err := ch.Send(cmd); !errors.Is(err, apdu.ErrCommand) || errors.Is(err, ErrChannelLost) {
			t.Errorf("%v: %v", cmd, err)
		}
	}
	if len(c.got) != 0 || ch.Err() != nil {
		t.Errorf("%d commands sent, %v", len(c.got), ch.Err())
	}
	if r, err := ch.Send(read); err != nil || r.SW != apdu.SWOK {
		t.Errorf("%v, %v", r, err)
	}
}

// IAS ECC 7.1.5.
func TestSendSequenceCounterWraps(t *testing.T) {
	c := newCard(t)
	ch := New(c, &testKeys, testSSC)
	high := [8]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE}
	ch.SetSSC(high)
	c.ch.SetSSC(high)
	for range 3 {
		if r, err := ch.Send(read); err != nil || r.SW != apdu.SWOK {
			t.Fatalf("%v, %v", r, err)
		}
	}
	if ch.ssc != 4 {
		t.Errorf("counter %d", ch.ssc)
	}
}

// Close overwrites the expanded keys in place. The keys passed to New remain the
// caller's to wipe.
func TestCloseWipesKeys(t *testing.T) {
	keys := testKeys
	ch := New(newCard(t), &keys, testSSC)
	if keys != testKeys {
		t.Error("New changed the keys")
	}
	blocks := []cipher.Block{ch.enc, ch.mac.left, ch.mac.both}
	sample := func(b cipher.Block) (out [blockSize]byte) {
		b.Encrypt(out[:], out[:])
		return out
	}
	var before [3][blockSize]byte
	for i, b := range blocks {
		before[i] = sample(b)
	}
	for range 2 {
		if err := ch.Close(); err != nil {
			t.Error(err)
		}
	}
	for i, b := range blocks {
		if sample(b) == before[i] {
			t.Errorf("expanded key %d survived Close", i)
		}
	}
	ch.SetSSC(testSSC) // has no effect on a closed channel
	if _, err := ch.Send(read); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// Keys must not be logged.
func TestTextContainsNoKeys(t *testing.T) {
	ch := New(newCard(t), &testKeys, testSSC)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for v, want := range map[any]string{testKeys: "session keys", &testKeys: "session keys", ch: "secure channel"} {
			if got := fmt.Sprintf(verb, v); got != want {
				t.Errorf("%s of %T: %s", verb, v, got)
			}
		}
	}
}
