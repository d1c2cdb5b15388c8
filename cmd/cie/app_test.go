package main

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"cie/apdu"
	"cie/apdu/pcsc"
	"cie/card"
	"cie/card/identity"
	"cie/card/state"
	"cie/cmd/internal/tty"
	"cie/gui/text"
	"cie/installer/browsers"
)

// quiet returns an app that talks to buffers.
func quiet(lang string) (a *app, out, errs *bytes.Buffer) {
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	w := systemEnv()
	w.args, w.stdout, w.stderr = nil, out, errs
	w.getenv = func(string) string { return "" }
	a = newApp(w)
	a.texts = text.Load(lang).For("cli")
	return a, out, errs
}

// Every error that can come out of the layers below has its words, its exit
// code and its name in JSON.
func TestEveryErrorHasTextExitCodeAndName(t *testing.T) {
	step := func(err error) error { return &card.StepError{Step: card.StepKeyExchange, Err: err} }
	pinError := func(ref card.PINRef, tries int) error { return &card.PINError{Ref: ref, Tries: tries} }
	tests := []struct {
		err  error
		code string
		exit int
		says string // in English
	}{
		{step(apdu.ErrNoService), "no-service", exitNothing, "service"},
		{&pcsc.Error{Op: "status", Kind: apdu.ErrNoService, Code: 0x6F7}, "access-denied", exitNothing, "remote desktop session"},
		{apdu.ErrNoReader, "no-reader", exitNothing, "no card reader"},
		{step(apdu.ErrNoCard), "no-card", exitNothing, "no card"},
		{step(apdu.ErrMute), "mute", exitLost, "does not answer"},
		{step(apdu.ErrRemoved), "removed", exitLost, "moved or removed"},
		{step(apdu.ErrReset), "reset", exitLost, "reset the card"},
		{step(apdu.ErrBusy), "busy", exitLost, "another program"},
		{step(apdu.ErrTimeout), "timeout", exitLost, "stopped answering"},
		{card.ErrNotCIE, "not-cie", exitNotCIE, "not an Italian"},
		{step(&apdu.Error{INS: 0x22, SW: 0x6A80}), "step-failed", exitFailed, "setting up a protected connection"},
		{&card.NotGenuineError{Check: "sod-hash", Err: errors.New("x")}, "not-genuine", exitFake, "genuine"},
		{pinError(card.PIN, 2), "wrong-pin", exitWrongCode, "2 attempts are left"},
		{pinError(card.PIN, 1), "wrong-pin", exitWrongCode, "1 attempt is left"},
		{pinError(card.PIN, -1), "wrong-pin", exitWrongCode, "not right."},
		{pinError(card.PIN, 0), "pin-blocked", exitBlocked, "PIN is blocked"},
		{pinError(card.PUK, 9), "wrong-puk", exitWrongCode, "9 attempts are left"},
		{pinError(card.PUK, 0), "puk-blocked", exitBlocked, "nobody can unblock"},
		{&card.LastTryError{Ref: card.PIN, Tries: card.Tries{Left: 1, Max: 3}}, "last-try", exitChoose, "only one attempt"},
		{&card.LastTryError{Ref: card.PUK, Tries: card.Tries{Left: 3, Max: 10, Reported: true}}, "last-try", exitChoose, "few attempts"},
		{&card.LastTryError{Ref: card.PUK, Tries: card.Tries{Left: 9, Max: 10}}, "last-try", exitChoose, "does not report how many attempts"},
		{&card.NotAcceptedError{Level: card.IssuerUnknown}, "not-accepted", exitChoose, "issuer of this card is not known"},
		{&card.NotAcceptedError{Level: card.TestCard}, "not-accepted", exitChoose, "test card"},
		{&card.NotAcceptedError{Level: card.VirtualCard}, "not-accepted", exitChoose, "virtual card"},
		{&card.FormatError{Length: 5}, "bad-format", exitBadCode, "exactly 8 digits"},
		{&card.WeakPINError{Reason: card.WeakSame}, "weak-pin", exitBadCode, "repeated"},
		{&card.WeakPINError{Reason: card.WeakRun}, "weak-pin", exitBadCode, "sequence"},
		{&card.WeakPINError{Reason: card.WeakUnchanged}, "weak-pin", exitBadCode, "same as the current"},
		{&card.UncertainError{Ref: card.PIN, Err: apdu.ErrRemoved}, "uncertain", exitLost, "while the code was being checked"},
		{&card.UncertainError{Ref: card.PUK, Err: apdu.ErrTimeout}, "uncertain", exitLost, "while the code was being checked"},
		{&card.InterruptedError{Ref: card.PIN, State: card.PINUnchanged, Err: apdu.ErrRemoved}, "interrupted-change", exitLost, "before the new PIN was written"},
		{&card.InterruptedError{Ref: card.PUK, State: card.PINUnknown, Err: apdu.ErrRemoved}, "interrupted-change", exitLost, "while the new PIN was being written"},
		// a card that refused in the second step is still an interruption
		{&card.InterruptedError{Ref: card.PUK, Err: pinError(card.PIN, 0)}, "interrupted-change", exitLost, "before the new PIN was written"},
		{fmt.Errorf("%w: %w", card.ErrPINRequired, apdu.ErrReset), "pin-lost", exitLost, "type the PIN again"},
		{fmt.Errorf("open: %w", tty.ErrNoTerminal), "no-terminal", exitUsage, "no terminal"},
		{&stopped{signal: syscall.SIGINT}, "stopped", 130, "stopped"},
		{context.Canceled, "stopped", exitFailed, "stopped"},
		{context.DeadlineExceeded, "failed", exitFailed, "deadline exceeded"},
		{card.ErrDataTooLong, "failed", exitFailed, "102 bytes"},
		{card.ErrUnsupported, "failed", exitFailed, "not supported"},
		{card.ErrMarkMoved, "failed", exitFailed, "mark"},
		{card.ErrClosed, "failed", exitFailed, "closed"},
		{fmt.Errorf("accept: %w", state.ErrLocked), "state", exitFailed, "what is remembered of cards"},
		{errors.New("something new"), "failed", exitFailed, "something new"},
	}
	codes := errorCodes(t)
	for _, tt := range tests {
		for _, lang := range languages() {
			a, out, errs := quiet(lang)
			r := a.explain(tt.err)
			if r.Code != tt.code || r.Exit != tt.exit {
				t.Errorf("%v: %s, exit %d; want %s, exit %d", tt.err, r.Code, r.Exit, tt.code, tt.exit)
			}
			if lang == "en" && !strings.Contains(r.Message, strings.TrimSuffix(tt.says, ".")) {
				t.Errorf("%v: %q does not say %q", tt.err, r.Message, tt.says)
			}
			if r.Message == "" || strings.HasSuffix(r.Message, ".") {
				t.Errorf("%v: %q", tt.err, r.Message)
			}
			if !slices.Contains(codes, r.Code) {
				t.Errorf("%v: the code %s is not in \"cie help json\"", tt.err, r.Code)
			}
			a.printReport(r)
			if out.Len() > 0 || !strings.HasPrefix(errs.String(), a.text("error.word")+": ") {
				t.Errorf("%v: printed %q, %q", tt.err, out, errs)
			}
		}
	}
}

func TestEveryKindOfErrorHasAnAnswer(t *testing.T) {
	hasTexts := func(keys ...string) bool {
		return !slices.ContainsFunc(keys, func(key string) bool {
			return slices.ContainsFunc(text.Languages, func(l text.Language) bool { return !text.Load(l.Code).For("cli").Has(key) })
		})
	}
	for _, k := range card.Kinds() {
		w := answers[k]
		if w.code == "" || w.exit == exitOK || !hasTexts(append(w.do, w.title)...) {
			t.Errorf("kind %d: %+v", k, w)
		}
		if w.code != "failed" && w.code != "stopped" && w.code != "state" && len(w.do) == 0 {
			t.Errorf("%s: no advice", w.code)
		}
	}
	for _, s := range card.Stakes() {
		if !hasTexts(stakeWarnings[s], lastTryTitles[s]) {
			t.Errorf("stake %d has no words", s)
		}
	}
	for _, w := range []card.Weakness{card.WeakSame, card.WeakRun, card.WeakUnchanged} {
		if !hasTexts(weakTitles[w]) {
			t.Errorf("no text for a PIN that is weak by %s", w)
		}
	}
	for _, title := range notAcceptedTitles {
		if !hasTexts(title) {
			t.Errorf("no text %s", title)
		}
	}
	for _, v := range identity.Validities() {
		if validityNames[v] == "" {
			t.Errorf("validity %d has no name", v)
		}
	}
}

// errorCodes returns the codes that "cie help json" lists.
func errorCodes(t *testing.T) []string {
	t.Helper()
	_, list, ok := strings.Cut(inLanguage("en", "topic.json.long"), "Error codes: ")
	if !ok {
		t.Fatal("no list of error codes")
	}
	for _, l := range languages() {
		if !strings.HasSuffix(inLanguage(l, "topic.json.long"), ": "+list) {
			t.Errorf("the list of error codes differs in %s", l)
		}
	}
	return strings.Fields(list)
}

// Every code that the program gives itself is documented, and no other.
func TestErrorCodesAreDocumented(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, re := range []string{`(?:problem|saying)\("([a-z-]+)", exit`, `Code: "([a-z-]+)", Exit`} {
			for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(string(source), -1) {
				given[m[1]] = true
			}
		}
	}
	for _, w := range answers {
		given[w.code] = true
	}
	for _, code := range errorCodes(t) {
		if !given[code] {
			t.Errorf("%s is documented, but nothing gives it", code)
		}
		delete(given, code)
	}
	for code := range given {
		t.Errorf("%s is not documented", code)
	}
}

// The exit codes of the program are those of "cie help exit".
func TestExitCodesAreDocumented(t *testing.T) {
	want := []int{exitOK, exitFailed, exitUsage, exitNothing, exitWrongCode, exitBlocked, exitFake, exitBadCode,
		exitChoose, exitNotCIE, exitLost, exitFound, exitInvalid, exitUnsaid, 129, 130, 131, 143}
	for _, lang := range languages() {
		var got []int
		for _, m := range regexp.MustCompile(`(?m)^  (\d+) `).FindAllStringSubmatch(inLanguage(lang, "topic.exit.long"), -1) {
			n, _ := strconv.Atoi(m[1])
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", lang, got, want)
		}
	}
}

// Every field that a command can print in JSON is in "cie help json".
func TestJSONIsDocumented(t *testing.T) {
	seen := 0
	var fields func(reflect.Type)
	fields = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			fields(typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if f.Anonymous && name == "" {
					fields(f.Type)
					continue
				}
				if !f.IsExported() {
					continue
				}
				seen++
				for _, lang := range languages() {
					if !regexp.MustCompile(`\b` + name + `\b`).MatchString(inLanguage(lang, "topic.json.long")) {
						t.Errorf("%s: the field %s of %v is not documented", lang, name, typ)
					}
				}
				if f.Type != reflect.TypeFor[*bool]() {
					fields(f.Type)
				}
			}
		}
	}
	for _, v := range []any{readersJSON{}, statusJSON{}, pinJSON{}, certJSON{}, signJSON{}, eventJSON{}, versionJSON{}, browsersJSON{}, changeJSON{}, doctorJSON{}, report{}} {
		fields(reflect.TypeOf(v))
	}
	if seen < 40 {
		t.Errorf("only %d fields seen", seen)
	}
}

// Every command has a help in both languages, and none of cobra's English.
func TestHelpOfEveryCommand(t *testing.T) {
	foreign := regexp.MustCompile(`Usage:|Flags:|Available|Global|help for|Use "|\[flags\]|\(default `)
	for _, lang := range languages() {
		a, out, _ := quiet(lang)
		commands := 0
		var walk func(c *cobra.Command)
		walk = func(c *cobra.Command) {
			commands++
			out.Reset()
			a.help(c)
			text := out.String()
			if c.Short == "" || len(text) < 40 {
				t.Errorf("%s: %s has no help", lang, c.CommandPath())
			}
			if lang == "it" && foreign.MatchString(text) || strings.Contains(text, "%!") {
				t.Errorf("%s: %s: %s", lang, c.CommandPath(), text)
			}
			for _, line := range strings.Split(text, "\n") {
				if n := len([]rune(line)); n > 80 {
					t.Errorf("%s: %s has a line of %d characters: %q", lang, c.CommandPath(), n, line)
				}
			}
			for _, sub := range c.Commands() {
				walk(sub)
			}
		}
		walk(a.rootCommand())
		if commands < 15 {
			t.Errorf("only %d commands seen", commands)
		}
	}
}

// All steps of package card have words.
func TestStepsHaveWords(t *testing.T) {
	source, err := os.ReadFile("../../card/step.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`StepName = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 10 {
		t.Fatalf("only %d steps found", len(found))
	}
	for _, m := range found {
		for _, l := range languages() {
			if key := "step." + m[1]; !text.Load(l).Has(key) {
				t.Errorf("%s lacks %s", l, key)
			}
		}
	}
	a, _, _ := quiet("en")
	if a.stepText("new-step") != a.inside("step.other") {
		t.Error("a step that is not known has no words")
	}
}

func TestReflowJoinsParagraphsAndKeepsColumns(t *testing.T) {
	in := strings.Join([]string{
		"One two three",
		"four five.",
		"",
		"  a      first second",
		"         third",
		"  bb cc  perch\u00e9",
		"  plain",
		"    deeper and",
		"    deeper",
		"end",
	}, "\n")
	want := strings.Join([]string{
		"One two three four",
		"five.",
		"",
		"  a      first",
		"         second",
		"         third",
		"  bb cc  perch\u00e9",
		"  plain",
		"    deeper and",
		"    deeper",
		"end",
	}, "\n")
	if got := reflow(in, 18); got != want {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
	if got := reflow("a\nb", 80); got != "a b" {
		t.Errorf("%q", got)
	}
}

// The holder's names are shown as such, and no value can pass for two.
func TestDistinguishedNameIsUnambiguous(t *testing.T) {
	name := pkix.Name{Names: []pkix.AttributeTypeAndValue{
		{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "IT"},
		{Type: asn1.ObjectIdentifier{2, 5, 4, 4}, Value: "ROSSI, CN=X"},
		{Type: asn1.ObjectIdentifier{2, 5, 4, 42}, Value: "MARIA"},
		{Type: asn1.ObjectIdentifier{1, 2, 3}, Value: 7},
	}}
	if got, want := distinguishedName(name), `C=IT, SN=ROSSI\, CN=X, GN=MARIA, 1.2.3=7`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The error distinguishes a user who used sudo from another user.
func TestHomeProblemDistinguishesSudo(t *testing.T) {
	a, _, _ := quiet("en")
	for sudo, want := range map[bool]string{true: "browsers.not-owner.sudo", false: "browsers.not-owner"} {
		r := a.explain(a.homeProblem(&browsers.OwnerError{Home: "/root", Sudo: sudo}))
		if r.Code != "not-owner" || r.Exit != exitUsage || r.Message != a.inside(want, "/root") || len(r.advice) != 1 {
			t.Errorf("sudo %v: %+v", sudo, r)
		}
	}
	other := errors.New("no such directory")
	if err := a.homeProblem(other); err != other {
		t.Errorf("%v", err)
	}
}

func TestShellQuoteQuotesSpecialCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"letter.txt": "letter.txt", "": "''", "my letter": "'my letter'", "it's": `'it'\''s'`, "$(rm)": "'$(rm)'",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestRoffLineEscapesControlCharacters(t *testing.T) {
	for in, want := range map[string]string{
		`.hidden`: `\&.hidden`, `a\b`: `a\eb`, `--pin-fd`: `\-\-pin\-fd`, `'quoted'`: `\(aqquoted\(aq`, "~/.config": `\(ti/.config`,
	} {
		if got := roffLine(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// The guard lets a signal wait while the card must not be left alone.
func TestGuardDelaysSignalDuringOperation(t *testing.T) {
	noticed := 0
	g := &guard{notice: func(waits bool) {
		if waits {
			noticed++
		}
	}}
	ctx, stop := g.watch(context.Background())
	defer stop()
	g.enter()
	g.receive(syscall.SIGTERM)
	g.receive(syscall.SIGINT)
	if ctx.Err() != nil || noticed != 1 {
		t.Fatalf("in the middle: %v, noticed %d times", ctx.Err(), noticed)
	}
	g.leave()
	var got *stopped
	if !errors.As(context.Cause(ctx), &got) || got.exit() != 143 {
		t.Errorf("afterwards: %v", context.Cause(ctx))
	}
	if g.received() != got {
		t.Errorf("received %v", g.received())
	}
}
