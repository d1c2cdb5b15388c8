package desktop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cie/apdu"
	"cie/apdu/pcsc"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/gui"
	"cie/gui/text"
)

// noAbout returns an empty description of the program.
func noAbout(string) gui.About { return gui.About{} }

func newTestDemo(t *testing.T) *demo {
	t.Helper()
	svc, _, end, err := Demo(noAbout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	d := svc.(*demo)
	d.card.SetCost(cardtest.CostModel{})
	return d
}

// The Service executes all operations of the window on a virtual card.
func TestServiceExecutesEveryOperation(t *testing.T) {
	d, ctx := newTestDemo(t), t.Context()
	states := d.Watch(ctx)
	if r := (<-states).Readers; len(r) != 1 || r[0].Presence != gui.Present {
		t.Fatalf("state %+v", r)
	}
	inspect := func() gui.Card {
		t.Helper()
		var last gui.Card
		if err := d.Inspect(ctx, demoReader, func(c gui.Card) { last = c }); err != nil {
			t.Fatal(err)
		}
		return last
	}
	c := inspect()
	if c.PIN != (card.Tries{Left: 3, Max: 3, Reported: true}) || c.PUK != (card.Tries{Left: 10, Max: 10, Reported: true}) || c.Authenticity.Level != card.Genuine || !c.Expiry.IsZero() || c.Name != "" {
		t.Errorf("card %+v", c)
	}
	pin, puk, next := cardtest.DefaultPIN(), cardtest.DefaultPUK(), []byte("24681357")
	steps := 0
	h, err := d.Holder(ctx, demoReader, pin, gui.CodeOptions{Progress: func(card.Progress) { steps++ }})
	if err != nil || h.Surname != "ROSSI" || h.DocumentNumber != "CA00000AA" || steps == 0 {
		t.Errorf("holder %+v, %v, %d steps", h, err, steps)
	}
	if c := inspect(); c.Expiry != h.NotAfter || c.Name != "MARIA ROSSI" {
		t.Errorf("expiry %v, name %q", c.Expiry, c.Name)
	}
	l, err := d.TestLogin(ctx, demoReader, pin, gui.CodeOptions{})
	if err != nil || l.Name != "MARIA ROSSI" || l.Protocol != "TLS 1.2" {
		t.Errorf("login %+v, %v", l, err)
	}
	if err := d.ChangePIN(ctx, demoReader, pin, next, gui.CodeOptions{}); err != nil {
		t.Fatal(err)
	}
	var wrong *card.PINError
	for left := 2; left >= 0; left-- {
		err := d.ChangePIN(ctx, demoReader, pin, next, gui.CodeOptions{AllowLastTry: left == 0})
		if !errors.As(err, &wrong) || wrong.Tries != left {
			t.Fatalf("wrong PIN: %v, want %d left", err, left)
		}
		if left == 1 {
			var last *card.LastTryError
			if err := d.ChangePIN(ctx, demoReader, pin, next, gui.CodeOptions{}); !errors.As(err, &last) {
				t.Fatalf("the last try without a confirmation: %v", err)
			}
		}
	}
	if err := d.Unblock(ctx, demoReader, puk, pin, gui.CodeOptions{}); err != nil {
		t.Fatal(err)
	}
	before := d.card.Stats().DeviceAuthentications
	if c := inspect(); c.PIN.Left != 3 {
		t.Errorf("after unblocking %+v", c.PIN)
	}
	if n := d.card.Stats().DeviceAuthentications; n != before {
		t.Errorf("a session for every look: %d device authentications", n-before)
	}
	var walked []string
	if err := d.Diagnose(ctx, gui.Diagnosis{}, func(f gui.Finding) { walked = append(walked, f.Step+" "+string(f.Level)) }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"service ok", "reader ok", "identity ok", "field ok", "authenticity ok", "tries ok", "certificate skipped", "module ok", "module-card ok", "browser error", "login skipped", "tls13 ok"} {
		if !slices.Contains(walked, want) {
			t.Errorf("no step %q in %v", want, walked)
		}
	}
	diagnosed := func(pin []byte, o gui.CodeOptions) ([]string, error) {
		t.Helper()
		var walked []string
		err := d.Diagnose(ctx, gui.Diagnosis{Reader: demoReader, PIN: bytes.Clone(pin), CodeOptions: o}, func(f gui.Finding) {
			walked = append(walked, f.Step+" "+f.Found)
		})
		return walked, err
	}
	walked, err = diagnosed(pin, gui.CodeOptions{})
	for _, want := range []string{"certificate certificate-valid", "login login-works", "tls13 tls13-refused"} {
		if err != nil || !slices.Contains(walked, want) {
			t.Errorf("with the PIN: no step %q in %v, %v", want, walked, err)
		}
	}
	for left := 2; left > 0; left-- {
		if _, err := diagnosed(next, gui.CodeOptions{}); !errors.As(err, &wrong) || wrong.Tries != left {
			t.Errorf("with a wrong PIN: %v, want %d left", err, left)
		}
	}
	var last *card.LastTryError
	if _, err := diagnosed(pin, gui.CodeOptions{}); !errors.As(err, &last) || inspect().PIN.Left != 1 {
		t.Errorf("the last try without a confirmation: %v", err)
	}
	if _, err := diagnosed(pin, gui.CodeOptions{AllowLastTry: true}); err != nil || inspect().PIN.Left != 3 {
		t.Errorf("the last try: %v", err)
	}
	if walked, err := diagnosed(nil, gui.CodeOptions{}); err != nil || !slices.Contains(walked, "login login-needs-pin") {
		t.Errorf("without a PIN: %v, %v", walked, err)
	}

	d.move()
	if r := (<-states).Readers[0]; r.Presence != gui.Empty {
		t.Errorf("after taking the card away: %+v", r)
	}
	if _, err := d.Holder(ctx, demoReader, pin, gui.CodeOptions{}); err == nil {
		t.Error("a holder without a card")
	}
	d.move()
	<-states
	if c := inspect(); c.ID == "" || c.Expiry.IsZero() {
		t.Errorf("the card again: %+v", c)
	}
}

// Cards that are inserted and removed leave no session, also when they are removed
// during Inspect.
func TestCardsLeaveNothing(t *testing.T) {
	d := newTestDemo(t)
	ctx, cancel := context.WithCancel(t.Context())
	states := d.Watch(ctx)
	<-states
	before := runtime.NumGoroutine()
	for i := range 500 {
		d.move()
		if r := (<-states).Readers[0]; (r.Presence == gui.Present) != (i%2 == 1) {
			t.Fatalf("after move %d: %+v", i, r)
		}
		if i%2 == 1 {
			look, end := context.WithCancel(ctx)
			_ = d.Inspect(look, demoReader, func(c gui.Card) {
				if i%20 != 1 { // most are removed at once
					end()
				}
			})
			end()
		}
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched() // goroutines that close a session are about to end
	}
	d.cards.mu.Lock()
	if n := len(d.open); n > 1 {
		t.Errorf("%d sessions for one reader", n)
	}
	d.cards.mu.Unlock()
	cancel()
	for range states {
	}
}

// Events of PC/SC become states of the readers.
func TestEventsBecomeReaderStates(t *testing.T) {
	var state gui.ReaderState
	for i, step := range []struct {
		event readers.Event
		want  gui.Presence
	}{
		{readers.Event{Kind: readers.ReaderAdded, Reader: "A"}, gui.Empty},
		{readers.Event{Kind: readers.CardInserted, Reader: "A"}, gui.Present},
		{readers.Event{Kind: readers.CardRemoved, Reader: "A"}, gui.Empty},
		{readers.Event{Kind: readers.CardMute, Reader: "A"}, gui.Mute},
	} {
		apply(&state, step.event, uint64(i+1))
		if len(state.Readers) != 1 || state.Readers[0].Presence != step.want {
			t.Errorf("after %v: %+v", step.event.Kind, state)
		}
	}
	apply(&state, readers.Event{Kind: readers.ReaderRemoved, Reader: "A"}, 5)
	apply(&state, readers.Event{Kind: readers.ReaderRemoved, Reader: "B"}, 6)
	if len(state.Readers) != 0 {
		t.Errorf("%+v", state)
	}
	apply(&state, readers.Event{Kind: readers.ServiceLost, Err: errors.New("x")}, 7)
	if state.Down == nil {
		t.Error("the service is lost and the state does not say so")
	}
	// The second code is that of a remote desktop session.
	for _, code := range []uint32{0x8010006A, 0x6F7} {
		denied := &pcsc.Error{Op: "establish", Kind: apdu.ErrNoService, Code: code}
		apply(&state, readers.Event{Kind: readers.ServiceLost, Err: denied}, 8)
		if !errors.Is(state.Down, gui.ErrNotAdmitted) {
			t.Errorf("the service does not admit the user (%X), and the state says %v", code, state.Down)
		}
	}
	apply(&state, readers.Event{Kind: readers.ServiceBack}, 9)
	if state.Down != nil {
		t.Error("the service is back and the state does not say so")
	}
}

func TestFilesAreKeptInTheUsersDirectories(t *testing.T) {
	home := t.TempDir()
	for _, v := range []string{"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"} {
		t.Setenv(v, filepath.Join(home, v))
	}
	t.Setenv("HOME", home)
	f, err := newFiles()
	if err != nil {
		t.Fatal(err)
	}
	want := gui.Settings{Language: "de", Theme: "dark", TextScale: 150, LogLevel: "all", Autostart: true}
	if err := f.SaveSettings(want); err != nil {
		t.Fatal(err)
	}
	again, err := newFiles()
	if err != nil || again.Settings() != want {
		t.Errorf("settings read back: %+v, %v", again.Settings(), err)
	}
	if entry, err := os.ReadFile(f.autostart); err != nil || !strings.Contains(string(entry), "-hidden") {
		t.Errorf("autostart: %s, %v", entry, err)
	}
	f.trace("> %s", "00A40000")
	if log, err := os.ReadFile(filepath.Join(f.logs, "cie-gui.log")); err != nil || !strings.Contains(string(log), "> 00A40000") {
		t.Errorf("log: %s, %v", log, err)
	}
	log := func() string {
		b, _ := os.ReadFile(filepath.Join(f.logs, "cie-gui.log"))
		return string(b)
	}
	f.problem("card", errors.New("6F00"))
	if !strings.Contains(log(), "error: card: 6F00") {
		t.Errorf("log: %s", log())
	}
	want.LogLevel = "errors"
	if err := f.SaveSettings(want); err != nil {
		t.Fatal(err)
	}
	f.trace("not an error")
	f.problem("card", fmt.Errorf("stopped: %w", context.Canceled))
	f.problem("browsers", fmt.Errorf("open %s/x:\nCA00000AA of 999900000042, RSSMRA70A41Z999X", home))
	if l := log(); strings.Contains(l, "not an error") || strings.Contains(l, "stopped") || !strings.HasSuffix(l, "error: browsers: open ~/x:; (...) of (...), (...)\n") {
		t.Errorf("log with errors only: %s", l)
	}
	if err := f.ClearLogs(); err != nil {
		t.Fatal(err)
	}
	want.Autostart, want.LogLevel = false, ""
	if err := f.SaveSettings(want); err != nil {
		t.Fatal(err)
	}
	f.trace("nothing")
	f.problem("card", errors.New("nothing"))
	for _, name := range []string{f.autostart, f.logs} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is left behind", name)
		}
	}
	one, err1 := f.SaveReport("one")
	two, err2 := f.SaveReport("two")
	if err1 != nil || err2 != nil || one == two {
		t.Errorf("reports %s, %s, %v, %v", one, two, err1, err2)
	}
	if err := os.WriteFile(f.config, []byte("{damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if broken, err := newFiles(); err != nil || broken.Settings() != (gui.Settings{}) {
		t.Errorf("damaged settings: %+v, %v", broken.Settings(), err)
	}
}

// Everything that the diagnostics can find has a text in every language.
func TestDiagnosticsHaveTexts(t *testing.T) {
	files, err := filepath.Glob("../doctor/*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	prefixes := map[string][]string{"ID": {"doctor.step."}, "Finding": {"doctor.find."}, "Remedy": {"doctor.do."},
		"BrowserState": {"doctor.find.browser-", "browser."}, "Distribution": {"doctor.do.install-pcscd.", "doctor.do.install-libccid."}}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, _ := spec.Type.(*ast.Ident)
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if typ == nil || !ok || prefixes[typ.Name] == nil {
				return true
			}
			value, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			n++
			for _, l := range text.Languages {
				for _, prefix := range prefixes[typ.Name] {
					if !text.Load(l.Code).Has(prefix + value) {
						t.Errorf("%s has no text %s", l.Code, prefix+value)
					}
				}
			}
			return true
		})
	}
	if n < 100 {
		t.Errorf("only %d names found", n)
	}
}

// At its start the window gets one state of the readers with all readers and cards, then
// one state for each event.
func TestDesksBeginWithEverythingPresent(t *testing.T) {
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	full, down := cardtest.NewService("empty"), &cardtest.Service{}
	full.Insert("with a card", c)
	down.Stop(apdu.ErrNoService)
	first := func(s *cardtest.Service) (gui.ReaderState, <-chan gui.ReaderState) {
		all := states(t.Context(), s)
		return <-all, all
	}
	if d, _ := first(&cardtest.Service{}); d.Down != nil || len(d.Readers) != 0 {
		t.Errorf("without a reader: %+v", d)
	}
	d, all := first(down)
	if !errors.Is(d.Down, apdu.ErrNoService) || len(d.Readers) != 0 {
		t.Errorf("without a service: %+v", d)
	}
	down.Start()
	if d := <-all; d.Down != nil {
		t.Errorf("service back: %+v", d)
	}
	d, all = first(full)
	if d.Down != nil || len(d.Readers) != 2 || d.Readers[0].Presence != gui.Empty || d.Readers[1].Presence != gui.Present {
		t.Errorf("with a card: %+v", d)
	}
	full.Remove("with a card")
	if d := <-all; len(d.Readers) != 2 || d.Readers[1].Presence != gui.Empty {
		t.Errorf("card removed: %+v", d)
	}
}
