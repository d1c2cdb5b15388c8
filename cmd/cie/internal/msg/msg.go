// Package msg is the catalogue of everything the command cie says, in Italian
// and English.
package msg

import "cie/cmd/internal/i18n"

func text(en, it string) i18n.Text { return i18n.Text{EN: en, IT: it} }

func plural(one, other i18n.Text) i18n.Plural { return i18n.Plural{One: one, Other: other} }
