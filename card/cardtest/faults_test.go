package cardtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"cie/apdu"
	"cie/card/cardtest"
)

// verifyAPDU returns a reader with an open session and the bytes of a wrong VERIFY for it.
func verifyAPDU(t *testing.T, p cardtest.Profile) (*cardtest.Card, *cardtest.Reader, *client, []byte) {
	t.Helper()
	card, c := newCard(t, p)
	r := card.Reader()
	c.authenticate()
	return card, r, c, c.wrap(0, 0x20, 0, 0x81, wrongCode(), -1)
}

func TestFaultsOfVerify(t *testing.T) {
	for kind, want := range map[cardtest.FaultKind]struct {
		err   error
		spent bool // the command was executed and used a try
		alive bool // the next command is answered
	}{
		cardtest.RemoveBefore:    {apdu.ErrRemoved, false, false},
		cardtest.RemoveAfter:     {apdu.ErrRemoved, true, false},
		cardtest.MuteBefore:      {apdu.ErrMute, false, false},
		cardtest.MuteAfter:       {apdu.ErrMute, true, false},
		cardtest.ResetBefore:     {apdu.ErrReset, false, false},
		cardtest.IdleReset:       {apdu.ErrReset, false, false},
		cardtest.WrongMAC:        {nil, true, true},
		cardtest.Truncate:        {nil, true, true},
		cardtest.TruncateData:    {nil, true, true},
		cardtest.FlipBit:         {nil, true, true},
		cardtest.Status6F00:      {nil, false, true},
		cardtest.Status6F00After: {nil, true, true},
		cardtest.Status6700:      {nil, false, true},
		cardtest.RefuseInClear:   {nil, false, true},
		cardtest.SelectOther:     {nil, false, true},
		cardtest.SelectRoot:      {nil, false, true},
		cardtest.SelectSame:      {nil, true, true},
	} {
		t.Run(kind.String(), func(t *testing.T) {
			card, r, c, verify := verifyAPDU(t, cardtest.Profile{})
			good, _, c2, verify2 := verifyAPDU(t, cardtest.Profile{})
			undisturbed := good.Exchange(verify2)
			c2.unwrap(0x20, undisturbed[:len(undisturbed)-2])

			card.SetFaults(cardtest.FaultAt(2, kind))
			if _, err := r.Transmit([]byte{0, 0xC0, 0, 0, 0}); err != nil {
				t.Fatalf("the first command: %v", err)
			}
			out, err := r.Transmit(verify)
			if !errors.Is(err, want.err) || (err == nil) != (want.err == nil) {
				t.Fatalf("error %v, want %v", err, want.err)
			}
			if (err == nil) == (out == nil) {
				t.Fatalf("answer %X with %v", out, err)
			}
			if pin, _ := card.Tries(); (pin == 2) != want.spent {
				t.Errorf("%d tries left", pin)
			}
			switch kind {
			case cardtest.WrongMAC, cardtest.FlipBit:
				if len(out) != len(undisturbed) || !bytes.HasSuffix(out, []byte{0x90, 0}) {
					t.Errorf("answer %X", out)
				}
				right := c.sum(iso9797pad(out[:4]))
				if bytes.Equal(right, out[len(out)-10:len(out)-2]) {
					t.Error("the MAC is right")
				}
			case cardtest.Truncate:
				if len(out) != len(undisturbed)/2 {
					t.Errorf("answer %X", out)
				}
			case cardtest.TruncateData:
				if len(out) != (len(undisturbed)-2)/2+2 || !bytes.HasSuffix(out, []byte{0x90, 0}) {
					t.Errorf("answer %X", out)
				}
			case cardtest.Status6F00, cardtest.Status6F00After:
				if !bytes.Equal(out, []byte{0x6F, 0}) {
					t.Errorf("answer %X", out)
				}
			case cardtest.Status6700:
				if !bytes.Equal(out, []byte{0x67, 0}) {
					t.Errorf("answer %X", out)
				}
			case cardtest.SelectSame:
				if _, sw := c.unwrap(0x20, out[:len(out)-2]); sw != 0x63C2 {
					t.Errorf("%04X in a channel that lives", sw)
				}
			case cardtest.SelectOther, cardtest.SelectRoot, cardtest.RefuseInClear:
				if !bytes.Equal(out, []byte{0x69, 0x85}) {
					t.Errorf("answer %X", out)
				}
			}
			_, err = r.Transmit([]byte{0, 0xA4, 0, 0x0C})
			if (err == nil) != want.alive || err != nil && !errors.Is(err, want.err) {
				t.Errorf("the next command: %v", err)
			}
			// After the fault the card works as before.
			card.SetFaults(cardtest.Faults{})
			r.Insert()
			if err := r.Reset(); err != nil {
				t.Fatal(err)
			}
			if reset, err := r.Begin(); err != nil || reset {
				t.Fatalf("Begin after one's own reset: %v, %v", reset, err)
			}
			c.secure = false
			c.authenticate()
			c.verify(0x9000, 0x81, cardtest.DefaultPIN())
		})
	}
	if len(cardtest.FaultKinds()) != 17 {
		t.Errorf("%d kinds of fault, not all tested", len(cardtest.FaultKinds()))
	}
}

// TestFaultPositions counts every command, GET RESPONSE included.
func TestFaultsHitTheirPosition(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{})
	card.SetFaults(cardtest.Faults{})
	c.authenticate()
	n := card.Commands()
	if n != card.Stats().APDUs || n < 15 {
		t.Fatalf("%d commands, %d APDUs", n, card.Stats().APDUs)
	}
	for at := 1; at <= n; at++ {
		card, c := newCard(t, cardtest.Profile{})
		card.SetFaults(cardtest.FaultAt(at, cardtest.RemoveBefore))
		sent := 0
		c.send = func(cmd []byte) []byte {
			out := card.Exchange(cmd)
			if out == nil {
				panic(errors.New("removed"))
			}
			sent++
			return out
		}
		func() {
			defer func() { recover() }()
			c.authenticate()
		}()
		if sent != at-1 || card.Present() || card.Powered() {
			t.Errorf("removed at %d: %d commands were answered", at, sent)
		}
		if card.PowerOn() != nil {
			t.Error("a card that is away answers to reset")
		}
	}
}

func TestSplitAnswersAreFetchedInPieces(t *testing.T) {
	for _, most := range []int{1, 7, 100, 255} {
		card, c := newCard(t, cardtest.Profile{})
		card.SetFaults(cardtest.Faults{SplitAnswers: most})
		longest := 0
		c.send = func(cmd []byte) []byte {
			out := card.Exchange(cmd)
			if cmd[0]&0x10 == 0 { // answers within a chain stay whole
				longest = max(longest, len(out)-2)
			}
			return out
		}
		c.authenticate()
		c.verify(0x9000, 0x81, cardtest.DefaultPIN())
		if longest != most {
			t.Errorf("pieces of at most %d: %d", most, longest)
		}
		if n := len(c.readFile(0x1003)); n < 1000 {
			t.Errorf("certificate of %d bytes", n)
		}
	}
}

// A command without Le is answered with 61xx and no data; 6100 means 256 bytes or more.
func TestCommandWithoutLeGets61xx(t *testing.T) {
	c, _ := newCard(t, cardtest.Profile{NoLeStatus: true})
	exchange(t, c, "00A4040C06A00000000039 -> 9000",
		"00B08100 -> 610C", "00C000000C -> 3939393930303030303030316282",
		"00B0810000 -> 3939393930303030303030316282",
		"00B08100 -> 610C", "00C0000005 -> 39393939306107", "00C0000000 -> 303030303030316282",
		"00B08100 -> 610C", "0084000008 -> *", "00C000000C -> 6985",
		"00CB3FFF0C4D0A7008BFA10104A3029700 -> 6100")
}

// More than 256 bytes are answered with 61xx, in the clear and under secure messaging, and
// GET RESPONSE in the clear does not end the channel.
func TestLongAnswersNeedGetResponse(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{})
	c.authenticate()
	out := card.Exchange(c.wrap(0, 0xCB, 0x3F, 0xFF, headerList(0xBFA101, 0xA3, 2, 0x98, 0), 0))
	if len(out) != 258 || out[256] != 0x61 {
		t.Fatalf("%d bytes, status %X", len(out), out[len(out)-2:])
	}
	rest := card.Exchange([]byte{0, 0xC0, 0, 0, out[257]})
	if len(rest) != int(out[257])+2 || !bytes.HasSuffix(rest, []byte{0x90, 0}) {
		t.Fatalf("the rest: %X", rest)
	}
	data, sw := c.unwrap(0xCB, append(out[:256:256], rest[:len(rest)-2]...))
	if sw != 0x9000 || len(data) != 256+18 {
		t.Errorf("%d bytes, %04X", len(data), sw)
	}
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
}

func TestExtendedLengthNeedsProfile(t *testing.T) {
	c, _ := newCard(t, cardtest.Profile{Extended: true})
	exchange(t, c, "00B09D0000 -> 4301B84604040011104703"+"9401C0"+"E01002020400020204000202080002020800"+"780806062B8122F8780282029000"+"6282",
		"00A4040C000006A00000000039 -> 9000",
		"00B0810000000C -> 3939393930303030303030319000")
	got := c.Exchange(fromHex(t, "00CB3FFF00000C4D0A7008BFA10104A3029700"+"0000"))
	if len(got) != 18+256+2 || !bytes.HasSuffix(got, []byte{0x90, 0}) {
		t.Errorf("%d bytes: %X", len(got), got)
	}
	// The chip returns at most E7 bytes of a file at once.
	if got := c.Exchange(fromHex(t, "00B08500000000")); len(got) != 0xE7+2 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestFaultNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range cardtest.FaultKinds() {
		if name := fmt.Sprint(k); name == "" || name == "none" || seen[name] {
			t.Errorf("fault %d is called %q", int(k), name)
		} else {
			seen[name] = true
		}
	}
}
