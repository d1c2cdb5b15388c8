package locale

import "testing"

func TestNeedlessNamesLocalesWithoutLanguage(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"LANG": "C"}, false},
		{map[string]string{"LANG": "C.UTF-8"}, true},
		{map[string]string{"LANG": "it_IT.UTF-8", "LC_ALL": "C.utf8"}, true},
		{map[string]string{"LANG": "C.UTF-8", "LC_MESSAGES": "it_IT.UTF-8"}, false},
		{map[string]string{"LANG": "POSIX.UTF-8", "LANGUAGE": "it"}, true},
		{map[string]string{"LANG": "ca_ES.UTF-8"}, false},
	} {
		if got := needless(func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("%v: %v", tt.env, got)
		}
	}
}
