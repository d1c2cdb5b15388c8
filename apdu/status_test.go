package apdu_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"cie/apdu"
)

// Every status of IAS ECC 9.3, tables 25 and 26, has a text of its own, and every
// other value has a general one.
func TestEveryStatusHasAText(t *testing.T) {
	named := []apdu.SW{
		0x9000, 0x6200, 0x6281, 0x6282, 0x6283, 0x6284, 0x6285, 0x6286, 0x6300, 0x6381,
		0x6400, 0x6401, 0x6500, 0x6581, 0x6600, 0x6700, 0x6800, 0x6881, 0x6882, 0x6883, 0x6884,
		0x6900, 0x6981, 0x6982, 0x6983, 0x6984, 0x6985, 0x6986, 0x6987, 0x6988,
		0x6A00, 0x6A80, 0x6A81, 0x6A82, 0x6A83, 0x6A84, 0x6A85, 0x6A86, 0x6A87, 0x6A88, 0x6A89, 0x6A8A,
		0x6B00, 0x6D00, 0x6E00, 0x6F00, 0x6112, 0x6C12, 0x63C2,
	}
	seen := make(map[string]apdu.SW)
	for _, sw := range named {
		text, number, _ := strings.Cut(sw.Error(), " (")
		if number != fmt.Sprintf("%04X)", uint16(sw)) {
			t.Errorf("%q does not end with its number", sw.Error())
		}
		if other, twice := seen[text]; twice {
			t.Errorf("%04X and %04X are both %q", uint16(sw), uint16(other), text)
		}
		seen[text] = sw
	}
	form := regexp.MustCompile(`^[a-zA-Z1-9][-a-zA-Z0-9:, ]+ \([0-9A-F]{4}\)$`)
	for sw := range 0x10000 {
		if text := apdu.SW(sw).Error(); !form.MatchString(text) {
			t.Fatalf("%04X: %q", sw, text)
		}
	}
	for sw, want := range map[apdu.SW]string{
		apdu.SWFileNotFound: "file not found (6A82)",
		0x63C2:              "verification failed, tries left: 2 (63C2)",
		0x6100:              "response bytes waiting: 256 (6100)",
		0x6C07:              "wrong Le, bytes available: 7 (6C07)",
		0x6990:              "command not allowed (6990)",
		0x1234:              "unknown status (1234)",
	} {
		if got := sw.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestStatusNumbersAreExtracted(t *testing.T) {
	for _, c := range []struct {
		sw                      apdu.SW
		tries, remaining, exact int // -1: has none
	}{
		{0x63C0, 0, -1, -1},
		{0x63C3, 3, -1, -1},
		{0x63CF, 15, -1, -1},
		{0x6300, -1, -1, -1},
		{0x63D0, -1, -1, -1},
		{0x62C1, -1, -1, -1},
		{0x6101, -1, 1, -1},
		{0x6100, -1, 256, -1},
		{0x61FF, -1, 255, -1},
		{0x6C00, -1, -1, 256},
		{0x6C10, -1, -1, 16},
		{0x9000, -1, -1, -1},
	} {
		for _, f := range []struct {
			name   string
			number func() (int, bool)
			want   int
		}{
			{"Tries", c.sw.Tries, c.tries},
			{"Remaining", c.sw.Remaining, c.remaining},
			{"ExactLength", c.sw.ExactLength, c.exact},
		} {
			n, ok := f.number()
			if ok != (f.want >= 0) || ok && n != f.want {
				t.Errorf("%04X: %s %d, %t", uint16(c.sw), f.name, n, ok)
			}
		}
	}
}

func TestErrorUnwrapsToStatus(t *testing.T) {
	err := fmt.Errorf("step: %w", apdu.Response{SW: 0x6A82}.Err(0xA4))
	if !errors.Is(err, apdu.SWFileNotFound) || errors.Is(err, apdu.SWOK) {
		t.Error("status not found in the error")
	}
	var e *apdu.Error
	if !errors.As(err, &e) || e.INS != 0xA4 {
		t.Errorf("%v", e)
	}
	var sw apdu.SW
	if !errors.As(err, &sw) || sw != apdu.SWFileNotFound {
		t.Errorf("%v", sw)
	}
	if got, want := e.Error(), "SELECT: file not found (6A82)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := (&apdu.Error{INS: 0xE2, SW: apdu.SWUnknownINS}).Error(), "instruction E2: instruction not supported (6D00)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := (apdu.Response{SW: apdu.SWOK}).Err(0xA4); err != nil {
		t.Error(err)
	}
}

// The commands of IAS ECC 9.4 to 9.9 have different names in messages.
func TestErrorNamesCommand(t *testing.T) {
	seen := make(map[string]byte)
	for _, ins := range []byte{0x20, 0x22, 0x24, 0x2A, 0x2C, 0x82, 0x84, 0x88, 0xA4, 0xB0, 0xC0, 0xCB, 0xD6, 0xDB} {
		name, rest, ok := strings.Cut((&apdu.Error{INS: ins, SW: apdu.SWWrongLength}).Error(), ": ")
		if !ok || rest != apdu.SWWrongLength.Error() || strings.Contains(name, "instruction") {
			t.Errorf("%02X: %q, %q", ins, name, rest)
		}
		if other, twice := seen[name]; twice {
			t.Errorf("%02X and %02X are both %q", ins, other, name)
		}
		seen[name] = ins
	}
}
