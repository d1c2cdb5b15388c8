package desktop

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/apdu/pcsc"
	"cie/apdu/printable"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/cmd/internal/harness/stacktest"
	"cie/gui"
)

const evil = "\x1b[2J\x1b]0;T\x07\u009b31m\u202eEVIL\u2066\u200b\u2028\r\b\x7f\xff"

// TestRealService runs the tests that need a PC/SC service: one process uses only one.
func TestRealService(t *testing.T) {
	d := stacktest.Start(t, stack.Options{Name: evil})
	if err := d.Setenv(); err != nil {
		t.Fatal(err)
	}
	t.Run("hostile names reach no window", func(t *testing.T) { testHostileNames(t, d) })
	t.Run("pauses are shorter than Windows allows", func(t *testing.T) { testPauses(t, d) })
}

// The window and the log get plain text from a reader and a card with hostile names.
func testHostileNames(t *testing.T, d *stack.Stack) {
	c, err := cardtest.New(cardtest.Profile{Surname: evil + strings.Repeat("è", 5000), GivenName: "A\nB" + evil,
		FiscalCode: evil, Country: evil, CommonNameSuffix: evil, DocumentNumber: "\x1b[2J\u202eAB"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Insert(0, c).Remove()

	service := pcsc.New(pcsc.Config{})
	t.Cleanup(func() { service.Close() })
	dir := t.TempDir()
	f := &files{logs: filepath.Join(dir, "logs"), home: dir, settings: gui.Settings{LogLevel: "all"}}
	s := newCards(service, card.Options{Store: card.DirStore(filepath.Join(dir, "cards")), Roots: testRoots(t)})
	s.trace, s.failed = f.trace, f.problem

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var texts []string
	var reader string
	for state := range s.Watch(ctx) {
		for _, r := range state.Readers {
			texts = append(texts, r.Name)
			if r.Presence == gui.Present {
				reader = r.Name
			}
		}
		if reader != "" {
			break
		}
	}
	if !strings.Contains(reader, "EVIL") {
		t.Fatalf("reader %q", reader)
	}
	h, err := s.Holder(ctx, reader, cardtest.DefaultPIN(), gui.CodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(h.Surname, "EVIL") || !strings.Contains(h.GivenName, "EVIL") {
		t.Errorf("holder %+v", h)
	}
	texts = append(texts, h.Surname, h.GivenName, h.FiscalCode, h.DocumentNumber)
	if err := s.Inspect(ctx, reader, func(c gui.Card) {
		texts = append(texts, c.ID, c.Name, c.Authenticity.Issuer)
		if c.Authenticity.Reason != nil {
			texts = append(texts, c.Authenticity.Reason.Error())
		}
	}); err != nil {
		t.Fatal(err)
	}
	// crypto/tls rejects this malformed certificate.
	if l, err := s.TestLogin(ctx, reader, cardtest.DefaultPIN(), gui.CodeOptions{}); err != nil {
		texts = append(texts, err.Error())
	} else {
		texts = append(texts, l.Name, l.Protocol)
	}
	// An error that names the reader, in the log too: the other one is empty.
	other := strings.TrimSuffix(reader, "00 00") + "00 01"
	if err := s.Inspect(ctx, other, func(gui.Card) {}); err == nil || !strings.Contains(err.Error(), "EVIL") {
		t.Errorf("the error names no reader: %v", err)
	} else {
		texts = append(texts, err.Error())
	}
	log, err := os.ReadFile(filepath.Join(f.logs, "cie-gui.log"))
	if err != nil {
		t.Fatal(err)
	}
	texts = append(texts, strings.Split(strings.TrimSpace(string(log)), "\n")...)
	if !strings.Contains(string(log), "EVIL") {
		t.Errorf("the log names no reader:\n%s", log)
	}
	for _, text := range texts {
		if !printable.IsClean(text) || len(text) > 1000 {
			t.Errorf("%q", text)
		}
	}
}
