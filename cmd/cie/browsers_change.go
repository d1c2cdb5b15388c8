package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"cie/cmd/internal/doctor"
	"cie/installer/browsers"
)

// placeJSON is one place of "cie browsers enable" and "disable".
type placeJSON struct {
	Place    browsers.Kind   `json:"place"`
	Path     string          `json:"path"`
	Programs []string        `json:"programs"`
	Action   browsers.Action `json:"action"`
	Changed  bool            `json:"changed"`
	Status   string          `json:"status"`
	Reason   string          `json:"reason,omitempty"`
	Detail   string          `json:"detail,omitempty"`
	Failed   bool            `json:"failed"`
}

// processJSON is a program that runs.
type processJSON struct {
	Program string `json:"program"`
	PID     int    `json:"pid"`
}

// changeJSON is the answer of "cie browsers enable" and "disable".
type changeJSON struct {
	Module  string        `json:"module"`
	DryRun  bool          `json:"dry_run"`
	OK      bool          `json:"ok"`
	Places  []placeJSON   `json:"places"`
	Restart []processJSON `json:"restart"`
	// NotReached are programs that have no way to the card all the same.
	NotReached []browserJSON `json:"not_reached"`
}

// withoutCard lists the programs that registering does not help, those in a
// sandbox above all. none reports that there are browsers and all are such.
func (a *app) withoutCard(ctx context.Context, env *browsers.Env, system bool) (list []browserJSON, none bool) {
	list = []browserJSON{}
	survey := env.Survey(ctx, browsers.Options{User: true, System: true})
	found, shut := 0, 0
	for _, b := range survey.Browsers {
		if b.Family == browsers.NSSUser {
			continue // programs that sign documents, by the places of others
		}
		state := doctor.StateOf(env, b, survey.Targets)
		sandboxed := state == doctor.BrowserSandboxed
		if b.ID != "thunderbird" { // mail, not logins
			found++
			if sandboxed {
				shut++
			}
		}
		// Places of users are not what --system changes.
		if sandboxed || !system && (state == doctor.BrowserUnavailable || state == doctor.BrowserNoCertificate) {
			list = append(list, a.browserJSON(b, state))
		}
	}
	return list, found > 0 && shut == found
}

// showChange reports what was done in each place, which programs must be
// restarted, and which do not reach the card all the same; none: no browser does.
func (a *app) showChange(env *browsers.Env, f browserFlags, remove bool, results []browsers.Result, without []browserJSON, none bool) error {
	out := changeJSON{Module: env.Module, DryRun: f.dryRun, OK: true, Places: []placeJSON{}, Restart: []processJSON{}, NotReached: without}
	for _, r := range results {
		p := placeJSON{
			Place: r.Target.Kind(), Path: r.Target.Path(), Programs: r.Target.Programs(),
			Action: r.Action, Changed: r.Change.Changed, Status: string(r.After.Status), Reason: string(r.After.Reason),
			Failed: r.Err != nil || f.dryRun && r.Action == browsers.ActionBlocked,
		}
		if r.Err != nil {
			p.Detail = r.Err.Error()
		}
		out.OK = out.OK && !p.Failed
		out.Places = append(out.Places, p)
		if r.Restart || f.dryRun && len(r.Running) > 0 && changes(r.Action) {
			for _, run := range r.Running {
				if j := (processJSON{run.Program, run.PID}); !slices.Contains(out.Restart, j) {
					out.Restart = append(out.Restart, j)
				}
			}
		}
	}
	if a.json {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		a.printChange(env, out, remove, results, none)
	}
	if !out.OK || none {
		return &reported{code: exitFound}
	}
	return nil
}

// changes reports whether an action writes something.
func changes(action browsers.Action) bool {
	switch action {
	case browsers.ActionRegister, browsers.ActionCorrect, browsers.ActionRepair, browsers.ActionRemove:
		return true
	}
	return false
}

func (a *app) printChange(env *browsers.Env, out changeJSON, remove bool, results []browsers.Result, none bool) {
	if out.DryRun {
		a.println(a.text("browsers.dry-run"))
	}
	written := false
	for i, p := range out.Places {
		if p.Place == browsers.KindCertificates && p.Changed && !remove {
			defer a.paragraph("", a.text("browsers.certificate-copied"))
		}
		word := a.outcomeText(p, remove, out.DryRun)
		if p.Action == browsers.ActionSkip || remove && !out.DryRun && !p.Changed && !p.Failed {
			continue // no change there, and none to report
		}
		written = written || p.Changed
		a.println(a.wrapOut(word+": "+a.placeText(env, results[i].Target), "    "))
		if !p.Failed && results[i].After.Reason == browsers.ReasonOtherPolicy {
			a.paragraph("    ", a.style.Amber(a.text("browser.why.other-policy")))
		}
		if p.Failed {
			advice := a.stateAdvice(results[i].After)
			switch r := results[i].After.Reason; {
			case remove && (r == browsers.ReasonSyntax || r == browsers.ReasonTooLarge):
				advice = []string{a.text("browser.why.kept")}
			case r == browsers.ReasonSyntax && p.Place == browsers.KindFirefoxPolicy:
				advice = []string{a.text("browser.why.policy-syntax")}
			}
			for _, line := range advice {
				a.paragraph("    ", line)
			}
			if p.Detail != "" {
				a.paragraph("    ", a.style.Dim(printable(p.Detail)))
			}
		}
	}
	switch {
	case len(out.Restart) > 0:
		a.println("")
		a.paragraph("", a.text("browsers.restart", a.programs(env, out.Restart)))
	case !out.DryRun && !written && out.OK && remove:
		a.println(a.text("browsers.nothing-to-remove"))
	case none:
	case !out.DryRun && !written && out.OK:
		a.println(a.text("browsers.nothing-to-enable"))
	case !out.DryRun && out.OK && !remove:
		a.println(a.style.Green(a.text("browsers.enabled")))
	}
	for i, b := range out.NotReached {
		if i == 0 {
			a.println("")
			a.println(a.style.Amber(a.text("browsers.still-without")))
		}
		a.printBrowser(b)
	}
}

// outcomeText returns what was done, or with dryRun would be done, in one place.
func (a *app) outcomeText(p placeJSON, remove, dryRun bool) string {
	if p.Failed {
		return a.style.Red(a.text("outcome.failed"))
	}
	if dryRun {
		return a.text(cmp.Or(map[browsers.Action]string{
			browsers.ActionRegister: "outcome.would-register",
			browsers.ActionCorrect:  "outcome.would-correct",
			browsers.ActionRepair:   "outcome.would-repair",
			browsers.ActionRemove:   "outcome.would-remove",
		}[p.Action], "outcome.would-nothing"))
	}
	switch {
	case !p.Changed:
		return a.style.Dim(a.text("outcome.was-in"))
	case remove:
		return a.style.Green(a.text("outcome.removed"))
	}
	return a.style.Green(a.text(cmp.Or(map[browsers.Action]string{
		browsers.ActionCorrect: "outcome.corrected",
		browsers.ActionRepair:  "outcome.repaired",
	}[p.Action], "outcome.registered")))
}

// placeText names a place for users.
func (a *app) placeText(env *browsers.Env, t browsers.Target) string {
	name := a.text(cmp.Or(map[browsers.Kind]string{
		browsers.KindGeckoProfile:     "place.profile",
		browsers.KindGeckoFirstRun:    "place.first-run",
		browsers.KindNSSDatabase:      "place.nss",
		browsers.KindP11KitUser:       "place.p11-kit",
		browsers.KindP11KitSystem:     "place.p11-kit-system",
		browsers.KindFirefoxPolicy:    "place.firefox-policy",
		browsers.KindChromiumPolicy:   "place.chromium-policy",
		browsers.KindFlatpakOverride:  "place.flatpak",
		browsers.KindP11KitServerUnit: "place.server",
		browsers.KindCertificates:     "place.certificates",
	}[t.Kind()], "place.other"))
	path := t.Path()
	if rest, ok := strings.CutPrefix(path, env.Home+"/"); ok {
		path = "~/" + rest
	}
	return fmt.Sprintf("%s (%s)", name, printable(path))
}

// programs lists running programs by name.
func (a *app) programs(env *browsers.Env, list []processJSON) string {
	var names []string
	for _, p := range list {
		name := p.Program
		for _, b := range env.Browsers() {
			if b.ID == p.Program {
				name = b.Name
			}
		}
		if name = fmt.Sprintf("%s (PID %d)", printable(name), p.PID); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
