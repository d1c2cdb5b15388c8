package doctor

import (
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
)

// patterns match personal data and numbers that a report must not contain.
var patterns = []struct {
	re   *regexp.Regexp
	with string
}{
	// Serial numbers in names of readers: "Reader (70D7E2EE) 00 00", "[... 5312...]".
	{regexp.MustCompile(`\([0-9A-Za-z._-]*[0-9][0-9A-Za-z._-]*\) ([0-9]{2} [0-9]{2})`), "(...) $1"},
	{regexp.MustCompile(`(?i)\b[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-EHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]\b`), "(...)"}, // codice fiscale
	{regexp.MustCompile(`\b[A-Z]{2}[0-9]{5}[A-Z]{2}\b`), "(...)"},                                                                 // document number
	{regexp.MustCompile(`\b(?:[0-9A-Fa-f]{2}){8,}\b`), "(...)"},
	// A NIS or a similar number. Return codes of PC/SC are kept: they name the error.
	{regexp.MustCompile(`(PC/SC [0-9A-F]{8}\b)|[0-9]{6,}`), "$1(...)"},
}

// returnCode matches a return code that the pattern of numbers replaced.
var returnCode = regexp.MustCompile(`(PC/SC [0-9A-F]{8}\b)\(\.\.\.\)`)

// Clean removes from the text of a report what identifies the user, the machine or
// the card: home directory, user and host name, serial numbers of readers, and
// everything that looks like a codice fiscale, a document number or a NIS.
func (e *Env) Clean(text string) string {
	if home := e.Machine.Home; len(home) > 1 {
		text = strings.ReplaceAll(text, home, "~")
		if base := filepath.Base(home); len(base) > 2 {
			text = word(text, base)
		}
	}
	if u, err := user.Current(); err == nil && u.Username != "root" {
		text = word(text, u.Username)
	}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		text = word(text, host)
	}
	for _, p := range patterns {
		text = p.re.ReplaceAllString(text, p.with)
	}
	return returnCode.ReplaceAllString(text, "$1")
}

// word replaces a word by a placeholder.
func word(text, w string) string {
	if len(w) < 3 {
		return text
	}
	return regexp.MustCompile(`\b`+regexp.QuoteMeta(w)+`\b`).ReplaceAllString(text, "(...)")
}
