package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	clean "cie/apdu/printable"
	"cie/apdu/readers"
	"cie/cmd/internal/options"
	"cie/cmd/internal/tty"
	"cie/gui/text"
)

// env holds the external dependencies of the program so that tests can replace
// them.
type env struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	now    func() time.Time

	// service connects to the readers. With wait a service that does not run yet
	// is no error.
	service  func(wait bool) (readers.Service, error)
	terminal func() (terminal, error)
	sources  options.Sources
	// root is the prefix of the system's paths; empty outside of tests.
	root string
}

// terminal is what a user types at and reads from.
type terminal interface {
	io.Writer
	ReadSecret(ctx context.Context, prompt string, max int) ([]byte, error)
	ReadLine(ctx context.Context, prompt string, max int) (string, error)
	Restore()
	Close() error
}

// app is one run of the program.
type app struct {
	*env
	texts *text.Catalogue
	style tty.Style
	guard guard
	bar   bar

	ascii     bool        // the terminal may not show letters with accents
	operating atomic.Bool // the card is at work
	unprinted error       // why something of the result is not printed
	command   string      // what the user typed: "cie pin verify"

	// Options of every command.
	reader string
	json   bool
	debug  bool
	csca   []string
}

func newApp(w *env) *app {
	a := &app{
		env:   w,
		texts: text.Load(text.FromEnvironment(w.getenv)).For("cli"),
		// An error in the arguments may come before --json is parsed.
		json: slices.Contains(w.args, "--json"),
	}
	a.style = tty.StyleFor(w.stdout, w.getenv)
	a.bar = bar{w: w.stderr, on: tty.Escapes(w.stderr, w.getenv), utf8: text.UTF8(w.getenv)}
	a.ascii = !a.bar.utf8
	a.guard.notice = a.noteSignal
	return a
}

// run runs the program and returns the exit code.
func run(w *env) int {
	a := newApp(w)
	ctx, stop := a.guard.watch(context.Background())
	defer stop()
	root := a.rootCommand()
	root.SetArgs(w.args)
	err := root.ExecuteContext(ctx)
	a.bar.clear()
	return a.finish(err)
}

// finish reports err, if there is one, and returns the exit code. A signal
// that arrived while the card was not to be disturbed shows in the exit code
// although the work was finished.
func (a *app) finish(err error) int {
	got := a.guard.received()
	if err == nil {
		err = a.unprinted
	}
	if err == nil {
		if got != nil {
			return got.exit()
		}
		return exitOK
	}
	if got != nil && errors.Is(err, context.Canceled) {
		err = got
	}
	if errors.Is(err, errReported) {
		return exitOf(err)
	}
	r := a.explain(err)
	a.printReport(r)
	if got != nil {
		return got.exit()
	}
	return r.Exit
}

// text returns a text of the catalogue in the user's language.
func (a *app) text(key string, args ...any) string { return a.plain(a.texts.T(key, args...)) }

// count returns a text that depends on a number, its first argument.
func (a *app) count(key string, n int, args ...any) string {
	return a.plain(a.texts.N(key, n, args...))
}

// inside returns a text as it continues after a colon.
func (a *app) inside(key string, args ...any) string { return a.texts.Inside(a.text(key, args...)) }

// plain returns s as the terminal can show it.
func (a *app) plain(s string) string {
	if a.ascii {
		return text.ASCII(s)
	}
	return s
}

// println prints one line of the result. An error of the output, such as a full
// disk, is reported at the end.
func (a *app) println(line string) {
	if _, err := fmt.Fprintln(a.stdout, line); err != nil && a.unprinted == nil {
		a.unprinted = err
	}
}

// note prints one line beside the result: a hint, a warning. With --json there are none.
func (a *app) note(line string) {
	if !a.json {
		a.bar.clear()
		fmt.Fprintln(a.stderr, line)
	}
}

// printJSON prints a result in JSON.
func (a *app) printJSON(v any) error { return a.encodeJSON(v, "  ") }

func (a *app) encodeJSON(v any, indent string) error {
	a.bar.clear()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	// The JSON may be read on a terminal, and a file name in it can contain anything.
	_, err := a.stdout.Write(clean.EscapeJSON(b.Bytes()))
	return err
}

// trace prints a line for --debug. The traces of package card contain no data.
func (a *app) trace(format string, args ...any) {
	fmt.Fprintf(a.stderr, "debug: "+format+"\n", args...)
}
