//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
)

// While a program is logged in, the status of a known card reads the counters from the
// state, says so, and makes no device authentication; afterwards it asks the card again.
func TestStatusReadsCountersFromStateDuringALogin(t *testing.T) {
	r := newIdleRun(t, t.TempDir())
	status := func(what string, auths int, inUse bool) {
		t.Helper()
		before := r.card.Stats()
		if code := r.cie([]string{"status", "--json"}); code != exitOK {
			t.Fatalf("%s: exit code %d\n%s", what, code, &r.output)
		}
		if n := r.card.Stats().Sub(before).DeviceAuthentications; n != auths {
			t.Errorf("%s: %d device authentications, want %d", what, n, auths)
		}
		if got := strings.Contains(r.output.String(), `"in_use": true`); got != inUse {
			t.Errorf("%s: in use %v\n%s", what, got, &r.output)
		}
		for _, want := range []string{`"pin_tries": 3`, `"puk_tries": 10`} {
			if !strings.Contains(r.output.String(), want) {
				t.Errorf("%s: no %s in\n%s", what, want, &r.output)
			}
		}
	}
	status("card never seen", 1, false)
	status("known card", 1, false)

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
	if err := s.Verify(t.Context(), card.PIN, cardtest.DefaultPIN()); err != nil {
		t.Fatal(err)
	}
	status("during a login", 0, true)
	if code := r.cie([]string{"status"}); code != exitOK || !strings.Contains(r.output.String(), "logged in") {
		t.Errorf("the login is not mentioned\n%s", &r.output)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	status("after the login", 1, false)
}
