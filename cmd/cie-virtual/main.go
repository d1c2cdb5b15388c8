// Command cie-virtual puts virtual identity cards (package card/cardtest) into
// a real PC/SC stack through vsmartcard's virtual reader, so that any PC/SC
// program sees them. It never touches a real card.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"

	"cie/card/cardtest"
	_ "cie/cmd/internal/syslib" // before libraries are loaded
	"cie/cmd/internal/version"
	"cie/gui/text"
)

// Exit codes; with a command after "--" its exit code is returned.
const (
	exitOK      = 0
	exitError   = 1
	exitUsage   = 2
	exitNothing = 3 // demo: no PC/SC service can run
)

func main() {
	w := &env{args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for s := range signals {
			if w.ends(s) {
				stop(&stopped{s})
			}
		}
	}()
	os.Exit(run(ctx, w))
}

// env holds the external dependencies of the program so that tests can replace them.
type env struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	commanding atomic.Bool // a command runs in front of the terminal
}

// ends reports whether a signal ends the program. Signals typed at the terminal reach
// the command as well: it decides whether it ends, and needs its card until then.
func (w *env) ends(s os.Signal) bool {
	return !w.commanding.Load() || s != syscall.SIGINT && s != syscall.SIGQUIT
}

// stopped is the error of a run that a signal ended.
type stopped struct{ signal os.Signal }

func (s *stopped) Error() string { return "stopped by signal: " + s.signal.String() }

// failure is an error for the user, in their language, with an exit code.
type failure struct {
	Code    string `json:"code"`
	Exit    int    `json:"exit"`
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"`

	advice string
}

func (f *failure) Error() string { return f.Message }

// app is one run.
type app struct {
	*env
	texts *text.Catalogue
	json  bool       // demo: print JSON
	out   sync.Mutex // lines on stdout come from several goroutines
}

// text returns a text of the catalogue in the user's language.
func (a *app) text(key string, args ...any) string { return a.plain(a.texts.T(key, args...)) }

// plain returns s as the terminal can show it.
func (a *app) plain(s string) string {
	if text.UTF8(a.getenv) {
		return s
	}
	return text.ASCII(s)
}

// say prints one line about a card.
func (a *app) say(key string, args ...any) {
	a.out.Lock()
	defer a.out.Unlock()
	fmt.Fprintln(a.stdout, a.text(key, args...))
}

// note prints one line that is not for programs.
func (a *app) note(key string, args ...any) {
	a.out.Lock()
	defer a.out.Unlock()
	fmt.Fprintln(a.stderr, a.text(key, args...))
}

func (a *app) usage(key string, args ...any) *failure {
	return &failure{Code: "usage", Exit: exitUsage, Message: a.texts.Inside(a.text(key, args...)) + ". " + a.text("virtual.see-help")}
}

func (a *app) fail(key string, args ...any) *failure {
	return &failure{Code: "failed", Exit: exitError, Message: a.texts.Inside(a.text(key, args...))}
}

// run runs the program and returns the exit code.
func run(ctx context.Context, w *env) int {
	a := &app{env: w, texts: text.Load(text.FromEnvironment(w.getenv))}
	root := a.command()
	root.SetArgs(w.args)
	err := root.ExecuteContext(ctx)
	var exit *exec.ExitError
	if err == nil {
		return exitOK
	}
	if errors.As(err, &exit) { // the command run after "--" has said why
		if st, ok := exit.Sys().(syscall.WaitStatus); ok && st.Signaled() {
			return 128 + int(st.Signal())
		}
		return exit.ExitCode()
	}
	f := a.failure(err)
	switch {
	case a.json:
		_ = a.printJSON(map[string]*failure{"error": f})
	case f.advice != "":
		fmt.Fprintf(a.stderr, "cie-virtual: %s.\n%s\n", f.Message, f.advice)
	default:
		fmt.Fprintln(a.stderr, "cie-virtual: "+f.Message)
	}
	return f.Exit
}

// failure makes any error one for the user.
func (a *app) failure(err error) *failure {
	var f *failure
	var s *stopped
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &s):
		number, _ := s.signal.(syscall.Signal)
		return &failure{Code: "stopped", Exit: 128 + int(number), Message: a.texts.Inside(a.text("error.canceled.title"))}
	case errors.Is(err, context.Canceled):
		return &failure{Code: "stopped", Exit: exitError, Message: a.texts.Inside(a.text("error.canceled.title"))}
	}
	return &failure{Code: "failed", Exit: exitError, Message: err.Error()}
}

// command returns the command line.
func (a *app) command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:           "cie-virtual",
		Short:         a.text("virtual.short"),
		Long:          a.text("virtual.long"),
		Example:       a.text("virtual.examples"),
		Version:       version.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && c.ArgsLenAtDash() != 0 {
				return a.usage("virtual.bad-argument", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.given = c.Flags().Changed
			o.command = args
			return a.serve(c.Context(), &o)
		},
	}
	c.SetOut(a.stdout)
	c.SetErr(a.stderr)
	c.CompletionOptions.DisableDefaultCmd = true
	c.SetVersionTemplate(version.Long("cie-virtual"))
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return a.usage("virtual.bad-option", err) })
	c.SetHelpFunc(func(c *cobra.Command, _ []string) {
		usage, console := "virtual.usage", a.text("virtual.console")+"\n"+a.text("virtual.console.help", faultLines())+"\n\n"
		if c.HasParent() {
			usage, console = "virtual.demo.usage", ""
		}
		fmt.Fprintf(a.stdout, "%s\n\n%s\n  %s\n\n%s\n%s\n%s%s\n%s\n",
			c.Long, a.text("help.usage"), a.text(usage), a.text("help.options"),
			strings.ReplaceAll(c.Flags().FlagUsagesWrapped(columns), "(default ", "("+a.text("virtual.default")+" "),
			console, a.text("help.examples"), c.Example)
	})
	c.SetUsageFunc(func(*cobra.Command) error { return nil })
	a.flags(c.Flags(), &o)
	c.AddCommand(a.demoCommand())
	c.SetHelpCommand(&cobra.Command{Hidden: true}) // --help is enough
	return c
}

// columns is how long the lines of the help are.
const columns = 80

// serve puts the cards into their readers and keeps them there until the end.
func (a *app) serve(ctx context.Context, o *options) error {
	if err := a.check(o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	slots, finish, err := a.cards(ctx, o)
	if err != nil {
		return err
	}
	defer finish()
	a.banner(slots)

	if o.pcscd {
		p, err := a.startPrivate(ctx, len(slots))
		if err != nil {
			return err
		}
		defer p.stop()
		p.attach(slots)
		go func() {
			select {
			case <-p.done:
				cancel(a.fail("virtual.private-ended"))
			case <-ctx.Done():
			}
		}()
		if len(o.command) == 0 {
			a.note("virtual.export")
			for _, v := range p.env {
				name, value, _ := strings.Cut(v, "=")
				fmt.Fprintf(a.stdout, "%s=%s; export %s\n", name, quote(value), name)
			}
		}
	}
	// Cards leave the reader before its daemon is stopped.
	defer func() {
		for _, s := range slots {
			s.remove()
		}
	}()
	for _, s := range slots {
		s.quiet = len(o.command) > 0
		if !o.absent {
			s.insert(ctx)
		}
	}
	if len(o.command) > 0 {
		return a.execute(ctx, o, slots)
	}
	err = a.console(ctx, slots)
	var f *failure
	if cause := context.Cause(ctx); errors.As(cause, &f) {
		return f
	}
	if errors.Is(err, context.Canceled) {
		return nil // a signal: the ordinary end
	}
	return err
}

// banner describes the cards.
func (a *app) banner(slots []*slot) {
	a.note("virtual.banner")
	for _, s := range slots {
		p := s.profile
		a.note("virtual.card", s.number, strings.TrimSpace(p.GivenName+" "+p.Surname), p.NIS, p.DocumentNumber, p.Family)
		if p.Strict != 0 {
			a.note("virtual.refuses", s.number, p.Strict)
		}
		if s.knownCodes {
			a.note("virtual.codes", s.number, defaultPIN, defaultPUK)
		} else {
			a.note("virtual.own-codes", s.number)
		}
	}
}

// execute runs the command given after "--" when PC/SC sees the cards.
func (a *app) execute(ctx context.Context, o *options, slots []*slot) error {
	var cards []*cardtest.Card
	for _, s := range slots {
		cards = append(cards, s.card)
	}
	if err := awaitCards(ctx, cards...); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return a.fail("virtual.not-seen", err)
	}
	cmd := exec.CommandContext(ctx, o.command[0], o.command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	a.commanding.Store(true)
	err := cmd.Run()
	a.commanding.Store(false)
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return a.fail("virtual.run-failed", o.command[0], err)
}

// quote makes a word for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
