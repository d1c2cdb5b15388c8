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
	"cie/cmd/internal/tty/ptytest"
)

// idleLimit is the time without a command after which Windows resets the card of
// a transaction.
const idleLimit = 5 * time.Second

// pauses measures how long a virtual card waits from an answer to the next command.
type pauses struct {
	trace  *os.File      // a pipe, also to the test
	marked chan struct{} // a mark of the test was read

	mu      sync.Mutex
	count   int       // of commands
	last    time.Time // of an answer; zero: none in this measurement
	longest time.Duration
}

// measure follows the trace of a card that is about to be inserted with the
// returned options.
func (s *service) measure(t *testing.T) (p *pauses, options []string) {
	t.Helper()
	name := "trace-" + filepath.Base(t.TempDir())
	path := filepath.Join(s.dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	p = &pauses{trace: f, marked: make(chan struct{}, 1)}
	go func() {
		for lines := bufio.NewScanner(f); lines.Scan(); {
			p.line(lines.Text(), time.Now())
		}
	}()
	return p, []string{"--trace", "/mnt/" + name}
}

// mark is a line that the test adds to the trace.
const mark = "# mark of the test"

// drain waits until everything that the card wrote before has been read.
func (p *pauses) drain(t *testing.T) {
	t.Helper()
	if _, err := p.trace.WriteString(mark + "\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.marked:
	case <-time.After(patience):
		t.Fatalf("waited %v for the trace of the card", patience)
	}
}

func (p *pauses) line(line string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case line == mark:
		p.marked <- struct{}{}
	case strings.HasPrefix(line, "> "):
		p.count++
		if !p.last.IsZero() {
			p.longest = max(p.longest, now.Sub(p.last))
		}
	case strings.HasPrefix(line, "< "):
		p.last = now
	}
}

// during returns the longest pause while f runs, and the number of commands.
func (p *pauses) during(t *testing.T, f func()) (time.Duration, int) {
	t.Helper()
	p.drain(t)
	p.mu.Lock()
	p.count, p.last, p.longest = 0, time.Time{}, 0
	p.mu.Unlock()
	f()
	p.drain(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.longest, p.count
}

// TestServicePausesAreShorterThanWindowsAllows measures the time between the
// commands of each program, without a question to the user. A transaction is shorter than the
// run, so its pauses are not longer than these. The programs for Windows and
// Linux send the same number of commands.
func TestServicePausesAreShorterThanWindowsAllows(t *testing.T) {
	t.Parallel()
	s := startService(t)
	p, options := s.measure(t)
	s.insert(t, append([]string{"--state", "/mnt/pauses.state"}, options...)...)
	pin := string(cardtest.DefaultPIN())
	// Hashing it takes a while.
	s.write(t, "long", strings.Repeat("a long document\n", 4<<20))
	check := func(name string, f func()) int {
		t.Helper()
		longest, count := p.during(t, f)
		t.Logf("%s: %d commands, longest pause %v", name, count, longest.Round(time.Millisecond))
		if count < 2 || longest >= idleLimit {
			t.Errorf("%s: %d commands, longest pause %v", name, count, longest)
		}
		return count
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
		windows := check("cie.exe "+args[0], func() { want(s.run(t, pin, "cie.exe", with(`Z:\mnt\`, "windows.p7s")...)) })
		linux := check("cie "+args[0], func() { want(s.linux(t, pin, with("/mnt/", "linux.p7s")...)) })
		if windows != linux {
			t.Errorf("%s: %d commands for Windows, %d for Linux", args[0], windows, linux)
		}
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
	t.Parallel()
	s := startService(t)
	s.insert(t)
	for name, command := range map[string][]string{"cie.exe": {"wine", `Z:\mnt\cie.exe`}, "cie": {"/mnt/cie"}} {
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
