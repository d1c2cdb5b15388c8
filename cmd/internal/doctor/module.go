package doctor

import (
	"fmt"
	"strings"

	"cie/cmd/internal/probe"
	"cie/installer/browsers"
)

// module loads the module as a browser does.
func (r *run) module() {
	info, err := r.Prober.Load(r.ctx, r.Machine.Module)
	if err == nil {
		r.loads = true
		r.report(Check{ID: Module, Status: OK, Finding: ModuleLoads, Values: []Value{{Name: "path", Text: r.Machine.Module}, {Name: "version", Text: info.Version}}})
		return
	}
	c := Check{ID: Module, Status: Fail, Finding: ModuleFails, Remedy: Reinstall, Detail: detail(err), Values: []Value{{Name: "path", Text: r.Machine.Module}}}
	switch probe.Of(err) {
	case probe.ReasonMissing:
		c.Finding = ModuleMissing
	case probe.ReasonNotLoadable:
		c.Finding = ModuleRefused
	case probe.ReasonNotModule:
		c.Finding = ModuleForeign
	case probe.ReasonCrashed:
		c.Finding = ModuleCrashes
	case probe.ReasonTimeout:
		c.Finding = ModuleHangs
	}
	r.report(c)
}

// moduleCard checks that the module lists the card of the steps before.
func (r *run) moduleCard() {
	if !r.loads || r.reader == "" {
		r.wait(ModuleCard)
		return
	}
	cards, err := r.Prober.Cards(r.ctx, r.Machine.Module)
	c := Check{ID: ModuleCard, Status: Fail, Finding: ModuleSeesNone, Remedy: ReportIt, Detail: detail(err)}
	for _, found := range cards {
		if err == nil && found.In(r.reader) {
			c = Check{ID: ModuleCard, Status: OK, Finding: ModuleSeesCard}
		}
	}
	r.report(c)
}

// browsers checks every browser found.
func (r *run) browsers() {
	survey := r.Machine.Survey(r.ctx, browsers.Options{User: true, System: true})
	if len(survey.Browsers) == 0 {
		r.report(Check{ID: Browser, Status: Warn, Finding: BrowserNone, Remedy: InstallBrowser})
	}
	for _, b := range survey.Browsers {
		if b.Family == browsers.NSSUser {
			continue // programs that sign documents take no part in a login
		}
		state := StateOf(r.Machine, b, survey.Targets)
		c := Check{
			ID: Browser, Status: Fail, Finding: FindingOf(state), Subject: strings.TrimSpace(b.Name + " " + b.Version),
			Values: []Value{{Name: "packaging", Text: string(b.Packaging)}, {Name: "reason", Text: string(b.Reason)}},
		}
		switch state {
		case BrowserReady:
			c.Status = OK
			if !r.loads && !r.Machine.ByCertificate(b.Browser) {
				c.Status, c.Finding = Skipped, FindingOf(BrowserNotLoadable)
			}
		case BrowserRestart:
			c.Remedy = RestartBrowser
			c.Values = append(c.Values, Value{Name: "running", Text: pids(Stale(r.Machine, b, survey.Targets))})
		case BrowserOff, BrowserElsewhere:
			c.Remedy = EnableBrowsers
		case BrowserNoCertificate:
			c.Status, c.Remedy = Warn, EnableBrowsers
		case BrowserSandboxed:
			c.Status, c.Remedy = Warn, NativeBrowser
		case BrowserNeverStarted:
			c.Status, c.Remedy = Warn, StartBrowser
		case BrowserDamaged:
			c.Remedy = MendProfile
			if b.Reason == browsers.ReasonModuleMissing {
				c.Remedy = Reinstall
			}
			c.Detail = causes(b, survey.Targets)
		default:
			c.Status, c.Remedy = Warn, StartBrowser
		}
		if b.Family == browsers.Gecko && b.ID == "thunderbird" && c.Status == Fail {
			c.Status = Warn // mail, not logins
		}
		r.report(c)
	}
}

// openSC reports OpenSC's module if p11-kit passes it to Firefox: it probes the card
// without end and keeps the reader busy.
func (r *run) openSC() {
	found, ok := r.Machine.FindOpenSC()
	if !ok {
		return
	}
	c := Check{ID: P11Kit, Status: OK, Finding: OpenSCInP11Kit, Values: []Value{
		{Name: "file", Text: found.File}, {Name: "override", Text: found.Override}, {Name: "line", Text: found.Line},
	}}
	if found.Loaded {
		c.Status, c.Finding, c.Remedy = Warn, OpenSCInFirefox, KeepOpenSCOut
	}
	r.report(c)
}

func pids(list []browsers.Process) string {
	var s []string
	for _, p := range list {
		s = append(s, fmt.Sprintf("%s (PID %d)", p.Program, p.PID))
	}
	return strings.Join(s, ", ")
}

// causes returns the errors of the registrations that a browser uses.
func causes(b browsers.BrowserReport, targets []browsers.TargetReport) string {
	var s []string
	for _, t := range targets {
		for _, id := range b.Targets {
			if id == t.ID && t.State.Err != nil {
				s = append(s, t.State.Err.Error())
			}
		}
	}
	return strings.Join(s, "; ")
}
