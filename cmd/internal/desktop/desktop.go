// Package desktop implements [gui.Service] for the desktop application, once with
// the readers, the browsers and the files of this user, and once with a virtual card
// for a demonstration. It contains no window and no driver of the toolkit, so that it
// is built and tested without a display.
package desktop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cie/apdu/pcsc"
	"cie/card/ades"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/online"
	"cie/cmd/internal/options"
	"cie/cmd/internal/preview"
	"cie/cmd/internal/probe"
	"cie/gui"
	"cie/installer/browsers"
)

// desktop is the Service of the shipped program: the readers, the browsers and
// the files of this user.
type desktop struct {
	*cards
	*files
	*signing
	*verifying
	module string
	about  func(module string) gui.About

	machine func() (*browsers.Env, error) // searches the programs at every call
	prober  prober
}

// New returns the Service of the shipped program and a function that ends it. module
// is the path of the module, or "" for the installed one; about describes the
// program.
func New(module string, about func(module string) gui.About) (gui.Service, func(), error) {
	d, err := newDesktop(module, about, options.System())
	if err != nil {
		return nil, nil, err
	}
	return d, func() { d.pages.Close(); _ = d.service.Close() }, nil
}

func newDesktop(module string, about func(module string) gui.About, sources options.Sources) (*desktop, error) {
	module, err := browsers.ModulePath(module)
	if err != nil {
		return nil, err
	}
	f, err := newFiles()
	if err != nil {
		return nil, err
	}
	prober, err := probe.Self(ProbeVerb)
	if err != nil {
		return nil, err
	}
	d := &desktop{
		cards: newCards(pcsc.New(pcsc.Config{}), sources.Card(f.problem)), files: f,
		verifying: &verifying{anchors: ades.BuiltinAnchors(), fetcher: &online.Client{}, home: f.home, now: time.Now},
		module:    module, about: about, prober: prober,
		machine: func() (*browsers.Env, error) { return browsers.NewEnv(module) },
	}
	d.cards.trace, d.cards.failed = f.trace, f.problem
	d.signing = &signing{cards: d.cards, pages: preview.Renderer{Cache: f.preview}}
	return d, nil
}

// ForgetCards implements gui.Service. It deletes the cache and the state of all cards.
func (d *desktop) ForgetCards() error {
	d.cards.release() // sessions have data of the cards, too
	d.cards.forgetHolders()
	err := d.files.ForgetCards()
	if st := d.cards.opts.State; st != nil {
		err = errors.Join(err, st.ForgetAll())
	}
	return err
}

// About implements gui.Service.
func (d *desktop) About() gui.About { return d.about(d.module) }

// prober returns a Prober, which loads the module in its own process.
type prober interface {
	doctor.Prober
	// Identify loads the module without accessing readers and cards: the card may be
	// in use here.
	Identify(ctx context.Context, module string) (probe.Info, error)
}

// Browsers implements gui.Service.
func (d *desktop) Browsers(ctx context.Context) ([]gui.Browser, error) {
	env, err := d.machine()
	if err != nil {
		return nil, err
	}
	env.Holders = d.cards.entries() // for which a browser can be set up
	survey := env.Survey(ctx, browsers.Options{User: true, System: true, Load: func(ctx context.Context, path string) error {
		_, err := d.prober.Identify(ctx, path)
		return err
	}})
	var list []gui.Browser
	for _, b := range survey.Browsers {
		state := gui.BrowserState(doctor.StateOf(env, b, survey.Targets))
		if b.WayOut == browsers.WayOutStart {
			state = gui.BrowserNeverStarted // the same text applies
		}
		list = append(list, gui.Browser{ID: key(b), Name: b.Name, Version: b.Version, State: state, Shares: sharing(survey, b), Copies: env.ByCertificate(b.Browser)})
	}
	return list, ctx.Err()
}

// key identifies a program, which may be installed several times.
func key(b browsers.BrowserReport) string { return b.ID + " " + b.Dir }

// sharing returns the names of the other programs that use a registration of b.
func sharing(survey browsers.Report, b browsers.BrowserReport) []string {
	var names []string
	for _, other := range survey.Browsers {
		same := slices.ContainsFunc(other.Targets, func(id string) bool { return slices.Contains(b.Targets, id) })
		if same && key(other) != key(b) && !slices.Contains(names, other.Name) {
			names = append(names, other.Name)
		}
	}
	return names
}

// SetBrowsers implements gui.Service.
func (d *desktop) SetBrowsers(ctx context.Context, id string, enable bool) error {
	err := d.setBrowsers(ctx, id, enable)
	d.files.problem("browsers", err)
	return err
}

// targets returns the places where the program of that ID is registered, "" for all
// programs.
func targets(ctx context.Context, env *browsers.Env, id string) []browsers.Target {
	o := browsers.Options{User: true}
	list := env.Targets(o)
	if id == "" {
		return list
	}
	survey := env.Survey(ctx, o)
	i := slices.IndexFunc(survey.Browsers, func(b browsers.BrowserReport) bool { return key(b) == id })
	if i < 0 {
		return nil
	}
	return slices.DeleteFunc(list, func(t browsers.Target) bool { return !slices.Contains(survey.Browsers[i].Targets, t.ID()) })
}

func (d *desktop) setBrowsers(ctx context.Context, id string, enable bool) error {
	env, err := d.machine()
	if err != nil {
		return err
	}
	if err := env.CheckUser(); err != nil {
		return fmt.Errorf("%w: %w", gui.ErrHomeOwner, err)
	}
	targets := targets(ctx, env, id)
	plan := browsers.PlanDisable(targets)
	if enable {
		if err := env.CheckModule(); err != nil {
			return fmt.Errorf("%w: %w", gui.ErrNoModule, err)
		}
		env.Holders = d.cards.entries()
		plan = browsers.PlanEnable(targets)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var failed []error
	for _, r := range plan.Run(nil) {
		if r.Err != nil {
			failed = append(failed, r.Err)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%w: %w", gui.ErrSomeBrowsers, errors.Join(failed...))
	}
	return nil
}
