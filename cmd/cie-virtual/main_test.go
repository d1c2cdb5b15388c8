package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cie/cmd/internal/harness/await"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cie-virtual": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("LC_ALL", "C")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else every exit takes a second
			return nil
		},
		Condition: func(cond string) (bool, error) {
			// [stack]: a private pcscd can run here and the tools are there.
			return cond == "stack" && stackReason() == "", nil
		},
	})
}

// What a user types at the terminal ends the program, unless a command runs
// that gets it too.
func TestTerminalSignalsEndProgramUnlessCommandRuns(t *testing.T) {
	w := &env{}
	for _, running := range []bool{false, true} {
		w.commanding.Store(running)
		for s, want := range map[syscall.Signal]bool{
			syscall.SIGINT: !running, syscall.SIGQUIT: !running, syscall.SIGTERM: true, syscall.SIGHUP: true,
		} {
			if w.ends(s) != want {
				t.Errorf("%v with a command running %v: ends %v", s, running, !want)
			}
		}
	}
}

// stackReason reports why real PC/SC programs cannot use a virtual card here.
var stackReason = sync.OnceValue(func() string {
	if runtime.GOOS != "linux" || testing.Short() {
		return "short test, or not Linux"
	}
	for _, tool := range []string{"opensc-tool", "pcsc_scan"} {
		if _, err := exec.LookPath(tool); err != nil {
			return err.Error()
		}
	}
	var out bytes.Buffer
	code := run(context.Background(), &env{
		args: []string{"--pcscd", "--absent"}, stdin: strings.NewReader(""),
		stdout: &out, stderr: &out, getenv: func(string) string { return "" },
	})
	if code == exitOK {
		return ""
	}
	return out.String()
})

func needStack(t *testing.T) {
	t.Helper()
	if why := stackReason(); why != "" {
		t.Skipf("NOT TESTED with real PC/SC programs: %s", why)
	}
}

// session is a running cie-virtual at whose console a test types.
type session struct {
	t     *testing.T
	in    *io.PipeWriter
	code  chan int
	mu    sync.Mutex
	lines []string
	more  *sync.Cond
	err   bytes.Buffer
	ended bool
}

func start(t *testing.T, args ...string) *session {
	t.Helper()
	in, typed := io.Pipe()
	printed, out := io.Pipe()
	s := &session{t: t, in: typed, code: make(chan int, 1)}
	s.more = sync.NewCond(&s.mu)
	go func() {
		code := run(t.Context(), &env{args: args, stdin: in, stdout: out, stderr: &s.err, getenv: func(string) string { return "" }})
		out.Close()
		s.code <- code
	}()
	go func() {
		var rest []byte
		buf := make([]byte, 4096)
		for {
			n, err := printed.Read(buf)
			rest = append(rest, buf[:n]...)
			s.mu.Lock()
			for {
				line, tail, ok := bytes.Cut(rest, []byte("\n"))
				if !ok {
					break
				}
				s.lines, rest = append(s.lines, string(line)), tail
			}
			s.ended = err != nil
			s.more.Broadcast()
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { typed.Close() })
	return s
}

func (s *session) typed(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// expect waits for a line that contains all the words, and removes it. Lines
// about different cards come in any order.
func (s *session) expect(words ...string) string {
	s.t.Helper()
	timer := time.AfterFunc(time.Minute, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = true
		s.more.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; ; i++ {
		for i == len(s.lines) {
			if s.ended {
				s.t.Fatalf("no line with %q in %q", words, s.lines)
			}
			s.more.Wait()
		}
		found := true
		for _, w := range words {
			found = found && strings.Contains(s.lines[i], w)
		}
		if found {
			line := s.lines[i]
			s.lines = slices.Delete(s.lines, i, i+1)
			return line
		}
	}
}

func (s *session) quit() {
	s.t.Helper()
	s.typed("quit")
	if code := <-s.code; code != exitOK {
		s.t.Errorf("exit code %d: %s", code, s.err.String())
	}
}

// environment reads the line that a shell shall evaluate.
func (s *session) environment() []string {
	line := s.expect("PCSCLITE_CSOCK_NAME=", "export")
	v, _, _ := strings.Cut(strings.ReplaceAll(line, "'", ""), ";")
	return append(os.Environ(), v)
}

// eventually runs a PC/SC program until it prints what is wanted: PC/SC looks
// for cards every 400 ms.
func eventually(t *testing.T, env []string, want string, name string, args ...string) string {
	t.Helper()
	var out []byte
	for range 300 {
		cmd := await.Command(t, name, args...)
		cmd.Env = env
		var err error
		if out, err = cmd.CombinedOutput(); err == nil && strings.Contains(string(out), want) {
			return string(out)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s %v does not show %q: %s", name, args, want, out)
	return ""
}
