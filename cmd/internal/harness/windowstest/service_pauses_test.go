//go:build linux

package windowstest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/rotation"
	"cie/cmd/internal/tty/ptytest"
)

// idleLimit is the time without a command after which Windows resets the card of
// a transaction.
const idleLimit = 5 * time.Second

// traffic records the commands that a virtual card receives, and how long it waits for
// the next one.
type traffic struct {
	trace  *os.File      // a pipe, also to the test
	marked chan struct{} // a mark of the test was read

	mu       sync.Mutex
	commands []string  // class, instruction and parameters of each
	last     time.Time // of an answer; zero: none in this measurement
	longest  time.Duration
}

// record follows the trace of a card that is about to be inserted with the returned
// options. The name is that of no other card.
func (s *service) record(t *testing.T, name string) (r *traffic, options []string) {
	t.Helper()
	name += ".trace"
	path := filepath.Join(s.dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	r = &traffic{trace: f, marked: make(chan struct{}, 1)}
	go func() {
		for lines := bufio.NewScanner(f); lines.Scan(); {
			r.line(lines.Text(), time.Now())
		}
	}()
	return r, []string{"--trace", "/mnt/" + name}
}

// mark is a line that the test adds to the trace.
const mark = "# mark of the test"

// drain waits until everything that the card wrote before has been read.
func (r *traffic) drain(t *testing.T) {
	t.Helper()
	if _, err := r.trace.WriteString(mark + "\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.marked:
	case <-time.After(patience):
		t.Fatalf("waited %v for the trace of the card", patience)
	}
}

func (r *traffic) line(line string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	command, sent := strings.CutPrefix(line, "> ")
	switch {
	case line == mark:
		r.marked <- struct{}{}
	case sent:
		r.commands = append(r.commands, command[:min(len(command), 8)])
		if !r.last.IsZero() {
			r.longest = max(r.longest, now.Sub(r.last))
		}
	case strings.HasPrefix(line, "< "):
		r.last = now
	}
}

// during returns the commands that the card receives while f runs, and the longest pause
// between them.
func (r *traffic) during(t *testing.T, f func()) (commands []string, longest time.Duration) {
	t.Helper()
	r.drain(t)
	r.mu.Lock()
	r.commands, r.last, r.longest = nil, time.Time{}, 0
	r.mu.Unlock()
	f()
	r.drain(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.commands, r.longest
}

// TestServicePausesAreShorterThanWindowsAllows measures the time between the
// commands of each program, without a question to the user. A transaction is shorter than the
// run, so its pauses are not longer than these.
func TestServicePausesAreShorterThanWindowsAllows(t *testing.T) {
	rotation.Skip(t, 0, 2)
	t.Parallel()
	s := startService(t)
	card, options := s.record(t, "pauses")
	s.insert(t, append([]string{"--state", "/mnt/pauses.state"}, options...)...)
	pin := string(cardtest.DefaultPIN())
	// Hashing it takes a while.
	s.write(t, "long", strings.Repeat("a long document\n", 4<<20))
	check := func(name string, f func()) {
		t.Helper()
		commands, longest := card.during(t, f)
		t.Logf("%s: %d commands, longest pause %v", name, len(commands), longest.Round(time.Millisecond))
		if len(commands) < 2 || longest >= idleLimit {
			t.Errorf("%s: %d commands, longest pause %v", name, len(commands), longest)
		}
	}
	want := func(r result) {
		t.Helper()
		if r.code != 0 {
			t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
	for _, args := range [][]string{{"status"}, {"pin", "verify", "--pin-fd", "0"}, {"cert", "--pin-fd", "0"}, {"sign", "LONG", "--detached", "--out", "OUT", "--pin-fd", "0"}} {
		with := func(dir, out string) []string {
			all := bytes.ReplaceAll([]byte(strings.Join(args, "\n")), []byte("LONG"), []byte(dir+"long"))
			return strings.Split(string(bytes.ReplaceAll(all, []byte("OUT"), []byte(dir+out))), "\n")
		}
		check("cie.exe "+args[0], func() { want(s.run(t, pin, "cie.exe", with(`Z:\mnt\`, "windows.p7s")...)) })
		check("cie "+args[0], func() { want(s.linux(t, pin, with("/mnt/", "linux.p7s")...)) })
	}
	check("cie-pkcs11.dll", func() {
		h := s.startHost(t)
		h.login("0", moduleDLL)
		h.want(ckrOK, "cert 0")
		h.want(ckrOK, "sign 0 text")
		h.want(ckrOK, "finalize 0")
	})
}

// TestServiceCardIsFreeWhileThePINIsTyped expects another program to get the
// card while a program asks its user, and both to work.
func TestServiceCardIsFreeWhileThePINIsTyped(t *testing.T) {
	rotation.Skip(t, 0, 2)
	t.Parallel()
	s := startService(t)
	s.insert(t)
	for name, command := range map[string][]string{"cie.exe": {loader, `Z:\mnt\cie.exe`}, "cie": {"/mnt/cie"}} {
		t.Run(name, func(t *testing.T) {
			p := ptytest.New(t)
			cmd := s.command("env", append(append([]string{"TERM=xterm"}, command...), "pin", "verify")...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = p.TTY, p.TTY, p.TTY
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer endOf(t, cmd)
			p.Expect("PIN: ")
			p.AwaitHidden()
			if r := s.linux(t, "", "status"); r.code != 0 || !strings.Contains(r.stdout, "3 of 3") {
				t.Errorf("another program: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			p.Type(string(cardtest.DefaultPIN()) + "\r")
			p.Expect("The PIN is right")
		})
	}
}

// endOf waits for the end of a command that has done its work.
func endOf(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
