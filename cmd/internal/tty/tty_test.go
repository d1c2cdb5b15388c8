//go:build linux

package tty

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"cie/cmd/internal/tty/ptytest"
)

type answer struct {
	line string
	err  error
}

// ask prompts for a secret on a terminal in another goroutine.
func ask(ctx context.Context, term *Terminal, max int) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		line, err := term.ReadSecret(ctx, "Code: ", max)
		c <- answer{string(line), err}
	}()
	return c
}

func TestReadSecretReadsOneLine(t *testing.T) {
	tests := []struct {
		name, keys, want string
		err              error
	}{
		{"plain", "24681357\r", "24681357", nil},
		{"corrected with backspace", "2468135\x7f\x7f57\r", "2468157", nil},
		{"line taken back with Ctrl-U", "9999\x1524681357\r", "24681357", nil},
		{"empty", "\r", "", nil},
		{"Ctrl-D", "\x04", "", io.EOF},
		{"Ctrl-D in the middle of a line, then Enter", "2468\x041357\r", "", ErrTooLong},
		{"longest", strings.Repeat("7", 16) + "\r", strings.Repeat("7", 16), nil},
		{"too long", strings.Repeat("7", 17) + "\r", "", ErrTooLong},
		{"far too long", strings.Repeat("7", 200) + "\r", "", ErrTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := ptytest.New(t)
			term := &Terminal{f: p.TTY}
			got := ask(t.Context(), term, 16)
			p.Expect("Code: ")
			if p.Echo() {
				t.Error("echo is on while a code is asked")
			}
			p.Type(tt.keys)
			a := <-got
			if a.line != tt.want || !errors.Is(a.err, tt.err) {
				t.Errorf("got %q, %v, want %q, %v", a.line, a.err, tt.want, tt.err)
			}
			if !p.Echo() {
				t.Error("echo stays off")
			}
			p.Expect("\n")
			if shown := strings.TrimPrefix(p.Seen(), "Code: "); strings.ContainsAny(shown, "0123456789") {
				t.Errorf("the terminal showed %q", shown)
			}
		})
	}
}

func TestReadSecretTypedAhead(t *testing.T) {
	p := ptytest.New(t)
	term := &Terminal{f: p.TTY}
	p.Type("11111111\r")
	p.Expect("11111111") // echoed, because there is no prompt yet
	got := ask(t.Context(), term, 8)
	p.Expect("Code: ")
	p.Type("24681357\r")
	if a := <-got; a.line != "24681357" || a.err != nil {
		t.Errorf("got %q, %v", a.line, a.err)
	}
}

func TestReadSecretCancelled(t *testing.T) {
	p := ptytest.New(t)
	term := &Terminal{f: p.TTY}
	ctx, cancel := context.WithCancelCause(t.Context())
	got := ask(ctx, term, 8)
	p.Expect("Code: ")
	p.Type("2468") // without Enter
	cause := errors.New("stop")
	cancel(cause)
	if a := <-got; !errors.Is(a.err, cause) {
		t.Errorf("got %q, %v", a.line, a.err)
	}
	if !p.Echo() {
		t.Error("echo stays off")
	}
	// The rest of a cancelled input is not left for the next program.
	line := make(chan answer, 1)
	go func() {
		s, err := term.ReadLine(t.Context(), "Next: ", 80)
		line <- answer{s, err}
	}()
	p.Expect("Next: ")
	p.Type("x\r")
	if a := <-line; a.line != "x" || a.err != nil {
		t.Errorf("next program reads %q, %v", a.line, a.err)
	}
}

// A shell restores the echo for a program that it continues.
func TestReadSecretDisablesEchoAfterContinue(t *testing.T) {
	p := ptytest.New(t)
	term := &Terminal{f: p.TTY}
	got := ask(t.Context(), term, 8)
	p.Expect("Code: ")
	term.mu.Lock()
	shell := *term.saved
	term.mu.Unlock()
	if err := setTermios(p.TTY, &shell); err != nil {
		t.Fatal(err)
	}
	if !p.Echo() {
		t.Fatal("the test did not turn the echo on")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.Expect("Code: ")
	p.AwaitHidden()
	p.Type("24681357\r")
	if a := <-got; a.line != "24681357" || a.err != nil {
		t.Errorf("got %q, %v", a.line, a.err)
	}
	if !p.Echo() {
		t.Error("echo stays off")
	}
}

func TestReadSecretNoTerminal(t *testing.T) {
	r, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := (&Terminal{f: r}).ReadSecret(t.Context(), "Code: ", 8); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("got %v", err)
	}
}

func TestReadFDReadsCodesLineByLine(t *testing.T) {
	tests := []struct {
		name, input string
		want        []answer
	}{
		{"one line", "12345678\n", []answer{{"12345678", nil}, {"", io.EOF}}},
		{"no end of line", "12345678", []answer{{"12345678", nil}, {"", io.EOF}}},
		{"CR LF", "12345678\r\n", []answer{{"12345678", nil}}},
		{"two codes from one descriptor", "12345678\n87654321\n", []answer{{"12345678", nil}, {"87654321", nil}, {"", io.EOF}}},
		{"nothing", "", []answer{{"", io.EOF}}},
		{"empty line", "\n", []answer{{"", nil}}},
		{"longest", strings.Repeat("1", 64) + "\n", []answer{{strings.Repeat("1", 64), nil}}},
		{"longest, CR LF", strings.Repeat("1", 64) + "\r\n", []answer{{strings.Repeat("1", 64), nil}}},
		{"too long", strings.Repeat("1", 65) + "\n", []answer{{"", ErrTooLong}}},
		{"no end", strings.Repeat("1", 70), []answer{{"", ErrTooLong}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := io.WriteString(w, tt.input); err != nil {
				t.Fatal(err)
			}
			w.Close()
			for i, want := range tt.want {
				got, err := ReadFD(t.Context(), int(r.Fd()), 64)
				if string(got) != want.line || !errors.Is(err, want.err) {
					t.Errorf("line %d: got %q, %v, want %q, %v", i+1, got, err, want.line, want.err)
				}
			}
		})
	}
}

func TestReadFDCancelled(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() {
		_, err := ReadFD(ctx, int(r.Fd()), 64)
		got <- err
	}()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOpenFDReportsInheritedDescriptors(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	fd := int(r.Fd())
	if !OpenFD(fd) {
		t.Error("the reading end of a pipe is not readable")
	}
	if OpenFD(int(w.Fd())) {
		t.Error("the writing end of a pipe is readable")
	}
	r.Close()
	if OpenFD(1 << 20) {
		t.Error("a descriptor that is not open is readable")
	}
}
