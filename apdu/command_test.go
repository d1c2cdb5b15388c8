package apdu_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"cie/apdu"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// zeros returns n bytes of 00 in hexadecimal.
func zeros(n int) string { return strings.Repeat("00", n) }

func TestCommandRoundTripsInEveryCase(t *testing.T) {
	header := apdu.Command{CLA: 0x00, INS: 0xCB, P1: 0x3F, P2: 0xFF}
	for _, c := range []struct {
		name     string
		data, ne int
		extended bool
		want     string
	}{
		{"case 1", 0, 0, false, "00CB3FFF"},
		{"case 2", 0, 1, false, "00CB3FFF 01"},
		{"case 2, 255", 0, 255, false, "00CB3FFF FF"},
		{"case 2, 256", 0, 256, false, "00CB3FFF 00"},
		{"case 2, extended", 0, 257, false, "00CB3FFF 000101"},
		{"case 2, 65536", 0, 65536, false, "00CB3FFF 000000"},
		{"case 2, extended where short would do", 0, 256, true, "00CB3FFF 000100"},
		{"case 3", 1, 0, false, "00CB3FFF 01 00"},
		{"case 3, 255", 255, 0, false, "00CB3FFF FF" + zeros(255)},
		{"case 3, extended", 256, 0, false, "00CB3FFF 000100" + zeros(256)},
		{"case 3, 65535", 65535, 0, false, "00CB3FFF 00FFFF" + zeros(65535)},
		{"case 3, extended where short would do", 1, 0, true, "00CB3FFF 000001 00"},
		{"case 4", 2, 16, false, "00CB3FFF 02 0000 10"},
		{"case 4, 255 and 256", 255, 256, false, "00CB3FFF FF" + zeros(255) + "00"},
		{"case 4, extended for Le", 2, 257, false, "00CB3FFF 000002 0000 0101"},
		{"case 4, extended for Lc", 256, 1, false, "00CB3FFF 000100" + zeros(256) + "0001"},
		{"case 4, 65535 and 65536", 65535, 65536, false, "00CB3FFF 00FFFF" + zeros(65535) + "0000"},
		{"case 4, extended where short would do", 2, 256, true, "00CB3FFF 000002 0000 0100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := header
			if c.data > 0 {
				cmd.Data = make([]byte, c.data)
			}
			cmd.Ne, cmd.Extended = c.ne, c.extended
			got, err := cmd.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, unhex(t, c.want)) {
				t.Errorf("encoded as %.40X... (%d bytes)", got, len(got))
			}
			back, err := apdu.ParseCommand(got)
			if err != nil {
				t.Fatal(err)
			}
			// ParseCommand sets Extended only if the bytes require it.
			if !reflect.DeepEqual(back, cmd) {
				t.Errorf("decoded as %v (extended: %t)", back, back.Extended)
			}
		})
	}
}

func TestCommandEncodeRefuses(t *testing.T) {
	for _, c := range []apdu.Command{
		{Data: make([]byte, 65536)},
		{Ne: 65537},
		{Ne: -1},
	} {
		if b, err := c.Encode(); !errors.Is(err, apdu.ErrCommand) {
			t.Errorf("%v: %d bytes, %v", c, len(b), err)
		}
	}
}

func TestParseCommandRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"empty":                            "",
		"header cut off":                   "00A404",
		"Lc without data":                  "00A4040C 0200",
		"Lc too small":                     "00A4040C 01 0000 00",
		"Lc too large":                     "00A4040C 05 00000000",
		"extended length cut off":          "00A4040C 0000",
		"extended Lc of zero, one byte":    "00A4040C 000000 00",
		"extended Lc of zero with Le":      "00A4040C 000000 0000",
		"extended Lc too large":            "00A4040C 000003 0000",
		"extended Lc with one byte of Le":  "00A4040C 000002 0000 00",
		"extended Lc with three bytes off": "00A4040C 000002 0000 000000",
	} {
		if c, err := apdu.ParseCommand(unhex(t, s)); !errors.Is(err, apdu.ErrCommand) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

func TestResponseRoundTrips(t *testing.T) {
	for _, s := range []string{"9000", "6A82", "01026282"} {
		r, err := apdu.ParseResponse(unhex(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.Encode(), unhex(t, s)) {
			t.Errorf("%s became %X", s, r.Encode())
		}
	}
	for _, s := range []string{"", "90"} {
		if _, err := apdu.ParseResponse(unhex(t, s)); !errors.Is(err, apdu.ErrResponse) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// Neither a PIN in a command nor a name in a response may be logged, for any verb.
func TestTextContainsNoData(t *testing.T) {
	cmd := apdu.Command{INS: 0x20, P2: 0x81, Data: []byte("86295143"), Ne: 256}
	r := apdu.Response{Data: []byte("86295143"), SW: 0x63C2}
	raw, err := cmd.Encode()
	if err != nil {
		t.Fatal(err)
	}
	e := apdu.Exchange{Command: raw, Response: r.Encode()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		for _, v := range []any{cmd, &cmd, r, &r, e, &e} {
			s := fmt.Sprintf(verb, v)
			for _, secret := range []string{"86295143", "3836323935313433", "56 54"} {
				if strings.Contains(s, secret) {
					t.Errorf("%s of %T shows the data: %s", verb, v, s)
				}
			}
		}
	}
	if got, want := cmd.String(), "00200081 Lc=8 Le=256"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := r.String(), "8 bytes, 63C2"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for want, e := range map[string]apdu.Exchange{
		"00200081 Lc=8 Le=256: 8 bytes, 63C2":                    e,
		"00200081 Lc=8 Le=256: card removed":                     {Command: raw, Err: apdu.ErrRemoved},
		"00200081 Lc=8 Le=256: malformed response APDU: 1 bytes": {Command: raw, Response: raw[:1]},
		"7 bytes: 0 bytes, 9000":                                 {Command: raw[:7], Response: []byte{0x90, 0}},
	} {
		if got := e.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		"00A40000", "00B0000080", "00A4020402D003", "00CB3FFF064D04A602910000",
		"00B0000000000A", "00B00000000000", "0022 41A6 000002 0000", "0022 41A6 000002 0000 0100",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := apdu.ParseCommand(b)
		if err != nil {
			if !errors.Is(err, apdu.ErrCommand) {
				t.Fatalf("undocumented error: %v", err)
			}
			return
		}
		again, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("%X became %X", b, again)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte{0x90, 0x00})
	f.Add([]byte{1, 2, 3, 0x62, 0x82})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := apdu.ParseResponse(b)
		if (err != nil) != (len(b) < 2) {
			t.Fatal(err)
		}
		if err == nil && !bytes.Equal(r.Encode(), b) {
			t.Fatalf("%X became %X", b, r.Encode())
		}
		if r.SW.Error() == "" || r.Err(0) != nil && !errors.Is(r.Err(0), r.SW) {
			t.Fatalf("%04X: %v", uint16(r.SW), r.Err(0))
		}
	})
}
