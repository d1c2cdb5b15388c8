//go:build linux

package main

import (
	"bufio"
	"os"
	"slices"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/memory"
)

// After C_Logout, and after C_Finalize, neither the PIN nor the keys of the channel are in the
// memory of the program. While it is logged in the PIN must be found; the keys are in use in
// expanded form only, so there is no such check of the search for them.
func TestNoSecretStaysInMemory(t *testing.T) {
	m := newMachine(t, cardtest.Profile{})
	cmd := await.Command(t, program(t, "secrets"), library(t))
	cmd.Env, cmd.Stderr = m.env, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	secrets := memory.Secrets{}
	secrets.AddCode("PIN", cardtest.DefaultPIN())
	if _, err := in.Write(cardtest.DefaultPIN()); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"in", "out", "end"} {
		line, err := lines.ReadString('\n')
		if err != nil || line != where+"\n" {
			t.Fatalf("%q, %v; want %s", line, err, where)
		}
		if where == "in" {
			secrets.AddKeys(t, m.card)
		}
		found := memory.Find(t, cmd.Process.Pid, secrets)
		t.Logf("%s: %q", where, found)
		if where == "in" && !slices.Contains(found, "PIN") {
			t.Error("the kept PIN is not found: the search is wrong")
		}
		if where != "in" && len(found) > 0 {
			t.Errorf("%s: %q in memory", where, found)
		}
		if _, err := in.Write([]byte("g")); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
