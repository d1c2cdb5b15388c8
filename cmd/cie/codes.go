package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cie/card"
	"cie/cmd/internal/tty"
)

// maxCodeLine bounds what is read as a code, in bytes: longer than any code,
// so that a wrong length is noticed as such.
const maxCodeLine = 64

// fdFlag is an option that takes the number of an open file descriptor.
type fdFlag struct {
	name string
	fd   int
	set  bool
}

func (f *fdFlag) String() string {
	if f == nil || !f.set {
		return ""
	}
	return strconv.Itoa(f.fd)
}

// Set implements pflag.Value.
func (f *fdFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	// A number that long is no descriptor, but may be a code: it is not repeated.
	if err != nil || n < 0 || len(s) > 4 {
		return errBadFD
	}
	f.fd, f.set = n, true
	return nil
}

// Type implements pflag.Value.
func (f *fdFlag) Type() string { return "N" }

var errBadFD = errors.New("not a file descriptor")

// codeFlags are the options of verbs that need a code.
type codeFlags struct {
	pin, newPIN, puk fdFlag
	lastTry, accept  bool
}

// addDecisions adds the options for what a user decides before a code is sent.
func (f *codeFlags) addDecisions(a *app, c *cobra.Command) {
	c.Flags().BoolVar(&f.lastTry, "allow-last-try", false, a.text("flag.allow-last-try"))
	c.Flags().BoolVar(&f.accept, "accept-unknown-issuer", false, a.text("flag.accept"))
}

// addPIN adds the options of a verb that needs the PIN.
func (f *codeFlags) addPIN(a *app, c *cobra.Command) {
	f.pin.name = "pin-fd"
	c.Flags().Var(&f.pin, f.pin.name, a.text("flag.pin-fd"))
	f.addDecisions(a, c)
}

func (f *codeFlags) addNewPIN(a *app, c *cobra.Command) {
	f.newPIN.name = "new-pin-fd"
	c.Flags().Var(&f.newPIN, f.newPIN.name, a.text("flag.new-pin-fd"))
}

func (f *codeFlags) addPUK(a *app, c *cobra.Command) {
	f.puk.name = "puk-fd"
	c.Flags().Var(&f.puk, f.puk.name, a.text("flag.puk-fd"))
	f.addDecisions(a, c)
}

// fromFD reads a code from a file descriptor and checks its form. Without the
// option it returns nil. The caller wipes the code.
func (a *app) fromFD(ctx context.Context, f fdFlag) ([]byte, error) {
	// What is typed at a terminal is asked for without echo.
	if !f.set || term.IsTerminal(f.fd) {
		return nil, nil
	}
	if !tty.OpenFD(f.fd) {
		return nil, a.usage("error.fd.closed", f.name, f.fd)
	}
	tty.Conceal()
	code, err := tty.ReadFD(ctx, f.fd, maxCodeLine)
	switch {
	case errors.Is(err, io.EOF):
		return nil, a.problem("no-code", exitBadCode, "error.fd.empty", f.name, f.fd)
	case errors.Is(err, tty.ErrTooLong):
		return nil, a.problem("bad-format", exitBadCode, "error.fd.long", f.name, f.fd)
	case err != nil:
		return nil, err
	}
	code = card.NormalizeCode(code)
	if err := card.CheckCode(code); err != nil {
		clear(code)
		return nil, err
	}
	return code, nil
}

// dialog asks the user at the terminal. A nil dialog is a run that
// has its codes from elsewhere: it prints nothing.
type dialog struct {
	a    *app
	term terminal
}

// openDialog opens the terminal if any of the codes still has to be asked.
func (a *app) openDialog(codes ...[]byte) (*dialog, error) {
	asked := false
	for _, c := range codes {
		asked = asked || c == nil
	}
	if !asked {
		return nil, nil
	}
	tty.Conceal()
	t, err := a.terminal()
	if err != nil {
		return nil, err
	}
	a.guard.onExit(t.Restore)
	return &dialog{a: a, term: t}, nil
}

func (d *dialog) close() {
	if d != nil {
		_ = d.term.Close()
	}
}

// say shows a text of the catalogue as a paragraph.
func (d *dialog) say(key string, args ...any) {
	if d != nil {
		d.write(d.a.text(key, args...))
	}
}

// write shows a paragraph.
func (d *dialog) write(s string) {
	if d != nil {
		_, _ = io.WriteString(d.term, tty.Wrap(s, "", d.width())+"\n")
	}
}

// width returns where lines are broken. The terminal of the dialog is the one of the
// standard streams, unless they all lead elsewhere.
func (d *dialog) width() int {
	for _, w := range []io.Writer{d.a.stderr, d.a.stdout} {
		if tty.IsTerminal(w) {
			return min(tty.Width(w), 96)
		}
	}
	return 80
}

// attempts is how often a code of a wrong form may be typed: nothing of that
// reaches the card.
const attempts = 3

// code asks for a code of 8 digits. The caller wipes it.
func (d *dialog) code(ctx context.Context, prompt string) ([]byte, error) {
	for n := 1; ; n++ {
		code, err := d.term.ReadSecret(ctx, d.a.text(prompt), maxCodeLine)
		switch {
		case errors.Is(err, io.EOF):
			return nil, d.a.problem("no-code", exitBadCode, "error.no-code")
		case errors.Is(err, tty.ErrTooLong):
			err = &card.FormatError{Length: maxCodeLine + 1}
		case err != nil:
			return nil, err
		default:
			code = card.NormalizeCode(code)
			err = card.CheckCode(code)
		}
		if err == nil {
			return code, nil
		}
		clear(code)
		if n == attempts {
			return nil, err
		}
		d.again(err)
	}
}

// newPIN asks twice for a new PIN that keeps the rules. old may be nil. The
// caller wipes it.
func (d *dialog) newPIN(ctx context.Context, old []byte) ([]byte, error) {
	d.say("code.rules")
	for n := 1; ; n++ {
		pin, err := d.newPINOnce(ctx, old)
		var weak *card.WeakPINError
		differ := errors.Is(err, errDiffer)
		if err == nil || !differ && !errors.As(err, &weak) {
			return pin, err
		}
		if differ {
			err = d.a.problem("codes-differ", exitBadCode, "code.differ")
		}
		if n == attempts {
			return nil, err
		}
		d.again(err)
	}
}

var errDiffer = errors.New("the two new PINs differ")

func (d *dialog) newPINOnce(ctx context.Context, old []byte) ([]byte, error) {
	pin, err := d.code(ctx, "ask.new-pin")
	if err != nil {
		return nil, err
	}
	if err := card.CheckNewPIN(pin, old); err != nil {
		clear(pin)
		return nil, err
	}
	second, err := d.term.ReadSecret(ctx, d.a.text("ask.new-pin-again"), maxCodeLine)
	defer clear(second)
	second = card.NormalizeCode(second)
	if err != nil && !errors.Is(err, tty.ErrTooLong) && !errors.Is(err, io.EOF) {
		clear(pin)
		return nil, err
	}
	if err != nil || !bytes.Equal(pin, second) {
		clear(pin)
		return nil, errDiffer
	}
	return pin, nil
}

// again reports the error in the input and asks for it again.
func (d *dialog) again(err error) {
	message, what := d.a.explain(err).Message, "ask.again"
	if weak := new(card.WeakPINError); errors.As(err, &weak) {
		what = "ask.another"
	}
	_, _ = io.WriteString(d.term, tty.Wrap(capital(message)+". "+d.a.text(what), "", d.width())+"\n")
}

// confirm lets the user type a word before a dangerous step.
func (d *dialog) confirm(ctx context.Context, word string) (bool, error) {
	line, err := d.term.ReadLine(ctx, d.a.text("ask.confirm", word), maxCodeLine)
	if errors.Is(err, io.EOF) || errors.Is(err, tty.ErrTooLong) {
		return false, nil
	}
	return strings.EqualFold(strings.TrimSpace(line), word), err
}

func capital(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}
