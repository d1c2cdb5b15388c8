package version

import (
	"strings"
	"testing"
)

func TestLongNamesProgramVersionAndModule(t *testing.T) {
	text := Long("cie")
	for _, want := range []string{"cie " + String() + "\n", "\nmodule cie\n", "go1."} {
		if !strings.Contains(text, want) {
			t.Errorf("Long lacks %q:\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "\n") {
		t.Error("Long does not end with a newline")
	}
}
