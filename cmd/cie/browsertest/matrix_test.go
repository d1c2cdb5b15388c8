//go:build linux

package browsertest

import (
	"slices"
	"strings"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/cie/browsertest/browser"
)

func pin() string { return string(cardtest.DefaultPIN()) }

// TestLogin is the life of a card in one home with one browser, each step with
// the browser started anew unless the step is about not having to.
func TestLogin(t *testing.T) {
	for _, kind := range browser.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			need(t, kind)
			s := newStack(t)
			s.enable()
			t.Run("never seen", func(t *testing.T) {
				u := s.sit(t, kind)
				before := s.card.Stats()
				o := u.login(nil, pin())
				u.picture("in")
				u.wantIn(o, 1, 1)
				u.wantSpent(before, 0)
			})
			t.Run("known", func(t *testing.T) {
				u := s.sit(t, kind)
				before := s.card.Stats()
				o := u.login(nil, pin())
				u.picture("in")
				u.wantIn(o, 1, 1)
				u.wantSpent(before, 0)
				if want := []browser.Prompt{browser.PromptCertificate, browser.PromptPIN}; !slices.Equal(o.prompts, want) {
					t.Logf("the browser asked %v; a known card's certificate can be chosen before the PIN is typed", o.prompts)
				}
			})
		})
	}
}

// wantIn checks that the page shows the holder and what the person was asked.
func (u *user) wantIn(o outcome, pins, choices int) {
	u.t.Helper()
	if !o.in() || !strings.Contains(o.shown, holder) {
		u.t.Errorf("the page shows %q", o.shown)
	}
	if o.count(browser.PromptPIN) != pins || o.count(browser.PromptCertificate) != choices {
		u.t.Errorf("asked %v, want %d PIN prompts and %d choices of a certificate", o.prompts, pins, choices)
	}
}

// wantSpent checks how many tries were spent since before.
func (u *user) wantSpent(before cardtest.Stats, tries int) {
	u.t.Helper()
	d := u.card.Stats().Sub(before)
	if d.TriesSpent != tries {
		u.t.Errorf("%d tries spent, want %d", d.TriesSpent, tries)
	}
	left, _ := u.card.Tries()
	u.t.Logf("%d APDUs, %d device authentications, %d verifications, %d signatures; %d tries left", d.APDUs, d.DeviceAuthentications, d.Verifies, d.Signatures, left)
}
