//go:build linux && x11

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
)

// The demonstration needs no reader, is labelled as one, and shows its card.
func TestDemoShowsItsCardWithoutReader(t *testing.T) {
	p := newUser(t)
	p.start("-demo")
	p.face()
	p.look()
	p.shot("demo")
	p.press("ctrl+q")
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the demonstration ends with %v", err)
	}
	if n := p.card.Stats().Resets; n != 0 {
		t.Error("the demonstration touched a card that is not its own")
	}
}

// The life of a PIN, by keyboard alone: changed, blocked, unblocked; then a
// look at the holder, and the browsers prepared.
func TestPINLifeByKeyboard(t *testing.T) {
	p := newUser(t)
	p.insertCard()
	started := time.Now()
	p.start()
	p.face()
	t.Logf("window on the screen %v after the start", time.Since(started).Round(time.Millisecond))
	p.see("the card is read", func() bool { return p.card.Stats().DeviceAuthentications > 0 })
	p.removeCard()
	p.look()
	p.shot("0-placement")
	n, laid := p.card.Stats().APDUs, time.Now()
	p.insertCard()
	p.see("the card is noticed", func() bool {
		seen := p.card.Stats().APDUs > n
		if seen && !laid.IsZero() {
			t.Logf("card read from %v after it was laid down", time.Since(laid).Round(10*time.Millisecond))
			laid = time.Time{}
		}
		return seen
	})
	p.shot("1-card")

	const changed, unblocked = "24681357", "97531864"
	p.press("ctrl+3")
	p.code(string(cardtest.DefaultPIN()))
	p.code(changed)
	p.shot("2-change")
	p.code(changed)
	p.see("the PIN is changed", func() bool { return p.card.Stats().Changes == 1 })
	p.shot("3-changed")
	p.press("Return")

	p.press("ctrl+3")
	for i := 1; i <= 3; i++ {
		p.code("00000000")
		switch i {
		case 1:
			p.code(unblocked)
			p.code(unblocked)
		case 2:
			p.press("Return") // the new PIN is kept
		case 3:
			// The last try needs a confirmation: Enter has led to it.
			if n := p.card.Stats().TriesSpent; n != 2 {
				t.Fatalf("%d tries spent before the confirmation", n)
			}
			p.press("space")
			p.shot("4-last-try")
			p.press("Tab", "Tab", "Tab", "Tab", "Return") // the way out, the field, the look at it, the next step
			p.press("Return")
		}
		p.see("a wrong PIN is refused", func() bool { return p.card.Stats().TriesSpent == i })
	}
	p.shot("5-blocked")
	p.press("Return") // the button that leads to unblocking has the keyboard
	p.code(string(cardtest.DefaultPUK()))
	p.code(unblocked)
	p.code(unblocked)
	p.see("the PIN is unblocked", func() bool { return p.card.Stats().Unblocks == 1 })
	p.shot("6-unblocked")
	p.press("Return")

	// The card as it is now, and whose it is.
	p.press("ctrl+1")
	p.look()
	p.shot("7-card")
	p.press("Tab", "Return") // the tile beside the first, which has the keyboard
	p.code(unblocked)
	p.look()
	p.shot("8-holder")
	p.diagnose(unblocked)
	p.browsers(unblocked)
	seen := p.look()
	for _, page := range [][2]string{{"ctrl+4", "13-help"}, {"ctrl+comma", "14-settings"}} {
		name := page[1]
		p.press(page[0]) // the first from a field for digits
		now := p.look()
		if now == seen {
			t.Errorf("%s does not show", name)
		}
		p.shot(name)
		seen = now
	}
}

// The card is removed during an operation: nothing is changed, no try is lost, and
// the same window continues when the card is inserted again.
func TestRemovedCardLosesNothing(t *testing.T) {
	p := newUser(t)
	p.card.SetCost(cardtest.CostModel{DHAgreement: 2 * time.Second, Sleep: true})
	p.insertCard()
	p.start()
	p.face()
	p.see("the card is read", func() bool { return p.card.Stats().DeviceAuthentications > 0 })
	p.look()
	p.removeCard()
	p.look()
	p.insertCard()
	before := p.card.Stats().KeyAgreements
	p.until("the card agrees on keys", func() bool { return p.card.Stats().KeyAgreements > before })
	p.removeCard() // in the middle of it
	p.look()
	p.shot("taken-away")
	p.card.SetCost(cardtest.CostModel{})
	p.insertCard()
	p.see("the card is read again", func() bool { return p.card.Stats().DeviceAuthentications > 1 })

	const changed = "24681357"
	p.press("ctrl+3")
	p.code(string(cardtest.DefaultPIN()))
	p.code(changed)
	p.card.SetCost(cardtest.CostModel{PerAPDU: 300 * time.Millisecond, Sleep: true})
	apdus := p.card.Stats().APDUs
	p.code(changed)
	p.until("the card is at work", func() bool { return p.card.Stats().APDUs > apdus })
	p.removeCard()
	p.card.SetCost(cardtest.CostModel{})
	p.look()
	p.shot("taken-away-changing")
	n := p.card.Stats()
	p.insertCard()
	p.see("the card is read once more", func() bool { return p.card.Stats().DeviceAuthentications > n.DeviceAuthentications })
	if n := p.card.Stats(); n.TriesSpent != 0 || n.Changes != 0 {
		t.Fatalf("%d tries spent, %d PINs changed", n.TriesSpent, n.Changes)
	}
	p.look()
	p.code(string(cardtest.DefaultPIN()))
	p.code(changed)
	p.code(changed)
	p.see("the PIN is changed", func() bool { return p.card.Stats().Changes == 1 })
}

// openDiagnostics opens the second page of the help by its tab.
func (p *user) openDiagnostics() {
	p.press("ctrl+4", "shift+Tab", "Left", "Return")
}

// diagnose runs the diagnostics with the PIN and saves the report.
func (p *user) diagnose(pin string) {
	t := p.t
	p.openDiagnostics()
	p.look()
	before := p.card.Stats()
	p.press("Tab", "Return") // the button beside the one that has the keyboard
	p.code(pin)
	p.see("the module signs", func() bool { return p.card.Stats().Signatures > before.Signatures })
	p.look()
	p.shot("9-diagnostics")
	// The PIN is verified twice: by the diagnostics, and by the module.
	if n := p.card.Stats().Sub(before); n.Verifies != 2 || n.TriesSpent != 0 {
		t.Errorf("%d codes verified, %d tries spent", n.Verifies, n.TriesSpent)
	}
	p.press("Tab", "Tab", "Tab", "Return") // save the report
	var report string
	p.until("a report", func() bool {
		names, _ := filepath.Glob(filepath.Join(p.home, "cie-report-*.txt"))
		if len(names) == 0 {
			return false
		}
		data, err := os.ReadFile(names[0])
		report = string(data)
		return err == nil && report != ""
	})
	for _, want := range []string{"[ok] certificate: ", "[ok] module: module-loads", "[ok] module-card: ", "[ok] login: login-works", "TLS 1.2", "[ok] tls13: tls13-refused"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for name, secret := range map[string]string{
		"PIN": pin, "PUK": string(cardtest.DefaultPUK()), "surname": holder.Surname, "codice fiscale": holder.FiscalCode,
		"NIS": holder.NIS, "document number": holder.DocumentNumber, "home": p.home,
	} {
		if strings.Contains(report, secret) {
			t.Errorf("the report holds the %s (%q)", name, secret)
		}
	}
	if t.Failed() {
		t.Log(report)
	}
}

// browsers prepares Firefox and tries the login.
func (p *user) browsers(pin string) {
	t := p.t
	if _, err := os.Stat("/usr/lib/firefox-esr"); err != nil {
		missing(t, "Firefox", err)
	}
	before := p.card.Stats()
	p.press("ctrl+2")
	p.look()
	p.shot("10-browsers")
	p.press("Return")
	p.until("Firefox knows the module", func() bool {
		found := false
		_ = filepath.WalkDir(p.home, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "pkcs11.txt" {
				data, err := os.ReadFile(name)
				found = found || err == nil && strings.Contains(string(data), "cie-pkcs11.so")
			}
			return nil
		})
		return found
	})
	p.look()
	p.shot("11-enabled")
	if n := p.card.Stats().Verifies - before.Verifies; n != 0 {
		t.Errorf("%d codes were sent that the user did not type", n)
	}
	// With the browsers ready the keyboard is in the field of the test login.
	p.code(pin)
	p.see("the card signs", func() bool { return p.card.Stats().Signatures > before.Signatures })
	p.look()
	p.shot("12-login")
	if n := p.card.Stats().Sub(before); n.Verifies != 1 || n.Signatures != 1 {
		t.Errorf("a login with %d codes and %d signatures", n.Verifies, n.Signatures)
	}
}
