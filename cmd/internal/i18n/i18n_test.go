package i18n

import "testing"

func TestFromEnvironment(t *testing.T) {
	tests := []struct {
		env  map[string]string
		want Language
		utf8 bool
	}{
		{nil, English, false},
		{map[string]string{"LANG": "it_IT.UTF-8"}, Italian, true},
		{map[string]string{"LANG": "it_CH.utf8@euro"}, Italian, true},
		{map[string]string{"LANG": "it"}, Italian, false},
		{map[string]string{"LANG": "it@euro"}, Italian, false},
		{map[string]string{"LANG": "italian"}, Italian, false},
		{map[string]string{"LANG": "iu_CA.UTF-8"}, English, true},
		{map[string]string{"LANG": "de_DE.UTF-8"}, English, true},
		{map[string]string{"LANG": "it_IT.ISO-8859-1"}, Italian, false},
		{map[string]string{"LANG": "en_GB.UTF-8", "LC_MESSAGES": "it_IT.UTF-8"}, Italian, true},
		{map[string]string{"LANG": "it_IT.UTF-8", "LC_MESSAGES": "C"}, English, true},
		{map[string]string{"LANG": "it_IT.UTF-8", "LC_ALL": "C.UTF-8", "LC_MESSAGES": "it_IT"}, English, true},
		{map[string]string{"LANG": "it_IT.UTF-8", "LC_ALL": "POSIX"}, English, false},
		{map[string]string{"LC_ALL": "", "LANG": "it_IT"}, Italian, false},
	}
	for _, tt := range tests {
		get := func(name string) string { return tt.env[name] }
		if tt.env == nil && systemLocale() != "" {
			continue // the language of this machine
		}
		if got := FromEnvironment(get); got != tt.want {
			t.Errorf("%v: language %q, want %q", tt.env, got, tt.want)
		}
		if got := UTF8(get); got != (tt.utf8 || systemUnicode) {
			t.Errorf("%v: UTF-8 %v, want %v", tt.env, got, tt.utf8)
		}
	}
}

func TestText(t *testing.T) {
	text := Text{EN: "%d cards in %s", IT: "in %[2]s ci sono %[1]d carte"}
	if got := Italian.Sprintf(text, 2, "tasca"); got != "in tasca ci sono 2 carte" {
		t.Errorf("got %q", got)
	}
	if got := English.Sprintf(Text{EN: "100%", IT: "cento"}); got != "100%" {
		t.Errorf("a text without arguments is formatted: %q", got)
	}
	if got := Language("de").Sprintf(text, 1, "x"); got != "1 cards in x" {
		t.Errorf("unknown language: %q", got)
	}
	p := Plural{One: Text{EN: "try"}, Other: Text{EN: "tries"}}
	for n, want := range map[int]string{0: "tries", 1: "try", 2: "tries"} {
		if got := p.For(n).In(English); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
