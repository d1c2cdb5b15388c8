package i18ntest

import "testing"

func TestVerbs(t *testing.T) {
	for s, want := range map[string]string{
		"":                      "",
		"100%%":                 "",
		"%s and %d":             "1s 2d",
		"%[2]d before %[1]s":    "1s 2d",
		"%d of %[1]d":           "1d",
		"a %q, then %[1]q, %v!": "1q 2v",
	} {
		if got := verbs(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
