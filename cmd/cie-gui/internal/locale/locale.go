// Package locale is imported for its effect: it keeps the toolkit from
// reporting an error for the locales C.UTF-8 and POSIX.UTF-8, which it does not
// know as those without a language.
//
// The toolkit reads the locale when its package is initialised. This one is
// initialised before, because the order is that of the import paths (The Go
// Programming Language Specification, Package initialization).
package locale

import (
	"os"
	"strings"
)

func init() {
	if needless(os.Getenv) {
		// The toolkit asks for LANGUAGE first; in a locale without a language
		// nothing else does (gettext, The LANGUAGE variable).
		_ = os.Setenv("LANGUAGE", "en")
	}
}

// needless reports whether the environment names C or POSIX with an encoding.
func needless(getenv func(string) string) bool {
	name := ""
	for _, variable := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if name = getenv(variable); name != "" {
			break
		}
	}
	language, _, encoded := strings.Cut(name, ".")
	return encoded && (language == "C" || language == "POSIX")
}
