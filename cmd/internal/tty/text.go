package tty

import (
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Escapes reports whether w is a terminal that understands escape sequences.
func Escapes(w io.Writer, getenv func(string) string) bool {
	return IsTerminal(w) && getenv("TERM") != "dumb" && Colour(w.(*os.File).Fd())
}

// Width returns the number of columns of a terminal, 80 where it is not known.
func Width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width >= 20 {
			return width
		}
	}
	return 80
}

// Style highlights words on a terminal. The zero value returns every text unchanged.
type Style struct{ on bool }

// StyleFor returns the style for w: colours on a terminal that supports them, unless
// NO_COLOR is set in the environment.
func StyleFor(w io.Writer, getenv func(string) string) Style {
	return Style{on: getenv("NO_COLOR") == "" && Escapes(w, getenv)}
}

func (s Style) wrap(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold returns the text in bold.
func (s Style) Bold(text string) string { return s.wrap("1", text) }

// Dim returns the text in a weaker colour.
func (s Style) Dim(text string) string { return s.wrap("2", text) }

// Red returns the text in bold red.
func (s Style) Red(text string) string { return s.wrap("1;31", text) }

// Green returns the text in green.
func (s Style) Green(text string) string { return s.wrap("32", text) }

// Amber returns the text in amber.
func (s Style) Amber(text string) string { return s.wrap("33", text) }

// words splits a text for Wrap: text in quotes, such as a command to type, is
// not broken. It is compiled when needed: that takes a millisecond, which each start of a
// program would wait.
var words = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[^\s"]*"[^"]{1,60}"\S*|\S+`)
})

// Wrap breaks text into lines of at most width characters. It keeps blanks at the
// beginning; every line but the first starts with indent.
func Wrap(text, indent string, width int) string {
	var lines []string
	line := text[:len(text)-len(strings.TrimLeft(text, " "))]
	begun := false // the line has a word
	for _, word := range words().FindAllString(text, -1) {
		if begun && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line, begun = indent, false
		}
		if begun {
			line += " "
		}
		line += word
		begun = true
	}
	return strings.Join(append(lines, line), "\n")
}
