package cardtest_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
)

func TestCostIsModelled(t *testing.T) {
	card, c := newCard(t, cardtest.Profile{})
	card.SetCost(cardtest.CostModel{})
	exchange(t, card, "00A4040C06A00000000039 -> 9000", "00B0810000 -> 3939393930303030303030316282")
	s := card.Stats()
	if s.APDUs != 2 || s.BytesUp != 11+5 || s.BytesDown != 2+14 || s.Modelled != 0 || s.Resets != 1 {
		t.Errorf("stats %+v", s)
	}

	card.SetCost(cardtest.CostModel{LinkKbit: 106})
	exchange(t, card, "00A4040C06A00000000039 -> 9000")
	// 11 bytes and 2 bytes, each with 3 of framing, 9 bits a byte.
	if got, want := card.Stats().Sub(s).Modelled, (11+3+2+3)*9*time.Millisecond/106; got.Round(time.Microsecond) != want.Round(time.Microsecond) {
		t.Errorf("link: %v, want %v", got, want)
	}

	const dh, private, public, write, fixed = time.Hour, time.Minute, time.Second, time.Millisecond, time.Microsecond
	card.SetCost(cardtest.CostModel{PerAPDU: fixed, DHAgreement: dh, RSAPrivate: private, RSAPublic: public, Write: write})
	before := card.Stats()
	c.authenticate()
	s = card.Stats().Sub(before)
	if want := dh + private + 2*public + time.Duration(s.APDUs)*fixed; s.Modelled != want {
		t.Errorf("device authentication: %v, want %v", s.Modelled, want)
	}
	if s.DeviceAuthentications != 1 || s.KeyAgreements != 1 || s.Signatures != 1 || s.GetResponses != 4 {
		t.Errorf("stats %+v", s)
	}
	before = card.Stats()
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	c.verify(0x63C2, 0x81, wrongCode())
	c.verify(0x9000, 0x81, cardtest.DefaultPIN())
	s = card.Stats().Sub(before)
	if want := 2*write + 3*fixed; s.Modelled != want || s.Verifies != 3 || s.TriesSpent != 1 || s.Writes != 2 {
		t.Errorf("%v, want %v: %+v", s.Modelled, want, s)
	}
	before = card.Stats()
	c.must(0x9000, 0x24, 0, 0x81, append(cardtest.DefaultPIN(), wrongCode()...), -1)
	c.verify(0x9000, 0x82, cardtest.DefaultPUK())
	c.must(0x9000, 0x2C, 2, 0x81, cardtest.DefaultPIN(), -1)
	if s = card.Stats().Sub(before); s.Changes != 1 || s.Unblocks != 1 || s.Verifies != 1 {
		t.Errorf("stats %+v", s)
	}
}

// A card with Sleep takes at least the modelled time.
func TestSleepTakesModelledTime(t *testing.T) {
	card, _ := newCard(t, cardtest.Profile{})
	const cost = 20 * time.Millisecond
	card.SetCost(cardtest.CostModel{PerAPDU: cost, Sleep: true})
	before, start := card.Stats(), time.Now()
	exchange(t, card, "00A4000C -> 9000")
	if took := time.Since(start); took < cost || card.Stats().Sub(before).Modelled != cost {
		t.Errorf("%v passed, modelled %v", took, card.Stats().Sub(before).Modelled)
	}
}

func TestDefaultCostMatchesField(t *testing.T) {
	d := cardtest.DefaultCost()
	if d.LinkKbit != 106 || d.DHAgreement != 3700*time.Millisecond || d.RSAPrivate != 300*time.Millisecond || d.Sleep {
		t.Errorf("%+v", d)
	}
	card, c := newCard(t, cardtest.Profile{})
	c.authenticate()
	if m := card.Stats().Modelled; m < 4*time.Second || m > 6*time.Second {
		t.Errorf("a device authentication with default costs takes %v", m)
	}
}

func TestTraceHidesCodes(t *testing.T) {
	var shown, hidden bytes.Buffer
	for _, w := range []*bytes.Buffer{&shown, &hidden} {
		card, c := newCard(t, cardtest.Profile{})
		if w == &shown {
			card.TraceCodes(w)
		} else {
			card.Trace(w)
		}
		c.authenticate()
		c.verify(0x9000, 0x81, cardtest.DefaultPIN())
		c.must(0x9000, 0x24, 0, 0x81, append(cardtest.DefaultPIN(), []byte("10293847")...), -1)
		c.verify(0x9000, 0x82, cardtest.DefaultPUK())
		c.must(0x9000, 0x2C, 2, 0x81, cardtest.DefaultPIN(), -1)
		c.secure = false
		c.must(0x6982, 0x20, 0, 0x81, cardtest.DefaultPIN(), -1) // in the clear by mistake
		card.Reset()
		card.SetFaults(cardtest.FaultAt(1, cardtest.RemoveBefore))
		card.Exchange(selectRoot)
		card.Trace(nil)
		card.Exchange(selectRoot)
	}
	for _, want := range []string{
		"\n> 00A4040C06A00000000039\n< 9000\n",
		"\n# secure messaging starts\n",
		"\n# > 00200081 08 ********\n# < 9000\n",
		"\n# > 00240081 10 ****************\n# < 9000\n",
		"\n# > 002C0281 08 ********\n# < 9000\n",
		"\n> 0020008108****************\n",
		"\n# reset, ATR 3B8E",
		"\n# fault: remove-before\n# removed\n# no answer: card removed\n",
	} {
		if !strings.Contains(hidden.String(), want) {
			t.Errorf("no %q in the trace", want)
		}
	}
	codes := []string{"3133353732343638", "3836343237353331", "3130323933383437"}
	for _, code := range codes {
		if strings.Contains(hidden.String(), code) {
			t.Errorf("the trace shows the code %s", code)
		}
		if !strings.Contains(shown.String(), code) {
			t.Errorf("the trace that should shows no %s", code)
		}
	}
	for line := range strings.Lines(hidden.String()) {
		if len(line) < 3 || !strings.Contains("><#", line[:1]) || line[1] != ' ' {
			t.Errorf("line %q", line)
		}
	}
}
