package gui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2/lang"

	"cie/apdu"
	"cie/card"
	"cie/card/state"
	catalogue "cie/gui/text"
)

// Every step of a card and every state of a browser has a text.
func TestStepsAndStatesHaveTexts(t *testing.T) {
	texts := LoadTexts("en")
	for _, s := range []card.StepName{card.StepSelect, card.StepReadPublic, card.StepCheckSOD, card.StepAntiClone,
		card.StepKeyExchange, card.StepTerminalCert, card.StepTerminalAuth, card.StepChipAuth, card.StepTries,
		card.StepVerifyPIN, card.StepVerifyPUK, card.StepChangePIN, card.StepResetPIN, card.StepReadFile, card.StepSign} {
		if !texts.Has("step." + string(s)) {
			t.Errorf("no text for step %s", s)
		}
	}
	for _, e := range screens {
		if !texts.Has(e.title) {
			t.Errorf("no title for screen %s", e.name)
		}
	}
	for _, s := range []BrowserState{BrowserReady, BrowserOff, BrowserElsewhere, BrowserDamaged, BrowserNotLoadable, BrowserRestart, BrowserNeverStarted, BrowserSandboxed, BrowserUnavailable} {
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
		{&card.NotAcceptedError{}, "not-accepted"},
		{context.Canceled, "canceled"},
		{card.ErrPINRequired, "pin-required"},
		{card.ErrNotCIE, "not-cie"},
		{state.ErrLocked, "state"},
		{card.ErrClosed, "removed"},
		{apdu.ErrNoService, "no-service"},
		{apdu.ErrNoReader, "no-reader"},
		{apdu.ErrNoCard, "no-card"},
		{apdu.ErrMute, "mute"},
		{apdu.ErrReset, "reset"},
		{apdu.ErrBusy, "busy"},
		{apdu.ErrTimeout, "timeout"},
		{fmt.Errorf("%w: %w", ErrNotAdmitted, apdu.ErrNoService), "not-admitted"},
		{ErrHomeOwner, "home-owner"},
		{ErrNoModule, "no-module"},
		{ErrSomeBrowsers, "some-browsers"},
		{ErrUntrusted, "untrusted"},
		{ErrDemo, "demo"},
		{card.ErrDataTooLong, "other"},
		{errors.New("x"), "other"},
	}
	covered := map[card.Kind]bool{}
	for _, e := range list {
		covered[card.Classify(e.err)] = true
	}
	for _, k := range card.Kinds() {
		if keys[k] != "" && !covered[k] {
			t.Errorf("no error of kind %d is tried", k)
		}
	}
	for _, l := range catalogue.Languages {
		texts := LoadTexts(l.Code)
		for _, e := range list {
			p := texts.Problem(e.err)
			if p.Code != e.code {
				t.Errorf("%v: code %s, want %s", e.err, p.Code, e.code)
			}
			if p.Title == "" || p.Remedy == "" || strings.Contains(p.Title+p.Remedy, "error.") || strings.Contains(p.Title, "%!") {
				t.Errorf("%s: %v becomes %+v", l.Code, e.err, p)
			}
			if p.Detail != e.err.Error() {
				t.Errorf("detail %q", p.Detail)
			}
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
	for _, l := range catalogue.Languages {
		texts := LoadTexts(l.Code)
		for key := range theirs {
			if !texts.Has("fyne." + key) {
				t.Errorf("%s lacks the text %q of the toolkit", l.Code, key)
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
