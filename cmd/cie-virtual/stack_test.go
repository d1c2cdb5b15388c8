package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cie/cmd/internal/harness/await"
)

const nxpATR = "3b:8e:80:01:80:31:80:65:49:54:4e:58:50:12:0f:ff:82:90:f0"

// Tools of other projects see the card through pcscd.
func TestPCSCToolsSeeTheCard(t *testing.T) {
	needStack(t)
	dir := t.TempDir()
	trace, state := filepath.Join(dir, "trace"), filepath.Join(dir, "state")
	s := start(t, "--pcscd", "--family", "nxp", "--family", "STM", "--trace", trace, "--state", state)
	env := s.environment()
	s.expect("card 1: in the reader")
	s.expect("card 2: in the reader")

	eventually(t, env, nxpATR, "opensc-tool", "--reader", "0", "-a")
	eventually(t, env, "3b:8b:80:01:80:66:47:50:00:b8:00:7f:82:90:00:2e", "opensc-tool", "--reader", "1", "-a")
	out := eventually(t, env, "3B 8E 80 01 80 31 80 65 49 54 4E 58 50 12 0F FF 82 90 F0", "pcsc_scan", "-t", "1")
	if !strings.Contains(out, "Virtual PCD 00 00") || !strings.Contains(out, "Virtual PCD 00 01") {
		t.Errorf("pcsc_scan: %s", out)
	}
	eventually(t, env, "Received (SW1=0x90, SW2=0x00)", "opensc-tool", "--reader", "0", "-s", "00A4040C06A00000000039")
	eventually(t, env, "999900000002", "opensc-tool", "--reader", "1", "-s", "00A4040C06A00000000039", "-s", "00B081000C")

	// A code sent in the clear by mistake: the chip refuses it, the trace hides it.
	eventually(t, env, "SW1=0x69", "opensc-tool", "--reader", "0", "-s", "00A4040C06A00000000039", "-s", "00200081083133353732343638")

	s.typed("status 1")
	if line := s.expect("card 1: in the reader", "PIN 3 of 3", "PUK 10 of 10"); strings.Contains(line, "commands 0,") {
		t.Error(line)
	}
	s.typed("remove 1")
	s.expect("card 1: out of the reader")
	s.typed("remove 1")
	s.expect("card 1: is already out")
	eventually(t, env, "999900000002", "opensc-tool", "--reader", "1", "-s", "00A4040C06A00000000039", "-s", "00B081000C")
	for range 300 {
		cmd := await.Command(t, "opensc-tool", "--reader", "0", "-a")
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			break
		} else if !strings.Contains(string(out), nxpATR) {
			t.Fatalf("opensc-tool: %s", out)
		}
	}
	s.typed("insert 1")
	s.expect("card 1: in the reader")
	eventually(t, env, nxpATR, "opensc-tool", "--reader", "0", "-a")

	// A fault removes the card; the user inserts it again.
	s.typed("faults 1 remove-before@1")
	s.expect("card 1: faults set: remove-before@1")
	cmd := await.Command(t, "opensc-tool", "--reader", "0", "-s", "00A40000")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("opensc-tool with a card that leaves: %s", out)
	}
	s.expect("card 1: removed by a fault")
	s.typed("status 1")
	s.expect("card 1: out of the reader")
	s.typed("faults 1 none")
	s.expect("card 1: no faults")
	s.typed("insert 1")
	s.expect("card 1: in the reader")
	eventually(t, env, nxpATR, "opensc-tool", "--reader", "0", "-a")

	socket := strings.TrimPrefix(env[len(env)-1], "PCSCLITE_CSOCK_NAME=")
	s.quit()
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the daemon's socket is left")
	}

	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# card 2", "> 00A4040C06A00000000039", "0020008108******"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in the trace", want)
		}
	}
	for _, secret := range []string{"3133353732343638", "13572468"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("the trace holds a code")
		}
	}
	for _, f := range []string{trace, state} {
		if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, st, err)
		}
	}
}
