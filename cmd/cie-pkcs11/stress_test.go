//go:build linux

package main

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
)

const (
	stressProcesses = 4
	stressThreads   = 8
)

// Processes with several threads sign with one card at the same time, and each takes the
// channel from the others repeatedly. Every signature is verified, none is lost, no try is
// used, and the memory does not grow. CIE_STRESS gives the duration, for instance 60s.
func TestConcurrentProgramsSign(t *testing.T) {
	duration := 4 * time.Second
	if s := os.Getenv("CIE_STRESS"); s != "" {
		var err error
		if duration, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		duration = time.Second
	}
	m := newMachine(t, cardtest.Profile{})
	exe, so := program(t, "stress"), library(t)
	key := holderKey(t, cardtest.Profile{})

	var wg sync.WaitGroup
	for i := range stressProcesses {
		wg.Add(1)
		go func() {
			defer wg.Done()
			cmd := exec.CommandContext(t.Context(), exe, so, string(cardtest.DefaultPIN()), strconv.Itoa(stressThreads),
				fmt.Sprint(duration.Seconds()), strconv.Itoa(i))
			cmd.Env = m.env
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Run(); err != nil {
				t.Errorf("process %d: %v\n%s", i, err, tail(errs.String()))
				return
			}
			var reported, early, late int
			if _, err := fmt.Sscan(errs.String(), &reported, &early, &late); err != nil {
				t.Errorf("process %d: %v: %q", i, err, errs.String())
				return
			}
			const size = 16 + 256
			records := out.Bytes()
			if len(records) != reported*size || reported == 0 {
				t.Errorf("process %d: %d bytes for %d signatures", i, len(records), reported)
				return
			}
			for r := records; len(r) > 0; r = r[size:] {
				hash := sha256.Sum256(r[:16])
				if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], r[16:size]); err != nil {
					t.Errorf("process %d: %v", i, err)
				}
			}
			// The size of a Go heap varies; a leak of 1 kB per signature would show in a minute.
			if late > early+8<<10 {
				t.Errorf("process %d: %d kB, then %d kB", i, early, late)
			}
			t.Logf("process %d: %d signatures, %d kB, then %d kB", i, reported, early, late)
		}()
	}
	wg.Wait()
	if st := m.card.Stats(); st.TriesSpent != 0 {
		t.Errorf("%+v", st)
	} else {
		t.Logf("%+v", st)
	}
}

// holderKey returns the public key of the card with a profile: the same profile always gives
// the same card.
func holderKey(t *testing.T, p cardtest.Profile) *rsa.PublicKey {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	s, err := card.Open(t.Context(), c.Reader(), card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), card.PIN, cardtest.DefaultPIN(), card.AcceptUnknownIssuer()); err != nil {
		t.Fatal(err)
	}
	key, err := s.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key.Public().(*rsa.PublicKey)
}
