//go:build linux

package browsertest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/browsertest/browser"
	"cie/cmd/internal/harness/faultinjection"
)

// TestLoginWithFaults lets the card fail at the first command of a login with a known
// card, at VERIFY and at the last command. The browsers take turns. No try is spent, and
// the next login succeeds, in the same browser.
func TestLoginWithFaults(t *testing.T) {
	if !faultinjection.Matrix() {
		t.Skip("takes FAULTS=matrix: make matrix")
	}
	kinds := []cardtest.FaultKind{
		cardtest.RemoveAfter, cardtest.MuteAfter, cardtest.WrongMAC, cardtest.FlipBit, cardtest.Truncate, cardtest.Status6F00After,
		cardtest.Status6700, cardtest.RefuseInClear, cardtest.ResetBefore, cardtest.SelectOther,
	}
	sum := &faultinjection.Sum{Note: "tried without a browser"}
	t.Cleanup(func() { t.Log(sum) }) // after the browsers, which run in parallel
	eachBrowser(t, func(t *testing.T, s *machine, which browser.Kind) {
		s.learn(t, which)
		positions := s.positions(t, which)
		for k, kind := range kinds {
			for p, at := range positions {
				if which != browser.Kinds()[(k+p)%len(browser.Kinds())] {
					continue
				}
				t.Run(fmt.Sprintf("%v at %d", kind, at), func(t *testing.T) {
					s.loginWithFault(t, which, kind, at, sum)
				})
			}
		}
	})
}

// positions logs in once, and returns the positions of the first command, of VERIFY and
// of the last command.
func (s *machine) positions(t *testing.T, kind browser.Kind) (at []int) {
	t.Helper()
	t.Run("positions", func(t *testing.T) {
		u := s.sit(t, kind)
		var trace bytes.Buffer
		s.card.SetFaults(cardtest.Faults{})
		s.card.Trace(&trace)
		o := u.login(nil, pin())
		s.card.Trace(nil)
		u.wantIn(o, 1, 1)
		n, verify := 0, 0
		for line := range strings.Lines(trace.String()) {
			if command, ok := strings.CutPrefix(line, "> "); ok {
				n++
				if strings.HasPrefix(command, "0C200081") {
					verify = n
				}
			}
		}
		if verify == 0 {
			t.Fatalf("no VERIFY in %d commands", n)
		}
		at = []int{1, verify, n}
	})
	return at
}

// loginWithFault logs in with a fault at a command, in a new browser, and then without.
func (s *machine) loginWithFault(t *testing.T, which browser.Kind, kind cardtest.FaultKind, at int, sum *faultinjection.Sum) {
	cause := faultinjection.Fault(kind)
	defer func() {
		if t.Failed() {
			sum.Fail("browser login", cause)
		}
	}()
	u := s.sit(t, which)
	before := s.card.Stats()
	s.card.SetFaults(cardtest.FaultAt(at, kind))
	o := u.login(nil, pin())
	commands := s.card.Commands()
	s.card.SetFaults(cardtest.Faults{})
	u.picture("fault")
	if commands < at {
		t.Logf("only %d commands", commands)
		return
	}
	var outcome error
	if !o.in() {
		outcome = errors.New("the page shows " + o.path + " " + o.shown)
	}
	sum.Add("browser login", cause, outcome)
	t.Logf("with the fault: %v, asked %v", outcome, o.prompts)

	if kind == cardtest.RemoveAfter || kind == cardtest.MuteAfter {
		s.take()
		s.card.Insert()
		out := s.card.Stats()
		s.insert()
		s.noticed(out)
	}
	if o.in() {
		u.back()
	} else {
		u.again()
	}
	o = u.login(nil, pin())
	u.picture("afterwards")
	if !o.in() {
		t.Errorf("afterwards the page shows %q %q, asked %v", o.path, o.shown, o.prompts)
	}
	u.wantSpent(before, 0)
	if left, puk := s.card.Tries(); left != cardtest.MaxPINTries || puk != cardtest.MaxPUKTries {
		t.Errorf("%d and %d tries left", left, puk)
	}
	u.browser.Stop()
}
