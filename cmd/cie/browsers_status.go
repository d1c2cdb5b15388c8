package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"cie/cmd/internal/doctor"
	"cie/cmd/internal/probe"
	"cie/cmd/internal/tty"
	"cie/installer/browsers"
)

// moduleJSON is the module in the answer of "cie browsers status".
type moduleJSON struct {
	Path     string            `json:"path"`
	Exists   bool              `json:"exists"`
	Loadable browsers.Loadable `json:"loadable"`
	Version  string            `json:"version,omitempty"`
	Why      string            `json:"why,omitempty"`
	Detail   string            `json:"detail,omitempty"`
}

// browserJSON is a program in that answer.
type browserJSON struct {
	ID         string              `json:"id"`
	Name       string              `json:"name"`
	Version    string              `json:"version,omitempty"`
	Packaging  browsers.Packaging  `json:"packaging"`
	State      doctor.BrowserState `json:"state"`
	Registered bool                `json:"registered"`
	Policy     bool                `json:"policy"`
	Loadable   browsers.Loadable   `json:"loadable"`
	Why        string              `json:"why,omitempty"`
	WayOut     browsers.WayOut     `json:"way_out,omitempty"`
	Running    []processJSON       `json:"running"`
	Message    string              `json:"message"`

	report browsers.BrowserReport
}

// browsersJSON is that answer.
type browsersJSON struct {
	Module   moduleJSON    `json:"module"`
	Browsers []browserJSON `json:"browsers"`
}

// browserJSON returns a program of a survey as data.
func (a *app) browserJSON(b browsers.BrowserReport, state doctor.BrowserState) browserJSON {
	j := browserJSON{
		ID: b.ID, Name: b.Name, Version: b.Version, Packaging: b.Packaging,
		State: state, Registered: b.Status == browsers.Registered || b.ByPolicy,
		Policy: b.ByPolicy, Loadable: b.Loadable, Why: string(b.Reason), WayOut: b.WayOut,
		Running: []processJSON{}, Message: strings.Join(a.browserAdvice(b, state), " "), report: b,
	}
	for _, p := range b.Running {
		j.Running = append(j.Running, processJSON{p.Program, p.PID})
	}
	return j
}

// browsersStatus shows every browser found.
func (a *app) browsersStatus(ctx context.Context, f browserFlags) error {
	env, err := a.machine(f.module)
	if err != nil {
		return err
	}
	prober, err := probe.Self(probeVerb)
	if err != nil {
		return err
	}
	var info probe.Info
	var broken error
	survey := env.Survey(ctx, browsers.Options{User: true, System: true, Load: func(ctx context.Context, path string) error {
		info, broken = prober.Identify(ctx, path)
		return broken
	}})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	out := browsersJSON{Browsers: []browserJSON{}}
	out.Module = moduleJSON{Path: env.Module, Exists: survey.Module.Exists, Loadable: survey.Module.Loadable, Version: info.Version}
	if broken != nil {
		out.Module.Why, out.Module.Detail = string(probe.Of(broken)), broken.Error()
	} else if !out.Module.Exists {
		out.Module.Why = string(probe.ReasonMissing)
	}
	bad := out.Module.Loadable == browsers.LoadNo
	for _, b := range survey.Browsers {
		j := a.browserJSON(b, doctor.StateOf(env, b, survey.Targets))
		switch j.State {
		case doctor.BrowserReady, doctor.BrowserSandboxed, doctor.BrowserNeverStarted, doctor.BrowserNoCertificate:
		default:
			bad = true
		}
		out.Browsers = append(out.Browsers, j)
	}
	if a.json {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		a.printBrowsers(out, broken)
		if err := env.CheckUser(); err != nil {
			var own *problem
			if errors.As(a.homeProblem(err), &own) {
				a.note("")
				a.note(tty.Wrap(capital(own.Message)+". "+strings.Join(own.advice, " "), "", a.errWidth()))
			}
		}
	}
	if bad {
		return &reported{code: exitFound}
	}
	return nil
}

func (a *app) printBrowsers(out browsersJSON, broken error) {
	switch {
	case out.Module.Loadable == browsers.LoadYes:
		a.println(a.text("module.loads", out.Module.Path))
	case !out.Module.Exists:
		a.println(a.style.Red(capital(a.text("module.missing", out.Module.Path))))
		a.paragraph("    ", a.text("doctor.do.reinstall"))
	default:
		a.println(a.style.Red(capital(a.text("module.broken", out.Module.Path))))
		a.paragraph("    ", a.probeText(broken))
		a.paragraph("    ", a.text("module.broken.do"))
	}
	a.println("")
	if len(out.Browsers) == 0 {
		a.println(a.text("doctor.find.no-browser"))
	}
	for _, b := range out.Browsers {
		a.printBrowser(b)
	}
}

// printBrowser shows one program.
func (a *app) printBrowser(b browserJSON) {
	a.println(a.style.Bold(printable(strings.TrimSpace(b.Name+" "+b.Version))) + " (" + a.packagingText(b.Packaging) + ")")
	for i, line := range a.browserAdvice(b.report, b.State) {
		if i == 0 {
			line = a.stateStyle(b.State)(line)
		}
		a.paragraph("    ", line)
	}
}

func (a *app) packagingText(p browsers.Packaging) string {
	return a.text(map[browsers.Packaging]string{
		browsers.PackageNative:  "packaging.native",
		browsers.PackageSnap:    "packaging.snap",
		browsers.PackageFlatpak: "packaging.flatpak",
		browsers.PackageTarball: "packaging.tarball",
	}[p])
}

func (a *app) stateStyle(s doctor.BrowserState) func(string) string {
	switch s {
	case doctor.BrowserReady:
		return a.style.Green
	case doctor.BrowserDamaged, doctor.BrowserNotLoadable:
		return a.style.Red
	}
	return a.style.Amber
}

// browserAdvice returns the state of a browser and what the user can do about it.
func (a *app) browserAdvice(b browsers.BrowserReport, s doctor.BrowserState) []string {
	switch s {
	case doctor.BrowserReady:
		if b.ByPolicy && b.Status != browsers.Registered {
			return []string{a.text("browser.policy")}
		}
		return []string{a.text("browser.ready")}
	case doctor.BrowserRestart:
		return []string{a.text("browser.restart")}
	case doctor.BrowserNotLoadable:
		return []string{a.text("browser.not-loadable")}
	case doctor.BrowserOff:
		return []string{a.text("browser.off")}
	case doctor.BrowserElsewhere:
		return []string{a.text("browser.elsewhere")}
	case doctor.BrowserSandboxed:
		if b.Packaging == browsers.PackageSnap {
			return []string{a.text("browser.snap", b.Name)}
		}
		return []string{a.text("browser.flatpak", b.Name)}
	case doctor.BrowserNoCertificate:
		return []string{a.text("browser.no-certificate")}
	case doctor.BrowserNeverStarted:
		return []string{a.text("browser.never-started")}
	case doctor.BrowserDamaged:
		return append([]string{a.text("browser.damaged")}, a.stateAdvice(browsers.State{Status: b.Status, Reason: b.Reason})...)
	}
	return append([]string{a.text("browser.unavailable")}, a.stateAdvice(browsers.State{Status: b.Status, Reason: b.Reason})...)
}

// stateAdvice returns the problem of a place.
func (a *app) stateAdvice(s browsers.State) []string {
	t, ok := map[browsers.Reason]string{
		browsers.ReasonLegacyDatabase: "browser.why.legacy",
		browsers.ReasonUnreadable:     "browser.why.unreadable",
		browsers.ReasonNotRegular:     "browser.why.not-regular",
		browsers.ReasonForeignOwner:   "browser.why.foreign-owner",
		browsers.ReasonReadOnly:       "browser.why.read-only",
		browsers.ReasonSyntax:         "browser.why.syntax",
		browsers.ReasonTooLarge:       "browser.why.syntax",
		browsers.ReasonDuplicate:      "browser.why.repair",
		browsers.ReasonNoLibrary:      "browser.why.repair",
		browsers.ReasonModuleMissing:  "browser.why.module-missing",
		browsers.ReasonOtherPolicy:    "browser.why.other-policy",
		browsers.ReasonHidesPolicy:    "browser.why.hides-policy",
		browsers.ReasonNoServer:       "browser.why.no-server",
		browsers.ReasonOtherServer:    "browser.why.other-server",
	}[s.Reason]
	if !ok {
		return nil
	}
	return []string{a.plain(a.texts.On(string(doctor.DistributionOf(a.root)), t))}
}

// probeText returns why a module does not load.
func (a *app) probeText(err error) string {
	t, ok := map[probe.Reason]string{
		probe.ReasonMissing:     "module.why.missing",
		probe.ReasonNotLoadable: "module.why.not-loadable",
		probe.ReasonNotModule:   "module.why.not-module",
		probe.ReasonCrashed:     "module.why.crashed",
		probe.ReasonTimeout:     "module.why.timeout",
	}[probe.Of(err)]
	if !ok {
		t = "module.why.refused"
	}
	var own *probe.Error
	detail := ""
	if errors.As(err, &own) {
		detail = cmp.Or(own.Detail, own.Call)
	}
	return a.text(t, printable(detail))
}
