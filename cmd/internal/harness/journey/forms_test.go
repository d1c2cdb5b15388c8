package journey

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"cie/card/cardtest"
)

// provenSM are the forms under secure messaging, with who sends them to real
// cards: italia/cie-middleware and its ports (desktop), italia/
// cieid-android-sdk (Android), pagopa/cie-sdk-ios (iOS). Le is DO 97.
var provenSM = forms{
	// Device authentication.
	"22 81B6 800141830184 Le=00":           "desktop",
	"22 81B6 800141830184":                 "Android",
	"10 2A 00AE Lc=E7":                     "all",
	"2A 00AE Lc<=E7":                       "all",
	"22 81A4 830C000000002000000000000001": "all",
	"84 0000 Le=08":                        "all",
	"10 82 0000 Lc=E7":                     "all",
	"82 0000 Lc<=E7":                       "all",
	"22 41A4 84018280019B":                 "all",
	"88 0000 Lc=08":                        "all",
	// Codes.
	"20 0081 Lc=08": "all",
	"20 0082 Lc=08": "all",
	"24 0081 Lc=10": "all",
	"2C 0281 Lc=08": "all",
	// Protected files.
	"A4 0204 1002":  "all",
	"A4 0204 1003":  "all",
	"B0 off Le<=80": "desktop, iOS",
	"B0 off Le=00":  "Android",
	// Signature.
	"22 41A4 800102840181": "all",
	"88 0000 Lc=33":        "all",
}

// counters are the one exception under secure messaging: no client asks a CIE,
// but the answer protects tries.
var counters = forms{
	"CB 4D087006BF810102A080 Le=00": "IAS ECC cards of IDEMIA",
	"CB 4D087006BF810202A080 Le=00": "the same for the PUK",
}

// provenClear are the forms in the clear.
var provenClear = forms{
	"A4 0000":                            "all", // SELECT MF
	"A4 040C A0000000308000000009816001": "all",
	"A4 040C A00000000039":               "all",
	"A4 0204 D003":                       "all",
	"A4 0204 D004":                       "all",
	"A4 0204 1004":                       "all",
	"A4 0204 1005":                       "all",
	"A4 0204 1006":                       "all",
	"B0 81 Le=0C":                        "all",
	"B0 84 Le=00":                        "access control",
	"B0 85 Le=00":                        "access control",
	"B0 off Le<=80":                      "desktop",
	"CB 4D0A7008BFA10104A3029700":        "all",
	"CB 4D0A7008BFA10104A3029800":        "all",
	"CB 4D0A7008BFA10104A3029900":        "all",
	"CB 4D087006BFA10102A380":            "desktop, Gemalto only",
	"CB 4D097007BFA004037F4980":          "all",
	"10 22 41A6 Lc=FF":                   "all",
	"22 41A6 Lc<=FF":                     "all",
	"CB 4D04A6029100":                    "all",
	"22 41A4 800102840183":               "all",
	"88 0000 Lc<=66":                     "desktop, anti-cloning",
	"88 0000 Lc<=66 Le=00":               "access control, anti-cloning",
	"C0 0000":                            "all",
}

// triedInClear are the forms that are tried before the proven one where a
// refusal costs one command: short identifiers, Le on GET DATA, larger blocks.
var triedInClear = forms{
	"B0 84 Le=E7":                       "",
	"B0 85 Le=E7":                       "",
	"B0 86 Le=E7":                       "",
	"B0 9B Le=E7":                       "",
	"B0 off Le>80":                      "",
	"CB 4D0A7008BFA10104A3029700 Le=00": "",
	"CB 4D0A7008BFA10104A3029800 Le=00": "",
	"CB 4D0A7008BFA10104A3029900 Le=00": "",
	"CB 4D087006BFA10102A380 Le=00":     "",
	"CB 4D097007BFA004037F4980 Le=00":   "",
	"CB 4D04A6029100 Le=00":             "",
}

// forms are forms of commands, with who sends them.
type forms map[string]string

// sent are the commands of one contact in the order in which they were sent.
type sent struct {
	form   string
	secure bool
	answer bool // GET RESPONSE
	code   bool
}

var traceLine = regexp.MustCompile(`^(# )?> ([0-9A-F]{8})(?: ([0-9A-F]{2}) ([0-9A-F*]+))?(?: ([0-9A-F]{2}))?$`)

// read makes the forms of the trace of a card (cardtest.Card.Trace).
func read(t testing.TB, trace string) []sent {
	t.Helper()
	var all []sent
	for line := range strings.Lines(trace) {
		line = strings.TrimSpace(line)
		if plain, ok := strings.CutPrefix(line, "> "); ok {
			raw, err := hex.DecodeString(strings.ReplaceAll(plain, "*", "0"))
			if err != nil || len(raw) < 4 {
				t.Fatalf("trace line %q", line)
			}
			if raw[1] != 0xC0 && raw[0]&0x0C != 0 {
				continue // its plain text follows
			}
			all = append(all, clearForm(raw))
			continue
		}
		if !strings.HasPrefix(line, "# > ") {
			continue
		}
		m := traceLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("trace line %q", line)
		}
		header, _ := hex.DecodeString(m[2])
		f := sent{secure: true, code: header[1] == 0x20 || header[1] == 0x24 || header[1] == 0x2C}
		f.form = formOf(header, m[4], m[5])
		all = append(all, f)
	}
	return all
}

// clearForm takes a short command apart.
func clearForm(raw []byte) sent {
	var data, le []byte
	switch body := raw[4:]; {
	case len(body) == 1:
		le = body
	case len(body) > 1:
		n := 1 + int(body[0])
		data, le = body[1:n], body[n:]
	}
	return sent{form: formOf(raw[:4], fmt.Sprintf("%X", data), fmt.Sprintf("%X", le)), answer: raw[1] == 0xC0,
		code: raw[1] == 0x20 || raw[1] == 0x24 || raw[1] == 0x2C}
}

// formOf names the form of a command: what varies from card to card and from
// one block to the next is left out.
func formOf(header []byte, data, le string) string {
	ins, p := header[1], fmt.Sprintf("%02X%02X", header[2], header[3])
	n := len(data) / 2
	if strings.Contains(data, "*") {
		n = len(data) // a star for each byte
	}
	length := func(most int) string {
		if header[0]&0x10 != 0 {
			return fmt.Sprintf("Lc=%02X", n)
		}
		if n > most {
			return fmt.Sprintf("Lc=%02X", n)
		}
		return fmt.Sprintf("Lc<=%02X", most)
	}
	expected := ""
	if le != "" {
		expected = " Le=" + le
	}
	var s string
	switch {
	case ins == 0xB0 && header[2]&0x80 != 0:
		return fmt.Sprintf("B0 %02X%s", header[2], expected)
	case ins == 0xB0:
		switch {
		case le == "00" || le == "":
		case le <= "80":
			expected = " Le<=80"
		default:
			expected = " Le>80"
		}
		return "B0 off" + expected
	case ins == 0xC0:
		return fmt.Sprintf("C0 %02X00", header[0])
	case ins == 0xCB:
		s = "CB " + data
		if p != "3FFF" {
			s = "CB " + p + " " + data
		}
	case ins == 0xA4, ins == 0x22 && p != "41A6":
		s = strings.TrimSuffix(fmt.Sprintf("%02X %s %s", ins, p, data), " ")
	case ins == 0x22:
		s = "22 41A6 " + length(0xFF)
	case ins == 0x2A, ins == 0x82:
		s = fmt.Sprintf("%02X %s %s", ins, p, length(0xE7))
	case ins == 0x88 && n != 8 && n != 0x33:
		s = "88 " + p + " " + length(0x66)
	case n > 0:
		s = fmt.Sprintf("%02X %s Lc=%02X", ins, p, n)
	default:
		s = fmt.Sprintf("%02X %s", ins, p)
	}
	if header[0]&0x10 != 0 {
		s = "10 " + s
	}
	return s + expected
}

// TestFormsOfCommands compares every command of every journey, on cards of every
// family that accept everything and that refuse everything, with the forms that
// clients in the field send. Under secure messaging there is no other form but
// that of the counters; in the clear there are those that are tried where a
// refusal costs one command, and none of them once a code has been sent.
func TestFormsOfCommands(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	t.Run("cards", func(t *testing.T) {
		for _, strict := range []cardtest.Strict{0, cardtest.StrictAll, cardtest.StrictDOCPSM} {
			for _, family := range cardtest.Families() {
				t.Run(fmt.Sprint(strict, "/", family), func(t *testing.T) {
					t.Parallel()
					for form := range sentForms(t, cardtest.Profile{Family: family, Strict: strict}) {
						mu.Lock()
						seen[form] = true
						mu.Unlock()
					}
				})
			}
		}
	})
	// The log shows which forms the journeys do not need.
	for _, list := range []forms{provenSM, counters, provenClear, triedInClear} {
		for _, f := range slices.Sorted(maps.Keys(list)) {
			if !seen[f] {
				t.Logf("never sent: %s", f)
			}
		}
	}
}

// sentForms does every journey twice, judges each command and returns the
// forms that were sent.
func sentForms(t *testing.T, profile cardtest.Profile) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	for _, j := range Journeys() {
		p := inProcess(t, profile)
		p.Store = &memory{}
		for _, contact := range []string{"card never seen", "known card"} {
			var trace bytes.Buffer
			p.Card.Trace(&trace)
			_, err := j.Contact(p)
			p.Card.Trace(nil)
			p.Card.Reset()
			if err != nil {
				t.Fatalf("%s, %s: %v", j.Name, contact, err)
			}
			code := false
			for _, c := range read(t, trace.String()) {
				if problem := c.judge(code); problem != "" && !seen[problem+c.form] {
					seen[problem+c.form] = true
					t.Errorf("%s, %s: %s: %s", j.Name, contact, c.form, problem)
				}
				seen[c.form] = true
				code = code || c.code
			}
		}
	}
	return seen
}

// judge returns what is wrong with a command. code: a code has been sent before.
func (c sent) judge(code bool) string {
	in := func(lists ...forms) bool {
		return slices.ContainsFunc(lists, func(f forms) bool { _, ok := f[c.form]; return ok })
	}
	switch {
	case c.answer && (c.form == "C0 0000" || c.form == "C0 0C00"):
		return ""
	case c.secure && !in(provenSM, counters):
		return "no client sends it under secure messaging"
	case c.secure:
		return ""
	case code:
		return "sent in the clear after a code, which ends the channel"
	case !in(provenClear, triedInClear):
		return "no client sends it in the clear"
	}
	return ""
}

func TestFormsAreToldApart(t *testing.T) {
	trace := `> 00A40000
< 9000
> 00B0840000
> 00B00080E7
> 00B0008080
> 0CB000000D9701808E0811223344556677880000
# > 00B00000 E7
# > 00B08300 80
# > 00A40204 02 1003
# > 00200081 08 ********
# > 00880000 33 ` + strings.Repeat("AB", 0x33) + ` 00
> 0CC0000010
> 00CB3FFF064D04A602910000
`
	want := []string{"A4 0000", "B0 84 Le=00", "B0 off Le>80", "B0 off Le<=80", "SM B0 off Le>80", "SM B0 83 Le=80",
		"SM A4 0204 1003", "SM 20 0081 Lc=08", "SM 88 0000 Lc=33 Le=00", "C0 0C00", "CB 4D04A6029100 Le=00"}
	var got []string
	wrong := 0
	for _, c := range read(t, trace) {
		name := c.form
		if c.secure {
			name = "SM " + name
		}
		got = append(got, name)
		if c.judge(false) != "" {
			wrong++
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if wrong != 3 { // SM: E7, short identifier, Le of the signature
		t.Errorf("%d forms are wrong, want 3", wrong)
	}
	if c := (sent{form: "A4 0000"}); c.judge(true) == "" {
		t.Error("a command in the clear after a code is not noticed")
	}
}
