//go:build unix

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/cmd/internal/harness/await"
)

// typingRun returns a card that cie has seen before, with a user who types faster than the
// channel is dropped.
func typingRun(t testing.TB, dir string) *idleRun {
	t.Helper()
	r := newIdleRun(t, dir)
	r.pause = 10 * time.Second
	if code := r.cie([]string{"status"}); code != exitOK {
		t.Fatalf("status: exit code %d\n%s", code, &r.output)
	}
	r.card.PowerOn()
	return r
}

// typedCommands are the commands that ask for a code, with the answers.
var typedCommands = map[string]struct{ args, answers []string }{
	"verify":  {[]string{"pin", "verify"}, []string{string(cardtest.DefaultPIN())}},
	"change":  {[]string{"pin", "change"}, []string{string(cardtest.DefaultPIN()), freshPIN, freshPIN}},
	"unblock": {[]string{"pin", "unblock"}, []string{string(cardtest.DefaultPUK()), freshPIN, freshPIN}},
	"keep":    {[]string{"pin", "unblock", "--keep-pin"}, []string{string(cardtest.DefaultPUK())}},
	"cert":    {[]string{"cert"}, []string{string(cardtest.DefaultPIN())}},
}

// All commands of the key agreement are sent while the user types, and no more than for a user
// who types at once.
func TestCommandsOpenTheChannelWhileTheUserTypes(t *testing.T) {
	for name, c := range typedCommands {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inBubble(t, func(t *testing.T) {
				var all [2]cardtest.Stats
				for i, pause := range []time.Duration{0, 10 * time.Second} {
					r := typingRun(t, dir)
					r.pause = pause
					before := r.card.Stats()
					arrived := before
					r.typed = func() { arrived = r.card.Stats() }
					if code := r.cie(c.args, c.answers...); code != exitOK {
						t.Fatalf("exit code %d\n%s", code, &r.output)
					}
					all[i] = r.card.Stats().Sub(before)
					if after := r.card.Stats().Sub(arrived); pause > 0 && (after.DeviceAuthentications != 0 || after.KeyAgreements != 0) {
						t.Errorf("after the code: %+v", after)
					}
					if p := r.card.LongestPause(); p != 0 {
						t.Errorf("a pause of %v in a transaction", p)
					}
					if strings.Contains(r.output.String(), "does not report") {
						t.Errorf("the card reports its tries\n%s", &r.output)
					}
				}
				if all[0].APDUs != all[1].APDUs || all[1].DeviceAuthentications != 1 || all[1].TriesSpent != 0 {
					t.Errorf("typed at once %+v, later %+v", all[0], all[1])
				}
			})
		})
	}
}

// What happens to the card while the user types shows when the code is there.
func TestEventsWhileTheUserTypesShowWithTheCode(t *testing.T) {
	pin := string(cardtest.DefaultPIN())
	for name, c := range map[string]struct {
		during  func(r *idleRun)
		answers []string
		exit    int
	}{
		"card pulled":            {func(r *idleRun) { r.service.Remove("reader") }, []string{pin}, exitLost},
		"card reset":             {func(r *idleRun) { r.card.PowerOn() }, []string{pin}, exitOK},
		"a try spent, confirmed": {func(r *idleRun) { r.card.SetTries(1, 10) }, []string{pin, "CONFIRM"}, exitOK},
		"a try spent, refused":   {func(r *idleRun) { r.card.SetTries(1, 10) }, []string{pin, "no"}, exitChoose},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inBubble(t, func(t *testing.T) {
				r := typingRun(t, dir)
				r.typed = func() { c.during(r); r.typed = nil }
				before := r.card.Stats()
				asked := r.cie([]string{"pin", "verify"}, c.answers...)
				if asked != c.exit {
					t.Errorf("exit code %d, want %d\n%s", asked, c.exit, &r.output)
				}
				if n := r.card.Stats().Sub(before); n.TriesSpent != 0 {
					t.Errorf("%+v", n)
				}
			})
		})
	}
}

// While another program is logged in, nothing is sent until the code is there.
func TestNothingIsSentWhileTheUserTypesDuringALogin(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, func(t *testing.T) {
		r := typingRun(t, dir)
		roots := sod.BuiltinRoots().Clone()
		if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
			t.Fatal(err)
		}
		conn, err := r.service.Connect("reader")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		s, err := card.Open(t.Context(), conn, card.Options{Roots: roots, State: r.state, Store: card.DirStore(filepath.Join(r.dir, "cards"))})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Verify(t.Context(), card.PIN, cardtest.DefaultPIN()); err != nil {
			t.Fatal(err)
		}
		before := r.card.Stats()
		r.typed = func() {
			if n := r.card.Stats().Sub(before); n.KeyAgreements != 0 {
				t.Errorf("while the user types: %+v", n)
			}
		}
		if code := r.cie([]string{"pin", "verify"}, string(cardtest.DefaultPIN())); code != exitOK {
			t.Errorf("exit code %d\n%s", code, &r.output)
		}
	})
}

// BenchmarkCodeToResult reports what a slow card costs from the last digit of the codes to the
// result, with the channel opened while the user types and without.
func BenchmarkCodeToResult(b *testing.B) {
	for name, c := range map[string]struct{ args, answers []string }{
		"sign":   {[]string{"sign", "FILE"}, []string{string(cardtest.DefaultPIN())}},
		"change": typedCommands["change"],
	} {
		for _, way := range []string{"channel-open", "channel-closed"} {
			b.Run(name+"/"+way, func(b *testing.B) {
				var after cardtest.Stats
				for b.Loop() {
					r := typingRun(b, b.TempDir())
					r.pause = 0
					before, arrived := r.card.Stats(), r.card.Stats()
					r.typed = func() {
						if way == "channel-open" {
							await.That(b, "a channel", func() bool { return r.card.Stats().Sub(before).DeviceAuthentications > 0 })
						}
						arrived = r.card.Stats()
					}
					release := func() {}
					if way == "channel-closed" {
						var err error
						if release, err = r.state.Share(r.card.NIS()); err != nil {
							b.Fatal(err)
						}
					}
					args := slices.Clone(c.args)
					if i := slices.Index(args, "FILE"); i >= 0 {
						args[i] = filepath.Join(r.dir, "file")
					}
					if code := r.cie(args, c.answers...); code != exitOK {
						b.Fatalf("exit code %d\n%s", code, &r.output)
					}
					release()
					after = r.card.Stats().Sub(arrived)
				}
				b.ReportMetric(float64(after.APDUs), "APDUs-after-code")
				b.ReportMetric(after.Modelled.Seconds(), "modelled-s-after-code")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
