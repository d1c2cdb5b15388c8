//go:build x11 || wayland || !linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"cie/apdu/pcsc"
	"cie/card"
	"cie/card/sod"
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

	mu      sync.Mutex
	restart map[string]bool // browsers that ran while they were enabled
}

func newDesktop(module string) (gui.Service, func(), error) {
	f, err := newFiles()
	if err != nil {
		return nil, nil, err
	}
	// A cache that cannot be had costs speed only.
	store, _ := card.DefaultStore()
	c := pcsc.New(pcsc.Config{})
	d := &desktop{
		cards: newCards(pcscReaders{c}, store, sod.BuiltinRoots()), files: f, pcsc: c,
		module: modulePath(module), restart: map[string]bool{},
	}
	d.cards.trace = f.trace
	return d, func() { _ = c.Close() }, nil
}

// modulePath is the module beside this program if there is one, as in a build
// tree, else where the packages put it.
func modulePath(given string) string {
	if given != "" {
		if p, err := filepath.Abs(given); err == nil {
			return p
		}
		return given
	}
	if exe, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(exe), installer.ModuleFile)
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return installer.DefaultModulePath
}

// About implements gui.Service.
func (d *desktop) About() gui.About { return about(d.module) }

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

// Diagnose implements gui.Service.
func (d *desktop) Diagnose(ctx context.Context, found func(gui.Finding)) error {
	diagnoseCards(ctx, d.pcsc, d.cards, found)
	module := gui.Finding{Check: gui.CheckModule, Level: gui.FindingOK, Detail: d.module}
	if _, err := os.Stat(d.module); err != nil {
		module.Level = gui.FindingError
	}
	found(module)
	browsers := gui.Finding{Check: gui.CheckBrowsers, Level: gui.FindingOK}
	list, err := d.Browsers(ctx)
	ready := 0
	var lines []string
	for _, b := range list {
		if b.State == gui.BrowserReady || b.State == gui.BrowserRestart {
			ready++
		}
		lines = append(lines, b.Name+": "+string(b.State))
	}
	switch {
	case err != nil:
		browsers.Level, browsers.Err = gui.FindingError, err
	case len(list) == 0:
		browsers.Level = gui.FindingSkipped
	case ready == 0:
		browsers.Level = gui.FindingError
	case ready < len(list):
		browsers.Level = gui.FindingWarning
	}
	browsers.Detail = strings.Join(lines, "\n")
	found(browsers)
	found(d.files.checkStore())
	return ctx.Err()
}

// diagnoseCards looks at service, readers, card and chip.
func diagnoseCards(ctx context.Context, c *pcsc.Context, cards *cards, found func(gui.Finding)) {
	status, err := c.Status()
	if err != nil {
		found(gui.Finding{Check: gui.CheckService, Level: gui.FindingError, Err: err})
		for _, check := range []gui.Check{gui.CheckReader, gui.CheckCard, gui.CheckChip} {
			found(gui.Finding{Check: check, Level: gui.FindingSkipped})
		}
		return
	}
	found(gui.Finding{Check: gui.CheckService, Level: gui.FindingOK})
	var names []string
	with := ""
	for _, r := range status {
		names = append(names, r.Name)
		if r.Present && with == "" {
			with = r.Name
		}
	}
	diagnoseChip(ctx, names, with, cards, found)
}

// diagnoseChip looks at the readers, and at the card in the reader with.
func diagnoseChip(ctx context.Context, names []string, with string, cards *cards, found func(gui.Finding)) {
	reader := gui.Finding{Check: gui.CheckReader, Level: gui.FindingOK, Detail: strings.Join(names, "\n")}
	there := gui.Finding{Check: gui.CheckCard, Level: gui.FindingOK}
	chip := gui.Finding{Check: gui.CheckChip, Level: gui.FindingSkipped}
	switch {
	case len(names) == 0:
		reader.Level, there.Level = gui.FindingError, gui.FindingSkipped
	case with == "":
		there.Level = gui.FindingWarning
	default:
		var last gui.Card
		err := cards.Inspect(ctx, with, func(c gui.Card) { last = c })
		switch {
		case err != nil && last.ID == "":
			there.Level, there.Err = gui.FindingError, err
		case err != nil:
			chip.Level, chip.Err = gui.FindingError, err
		case last.Authenticity.Level == card.Genuine:
			chip.Level = gui.FindingOK
		case last.Authenticity.Level == card.IssuerUnknown:
			chip.Level = gui.FindingWarning
		default:
			chip.Level = gui.FindingError
		}
		if last.ID != "" {
			chip.Detail = fmt.Sprintf("%v; PIN %d/%d, PUK %d/%d", last.Family, last.PIN.Left, last.PIN.Max, last.PUK.Left, last.PUK.Max)
		}
	}
	found(reader)
	found(there)
	found(chip)
}
