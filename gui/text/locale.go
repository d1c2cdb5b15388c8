package text

import "strings"

// names are languages by names other than their code.
var names = map[string]string{"english": "en", "italian": "it", "german": "de", "deutsch": "de"}

// match returns the code of the language of a locale, the first one if it has
// no catalogue.
func match(locale string) string {
	if i := strings.IndexAny(locale, ".@_-"); i >= 0 {
		locale = locale[:i]
	}
	locale = strings.ToLower(locale)
	if code := names[locale]; code != "" {
		locale = code
	}
	for _, l := range Languages {
		if l.Code == locale {
			return l.Code
		}
	}
	return Languages[0].Code
}

// FromEnvironment returns the locale of messages by the rules of POSIX: the first
// of LC_ALL, LC_MESSAGES and LANG that is not empty. Where none is set, it
// returns the language that Windows shows.
func FromEnvironment(getenv func(string) string) string {
	if l := locale(getenv, "LC_MESSAGES"); l != "" {
		return l
	}
	return systemLocale()
}

// UTF8 reports whether the environment declares that the terminal shows UTF-8. A
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

func locale(getenv func(string) string, category string) string {
	for _, name := range []string{"LC_ALL", category, "LANG"} {
		if v := getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// ascii replaces the characters of the catalogues that ASCII lacks.
var ascii = strings.NewReplacer(
	"à", "a'", "è", "e'", "é", "e'", "ì", "i'", "ò", "o'", "ù", "u'", "À", "A'", "È", "E'",
	"ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss",
	"…", "...", "–", "-", "\u00a0", " ")

// ASCII returns s for a terminal that does not show UTF-8.
func ASCII(s string) string { return ascii.Replace(s) }
