package card

import (
	"bytes"
	"testing"
	"unicode"
)

func TestNormalizeCodeTakesDigitsOfEveryScript(t *testing.T) {
	for _, code := range []string{"13572468", "١٣٥٧٢٤٦٨", "۱۳۵۷۲۴۶۸", "१३५७२४६८", "১৩৫৭২৪৬৮", "１３５７２４６８", "𝟙𝟛𝟝𝟟𝟚𝟜𝟞𝟠", "1٣۵७২4６𝟠"} {
		b := []byte(code)
		got := NormalizeCode(b)
		if string(got) != "13572468" || CheckCode(got) != nil {
			t.Errorf("%s becomes %q", code, got)
		}
		if rest := b[len(got):]; !bytes.Equal(rest, make([]byte, len(rest))) {
			t.Errorf("%s: not wiped: %q", code, rest)
		}
	}
	for _, other := range []string{"1357246a", "①③⑤⑦②④⑥⑧", "一三五七二四六八", "ⅠⅢ", "1357\xff468", "½"} {
		if got := NormalizeCode([]byte(other)); string(got) != other {
			t.Errorf("%q becomes %q", other, got)
		}
	}
	n := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		d, ok := Digit(r)
		if ok != unicode.Is(unicode.Nd, r) {
			t.Fatalf("%U: digit %v", r, ok)
		}
		if ok && d != byte(n%10) {
			t.Fatalf("%U is %d, want %d", r, d, n%10)
		}
		if ok {
			n++
		}
	}
}
