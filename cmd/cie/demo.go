package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/cmd/cie/internal/msg"
	"cie/cmd/internal/i18n"
	"cie/cmd/internal/tty"
)

// demoJSON is the answer of "cie demo --json".
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
	var inProcess bool
	c := &cobra.Command{
		Use:     "demo",
		Short:   a.text(msg.DemoShort),
		Long:    a.text(msg.DemoLong),
		Example: "cie demo\ncie demo --in-process",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.demo(c.Context(), inProcess)
		},
	}
	c.Flags().BoolVar(&inProcess, "in-process", false, a.text(msg.FlagInProcess))
	return c
}

// demoDesk is where the virtual cards of a demonstration lie.
type demoDesk interface {
	// lay puts the original and a copy of it on readers and returns when the
	// program can use them.
	lay(ctx context.Context, original, clone *cardtest.Card) error
	// connect opens a connection to the original or to the copy.
	connect(clone bool) (conn, error)
	// reader is the name of the original's reader.
	reader() string
	close()
}

// demo is a demonstration under way.
type demo struct {
	*app
	desk      demoDesk
	inProcess bool
	profile   cardtest.Profile
	original  *cardtest.Card
	clone     *cardtest.Card
	conn      conn
	session   *card.Session
	out       demoJSON

	// The codes that hold at the moment.
	pin, puk []byte
}

// demoStep is one chapter of the demonstration.
type demoStep struct {
	name  string
	title i18n.Text
	proof i18n.Text
	do    func(context.Context) error
}

// demo shows the life of a card on a virtual one. It has codes, a trust anchor
// and a cache of its own: nothing of it reaches the settings of the user.
func (a *app) demo(ctx context.Context, inProcess bool) error {
	d := &demo{app: a, inProcess: inProcess, pin: cardtest.DefaultPIN(), puk: cardtest.DefaultPUK()}
	defer func() { clear(d.pin); clear(d.puk) }()
	err := d.makeCards()
	if err != nil {
		return err
	}
	if inProcess {
		d.desk = &shelf{}
	} else if d.desk, err = newPCSCDesk(ctx); err != nil {
		return a.demoCannotRun(err)
	}
	err = d.play(ctx)
	d.clearDesk()
	if err != nil {
		return err
	}
	if a.json {
		d.out.OK = true
		return a.printJSON(d.out)
	}
	a.println("")
	n := len(d.out.Steps)
	a.println(a.style.Bold(a.style.Green(a.text(msg.DemoDone.For(n), n))))
	if !inProcess {
		a.println(a.text(msg.DemoCleaned))
	}
	a.println(a.text(msg.DemoNext))
	return nil
}

func (d *demo) makeCards() (err error) {
	d.profile = cardtest.Profile{PIN: d.pin, PUK: d.puk}
	if d.original, err = cardtest.New(d.profile); err != nil {
		return err
	}
	copied := d.profile
	copied.Lies = cardtest.Lies{AntiClone: true, InternalAuthentication: true}
	d.clone, err = cardtest.New(copied)
	return err
}

func (d *demo) clearDesk() {
	if d.session != nil {
		_ = d.session.Close()
		_ = d.conn.Close()
	}
	d.desk.close()
}

// play goes through the steps.
func (d *demo) play(ctx context.Context) error {
	d.line(d.style.Bold(tty.Wrap(d.text(msg.DemoIntro), "", d.columns())))
	readerProof := msg.DemoReaderProof
	if d.inProcess {
		readerProof = msg.DemoReaderHereProof
	}
	steps := []demoStep{
		{"reader", msg.DemoReader, readerProof, d.stepReader},
		{"recognise", msg.DemoKnown, msg.DemoKnownProof, d.stepRecognise},
		{"authenticity", msg.DemoGenuine, msg.DemoGenuineProof, d.stepGenuine},
		{"wrong-pin", msg.DemoWrong, msg.DemoWrongProof, d.stepWrong},
		{"change-pin", msg.DemoChange, msg.DemoChangeProof, d.stepChange},
		{"block", msg.DemoBlock, msg.DemoBlockProof, d.stepBlock},
		{"unblock", msg.DemoUnblock, msg.DemoUnblockProof, d.stepUnblock},
		{"sign", msg.DemoSign, msg.DemoSignProof, d.stepSign},
		{"login", msg.DemoLogin, msg.DemoLoginProof, d.stepLogin},
	}
	for i, s := range steps {
		d.line("")
		d.line(d.style.Bold(fmt.Sprintf("%d/%d  %s", i+1, len(steps), d.text(s.title))))
		d.out.Steps = append(d.out.Steps, demoStepJSON{Name: s.name, Facts: map[string]any{}})
		err := d.onCard(func() error { return s.do(ctx) })
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return d.failed(s, err)
		}
		d.out.Steps[i].OK = true
		d.line(d.style.Dim(tty.Wrap("     "+d.text(msg.DemoProves)+" "+d.text(s.proof), "     ", d.columns())))
	}
	return nil
}

// failed reports a step that did not prove what it should.
func (d *demo) failed(s demoStep, err error) error {
	return d.problem("failed", exitFailed, msg.DemoFailed, d.text(s.title), err)
}

// demoCannotRun says why there is no PC/SC service for the demonstration.
func (a *app) demoCannotRun(err error) error {
	var p *problem
	if errors.As(err, &p) || errors.Is(err, context.Canceled) {
		return err
	}
	switch demoObstacle(err) {
	case obstacleMissing:
		p = a.problem("no-service", exitNothing, msg.DemoNotInstalled).do(a.text(msg.DemoNotInstalledDo))
	case obstacleDenied:
		p = a.problem("no-service", exitNothing, msg.DemoNotPermitted)
	default:
		p = a.problem("failed", exitFailed, msg.Failed, err)
	}
	p.Detail = err.Error()
	return p.do(a.text(msg.DemoInProcessDo))
}

// The reasons for which no private PC/SC service can run.
const (
	obstacleOther = iota
	obstacleMissing
	obstacleDenied
)

// line prints a line of the story; with --json there is none.
func (d *demo) line(text string) {
	if !d.json {
		d.bar.clear()
		d.println(text)
	}
}

// shown ticks off something that was seen to be so.
func (d *demo) shown(t i18n.Text, args ...any) {
	mark := "*"
	if d.bar.utf8 {
		mark = "✓"
	}
	text := tty.Wrap("     "+d.text(t, args...), "     ", d.columns())
	d.line("  " + d.style.Green(mark) + "  " + strings.TrimLeft(text, " "))
}

// fact keeps something for --json.
func (d *demo) fact(name string, value any) {
	d.out.Steps[len(d.out.Steps)-1].Facts[name] = value
}

// options are the surroundings of the demonstration's sessions: no cache, and
// the test authority only if asked for.
func (d *demo) options(trustTest bool) (card.Options, error) {
	opts := card.Options{Progress: d.progress, Roots: sod.BuiltinRoots().Clone()}
	if d.debug {
		opts.Trace = d.trace
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
	c, err := d.desk.connect(clone)
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

// shelf is a desk without any PC/SC service.
type shelf struct{ original, clone *cardtest.Card }

func (s *shelf) lay(_ context.Context, original, clone *cardtest.Card) error {
	s.original, s.clone = original, clone
	return nil
}

func (s *shelf) connect(clone bool) (conn, error) {
	if clone {
		return s.clone.Reader(), nil
	}
	return s.original.Reader(), nil
}

func (s *shelf) reader() string { return "" }
func (s *shelf) close()         {}
