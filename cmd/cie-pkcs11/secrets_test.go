//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
)

// inMemory returns the names of the secrets that are in the memory of a process.
func inMemory(t *testing.T, pid int, secrets map[string][]byte) []string {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	var found []string
	const size, overlap = 1 << 20, 64
	buf := make([]byte, size)
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || rights[0] != 'r' || strings.Contains(line, "[v") {
			continue
		}
		for at := from; at < to; at += size - overlap {
			n, _ := mem.ReadAt(buf[:min(size, to-at)], at)
			for name, secret := range secrets {
				if bytes.Contains(buf[:n], secret) && !slices.Contains(found, name) {
					found = append(found, name)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

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
	secrets := map[string][]byte{"PIN": cardtest.DefaultPIN()}
	if _, err := in.Write(cardtest.DefaultPIN()); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"in", "out", "end"} {
		line, err := lines.ReadString('\n')
		if err != nil || line != where+"\n" {
			t.Fatalf("%q, %v; want %s", line, err, where)
		}
		if where == "in" {
			enc, mac, open := m.card.SessionKeys()
			if !open {
				t.Fatal("the card has no channel")
			}
			secrets["key for encryption"], secrets["key for MACs"] = enc, mac
		}
		found := inMemory(t, cmd.Process.Pid, secrets)
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
