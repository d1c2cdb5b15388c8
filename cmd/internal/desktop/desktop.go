// Package desktop is the engine of the desktop application: it implements
// [gui.Service] with the readers, the browsers and the files of this user, and
// once more with a virtual card for a demonstration. It has no window and no
// toolkit's driver in it, so that it is built and tested without a display.
package desktop

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cie/apdu/pcsc"
	"cie/cmd/internal/options"
	"cie/gui"
	"cie/installer"
)

// desktop is the Service of the shipped program: the readers, the browsers and
// the files of this user.
type desktop struct {
	*cards
	*files
	pcsc   *pcsc.Context
	module string
	about  func(module string) gui.About

	mu      sync.Mutex
	restart map[string]bool // browsers that ran while they were enabled
}

// New returns the Service of the shipped program, and what ends it. The module
// is the one at a path, or "" for the one that is installed; about describes
// the program.
func New(module string, about func(module string) gui.About) (gui.Service, func(), error) {
	module, err := installer.ModulePath(module)
	if err != nil {
		return nil, nil, err
	}
	f, err := newFiles()
	if err != nil {
		return nil, nil, err
	}
	c := pcsc.New(pcsc.Config{})
	d := &desktop{
		cards: newCards(pcscReaders{c}, options.Card()), files: f, pcsc: c,
		module: module, about: about, restart: map[string]bool{},
	}
	d.cards.trace, d.cards.failed = f.trace, f.problem
	return d, func() { _ = c.Close() }, nil
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

// Browsers implements gui.Service.
func (d *desktop) Browsers(ctx context.Context) ([]gui.Browser, error) {
	env, err := installer.NewEnv(d.module)
	if err != nil {
		return nil, err
	}
	var list []gui.Browser
	for _, b := range env.Survey(ctx, installer.Options{User: true, System: true}).Browsers {
		list = append(list, gui.Browser{ID: b.ID, Name: b.Name, Version: b.Version, State: d.state(b)})
	}
	return list, ctx.Err()
}

func (d *desktop) state(b installer.BrowserReport) gui.BrowserState {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case b.Status == installer.Registered || b.ByPolicy:
		if d.restart[b.ID] && len(b.Running) > 0 {
			return gui.BrowserRestart
		}
		delete(d.restart, b.ID)
		return gui.BrowserReady
	case b.Reason == installer.ReasonSandboxed:
		return gui.BrowserSandboxed
	case b.Reason == installer.ReasonNeverStarted, b.WayOut == installer.WayOutStart:
		return gui.BrowserNeverOpened
	case b.Status == installer.Absent:
		return gui.BrowserOff
	case b.Status == installer.Elsewhere, b.Status == installer.Damaged:
		return gui.BrowserDamaged
	}
	return gui.BrowserUnavailable
}

// SetBrowsers implements gui.Service.
func (d *desktop) SetBrowsers(ctx context.Context, enable bool) error {
	err := d.setBrowsers(ctx, enable)
	d.files.problem("browsers", err)
	return err
}

func (d *desktop) setBrowsers(ctx context.Context, enable bool) error {
	env, err := installer.NewEnv(d.module)
	if err != nil {
		return err
	}
	if err := env.CheckUser(); err != nil {
		return fmt.Errorf("%w: %w", gui.ErrHomeOwner, err)
	}
	targets := env.Targets(installer.Options{User: true})
	plan := installer.PlanDisable(targets)
	if enable {
		if err := env.CheckModule(); err != nil {
			return fmt.Errorf("%w: %w", gui.ErrNoModule, err)
		}
		plan = installer.PlanEnable(targets)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var failed []error
	for _, r := range plan.Run(nil) {
		if r.Err != nil {
			failed = append(failed, r.Err)
		}
		d.mu.Lock()
		for _, p := range r.Running {
			d.restart[p.Program] = enable && r.Restart
		}
		d.mu.Unlock()
	}
	if len(failed) > 0 {
		return fmt.Errorf("%w: %w", gui.ErrSomeBrowsers, errors.Join(failed...))
	}
	return nil
}
