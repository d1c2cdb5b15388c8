package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/cmd/internal/tty"
	"cie/gui/text"
)

// demoJSON is the answer of "cie-virtual demo --json".
type demoJSON struct {
	OK    bool           `json:"ok"`
	Steps []demoStepJSON `json:"steps"`
}

// demoStepJSON is one of its steps.
type demoStepJSON struct {
	Name  string         `json:"name"`
	OK    bool           `json:"ok"`
	Facts map[string]any `json:"facts"`
}

func (a *app) demoCommand() *cobra.Command {
	d := &demo{app: a, style: tty.StyleFor(a.stdout, a.getenv), columns: min(tty.Width(a.stdout), 92)}
	c := &cobra.Command{
		Use:     "demo",
		Short:   a.text("virtual.demo.short"),
		Long:    a.text("virtual.demo.long"),
		Example: "  cie-virtual demo\n  cie-virtual demo --in-process",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.usage("virtual.demo.bad-argument", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return d.run(c.Context()) },
	}
	f := c.Flags()
	f.BoolVar(&d.inProcess, "in-process", false, a.text("virtual.flag.in-process"))
	f.BoolVar(&a.json, "json", false, a.text("virtual.flag.json"))
	f.BoolVar(&d.debug, "debug", false, a.text("flag.debug"))
	f.BoolP("help", "h", false, a.text("flag.help"))
	return c
}

// demoReaders are the readers with the virtual cards of a demonstration.
type demoReaders interface {
	// insert puts the original and a copy of it into readers and returns when the
	// program can use them.
	insert(ctx context.Context, original, clone *cardtest.Card) error
	// connect opens a connection to the original or to the copy.
	connect(clone bool) (apdu.Card, error)
	// reader is the name of the original's reader.
	reader() string
	close()
}

// demo is a demonstration under way.
type demo struct {
	*app
	style     tty.Style
	columns   int
	inProcess bool
	debug     bool

	readers   demoReaders
	profile   cardtest.Profile
	original  *cardtest.Card
	clone     *cardtest.Card
	conn      apdu.Card
	session   *card.Session
	out       demoJSON
	unprinted error // why a line was not printed

	// The current codes.
	pin, puk []byte
}

// demoStep is one chapter of the demonstration.
type demoStep struct {
	name  string
	title string
	proof string
	do    func(context.Context) error
}

// run shows the life of a card on a virtual one. It has codes, a trust anchor
// and a cache of its own: nothing of it reaches the settings of the user.
func (d *demo) run(ctx context.Context) error {
	defer func() { clear(d.pin); clear(d.puk) }()
	err := d.makeCards()
	if err != nil {
		return err
	}
	if d.inProcess {
		d.readers = &inProcessReaders{}
	} else if d.readers, err = d.newPCSCReaders(ctx); err != nil {
		return d.cannotRun(ctx, err)
	}
	err = d.play(ctx)
	d.closeReaders()
	if err != nil {
		return err
	}
	if d.json {
		d.out.OK = true
		return d.printJSON(d.out)
	}
	d.line("")
	n := len(d.out.Steps)
	d.line(d.style.Bold(d.style.Green(d.plain(d.texts.N("demo.done", n)))))
	if !d.inProcess {
		d.line(d.text("demo.cleaned"))
	}
	d.line(d.text("demo.next"))
	return d.unprinted
}

func (d *demo) makeCards() (err error) {
	d.pin, d.puk = cardtest.DefaultPIN(), cardtest.DefaultPUK()
	d.profile = cardtest.Profile{PIN: d.pin, PUK: d.puk}
	if d.original, err = cardtest.New(d.profile); err != nil {
		return err
	}
	copied := d.profile
	copied.Forgery = cardtest.Forgery{AntiClone: true, InternalAuthentication: true}
	d.clone, err = cardtest.New(copied)
	return err
}

func (d *demo) closeReaders() {
	if d.session != nil {
		_ = d.session.Close()
		_ = d.conn.Close()
	}
	d.readers.close()
}

// play runs the steps.
func (d *demo) play(ctx context.Context) error {
	d.line(d.style.Bold(tty.Wrap(d.text("demo.intro"), "", d.columns)))
	readerProof := "demo.reader.proof"
	if d.inProcess {
		readerProof = "demo.reader.in-process.proof"
	}
	steps := []demoStep{
		{"reader", "demo.reader", readerProof, d.stepReader},
		{"recognise", "demo.known", "demo.known.proof", d.stepRecognise},
		{"authenticity", "demo.genuine", "demo.genuine.proof", d.stepGenuine},
		{"wrong-pin", "demo.wrong", "demo.wrong.proof", d.stepWrong},
		{"change-pin", "demo.change", "demo.change.proof", d.stepChange},
		{"block", "demo.block", "demo.block.proof", d.stepBlock},
		{"unblock", "demo.unblock", "demo.unblock.proof", d.stepUnblock},
		{"sign", "demo.sign", "demo.sign.proof", d.stepSign},
		{"login", "demo.login", "demo.login.proof", d.stepLogin},
	}
	for i, s := range steps {
		d.line("")
		d.line(d.style.Bold(fmt.Sprintf("%d/%d  %s", i+1, len(steps), d.text(s.title))))
		d.out.Steps = append(d.out.Steps, demoStepJSON{Name: s.name, Facts: map[string]any{}})
		err := s.do(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return d.failed(s, err)
		}
		d.out.Steps[i].OK = true
		d.line(d.style.Dim(tty.Wrap("     "+d.text("demo.proves")+" "+d.text(s.proof), "     ", d.columns)))
	}
	return nil
}

// cannotRun explains why there is no PC/SC service for the demonstration.
func (d *demo) cannotRun(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f := d.failure(err)
	f.advice = d.text("demo.in-process")
	if f.Code == "no-service" {
		f.Exit = exitNothing
	}
	return f
}

// failed reports a step that did not prove what it should.
func (d *demo) failed(s demoStep, err error) error {
	return d.fail("demo.failed", d.text(s.title), err)
}

// line prints a line of the story; with --json there is none.
func (d *demo) line(text string) {
	if d.json {
		return
	}
	if _, err := fmt.Fprintln(d.stdout, text); err != nil && d.unprinted == nil {
		d.unprinted = err
	}
}

// shown ticks off something that was seen to be so.
func (d *demo) shown(t string, args ...any) {
	mark := "*"
	if text.UTF8(d.getenv) {
		mark = "✓"
	}
	text := tty.Wrap("     "+d.text(t, args...), "     ", d.columns)
	d.line("  " + d.style.Green(mark) + "  " + strings.TrimLeft(text, " "))
}

// fact keeps something for --json.
func (d *demo) fact(name string, value any) {
	d.out.Steps[len(d.out.Steps)-1].Facts[name] = value
}

// options returns the options of the demonstration's sessions: no cache, and
// the test authority only if asked for.
func (d *demo) options(trustTest bool) (card.Options, error) {
	opts := card.Options{Roots: sod.BuiltinRoots().Clone()}
	if d.debug {
		opts.Trace = func(format string, args ...any) { fmt.Fprintf(d.stderr, "debug: "+format+"\n", args...) }
	}
	if !trustTest {
		return opts, nil
	}
	return opts, opts.Roots.AddPEM(cardtest.CSCAPEM())
}

// with opens a session of its own for f.
func (d *demo) with(ctx context.Context, clone, trustTest bool, f func(*card.Session) error) error {
	opts, err := d.options(trustTest)
	if err != nil {
		return err
	}
	c, err := d.readers.connect(clone)
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := card.Open(ctx, c, opts)
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}

// inProcessReaders use no PC/SC service.
type inProcessReaders struct{ original, clone *cardtest.Card }

func (s *inProcessReaders) insert(_ context.Context, original, clone *cardtest.Card) error {
	s.original, s.clone = original, clone
	return nil
}

func (s *inProcessReaders) connect(clone bool) (apdu.Card, error) {
	if clone {
		return s.clone.Reader(), nil
	}
	return s.original.Reader(), nil
}

func (s *inProcessReaders) reader() string { return "" }
func (s *inProcessReaders) close()         {}

// printJSON prints a result or an error in JSON.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
