package main

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
)

// Readers and cards are reported when they appear and are removed, over restarts of the
// service, until Ctrl-C.
func TestWatchReportsChangesOverRestartOfService(t *testing.T) {
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	d := startPCSC(t)
	cmd := await.Command(t, "cie", "watch", "--json")
	cmd.Env = append(os.Environ(), d.Env()...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewScanner(out)
	next := func(want ...string) {
		t.Helper()
		for len(want) > 0 {
			if !lines.Scan() {
				t.Fatalf("the end, without %v", want)
			}
			var e eventJSON
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatalf("%s: %v", lines.Bytes(), err)
			}
			got := e.Event + " " + e.Reader
			i := slices.Index(want, strings.TrimSpace(got))
			if i < 0 {
				t.Fatalf("%s, want one of %v", got, want)
			}
			want = slices.Delete(want, i, i+1)
			if hasATR := e.ATR != ""; hasATR != (e.Event == "card-inserted") {
				t.Errorf("%s: ATR %q", got, e.ATR)
			}
		}
	}
	first, second := d.Reader(0), d.Reader(1)
	next("reader-added "+first, "reader-added "+second)
	laid := d.Insert(1, c)
	next("card-inserted " + second)
	laid.Remove()
	next("card-removed " + second)
	d.Insert(0, c)
	next("card-inserted " + first)
	if err := d.Pause(); err != nil {
		t.Fatal(err)
	}
	next("card-removed "+first, "reader-removed "+first, "reader-removed "+second, "service-lost")
	if err := d.Resume(); err != nil {
		t.Fatal(err)
	}
	next("service-back", "reader-added "+first, "reader-added "+second, "card-inserted "+first)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = await.Exit(t, cmd) // judged by its exit code
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// On a terminal the events are sentences in the user's language.
func TestWatchOnTerminalIsTranslated(t *testing.T) {
	s := startOnTerminal(t, italian, oneReader+"\nReader Two: empty", "watch")
	s.Expect("Ctrl-C per finire")
	s.Expect("Reader One")
	s.Expect("lettore collegato")
	s.Expect("Reader Two")
	s.Expect("carta appoggiata")
	s.Type("\x03")
	s.wantExit(130)
}
