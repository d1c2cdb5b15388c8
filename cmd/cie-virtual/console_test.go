package main

import (
	"bytes"
	"encoding/hex"
	"net"
	"strconv"
	"strings"
	"testing"

	"cie/card/cardtest"
	"cie/card/cardtest/vpcd"
	"cie/gui/text"
)

// fakeReader is vpcd as far as a card needs it.
type fakeReader struct {
	t *testing.T
	l net.Listener
}

func newFakeReader(t *testing.T) (fakeReader, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return fakeReader{t, l}, strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (r fakeReader) accept() net.Conn {
	r.t.Helper()
	c, err := r.l.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

func ask(t *testing.T, c net.Conn, message string) string {
	t.Helper()
	b, err := hex.DecodeString(message)
	if err != nil {
		t.Fatal(err)
	}
	if err := vpcd.WriteMessage(c, b); err != nil {
		t.Fatal(err)
	}
	answer, err := vpcd.ReadMessage(c)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ToUpper(hex.EncodeToString(answer))
}

// Without a private daemon the card is served to a host and port, and reconnects
// when the reader throws it out.
func TestCardIsInsertedAgainWhenReaderClosesConnection(t *testing.T) {
	r, port := newFakeReader(t)
	s := start(t, "--port", port, "--nis", "999912345678")
	for range 2 {
		c := r.accept()
		s.expect("card 1: in the reader")
		if atr := ask(t, c, "04"); !strings.HasPrefix(atr, "3B8E8001") {
			t.Errorf("ATR %s", atr)
		}
		if err := vpcd.WriteMessage(c, []byte{byte(vpcd.On)}); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, c, "00A4040C06A00000000039"); got != "9000" {
			t.Errorf("DF_CIE: %s", got)
		}
		if got := ask(t, c, "00B081000C"); got != "3939393931323334353637389000" {
			t.Errorf("NIS: %s", got)
		}
		c.Close()
		s.expect("card 1: the reader ended the connection")
	}
	c := r.accept()
	s.expect("card 1: in the reader")
	s.typed("faults mute-before@1")
	s.expect("faults set")
	vpcd.WriteMessage(c, []byte{byte(vpcd.On)})
	// A mute card stays in the reader; its answer is no answer of a card.
	if got := ask(t, c, "00A40000"); len(got) > 2 {
		t.Errorf("the mute card says %s", got)
	}
	if atr := ask(t, c, "04"); !strings.HasPrefix(atr, "3B8E8001") {
		t.Errorf("ATR %s", atr)
	}
	vpcd.WriteMessage(c, []byte{byte(vpcd.Reset)})
	if got := ask(t, c, "00A4040C06A00000000039"); got != "9000" {
		t.Errorf("after a reset: %s", got)
	}
	s.quit()
}

func TestUnreachableReaderIsReportedOnce(t *testing.T) {
	r, port := newFakeReader(t)
	r.l.Close()
	s := start(t, "--port", port)
	s.expect("card 1: no reader at 127.0.0.1:" + port)
	s.typed("status")
	s.expect("card 1: waiting for the reader")
	s.quit()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if strings.Contains(l, "no reader") {
			t.Errorf("reported again: %s", l)
		}
	}
}

func TestConsoleExecutesCommands(t *testing.T) {
	_, port := newFakeReader(t)
	s := start(t, "--port", port, "--absent", "--cards", "2", "--port", port)
	for _, tt := range []struct{ typed, want string }{
		{"# a comment", ""},
		{"", ""},
		{"status", "card 1: out of the reader"},
		{"", "card 2: out of the reader"},
		{"  STATUS   2 ", "card 2: out of the reader"},
		{"status 3", `no card "3"; there are 1 to 2`},
		{"status 0", `no card "0"`},
		{"status x", `no card "x"`},
		{"status 1 2", `too many words: "2"`},
		{"frobnicate", `unknown command "frobnicate"`},
		{"help", "insert [N]"},
		{"reset 1", "card 1: reset"},
		{"remove 2", "card 2: is already out"},
		{"faults 2 wrong-mac@3 split=16", "card 2: faults set: wrong-mac@3 split=16"},
		{"faults 2 none", "card 2: no faults"},
		{"faults", "card 1: no faults"},
		{"faults 9 none", `no card "9"`},
		{"faults wrong-mac", `unknown fault "wrong-mac"`},
		{"faults wrong-mac@0", `unknown fault "wrong-mac@0"`},
		{"faults nonsense@1", `unknown fault "nonsense@1"`},
		{"faults split=0", `unknown fault "split=0"`},
	} {
		if tt.typed != "" {
			s.typed(tt.typed)
		}
		if tt.want != "" {
			s.expect(tt.want)
		}
	}
	s.quit()
}

func TestParseFaultsReadsEveryKind(t *testing.T) {
	for _, k := range cardtest.FaultKinds() {
		f, bad, ok := parseFaults([]string{"none", k.String() + "@7"})
		if !ok || bad != "" || len(f.Events) != 1 || f.Events[0] != (cardtest.Fault{At: 7, Kind: k}) {
			t.Errorf("%v: %+v %q %v", k, f, bad, ok)
		}
	}
}

// End of input ends the program, a signal too; both are an ordinary end.
func TestEndOfInputExitsWithoutError(t *testing.T) {
	_, port := newFakeReader(t)
	s := start(t, "--port", port, "--absent")
	s.in.Close()
	if code := <-s.code; code != exitOK {
		t.Errorf("end of input: exit code %d", code)
	}
}

// The help is in the language asked for, and none of its lines looks like a
// heading in the manual page.
func TestHelpInEveryLanguage(t *testing.T) {
	for _, l := range text.Languages {
		c := text.Load(l.Code)
		for _, description := range []string{"virtual.long", "virtual.demo.long"} {
			if s := c.T(description); strings.Contains(s, ":\n") {
				t.Errorf("the manual page shows a line with a colon at its end as a heading: %s", s)
			}
		}
		var out bytes.Buffer
		code := run(t.Context(), &env{args: []string{"--help"}, stdout: &out, stderr: &out,
			getenv: func(name string) string { return map[string]string{"LANG": l.Code + "_IT.UTF-8"}[name] }})
		if code != exitOK || !strings.Contains(out.String(), c.T("help.usage")) || strings.Contains(out.String(), "%!") {
			t.Errorf("%s: %d %s", l.Code, code, out.String())
		}
		if strings.Contains(out.String(), "(default") != (l.Code == "en") {
			t.Errorf("%s: defaults in the wrong language", l.Code)
		}
	}
}
