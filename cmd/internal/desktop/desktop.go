// Package desktop is the engine of the desktop application: it implements
// [gui.Service] with the readers, the browsers and the files of this user, and
// once more with a virtual card for a demonstration. It has no window and no
// toolkit's driver in it, so that it is built and tested without a display.
package desktop

import (
	"context"
	"errors"
	"fmt"

	"cie/apdu/pcsc"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/options"
	"cie/cmd/internal/probe"
	"cie/gui"
	"cie/installer/browsers"
)

// desktop is the Service of the shipped program: the readers, the browsers and
// the files of this user.
type desktop struct {
	*cards
	*files
	module string
	about  func(module string) gui.About

	machine func() (*browsers.Env, error) // looks for programs anew
	prober  prober
}

// New returns the Service of the shipped program, and what ends it. The module
// is the one at a path, or "" for the one that is installed; about describes
// the program.
func New(module string, about func(module string) gui.About) (gui.Service, func(), error) {
	d, err := newDesktop(module, about, options.System())
	if err != nil {
		return nil, nil, err
	}
	return d, func() { _ = d.service.Close() }, nil
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
		module: module, about: about, prober: prober,
		machine: func() (*browsers.Env, error) { return browsers.NewEnv(module) },
	}
	d.cards.trace, d.cards.failed = f.trace, f.problem
	return d, nil
}

// ForgetCards implements gui.Service: it deletes what was cached and what is
// known of cards.
func (d *desktop) ForgetCards() error {
	d.cards.release() // sessions remember, too
	d.cards.forgetHolders()
	err := d.files.ForgetCards()
	if st := d.cards.opts.State; st != nil {
		err = errors.Join(err, st.ForgetAll())
	}
	return err
}

// About implements gui.Service.
func (d *desktop) About() gui.About { return d.about(d.module) }

// prober loads the module in a process of its own.
type prober interface {
	doctor.Prober
	// Identify loads the module without a word about readers and cards: the card may
	// be in use here.
	Identify(ctx context.Context, module string) (probe.Info, error)
}

// Browsers implements gui.Service.
func (d *desktop) Browsers(ctx context.Context) ([]gui.Browser, error) {
	env, err := d.machine()
	if err != nil {
		return nil, err
	}
	survey := env.Survey(ctx, browsers.Options{User: true, System: true, Load: func(ctx context.Context, path string) error {
		_, err := d.prober.Identify(ctx, path)
		return err
	}})
	var list []gui.Browser
	for _, b := range survey.Browsers {
		state := gui.BrowserState(doctor.StateOf(env, b, survey.Targets))
		if b.WayOut == browsers.WayOutStart {
			state = gui.BrowserNeverStarted // the same words help
		}
		list = append(list, gui.Browser{ID: b.ID, Name: b.Name, Version: b.Version, State: state})
	}
	return list, ctx.Err()
}

// SetBrowsers implements gui.Service.
func (d *desktop) SetBrowsers(ctx context.Context, enable bool) error {
	err := d.setBrowsers(ctx, enable)
	d.files.problem("browsers", err)
	return err
}

func (d *desktop) setBrowsers(ctx context.Context, enable bool) error {
	env, err := d.machine()
	if err != nil {
		return err
	}
	if err := env.CheckUser(); err != nil {
		return fmt.Errorf("%w: %w", gui.ErrHomeOwner, err)
	}
	targets := env.Targets(browsers.Options{User: true})
	plan := browsers.PlanDisable(targets)
	if enable {
		if err := env.CheckModule(); err != nil {
			return fmt.Errorf("%w: %w", gui.ErrNoModule, err)
		}
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
