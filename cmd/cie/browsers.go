package main

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"cie/cmd/internal/probe"
	"cie/cmd/internal/tty"
	"cie/installer/browsers"
)

// browserFlags are the options of the verbs below "cie browsers".
type browserFlags struct {
	module             string
	system, autoSelect bool
	flatpak            bool
	dryRun             bool

	codes codeFlags // on Windows, for a card whose certificate is not known yet
}

func (a *app) browsersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "browsers",
		Short: a.text("cmd.browsers.short"),
		Long:  a.text("cmd.browsers.long"),
		RunE:  a.group,
	}
	c.AddCommand(a.browsersStatusCommand(), a.browsersChangeCommand(false), a.browsersChangeCommand(true))
	return c
}

func (a *app) browsersStatusCommand() *cobra.Command {
	var f browserFlags
	c := &cobra.Command{
		Use:     "status",
		Short:   a.text("cmd.browsers.status.short"),
		Long:    a.text("cmd.browsers.status.long"),
		Example: "cie browsers status\ncie browsers status --json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.browsersStatus(c.Context(), f) },
	}
	f.addModule(a, c)
	return c
}

// browsersChangeCommand is enable, or with remove disable.
func (a *app) browsersChangeCommand(remove bool) *cobra.Command {
	var f browserFlags
	c := &cobra.Command{
		Use:     "enable",
		Short:   a.text("cmd.browsers.enable.short"),
		Long:    a.text("cmd.browsers.enable.long"),
		Example: "cie browsers enable\ncie browsers enable --dry-run\nsudo cie browsers enable --system",
		RunE:    func(c *cobra.Command, _ []string) error { return a.browsersChange(c.Context(), f, remove) },
	}
	if remove {
		c.Use, c.Short, c.Long = "disable", a.text("cmd.browsers.disable.short"), a.text("cmd.browsers.disable.long")
		c.Example = "cie browsers disable\nsudo cie browsers disable --system"
	} else {
		c.Flags().BoolVar(&f.autoSelect, "auto-select", false, a.text("flag.auto-select"))
		c.Flags().BoolVar(&f.flatpak, "flatpak", false, a.text("flag.flatpak"))
		if runtime.GOOS == "windows" {
			f.codes.addPIN(a, c)
		}
	}
	if runtime.GOOS == "windows" { // there an administrator opens another prompt
		c.Example = strings.ReplaceAll(c.Example, "sudo ", "")
	}
	f.addModule(a, c)
	c.Flags().BoolVar(&f.system, "system", false, a.text("flag.system"))
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, a.text("flag.dry-run"))
	return c
}

func (f *browserFlags) addModule(a *app, c *cobra.Command) {
	c.Flags().StringVar(&f.module, "module", "", a.text("flag.module"))
	_ = c.MarkFlagFilename("module", "so")
}

// machine returns the description of this machine for package browsers.
func (a *app) machine(module string) (*browsers.Env, error) {
	path, err := browsers.ModulePath(module)
	if err != nil {
		return nil, err
	}
	env, err := browsers.NewEnv(path)
	if err != nil {
		return nil, err
	}
	env.Root, env.Proc = a.root, filepath.Join(a.root, env.Proc)
	return env, nil
}

// probeVerb leads the program to be the child that loads a module.
const probeVerb = "probe-module"

// probeCommand is that child. It is hidden from users.
func (a *app) probeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    probeVerb,
		Short:  a.text("cmd.probe.short"),
		Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			tty.Conceal()
			if probe.Serve(a.stdin, a.stdout) != 0 {
				return &reported{code: exitFailed}
			}
			return nil
		},
	}
}

// browsersChange registers the module with all browsers, or unregisters it.
func (a *app) browsersChange(ctx context.Context, f browserFlags, remove bool) error {
	env, err := a.machine(f.module)
	if err != nil {
		return err
	}
	if err := a.mayChange(ctx, env, f, remove); err != nil {
		return err
	}
	if !remove && !f.system && !f.dryRun && env.KeyStorage {
		if env.Holders, err = a.holders(ctx, &f.codes); err != nil {
			return err
		}
	}
	// Permissions of sandboxes are removed too.
	o := browsers.Options{User: !f.system, System: f.system, Flatpak: f.flatpak || remove}
	if f.system && (f.autoSelect || remove) {
		o.AutoSelect = browsers.DefaultAutoSelect
	}
	targets := env.Targets(o)
	plan := browsers.PlanEnable(targets)
	if remove {
		plan = browsers.PlanDisable(targets)
	}
	var results []browsers.Result
	if f.dryRun {
		for _, s := range plan.Steps {
			results = append(results, browsers.Result{Step: s, After: s.State})
		}
	} else {
		results = plan.Run(nil)
	}
	var without []browserJSON
	none := false
	if !remove {
		without, none = a.withoutCard(ctx, env, f.system)
	}
	return a.showChange(env, f, remove, results, without, none)
}

// mayChange refuses changes that must fail: in the home of another user, in the
// system without the rights, with a module that is missing or does not load.
func (a *app) mayChange(ctx context.Context, env *browsers.Env, f browserFlags, remove bool) error {
	switch {
	case f.autoSelect && !f.system:
		return a.usage("usage.auto-select")
	case f.flatpak && f.system:
		return a.usage("usage.flatpak")
	case f.dryRun:
	case f.system && env.UID != 0:
		p := a.problem("need-root", exitUsage, "browsers.need-root")
		return p.do(a.text("browsers.need-root.do", a.command+" --system"))
	case !f.system:
		if err := env.CheckUser(); err != nil {
			return a.homeProblem(err)
		}
	}
	if remove {
		return nil
	}
	if err := env.CheckModule(); err != nil {
		if errors.Is(err, browsers.ErrModulePath) {
			return a.usage("module.path", env.Module)
		}
		p := a.problem("no-module", exitFound, "module.missing", env.Module)
		p.Detail = err.Error()
		return p.do(a.text("doctor.do.reinstall"))
	}
	prober, err := probe.Self(probeVerb)
	if err != nil {
		return err
	}
	if err := prober.Check(ctx, env.Module); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := a.problem("module-broken", exitFound, "module.broken", env.Module)
		p.Detail = err.Error()
		return p.do(a.probeText(err), a.text("module.broken.do"))
	}
	return nil
}

// homeProblem is for a home directory that is not the user's.
func (a *app) homeProblem(err error) error {
	var owner *browsers.OwnerError
	if !errors.As(err, &owner) {
		return err
	}
	title, do := "browsers.not-owner", "browsers.not-owner.do"
	if owner.Sudo {
		title, do = "browsers.not-owner.sudo", "browsers.not-owner.sudo.do"
	}
	p := a.problem("not-owner", exitUsage, title, owner.Home)
	p.Detail = err.Error()
	return p.do(a.text(do))
}

// paragraph prints a text with every line indented; lines are broken on a
// terminal only.
func (a *app) paragraph(indent, text string) { a.println(a.wrapOut(indent+text, indent)) }

// wrapOut breaks lines of the result, on a terminal only: programs read lines.
func (a *app) wrapOut(text, indent string) string {
	width := math.MaxInt
	if tty.IsTerminal(a.stdout) {
		width = min(tty.Width(a.stdout), 100)
	}
	return tty.Wrap(text, indent, width)
}
