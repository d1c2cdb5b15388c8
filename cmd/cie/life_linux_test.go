package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/card/sod"
	"cie/cmd/internal/harness/stacktest"
	"cie/cmd/internal/tty/ptytest"
)

// startPCSC starts a private service and puts cards into its readers.
func startPCSC(t testing.TB, cards ...*cardtest.Card) *stack.Stack {
	t.Helper()
	d := stacktest.Start(t, stack.Options{})
	for slot, c := range cards {
		d.Insert(slot, c)
	}
	return d
}

// watchUntil runs "cie watch" against the service until n cards were inserted.
func watchUntil(t testing.TB, env []string, n int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := exec.CommandContext(ctx, "cie", "watch", "--json")
	cmd.Env = env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e eventJSON
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		if e.Event == "card-inserted" {
			n--
		}
		if n == 0 {
			return
		}
	}
	t.Fatal("the service does not notice the cards")
}

// The life of a card through a PC/SC service, from the command line.
func TestCardLifeOverPCSC(t *testing.T) {
	for _, family := range []cardtest.Family{cardtest.NXP, cardtest.Gemalto} {
		t.Run(family.String(), func(t *testing.T) {
			t.Parallel()
			p := scripts("testdata/life")
			p.Setup = func(e *testscript.Env) error {
				c, err := cardtest.New(cardtest.Profile{Family: family})
				if err != nil {
					return err
				}
				d := startPCSC(t, c)
				if err := setUpScript(e, d.Env()...); err != nil {
					return err
				}
				watchUntil(t, append(os.Environ(), d.Env()...), 1)
				return os.Remove(filepath.Join(e.WorkDir, "readers"))
			}
			testscript.Run(t, p)
		})
	}
}

// ownService is the service that the process of the tests itself uses. The
// library looks only once where the service is, so it lives as long as the
// process, which it does not outlive.
var ownService = sync.OnceValues(func() (*stack.Stack, error) {
	d, err := stack.Start(context.Background(), stack.Options{Slots: len(cardtest.Families())})
	if err == nil {
		err = d.Setenv()
	}
	return d, err
})

// The life of a card of every family through a PC/SC service.
func TestCardLifeOverPCSCOnEveryFamily(t *testing.T) {
	families := cardtest.Families()
	d, err := ownService()
	if err != nil {
		t.Fatal(err)
	}
	s, err := openPCSC(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for slot, family := range families {
		c, err := cardtest.New(cardtest.Profile{Family: family})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Insert(slot, c).Remove)
	}
	ctx, cancel := context.WithTimeout(t.Context(), ptytest.Patience)
	defer cancel()
	events, err := s.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for e := range events {
		if e.Kind == readers.CardInserted {
			there[e.Reader] = true
		}
		if len(there) == len(families) {
			break
		}
	}
	if ctx.Err() != nil {
		t.Fatalf("the service does not notice the cards: %v", there)
	}
	for slot, family := range families {
		t.Run(family.String(), func(t *testing.T) {
			c, err := s.Connect(d.Reader(slot))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			liveLife(t, c)
		})
	}
}

// liveLife takes a card from its first use to a dead chip.
func liveLife(t *testing.T, c apdu.Card) {
	roots := &sod.Roots{}
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		t.Fatal(err)
	}
	s, err := card.Open(t.Context(), c, card.Options{Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	right, other, unblock := []byte(pin), []byte(fresh), []byte(puk)
	want := func(ref card.PINRef, left int) {
		t.Helper()
		if tries, err := s.Tries(ctx, ref); err != nil || tries.Left != left {
			t.Fatalf("%v: tries %v, %v; want %d", ref, tries, err, left)
		}
	}
	refused := func(err error, left int) {
		t.Helper()
		var wrong *card.PINError
		if !errors.As(err, &wrong) || wrong.Tries != left {
			t.Fatalf("got %v, want %d tries left", err, left)
		}
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want(card.PIN, 3)
	want(card.PUK, 10)
	ok(s.Verify(ctx, card.PIN, right))
	if der, err := s.Certificate(ctx); err != nil || len(der) == 0 {
		t.Fatal(err)
	}
	refused(s.Verify(ctx, card.PIN, other), 2)
	want(card.PIN, 2)
	ok(s.ChangePIN(ctx, right, other))
	want(card.PIN, 3)
	for left := 2; left >= 0; left-- {
		refused(s.Verify(ctx, card.PIN, right, card.AllowLastTry()), left)
	}
	refused(s.Verify(ctx, card.PIN, other), 0)
	refused(s.Unblock(ctx, right, other), 9)
	ok(s.Unblock(ctx, unblock, right))
	want(card.PIN, 3)
	want(card.PUK, 10)
	ok(s.Verify(ctx, card.PIN, right))
	refused(s.Verify(ctx, card.PIN, other), 2)
	ok(s.ResetTries(ctx, unblock))
	want(card.PIN, 3)
	for left := 9; left >= 0; left-- {
		refused(s.Unblock(ctx, right, other, card.AllowLastTry()), left)
	}
	refused(s.Unblock(ctx, unblock, other, card.AllowLastTry()), 0)
	want(card.PUK, 0)
	ok(s.Verify(ctx, card.PIN, right))
}
