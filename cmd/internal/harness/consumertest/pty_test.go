//go:build linux

package consumertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// answer is what a user types when the program shows prompt.
type answer struct {
	prompt string
	text   []byte
}

// errNotAsked: a program ended well without a prompt that was expected.
var errNotAsked = errors.New("did not ask")

// openPTY returns the two ends of a new pseudo terminal.
func openPTY() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		master.Close()
		return nil, nil, fmt.Errorf("unlock pseudo terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		master.Close()
		return nil, nil, fmt.Errorf("number of pseudo terminal: %w", err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

// awaitHidden waits until a program does not show what is typed: one that switches the
// echo off after its prompt discards what was typed before.
func awaitHidden(ctx context.Context, master *os.File) error {
	for {
		// Linux answers for the other end.
		state, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS)
		if err != nil || state.Lflag&unix.ECHO == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the echo stays on: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// typed runs a program on a terminal of its own and answers its prompts in the
// order given, each once. It returns what the terminal showed and fails the
// test when the program does, or when a prompt does not come.
func (h *host) typed(t *testing.T, answers []answer, name string, args ...string) string {
	t.Helper()
	shown, err := h.tryTyped(t, answers, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, shown)
	}
	return shown
}

// tryTyped is typed for programs that may fail.
func (h *host) tryTyped(t *testing.T, answers []answer, name string, args ...string) (string, error) {
	t.Helper()
	master, slave, err := openPTY()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = h.env, h.dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Start()
	slave.Close()
	if err != nil {
		t.Fatal(err)
	}
	var all, since bytes.Buffer
	left := answers
	buf := make([]byte, 4096)
	for {
		n, readErr := master.Read(buf)
		all.Write(buf[:n])
		since.Write(buf[:n])
		for range len(left) {
			if !strings.Contains(since.String(), left[0].prompt) {
				break
			}
			since.Reset()
			if err := awaitHidden(ctx, master); err != nil {
				t.Errorf("%s: at %q: %v", name, left[0].prompt, err)
			}
			line := append(bytes.Clone(left[0].text), '\n')
			left = left[1:]
			if _, err := master.Write(line); err != nil {
				break
			}
		}
		if readErr != nil { // EIO: no program has the terminal any more
			if !errors.Is(readErr, syscall.EIO) && !errors.Is(readErr, io.EOF) {
				t.Errorf("terminal: %v", readErr)
			}
			break
		}
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		err = fmt.Errorf("no end after %v", patience)
	}
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%w: %q", errNotAsked, left[0].prompt)
	}
	return strings.ReplaceAll(all.String(), "\r\n", "\n"), err
}
