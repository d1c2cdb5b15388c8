package gui

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2/lang"

	"cie/apdu"
	"cie/card"
)

var verb = regexp.MustCompile(`%(\[\d+\])?[a-z]|\{[a-z]+\}`)

func verbs(s string) []string {
	v := verb.FindAllString(s, -1)
	slices.Sort(v)
	return v
}

// Every language has the same keys, with the same verbs in each text.
func TestTranslationsComplete(t *testing.T) {
	files, err := fs.Glob(translations, "translations/*.json")
	if err != nil || len(files) != len(Languages) {
		t.Fatalf("%v, %v; languages %v", files, err, Languages)
	}
	base := LoadTexts(Languages[0])
	for _, l := range Languages[1:] {
		other := LoadTexts(l)
		for key, text := range base.texts {
			if !other.Has(key) {
				t.Errorf("%s lacks %s", l, key)
			} else if !slices.Equal(verbs(text), verbs(other.texts[key])) {
				t.Errorf("%s: %s has verbs %v, not %v", l, key, verbs(other.texts[key]), verbs(text))
			}
		}
		for key := range other.texts {
			if !base.Has(key) {
				t.Errorf("%s has %s, which English has not", l, key)
			}
		}
	}
	for _, l := range Languages {
		data, err := translations.ReadFile("translations/" + l + ".json")
		if err != nil {
			t.Fatal(err)
		}
		// A key that stands twice would hide a text.
		dec := json.NewDecoder(strings.NewReader(string(data)))
		seen := map[string]bool{}
		for i := 0; dec.More() || i == 0; i++ {
			tok, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			if key, ok := tok.(string); ok && i%2 == 1 {
				if seen[key] {
					t.Errorf("%s has %s twice", l, key)
				}
				seen[key] = true
			}
		}
	}
}

// Every key that the source names has a text, and every text is named.
func TestKeysInUse(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	named := regexp.MustCompile(`\.(?:T|N)\("([a-z0-9.-]+)"([,)])`)
	texts := LoadTexts("en")
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
		for _, m := range named.FindAllStringSubmatch(string(data), -1) {
			if !texts.Has(m[1]) && !texts.Has(m[1]+".other") {
				t.Errorf("%s wants %q", name, m[1])
			}
		}
	}
	source := all.String()
	for key := range texts.texts {
		stem := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		// Keys made of parts: the first part stands in the source.
		first, _, _ := strings.Cut(stem, ".")
		if !strings.Contains(source, `"`+stem+`"`) && !strings.Contains(source, `"`+first+`.`) && !strings.Contains(source, `+".`) {
			t.Errorf("nobody uses %q", key)
		}
	}
	for _, s := range []card.StepName{card.StepSelect, card.StepReadPublic, card.StepCheckSOD, card.StepAntiClone,
		card.StepKeyExchange, card.StepTerminalCert, card.StepTerminalAuth, card.StepChipAuth, card.StepTries,
		card.StepVerifyPIN, card.StepVerifyPUK, card.StepChangePIN, card.StepResetPIN, card.StepReadFile, card.StepSign} {
		if !texts.Has("step." + string(s)) {
			t.Errorf("no text for step %s", s)
		}
	}
	for _, s := range []BrowserState{BrowserReady, BrowserOff, BrowserDamaged, BrowserRestart, BrowserNeverOpened, BrowserSandboxed, BrowserUnavailable} {
		if !texts.Has("browser." + string(s)) {
			t.Errorf("no text for browser state %s", s)
		}
	}
}

// Every error becomes a sentence with a remedy, in every language, and the
// technical words stay under the details.
func TestProblems(t *testing.T) {
	list := []struct {
		err  error
		code string
	}{
		{&card.PINError{Ref: card.PIN, Tries: 2}, "pin-wrong"},
		{&card.PINError{Ref: card.PIN, Tries: 1}, "pin-wrong"},
		{&card.PINError{Ref: card.PIN, Tries: 0}, "pin-blocked"},
		{&card.PINError{Ref: card.PIN, Tries: -1}, "pin-wrong-unknown"},
		{&card.PINError{Ref: card.PUK, Tries: 9}, "puk-wrong"},
		{&card.PINError{Ref: card.PUK, Tries: 0}, "puk-blocked"},
		{&card.PINError{Ref: card.PUK, Tries: -1}, "puk-wrong-unknown"},
		{&card.LastTryError{Ref: card.PUK}, "last-try"},
		{&card.WeakPINError{Reason: card.WeakRun}, "weak-run"},
		{&card.WeakPINError{Reason: card.WeakSame}, "weak-same-digit"},
		{&card.WeakPINError{Reason: card.WeakUnchanged}, "weak-unchanged"},
		{&card.FormatError{Length: 4}, "format"},
		{&card.InterruptedError{Ref: card.PUK, State: card.PINUnknown, Err: apdu.ErrRemoved}, "interrupted-unknown"},
		{&card.InterruptedError{Ref: card.PUK, State: card.PINUnchanged, Err: apdu.ErrRemoved}, "interrupted-unchanged"},
		{&card.UncertainError{Ref: card.PIN, Err: apdu.ErrRemoved}, "uncertain"},
		{&card.StepError{Step: card.StepSign, Err: errors.New("6F00")}, "step"},
		{&card.StepError{Step: card.StepSign, Err: fmt.Errorf("x: %w", apdu.ErrRemoved)}, "removed"},
		{&card.NotGenuineError{Check: "sod-hash", Err: errors.New("x")}, "not-genuine"},
		{errors.New("x"), "other"},
	}
	for _, s := range simple {
		if !slices.ContainsFunc(list, func(e struct {
			err  error
			code string
		}) bool {
			return e.code == s.key
		}) {
			list = append(list, struct {
				err  error
				code string
			}{fmt.Errorf("wrapped: %w", s.err), s.key})
		}
	}
	for _, l := range Languages {
		texts := LoadTexts(l)
		for _, e := range list {
			p := texts.Problem(e.err)
			if p.Code != e.code {
				t.Errorf("%v: code %s, want %s", e.err, p.Code, e.code)
			}
			if p.Title == "" || p.Remedy == "" || strings.Contains(p.Title+p.Remedy, "error.") || strings.Contains(p.Title, "%!") {
				t.Errorf("%s: %v becomes %+v", l, e.err, p)
			}
			if p.Detail != e.err.Error() {
				t.Errorf("detail %q", p.Detail)
			}
		}
	}
}

func TestLanguageChoice(t *testing.T) {
	for given, want := range map[string]string{"it": "it", "it-IT": "it", "de_AT": "de", "fr": "en", "": "en", "C": "en"} {
		if got := LoadTexts(given).Language; got != want {
			t.Errorf("%q gives %s, want %s", given, got, want)
		}
	}
	day := time.Date(2031, 3, 18, 0, 0, 0, 0, time.UTC)
	for l, want := range map[string]string{"en": "18 March 2031", "it": "18 marzo 2031", "de": "18. März 2031"} {
		if got := LoadTexts(l).Date(day); got != want {
			t.Errorf("%s: %s", l, got)
		}
		if n := len(strings.Fields(LoadTexts(l).T("months"))); n != 12 {
			t.Errorf("%s has %d months", l, n)
		}
	}
}

// Every text that the toolkit has is there in every language.
func TestToolkitComplete(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "fyne.io/fyne/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "lang", "translations", "base.en.json"))
	if err != nil {
		t.Fatal(err)
	}
	var theirs map[string]any
	if err := json.Unmarshal(data, &theirs); err != nil || len(theirs) < 20 {
		t.Fatalf("%d texts, %v", len(theirs), err)
	}
	for _, l := range Languages {
		texts := LoadTexts(l)
		for key := range theirs {
			if !texts.Has("fyne." + key) {
				t.Errorf("%s lacks the text %q of the toolkit", l, key)
			}
		}
	}
}

// The texts of the toolkit follow the language chosen, not only that of the system.
func TestToolkitSpeaksTheLanguage(t *testing.T) {
	defer LoadTexts("en").toolkit()
	for l, want := range map[string]string{"it": "Copia", "de": "Kopieren", "en": "Copy"} {
		LoadTexts(l).toolkit()
		if got := lang.L("Copy"); got != want {
			t.Errorf("%s: the toolkit says %q, want %q", l, got, want)
		}
	}
}
