//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
	"cie/pkcs11mod/ck"
)

// caller is a running program that uses the module on request.
type caller struct {
	m   *machine
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
}

func (m *machine) start() *caller {
	m.t.Helper()
	exe, so := program(m.t, "caller"), library(m.t)
	cmd := await.Command(m.t, exe, so, string(cardtest.DefaultPIN()))
	cmd.Env, cmd.Stderr = m.env, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	p := &caller{m, in, bufio.NewReader(out), cmd}
	m.t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			m.t.Errorf("the program ended with %v", err)
		}
	})
	return p
}

// do sends a request and returns the answer.
func (p *caller) do(order string) (ck.RV, string) {
	p.m.t.Helper()
	fmt.Fprintln(p.in, order)
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.m.t.Fatalf("%s: %v", order, err)
	}
	code, what, _ := strings.Cut(strings.TrimSpace(line), " ")
	var rv uint
	if _, err := fmt.Sscan(code, &rv); err != nil {
		p.m.t.Fatalf("%s: %q", order, line)
	}
	return ck.RV(rv), what
}

// until repeats a request until the answer is want. allowed are the other answers that may
// precede it.
func (p *caller) until(order string, want ck.RV, allowed ...ck.RV) {
	p.m.t.Helper()
	var rv ck.RV
	var what string
	for range 600 {
		if rv, what = p.do(order); rv == want {
			return
		}
		if !slices.Contains(allowed, rv) {
			p.m.t.Errorf("%s: %v %s", order, rv, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.m.t.Fatalf("%s: still %v %s", order, rv, what)
}

// interrupted lists the codes that a removed card may give.
var interrupted = []ck.RV{
	ck.CKR_DEVICE_REMOVED, ck.CKR_DEVICE_ERROR, ck.CKR_SESSION_HANDLE_INVALID, ck.CKR_TOKEN_NOT_PRESENT,
	ck.CKR_OPERATION_NOT_INITIALIZED, ck.CKR_USER_NOT_LOGGED_IN,
}

// The card is removed from a real reader at some of the commands of a login and a signature
// and inserted again. The program continues.
func TestProgramSurvivesRemovalAtEveryStage(t *testing.T) {
	m := newMachine(t, cardtest.Profile{})
	p := m.start()
	p.until("attempt", ck.CKR_OK, ck.CKR_TOKEN_NOT_PRESENT)
	m.card.SetFaults(cardtest.Faults{})
	p.until("attempt", ck.CKR_OK)
	last := m.card.Commands()
	step := 5
	if testing.Short() {
		step = 9
	}
	for at := 1; at <= last; at += step {
		m.card.SetFaults(cardtest.FaultAt(at, cardtest.RemoveAfter))
		rv, what := p.do("attempt")
		if rv == ck.CKR_OK || !slices.Contains(interrupted, rv) {
			t.Errorf("command %d: %v %s", at, rv, what)
		}
		if m.card.Present() {
			t.Fatalf("the card was not pulled at command %d", at)
		}
		m.card.SetFaults(cardtest.Faults{})
		m.card.Insert()
		p.until("attempt", ck.CKR_OK, interrupted...)
	}
	if st := m.card.Stats(); st.TriesSpent != 0 {
		t.Errorf("%+v", st)
	}
}

// The program starts before the PC/SC service, which starts, stops and starts again.
func TestProgramSurvivesRestartOfService(t *testing.T) {
	m := newMachine(t, cardtest.Profile{})
	if err := m.daemon.Pause(); err != nil {
		t.Fatal(err)
	}
	p := m.start()
	p.until("slots", 0)
	for range 2 {
		if err := m.daemon.Resume(); err != nil {
			t.Fatal(err)
		}
		if rv, _ := p.do("wait"); rv != ck.CKR_OK {
			t.Fatalf("C_WaitForSlotEvent: %v", rv)
		}
		p.until("tokens", 1, 0)
		p.until("attempt", ck.CKR_OK, interrupted...)
		if err := m.daemon.Pause(); err != nil {
			t.Fatal(err)
		}
		p.until("slots", 0, 2)
	}
}
