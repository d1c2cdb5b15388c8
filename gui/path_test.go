package gui

import (
	"testing"
	"unicode/utf8"
)

func TestBreakPathsFitsTheWidth(t *testing.T) {
	const width = 20
	fits := func(s string) bool { return utf8.RuneCountInString(s) <= width }
	for in, want := range map[string]string{
		"":                            "",
		"short":                       "short",
		"two\nlines":                  "two\nlines",
		"one two three four five six": "one two three four\nfive six",
		"/usr/lib/x86_64-linux-gnu/pkcs11/cie-pkcs11.so":             "/usr/lib/\nx86_64-linux-gnu/\npkcs11/cie-pkcs11.so",
		"It is not there: /usr/lib/x86_64-linux-gnu/pkcs11/a.so (2)": "It is not there:\n/usr/lib/\nx86_64-linux-gnu/\npkcs11/a.so (2)",
		"Write /etc/modprobe.d/cie-nfc.conf now":                     "Write /etc/\nmodprobe.d/\ncie-nfc.conf now",
		"Donaudampfschifffahrtsgesellschaft":                         "Donaudampfschifffahrtsgesellschaft", // left to the toolkit
	} {
		if got := breakPaths(in, fits); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
