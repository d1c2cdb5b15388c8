package gui

import (
	"embed"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
)

//go:embed translations/*.json
var translations embed.FS

// Languages are those with a complete translation, the first being the one of
// last resort.
var Languages = []string{"en", "it", "de"}

// Texts are the texts of one language.
type Texts struct {
	Language string
	texts    map[string]string
}

// LoadTexts returns the texts of a language such as "it" or "it-IT", those of
// the system for "", and English for a language without translation.
func LoadTexts(language string) *Texts {
	if language == "" {
		language = string(lang.SystemLocale())
	}
	language, _, _ = strings.Cut(strings.ReplaceAll(language, "_", "-"), "-")
	data, err := translations.ReadFile("translations/" + language + ".json")
	if err != nil {
		language = Languages[0]
		data, _ = translations.ReadFile("translations/" + language + ".json")
	}
	t := &Texts{Language: language}
	if err := json.Unmarshal(data, &t.texts); err != nil {
		panic("translations/" + language + ".json: " + err.Error()) // embedded, checked by a test
	}
	return t
}

// Has reports whether there is a text for key.
func (t *Texts) Has(key string) bool { return t.texts[key] != "" }

// T returns the text for key, with the verbs of fmt filled in. A key with the
// name of a system after it ("doctor.do.reboot.windows") goes before it there.
func (t *Texts) T(key string, args ...any) string {
	s, ok := t.texts[key+"."+runtime.GOOS]
	if !ok {
		s, ok = t.texts[key]
	}
	if !ok {
		return key
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// N returns the text for a number: key.one for 1, key.other else. The number
// is the first argument of the text.
func (t *Texts) N(key string, n int, args ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return t.T(key+form, append([]any{n}, args...)...)
}

// Date writes a day as people do in the language.
func (t *Texts) Date(d time.Time) string {
	if d.IsZero() {
		return t.T("unknown")
	}
	months := strings.Fields(t.T("months"))
	return t.T("date", d.Day(), months[d.Month()-1], d.Year())
}

// toolkit puts the texts of the toolkit itself into the language. The toolkit
// only knows the language of the system, so the chosen one is registered
// under that name.
func (t *Texts) toolkit() {
	own := map[string]string{}
	for key, text := range t.texts {
		if name, ok := strings.CutPrefix(key, "fyne."); ok {
			own[name] = text
		}
	}
	data, err := json.Marshal(own)
	if err != nil {
		return
	}
	for _, l := range []fyne.Locale{lang.SystemLocale(), fyne.Locale(t.Language)} {
		if err := lang.AddTranslationsForLocale(data, l); err != nil {
			fyne.LogError("translation of the toolkit", err)
		}
	}
}
