package tty

import (
	"bytes"
	"testing"
)

func TestWrapBreaksAtBlanks(t *testing.T) {
	tests := []struct{ text, indent, want string }{
		{"", "  ", ""},
		{"one two three four", "  ", "one two\n  three\n  four"},
		{"  one two three", "  ", "  one two\n  three"},
		{"perché così è più", "", "perché\ncosì è più"},
		{`type "cie pin unblock" now`, "", "type\n\"cie pin unblock\"\nnow"},
		{"incomprehensibilities", "  ", "incomprehensibilities"},
	}
	for _, tt := range tests {
		if got := Wrap(tt.text, tt.indent, 10); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// An output that is not a terminal gets neither colours nor a width.
func TestNoTerminalGetsPlainText(t *testing.T) {
	var w bytes.Buffer
	none := func(string) string { return "" }
	if IsTerminal(&w) || Escapes(&w, none) || Width(&w) != 80 || StyleFor(&w, none).Red("x") != "x" {
		t.Error("a buffer is taken for a terminal")
	}
	if got := (Style{on: true}).Red("x"); got != "\x1b[1;31mx\x1b[0m" {
		t.Errorf("red: %q", got)
	}
}
