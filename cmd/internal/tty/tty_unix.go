//go:build linux || darwin || freebsd || netbsd || openbsd

package tty

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Terminal is the controlling terminal of the process. Only one goroutine may use its
// methods, except for Restore.
type Terminal struct {
	f *os.File

	mu    sync.Mutex
	saved *unix.Termios // as found, while echo is off
}

// Open opens the controlling terminal, even if standard input and output are
// redirected. If there is none, it returns ErrNoTerminal.
func Open() (*Terminal, error) {
	// Not through os.OpenFile: it would put the terminal into non-blocking
	// mode, for every other process on it too.
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	return &Terminal{f: os.NewFile(uintptr(fd), "/dev/tty")}, nil
}

// Close restores the terminal and closes it.
func (t *Terminal) Close() error {
	t.Restore()
	return t.f.Close()
}

// Write shows text on the terminal.
func (t *Terminal) Write(b []byte) (int, error) { return t.f.Write(b) }

// Restore turns the echo on again if a running ReadSecret has turned it off. Any
// goroutine may call it, for instance before the process ends.
func (t *Terminal) Restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved != nil {
		// Typed ahead is dropped with it: it may be part of a code.
		_ = unix.IoctlSetTermios(int(t.f.Fd()), setTermiosFlush, t.saved)
		t.saved = nil
	}
}

// hide turns the echo off. It is repeated after the process was stopped and continued,
// because shells restore the echo.
func (t *Terminal) hide() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	fd := int(t.f.Fd())
	now, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	if t.saved == nil {
		saved := *now
		t.saved = &saved
	}
	quiet := *now
	quiet.Lflag &^= unix.ECHO | unix.ECHONL
	quiet.Lflag |= unix.ICANON | unix.ISIG
	quiet.Iflag |= unix.ICRNL
	return unix.IoctlSetTermios(fd, setTermiosFlush, &quiet)
}

// ReadSecret shows prompt and reads one line of at most max bytes without echo. The
// caller wipes the result. Ctrl-D on an empty line gives io.EOF, a longer line
// ErrTooLong, the end of ctx its cause.
func (t *Terminal) ReadSecret(ctx context.Context, prompt string, max int) ([]byte, error) {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	if err := t.hide(); err != nil {
		return nil, err
	}
	defer t.Restore()
	if _, err := io.WriteString(t.f, prompt); err != nil {
		return nil, err
	}
	stopped := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-stopped:
				return
			case <-continued:
				if t.hide() == nil {
					_, _ = io.WriteString(t.f, "\r\n"+prompt)
				}
			}
		}
	})
	line, err := readLine(ctx, int(t.f.Fd()), max)
	close(stopped)
	wait.Wait()
	// The Enter that was typed did not show either.
	_, _ = io.WriteString(t.f, "\n")
	return line, err
}

// ReadLine shows prompt and reads one line of at most max bytes with echo.
// Errors are those of ReadSecret.
func (t *Terminal) ReadLine(ctx context.Context, prompt string, max int) (string, error) {
	if _, err := io.WriteString(t.f, prompt); err != nil {
		return "", err
	}
	line, err := readLine(ctx, int(t.f.Fd()), max)
	if err != nil {
		_, _ = io.WriteString(t.f, "\n")
	}
	return string(line), err
}

// readLine reads from a terminal in line mode.
func readLine(ctx context.Context, fd, max int) ([]byte, error) {
	buf := make([]byte, max+2) // CR LF
	defer clear(buf)
	n, err := read(ctx, fd, buf)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errEnd
	}
	if line := trimLine(buf[:n]); len(line) <= max && buf[n-1] == '\n' {
		return bytes.Clone(line), nil
	}
	flushInput(fd)
	return nil, ErrTooLong
}

// ReadFD reads one line of at most max bytes from the open file descriptor fd and not a
// byte more, so that the caller can read a further line later. The end of the file
// also ends a line. The caller wipes the result. An empty input gives io.EOF, a longer
// line ErrTooLong, the end of ctx its cause.
func ReadFD(ctx context.Context, fd, max int) ([]byte, error) {
	buf := make([]byte, max+2)
	defer clear(buf)
	for n := 0; ; {
		got, err := read(ctx, fd, buf[n:n+1])
		if err != nil {
			return nil, err
		}
		if got == 0 && n == 0 {
			return nil, errEnd
		}
		n += got
		if got == 0 || buf[n-1] == '\n' {
			line := trimLine(buf[:n])
			if len(line) > max {
				return nil, ErrTooLong
			}
			return bytes.Clone(line), nil
		}
		if n == len(buf) {
			return nil, ErrTooLong
		}
	}
}

// NoCore makes a crash of this process leave no core file, in which a code
// could be found.
func NoCore() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }

// Conceal must be called before a code is read: a crash then leaves no core file and,
// on Linux, other programs of the user cannot read the memory of this process.
func Conceal() {
	NoCore()
	setDumpable(false)
}

// Reveal ends what Conceal did for the memory.
func Reveal() { setDumpable(true) }

// OpenFD reports whether fd is an open file descriptor that can be read.
func OpenFD(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE != unix.O_WRONLY
}

// read reads once from fd, waiting until there is something or ctx ends.
func read(ctx context.Context, fd int, buf []byte) (int, error) {
	var wake [2]int
	if err := unix.Pipe(wake[:]); err != nil {
		return 0, err
	}
	defer unix.Close(wake[0])
	unix.CloseOnExec(wake[0])
	unix.CloseOnExec(wake[1])
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		unix.Close(wake[1])
		close(closed)
	})
	defer func() {
		if stop() {
			unix.Close(wake[1])
		} else {
			<-closed
		}
	}()
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(wake[0]), Events: unix.POLLIN}}
		_, err := unix.Poll(ready, -1)
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if ready[0].Revents&unix.POLLNVAL != 0 {
			return 0, unix.EBADF
		}
		if ready[0].Revents == 0 {
			continue
		}
		n, err := unix.Read(fd, buf)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		return max(n, 0), err
	}
}

// Colour reports whether a terminal understands the escape sequences of
// colours: here all do.
func Colour(uintptr) bool { return true }
