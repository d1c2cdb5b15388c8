package gui

import (
	"encoding/json"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	catalogue "cie/gui/text"
)

// Texts are the texts of one language, with the sentences that the window makes
// of errors and findings.
type Texts struct{ *catalogue.Catalogue }

// LoadTexts returns the texts of a language such as "it" or "it-IT", those of
// the system for "", and English for a language without a catalogue.
func LoadTexts(language string) *Texts {
	if language == "" {
		language = string(lang.SystemLocale())
	}
	return &Texts{catalogue.Load(language)}
}

// toolkit puts the texts of the toolkit itself into the language. The toolkit
// only uses the language of the system, so the chosen one is registered
// under that name.
func (t *Texts) toolkit() {
	data, err := json.Marshal(t.Prefixed("fyne."))
	if err != nil {
		return
	}
	for _, l := range []fyne.Locale{lang.SystemLocale(), fyne.Locale(t.Language)} {
		if err := lang.AddTranslationsForLocale(data, l); err != nil {
			fyne.LogError("translation of the toolkit", err)
		}
	}
}
