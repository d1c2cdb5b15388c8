// Package await bounds the waits of tests: a wait ends with its condition, and a test
// that waits longer than Patience fails and names what it waited for.
package await

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"testing"
	"time"
)

// Patience limits every wait. It is many times what a busy machine needs, because it
// only ends what hangs.
const Patience = 2 * time.Minute

// That waits until the condition holds.
func That(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", Patience, what)
		}
	}
}

// Accepts reports whether a program takes connections on the Unix socket. The file of a
// socket is there before that, between bind and listen of its program, which sees a
// client come and go.
func Accepts(socket string) bool {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// Value waits for a value from the channel, or for its end.
func Value[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	v, ok := value(from, Patience)
	if !ok {
		t.Fatalf("waited %v for %s", Patience, what)
	}
	return v
}

func value[T any](from <-chan T, patience time.Duration) (v T, ok bool) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case v = <-from:
		return v, true
	case <-late.C:
		return v, false
	}
}

// Command returns a command that does not outlast the test. One that runs longer than
// Patience is killed, and the test fails and names it.
func Command(t testing.TB, name string, args ...string) *exec.Cmd {
	return command(t, Patience, name, args...)
}

func command(t testing.TB, patience time.Duration, name string, args ...string) *exec.Cmd {
	// The context of the test ends before its cleanup functions, which may end the
	// command in an orderly way.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("%q runs longer than %v", cmd.Args, patience)
		}
		return cmd.Process.Kill()
	}
	// A descendant may keep the pipes open.
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// Exit waits for the end of a command that was started, and returns its error. It
// kills a command that does not end.
func Exit(t testing.TB, cmd *exec.Cmd) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err, ok := value(ended, Patience)
	if !ok {
		_ = cmd.Process.Kill()
		t.Fatalf("waited %v for the end of %q", Patience, cmd.Args)
	}
	return err
}

// Line waits for the first line of what a program writes.
func Line(t testing.TB, what string, r io.Reader) string {
	t.Helper()
	type result struct {
		line string
		err  error
	}
	lines := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(r).ReadString('\n')
		lines <- result{line, err}
	}()
	l := Value(t, what, lines)
	if l.err != nil {
		t.Fatalf("%s: %v", what, l.err)
	}
	return l.line[:len(l.line)-1]
}
