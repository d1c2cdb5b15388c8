package sm_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"cie/apdu"
	"cie/apdu/apdutest"
	"cie/apdu/sm"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func keys(t testing.TB, enc, mac string) *sm.Keys {
	t.Helper()
	k := new(sm.Keys)
	copy(k.ENC[:], unhex(t, enc))
	copy(k.MAC[:], unhex(t, mac))
	return k
}

func icaoChannel(t testing.TB, s apdu.Sender) *sm.Channel {
	k := keys(t, "979EC13B1CBFE9DCD01AB0FED307EAE5", "F1CB1F1FB5ADF208806B89DC579DC1F8")
	defer k.Wipe()
	return sm.New(s, k, [8]byte(unhex(t, "887022120C06C226")))
}

// The worked example of ICAO Doc 9303 part 11, appendix D.4: SELECT EF.COM, and
// READ BINARY twice.
func TestChannelReproducesICAOExample(t *testing.T) {
	replay, err := apdutest.OpenReplay("testdata/icao-9303-11-d4.apdu")
	if err != nil {
		t.Fatal(err)
	}
	c := icaoChannel(t, apdu.NewClient(replay, apdu.Config{}))
	for _, step := range []struct{ command, response string }{
		{"00A4020C02011E", "9000"},
		{"00B0000004", "60145F019000"},
		{"00B0000412", "04303130365F36063034303030305C0261759000"},
	} {
		cmd, err := apdu.ParseCommand(unhex(t, step.command))
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Send(cmd)
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		if got := r.Encode(); !bytes.Equal(got, unhex(t, step.response)) {
			t.Errorf("%v: %X, want %s", cmd, got, step.response)
		}
	}
	if err := replay.Done(); err != nil {
		t.Error(err)
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Err(); !errors.Is(err, sm.ErrClosed) || !errors.Is(err, sm.ErrChannelLost) {
		t.Errorf("Err after Close: %v", err)
	}
}
