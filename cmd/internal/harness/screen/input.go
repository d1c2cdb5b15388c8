//go:build linux

package screen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// input is an xdotool that reads its commands, one a line, from a pipe: a process for each
// key takes more of the processor than the key.
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
	if s.input == nil {
		i, err := s.startInput()
		if err != nil {
			return err
		}
		s.input = i
	}
	err := s.input.send(strings.Join(args, " "))
	if errors.Is(err, errQuestion) {
		s.input.stop()
		s.input, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("xdotool %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// errQuestion is returned where xdotool has executed the commands and has ended at the
// question after them, because the window under the pointer closed meanwhile.
var errQuestion = errors.New("no window under the pointer")

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

// send ends each line with a question that the server answers after it. What comes before
// the answer is an error. Keys, moves and clicks ask for no window; the question does.
func (i *input) send(line string) error {
	if _, err := io.WriteString(i.commands, line+"\ngetmouselocation\n"); err != nil {
		return err
	}
	if err := i.answers.SetReadDeadline(time.Now().Add(inputTime)); err != nil {
		return err
	}
	var said strings.Builder
	for {
		answer, err := i.lines.ReadString('\n')
		switch {
		case err == io.EOF && strings.HasPrefix(said.String(), "X Error") && strings.Contains(said.String(), "BadWindow"):
			return errQuestion
		case err != nil:
			return fmt.Errorf("%w: %s", err, said.String())
		case !strings.HasPrefix(answer, "x:"):
			said.WriteString(answer)
		case said.Len() > 0:
			return errors.New(strings.TrimSpace(said.String()))
		default:
			return nil
		}
	}
}

func (i *input) stop() {
	_ = i.cmd.Process.Kill()
	_ = i.cmd.Wait()
	i.answers.Close()
}
