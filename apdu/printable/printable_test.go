package printable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextReplacesControlCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "",
		"ACS ACR122U PICC Interface 00 00":     "ACS ACR122U PICC Interface 00 00",
		"two  spaces ":                         "two  spaces ",
		"NICOLÒ D'ESEMPIO":                     "NICOLÒ D'ESEMPIO",
		"Nicolo\u0300":                         "Nicolo\u0300",
		"Лена Ελένη 王":                         "Лена Ελένη 王",
		"\x1b[2K\x1b]0;title\x07":              " [2K ]0;title ",
		"a\r\nb\tc\vd\x00e\x7ff":               "a  b c d e f",
		"C1 \u009b31m":                         "C1  31m",
		"\u202egenuine\u202c \u2066x\u2069":    "genuine x",
		"zero\u200bwidth\u200d\ufeff\u00ad":    "zerowidth",
		"line\u2028paragraph\u2029space\u00a0": "line paragraph space ",
		"fill\u3164er\u115f\ufe0f\U000e0041":   "filler",
		"bad \xff\xfe utf-8 \xc3":              "bad \ufffd\ufffd utf-8 \ufffd",
		"private \ue000 none \U0010ffff":       "private \ufffd none \ufffd",
		"z" + strings.Repeat("\u0335", 50):     "z\u0335\u0335",
	} {
		if got := Text(in, 100); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestLimitsKeepWholeCharacters(t *testing.T) {
	long := strings.Repeat("è", 100)
	for limit := 3; limit < 20; limit++ {
		for name, got := range map[string]string{"Text": Text(long, limit), "Ends": Ends(long, limit), "Tail": Tail(long, limit)} {
			if len(got) > limit || len(got) < limit-2 || !utf8.ValidString(got) {
				t.Errorf("%s to %d: %q", name, limit, got)
			}
		}
	}
	if got := Text("0123456789", 8); got != "01234…" {
		t.Error(got)
	}
	if got := Ends("Reader with a long name 00 01", 15); got != "Reader… 00 01" {
		t.Error(got)
	}
	if got := Tail("Reader 00 01", 5); got != "00 01" {
		t.Error(got)
	}
}

func TestEscapeJSONKeepsTheMeaning(t *testing.T) {
	in := map[string]string{"name": "a\x1b[31m\x7f\u009b\u202e\u2028\ufeff\U000e0041\u00a0è<&>\n\ufffd"}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(in); err != nil {
		t.Fatal(err)
	}
	out := EscapeJSON(b.Bytes())
	for _, want := range []string{`\u001b`, `\u007f`, `\u009b`, `\u202e`, `\u2028`, `\ufeff`, `\udb40\udc41`, `\u00a0`, "è<&>"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %s in %q", want, out)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(out, &back); err != nil || back["name"] != in["name"] {
		t.Errorf("%v: %q", err, back)
	}
}

// FuzzText checks that any input gives valid printable text of limited length,
// and that cleaning the result again does not change it.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[2J", "\u202eabc", "\xff\xfe", strings.Repeat("è\u0300", 100), "\u2028", "e\u0301\u0301\u0301"} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 3 + int(uint(limit)%200)
		for name, cut := range map[string]func(string, int) string{"Text": Text, "Ends": Ends} {
			got := cut(s, limit)
			if len(got) > limit || !IsClean(got) {
				t.Fatalf("%s(%q, %d) = %q", name, s, limit, got)
			}
			if again := cut(got, limit); again != got {
				t.Fatalf("%s(%q, %d) = %q, again %q", name, s, limit, got, again)
			}
			if tail := Tail(got, 10); len(tail) > 10 || !strings.HasSuffix(got, tail) || !utf8.ValidString(tail) {
				t.Fatalf("Tail(%q) = %q", got, tail)
			}
		}
		encoded, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		escaped := EscapeJSON(encoded)
		var before, after string
		if json.Unmarshal(encoded, &before) != nil || json.Unmarshal(escaped, &after) != nil || before != after || !IsClean(string(escaped)) {
			t.Fatalf("%q became %q", encoded, escaped)
		}
	})
}

func ExampleText() {
	fmt.Println(Text("Reader\x1b[31m 00 00\u202e", 64))
	// Output: Reader [31m 00 00
}
