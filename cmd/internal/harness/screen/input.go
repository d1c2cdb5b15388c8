//go:build linux

package screen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// input is an xdotool that reads its commands, one a line, from a pipe: a process for each
// key or question takes more of the processor than these.
type input struct {
	cmd      *exec.Cmd
	commands io.WriteCloser
	answers  *os.File
	lines    *bufio.Reader
}

// Send gives xdotool commands for keyboard or mouse, without blanks in an argument, and
// returns when the server has executed them.
func (s *Screen) Send(args ...string) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	said, err := s.say(&s.input, strings.Join(args, " "))
	if errors.Is(err, ErrClosed) {
		return nil // it was under the pointer after the commands, which ask for no window
	}
	if err == nil && len(said) > 0 {
		err = errors.New(strings.Join(said, "\n"))
	}
	if err != nil {
		return fmt.Errorf("xdotool %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// ErrClosed reports that a window closed while it was asked about.
var ErrClosed = errors.New("the window closed")

// Ask gives xdotool a command about windows, without quotes in an argument, and returns
// the lines of its answer: none where there is no such window. It returns ErrClosed where
// one of the windows closed meanwhile.
func (s *Screen) Ask(args ...string) ([]string, error) {
	s.asking.Lock()
	defer s.asking.Unlock()
	// Not the xdotool of the keys: keys after a search are for the windows found.
	said, err := s.say(&s.questions, `"`+strings.Join(args, `" "`)+`"`)
	if i := slices.IndexFunc(said, func(line string) bool { return strings.HasPrefix(line, "xdotool: ") }); err == nil && i >= 0 {
		err = errors.New(said[i])
	}
	if err != nil {
		return nil, fmt.Errorf("xdotool %s: %w", strings.Join(args, " "), err)
	}
	return said, nil
}

// say gives a line to an xdotool, which is started where there is none, and ended where
// its answer is not known.
func (s *Screen) say(to **input, line string) ([]string, error) {
	if *to == nil {
		i, err := s.startInput()
		if err != nil {
			return nil, err
		}
		*to = i
	}
	said, err := (*to).send(line)
	if err != nil {
		(*to).stop()
		*to = nil
	}
	return said, err
}

func (s *Screen) startInput() (*input, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	i := &input{cmd: exec.Command("xdotool", "-"), answers: r, lines: bufio.NewReader(r)}
	i.cmd.Env = append(os.Environ(), s.Env()...)
	i.cmd.Stdout, i.cmd.Stderr = w, w
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if i.commands, err = i.cmd.StdinPipe(); err == nil {
		err = i.cmd.Start()
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return i, nil
}

// inputTime limits one line of commands.
const inputTime = time.Minute

// send returns what xdotool says of a line. It ends each line with a question that the
// server answers after it: where the pointer is. A window that does not exist ends xdotool.
func (i *input) send(line string) (said []string, err error) {
	if _, err := io.WriteString(i.commands, line+"\ngetmouselocation\n"); err != nil {
		return nil, err
	}
	if err := i.answers.SetReadDeadline(time.Now().Add(inputTime)); err != nil {
		return nil, err
	}
	for {
		answer, err := i.lines.ReadString('\n')
		switch {
		case err == io.EOF && slices.ContainsFunc(said, func(line string) bool { return strings.Contains(line, "BadWindow") }):
			return nil, ErrClosed
		case err != nil:
			return nil, fmt.Errorf("%w: %s", err, strings.Join(said, "\n"))
		case strings.HasPrefix(answer, "x:"):
			return said, nil
		}
		said = append(said, strings.TrimSuffix(answer, "\n"))
	}
}

func (i *input) stop() {
	_ = i.cmd.Process.Kill()
	_ = i.cmd.Wait()
	i.answers.Close()
}
