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
	"time"

	"fyne.io/fyne/v2/lang"

	"cie/apdu"
	"cie/card"
	"cie/card/identity"
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
	for _, e := range append(pages(), screens...) {
		if !texts.Has(e.title) {
			t.Errorf("no title for screen %s", e.name)
		}
	}
	for _, s := range []BrowserState{BrowserReady, BrowserOff, BrowserElsewhere, BrowserDamaged, BrowserNotLoadable, BrowserRestart, BrowserNeverStarted, BrowserSandboxed, BrowserUnavailable, BrowserNoCertificate} {
		if !texts.Has("browser." + string(s)) {
			t.Errorf("no text for browser state %s", s)
		}
	}
}

// Every error becomes a sentence with a remedy, in every language, and the
// technical words stay under the details.
func TestEveryErrorHasSentenceAndRemedy(t *testing.T) {
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
		switch {
		case keys[k] == "":
			t.Errorf("kind %d has no texts", k)
		case keys[k] != "other" && !covered[k]:
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
func TestToolkitTextsAreComplete(t *testing.T) {
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

func TestEveryStakeAndLockHasTexts(t *testing.T) {
	counters := map[card.Stake]struct {
		ref   card.PINRef
		tries card.Tries
	}{
		card.StakeLastPIN:    {card.PIN, card.Tries{Left: 1, Max: 3, Reported: true}},
		card.StakeFewPUK:     {card.PUK, card.Tries{Left: 3, Max: 10, Reported: true}},
		card.StakeUnknownPUK: {card.PUK, card.Tries{Left: 9, Max: 10}},
	}
	blocked, left := card.Tries{Max: 3, Reported: true}, card.Tries{Left: 2, Max: 3, Reported: true}
	cards := map[card.Lock]Card{
		card.LockPIN: {PIN: blocked, PUK: left}, card.LockPUK: {PIN: left, PUK: blocked}, card.LockBoth: {PIN: blocked, PUK: blocked},
	}
	for _, l := range catalogue.Languages {
		texts := LoadTexts(l.Code)
		seen := map[string]bool{}
		for _, stake := range card.Stakes() {
			c, ok := counters[stake]
			if !ok || c.tries.Stake(c.ref) != stake {
				t.Fatalf("no counter with stake %d", stake)
			}
			title := stakeTitle(texts, c.ref, c.tries)
			if title == "" || strings.Contains(title, "stake.") || strings.Contains(title, "%") || seen[title] {
				t.Errorf("%s: stake %d: %q", l.Code, stake, title)
			}
			seen[title] = true
		}
		for _, lock := range card.Locks() {
			c, ok := cards[lock]
			if !ok || card.LockOf(c.PIN, c.PUK) != lock {
				t.Fatalf("no card with lock %d", lock)
			}
			if lost := texts.lost(c) != nil; lost == (lock == card.LockPIN) {
				t.Errorf("%s: lock %d: the page shows a blocked PUK: %v", l.Code, lock, lost)
			}
		}
	}
}

func TestExpiredCardsHaveAWarning(t *testing.T) {
	const day = 24 * time.Hour
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	seen := map[identity.Validity]bool{}
	for _, at := range []time.Duration{-4000 * day, -1000 * day, -30 * day, 30 * day, 100 * day} {
		h := &Holder{NotBefore: end.Add(-3650 * day), NotAfter: end, GraceUntil: end.Add(identity.Grace)}
		now := func() time.Time { return end.Add(at) }
		v := identity.ValidityAt(h.NotBefore, h.NotAfter, now())
		seen[v] = true
		s := &cardScreen{u: &UI{texts: LoadTexts("en"), opts: Options{Now: now}}}
		if warned := s.expiry(h) != nil; warned != (v >= identity.InGrace) {
			t.Errorf("validity %d: warned %v", v, warned)
		}
	}
	for _, v := range identity.Validities() {
		if !seen[v] {
			t.Errorf("validity %d is not tested", v)
		}
	}
}

func TestOnlyARefusalIsABlockedCode(t *testing.T) {
	refused := &card.PINError{Ref: card.PIN, SW: apdu.SWBlocked}
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {refused, true}, {&card.PINError{Ref: card.PUK}, true}, {&card.PINError{Ref: card.PIN, Tries: 1}, false},
		{&card.InterruptedError{Ref: card.PUK, Err: refused}, false},
	} {
		if blocked(tt.err) != tt.want {
			t.Errorf("%v: blocked is %v", tt.err, !tt.want)
		}
	}
}
