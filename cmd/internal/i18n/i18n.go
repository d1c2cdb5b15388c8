// Package i18n holds texts in the languages of the programs, Italian and
// English, and chooses between them as the environment asks.
//
// A text is a value with all its translations side by side, so that a missing
// one is a compile error or an empty field that a test finds, and never a key
// that turns up on somebody's screen.
package i18n

import (
	"fmt"
	"strings"
)

// Language is one of the languages of the programs.
type Language string

// The languages, by their ISO 639-1 codes.
const (
	English Language = "en"
	Italian Language = "it"
)

// Languages are all of them.
var Languages = []Language{English, Italian}

// Text is one text in every language. It may hold verbs of package fmt; all
// translations take the same arguments in the same order, or number them.
type Text struct{ EN, IT string }

// In returns the text in the language l; English for an unknown one.
func (t Text) In(l Language) string {
	if l == Italian {
		return t.IT
	}
	return t.EN
}

// Plural is a text that depends on a number, as all the languages here do it:
// one form for 1, another for everything else.
type Plural struct{ One, Other Text }

// For returns the form for n.
func (p Plural) For(n int) Text {
	if n == 1 {
		return p.One
	}
	return p.Other
}

// Sprintf formats t in the language l. A text without arguments is returned
// as it is.
func (l Language) Sprintf(t Text, args ...any) string {
	if len(args) == 0 {
		return t.In(l)
	}
	return fmt.Sprintf(t.In(l), args...)
}

// FromEnvironment returns the language of messages as POSIX finds it:
// LC_ALL, then LC_MESSAGES, then LANG; the first that is not empty counts.
// Where none is set, Windows is asked for the language of its windows.
// Italian when that says Italian, English otherwise.
func FromEnvironment(getenv func(string) string) Language {
	name := locale(getenv, "LC_MESSAGES")
	if name == "" {
		name = systemLocale()
	}
	if i := strings.IndexAny(name, ".@_-"); i >= 0 {
		name = name[:i]
	}
	if strings.EqualFold(name, "it") || strings.EqualFold(name, "italian") {
		return Italian
	}
	return English
}

// UTF8 reports whether the environment says that the terminal shows UTF-8. A
// Windows console is always written to in Unicode.
func UTF8(getenv func(string) string) bool {
	if systemUnicode {
		return true
	}
	_, charset, _ := strings.Cut(locale(getenv, "LC_CTYPE"), ".")
	charset, _, _ = strings.Cut(charset, "@")
	charset = strings.ReplaceAll(charset, "-", "")
	return strings.EqualFold(charset, "utf8")
}

// accents are the letters of the translations that ASCII lacks.
var accents = strings.NewReplacer("à", "a'", "è", "e'", "é", "e'", "ì", "i'", "ò", "o'", "ù", "u'", "À", "A'", "È", "E'")

// ASCII replaces accents by apostrophes, for a terminal that does not show UTF-8.
func ASCII(s string) string { return accents.Replace(s) }

func locale(getenv func(string) string, category string) string {
	for _, name := range []string{"LC_ALL", category, "LANG"} {
		if v := getenv(name); v != "" {
			return v
		}
	}
	return ""
}
