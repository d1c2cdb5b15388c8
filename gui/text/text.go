// Package text holds every text that a user reads, in every language: one file
// of keys and texts per language, which the programs carry inside.
//
// A key with a suffix replaces the one without it where the suffix applies: an
// operating system ("doctor.do.reboot.windows"), a variant of the catalogue
// ("error.busy.remedy.cli" in Catalogue.For("cli")), or both.
package text

import (
	"embed"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

//go:embed *.json
var files embed.FS

// Language is a language with a complete catalogue.
type Language struct {
	Code string // ISO 639-1, the name of the file
	Name string // in the language itself
}

// Languages are all languages. The first is used where no other one fits.
var Languages = []Language{
	{"en", "English"},
	{"it", "Italiano"},
	{"de", "Deutsch"},
}

// Catalogue holds the texts of one language.
type Catalogue struct {
	Language string // its code
	variant  string // ".cli", or empty
	texts    map[string]string
}

// parsed returns the texts of a file, which it reads once.
var parsed = func() map[string]func() map[string]string {
	all := map[string]func() map[string]string{}
	for _, l := range Languages {
		all[l.Code] = sync.OnceValue(func() (texts map[string]string) {
			name := l.Code + ".json"
			data, err := files.ReadFile(name)
			if err == nil {
				err = json.Unmarshal(data, &texts)
			}
			if err != nil {
				panic(name + ": " + err.Error()) // embedded, read by a test
			}
			return texts
		})
	}
	return all
}()

// Load returns the texts of a language such as "it", "it-IT" or "it_IT.UTF-8",
// and English for a language without a catalogue.
func Load(locale string) *Catalogue {
	code := match(locale)
	return &Catalogue{Language: code, texts: parsed[code]()}
}

// For returns a view of the catalogue that prefers the keys with a suffix.
func (c *Catalogue) For(variant string) *Catalogue {
	view := *c
	view.variant = "." + variant
	return &view
}

// find returns the text that replaces key here, and reports whether there is one.
func (c *Catalogue) find(key string) (string, bool) {
	system := "." + runtime.GOOS
	for _, k := range []string{key + c.variant + system, key + system, key + c.variant, key} {
		if s, ok := c.texts[k]; ok {
			return s, true
		}
	}
	return "", false
}

// Has reports whether there is a text for key.
func (c *Catalogue) Has(key string) bool {
	_, ok := c.find(key)
	return ok
}

// T returns the text for key, with the verbs of fmt filled in. Without
// arguments it is returned as it is. A key without a text is returned itself.
func (c *Catalogue) T(key string, args ...any) string {
	s, ok := c.find(key)
	switch {
	case !ok:
		return key
	case len(args) == 0:
		return s
	}
	return fmt.Sprintf(s, args...)
}

// On returns the text for key on a system, such as "debian", and the general one
// where there is none for it.
func (c *Catalogue) On(system, key string, args ...any) string {
	if special := key + "." + system; c.Has(special) {
		return c.T(special, args...)
	}
	return c.T(key, args...)
}

// Fill returns the text for key with names in braces replaced by values. A value
// that is a day, as 2034-06-30, is written as in the language.
func (c *Catalogue) Fill(key string, values map[string]string) string {
	s := c.T(key)
	for name, value := range values {
		if day, err := time.Parse(time.DateOnly, value); err == nil {
			value = c.Date(day)
		}
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return s
}

// N returns the text for a number: key.one for 1, key.other for all others. The
// number is the first argument of the text.
func (c *Catalogue) N(key string, n int, args ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return c.T(key+form, append([]any{n}, args...)...)
}

// Date returns a day as it is written in the language.
func (c *Catalogue) Date(d time.Time) string {
	if d.IsZero() {
		return c.T("unknown")
	}
	months := strings.Fields(c.T("months"))
	return c.T("date", d.Day(), months[d.Month()-1], d.Year())
}

// Prefixed returns the texts whose keys begin with prefix, by the rest of the key.
func (c *Catalogue) Prefixed(prefix string) map[string]string {
	found := map[string]string{}
	for key, s := range c.texts {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			found[rest] = s
		}
	}
	return found
}

// Inside returns a sentence as it continues after a colon: in German as it is,
// in the other languages with a small first letter, abbreviations excepted.
func (c *Catalogue) Inside(sentence string) string {
	first, size := utf8.DecodeRuneInString(sentence)
	second, _ := utf8.DecodeRuneInString(sentence[size:])
	if sentence == "" || c.Language == "de" || unicode.IsUpper(second) {
		return sentence
	}
	return string(unicode.ToLower(first)) + sentence[size:]
}
