package browsers

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options select the targets.
type Options struct {
	// System includes the targets of the system, User those of the user.
	User, System bool
	// Flatpak includes the targets that let programs in Flatpak sandboxes use the
	// module. It is optional, because it widens the sandbox of those programs. It is
	// always safe to set it for removal.
	Flatpak bool
	// AutoSelect are the rules of the Chromium policy. Without rules the policy is
	// reported and removed but not installed.
	AutoSelect []AutoSelect
	// Load checks whether the module can be loaded; nil: not checked.
	Load LoadCheck
}

// Targets lists the places of this machine in order of installation. Those of the
// system come last.
func (e *Env) Targets(o Options) []Target {
	var list []Target
	if o.User {
		list = append(list, e.geckoTargets(e.Browsers())...)
		list = append(list, e.certificateTargets()...)
		if !e.Windows {
			list = append(list, e.sharedNSS()...)
			list = append(list, e.p11KitUser())
		}
		if o.Flatpak && !e.Windows {
			list = append(list, e.flatpakTargets(e.Browsers())...)
		}
	}
	if o.System {
		list = append(list, e.policyTargets()...)
		if !e.Windows {
			list = append(list, e.p11KitSystem())
		}
		if len(o.AutoSelect) > 0 {
			list = append(list, e.chromiumPolicies(o.AutoSelect)...)
		}
	}
	return list
}

// CleanupTargets returns the targets for an administrator who removes the software
// from a machine on which SecurityDevices.Add was in force: see KindFirefoxCleanup.
func (e *Env) CleanupTargets() []Target { return e.cleanupTargets() }

// Loadable is the outcome of a LoadCheck.
type Loadable string

const (
	LoadUnknown Loadable = "unknown" // not checked
	LoadYes     Loadable = "yes"
	LoadNo      Loadable = "no"
)

// ModuleReport is about the module file itself.
type ModuleReport struct {
	Path     string   `json:"path"`
	Exists   bool     `json:"exists"`
	Loadable Loadable `json:"loadable"`
	Error    string   `json:"error,omitempty"`
}

// TargetReport is a Target as data.
type TargetReport struct {
	ID       string    `json:"id"`
	Kind     Kind      `json:"kind"`
	Scope    Scope     `json:"scope"`
	Path     string    `json:"path"`
	Programs []string  `json:"programs,omitempty"`
	State    State     `json:"state"`
	Running  []Process `json:"running,omitempty"`
}

// BrowserReport reports whether a program has the module, and why not.
type BrowserReport struct {
	Browser
	// Status is that of the worst target on which the program depends. It is Absent or
	// Unavailable with WayOut if the user can do something.
	Status Status `json:"status"`
	Reason Reason `json:"reason,omitempty"`
	WayOut WayOut `json:"way_out,omitempty"`
	// ByPolicy reports that an administrator's policy registers the module.
	ByPolicy bool `json:"by_policy,omitempty"`
	// Targets are the IDs of the targets the program depends on.
	Targets []string `json:"targets,omitempty"`
	// Running lists the processes of the program. Those started before the registration
	// have not loaded the module.
	Running []Process `json:"running,omitempty"`
	// Loadable is whether the registered module loads.
	Loadable Loadable `json:"loadable"`
}

// ReasonSandboxed means that the program runs in a sandbox that hides the module.
const ReasonSandboxed Reason = "sandboxed"

// ReasonNeverStarted means that the program has no profile yet.
const ReasonNeverStarted Reason = "never-started"

// Report is the content of `cie browsers status`.
type Report struct {
	Module   ModuleReport    `json:"module"`
	Browsers []BrowserReport `json:"browsers"`
	Targets  []TargetReport  `json:"targets"`
	// Owner is set when user targets must not be changed by this process.
	Owner error `json:"-"`
}

// Survey examines the machine and changes nothing.
func (e *Env) Survey(ctx context.Context, o Options) Report {
	r := Report{Module: ModuleReport{Path: e.Module, Loadable: LoadUnknown}, Owner: e.CheckUser()}
	switch _, err := os.Stat(e.Module); {
	case err == nil:
		r.Module.Exists = true
		if o.Load != nil {
			r.Module.Loadable = LoadYes
			if err := o.Load(ctx, e.Module); err != nil {
				r.Module.Loadable, r.Module.Error = LoadNo, err.Error()
			}
		}
	case !errors.Is(err, fs.ErrNotExist):
		r.Module.Error = err.Error()
	}
	if r.Module.Loadable == LoadUnknown && !r.Module.Exists {
		r.Module.Loadable = LoadNo
	}
	o.Flatpak = o.User // looking is free
	for _, t := range e.Targets(o) {
		r.Targets = append(r.Targets, report(t))
	}
	policy := false
	for _, t := range r.Targets {
		policy = policy || t.Kind == KindFirefoxPolicy && t.State.Status == Registered
	}
	procs := e.processes()
	for _, b := range e.Browsers() {
		br := BrowserReport{Browser: b, Loadable: LoadUnknown}
		br.Running = e.runningOf(b, procs)
		e.judge(&br, r.Targets)
		if policy && slices.Contains(firefoxes, b.ID) && b.Packaging != PackageSnap && b.Packaging != PackageFlatpak {
			br.ByPolicy = true
		}
		if (br.Status == Registered || br.ByPolicy) && !e.ByCertificate(b) {
			br.Loadable = r.Module.Loadable
		}
		r.Browsers = append(r.Browsers, br)
	}
	return r
}

func report(t Target) TargetReport {
	return TargetReport{t.ID(), t.Kind(), t.Scope(), t.Path(), t.Programs(), t.State(), t.Running()}
}

// rank orders statuses from good to bad.
var rank = map[Status]int{Registered: 0, Absent: 1, Unavailable: 2, Elsewhere: 3, Damaged: 4}

// judge finds the targets on which the program depends and reports the worst.
func (e *Env) judge(b *BrowserReport, targets []TargetReport) {
	var used []TargetReport
	for _, t := range targets {
		if t.Scope == ScopeUser && e.uses(b.Browser, t) {
			used = append(used, t)
			b.Targets = append(b.Targets, t.ID)
		}
	}
	switch {
	case b.Reach == ReachNone:
		b.Status, b.Reason, b.WayOut = Unavailable, ReasonSandboxed, WayOutNative
		return
	case b.Reach == ReachServer && !e.flatpakReached(used):
		b.Status, b.Reason, b.WayOut = Unavailable, ReasonSandboxed, WayOutServer
		if b.Family == NSSUser {
			b.WayOut = WayOutNative
		}
		return
	case len(used) == 0:
		b.Status, b.Reason, b.WayOut = Absent, ReasonNeverStarted, WayOutStart
		return
	}
	b.Status = Registered
	for i, t := range used {
		if i == 0 || rank[t.State.Status] > rank[b.Status] {
			b.Status, b.Reason = t.State.Status, t.State.Reason
		}
	}
	if b.Status == Unavailable && b.Reason == ReasonLegacyDatabase {
		b.WayOut = WayOutStart
	}
}

// ByCertificate reports whether the program uses the card through the key storage provider of
// Windows, without the module.
func (e *Env) ByCertificate(b Browser) bool { return e.Windows && b.Family == Chromium }

// flatpakReached reports whether the p11-kit server was installed, so that the state
// of its targets counts.
func (e *Env) flatpakReached(used []TargetReport) bool {
	return slices.ContainsFunc(used, func(t TargetReport) bool {
		return t.Kind == KindFlatpakOverride && t.State.Status != Absent
	})
}

// uses reports whether the program reads the place.
func (e *Env) uses(b Browser, t TargetReport) bool {
	dir := filepath.Dir(t.Path)
	if a, ok := e.appByID(b.ID); b.Reach != ReachDirect {
		home := filepath.Join(e.Home, ".var", "app", a.flatpak) + "/"
		return ok && b.Packaging == PackageFlatpak && b.Family != NSSUser &&
			(t.Kind == KindP11KitServerUnit || strings.HasPrefix(t.Path, home) ||
				t.Kind == KindFlatpakOverride && filepath.Base(t.Path) == a.flatpak)
	}
	switch b.Family {
	case Gecko:
		if t.Kind == KindGeckoFirstRun {
			return slices.Contains(t.Programs, b.ID)
		}
		return t.Kind == KindGeckoProfile && slices.ContainsFunc(b.Profiles, func(p Profile) bool { return p.Dir == dir })
	case Chromium:
		if e.ByCertificate(b) {
			return t.Kind == KindCertificates
		}
		return t.Kind == KindNSSDatabase && dir == e.chromiumDatabase()
	case NSSUser:
		// They use a Firefox profile, or the shared database if there is none; the
		// choice of the profile differs between versions.
		if t.Kind == KindGeckoProfile {
			return slices.Contains(t.Programs, "firefox") && !strings.HasPrefix(dir, filepath.Join(e.Home, ".var")+"/")
		}
		return t.Kind == KindNSSDatabase && dir == e.chromiumDatabase()
	}
	return false
}

// chromiumDatabase returns the directory that the Chromium family currently uses.
func (e *Env) chromiumDatabase() string {
	legacy, modern := filepath.Join(e.Home, ".pki", "nssdb"), filepath.Join(e.DataHome, "pki", "nssdb")
	if !exists(legacy) && inUse(modern) {
		return modern
	}
	return legacy
}

// runningOf lists the processes of one installed program.
func (e *Env) runningOf(b Browser, procs []proc) []Process {
	var list []Process
	add := func(pid int) {
		if pid > 0 && !slices.ContainsFunc(list, func(p Process) bool { return p.PID == pid }) {
			list = append(list, Process{pid, b.ID})
		}
	}
	a, ok := e.appByID(b.ID)
	if !ok {
		return nil
	}
	dir := e.unroot(b.Dir)
	if real, err := filepath.EvalSymlinks(b.Dir); err == nil {
		dir = e.unroot(real)
	}
	// main selects the processes of the user, without the program's helpers.
	main := func(p proc) bool {
		return slices.Contains(a.exes, e.baseName(p.exe)) && !e.childProcess(p.pid) && !e.geckoChild(p.pid)
	}
	for _, p := range procs {
		if (e.samePath(filepath.Dir(p.exe), dir) || p.exe == dir) && main(p) {
			add(p.pid)
		}
		// A flatpak's program is below /app, as its sandbox sees it.
		if b.Packaging == PackageFlatpak && strings.HasPrefix(p.exe, "/app/") && main(p) {
			add(p.pid)
		}
	}
	if b.Packaging == PackageFlatpak {
		return list // its lock files number the processes of the sandbox
	}
	// The executable of a snap is deeper in its directory, so the lock files are used.
	// After a crash their process id may belong to another process.
	locked := func(pid int) {
		if slices.ContainsFunc(procs, func(p proc) bool { return p.pid == pid && main(p) }) {
			add(pid)
		}
	}
	for _, p := range b.Profiles {
		if len(list) == 0 {
			locked(e.geckoLock(p.Dir))
		}
	}
	if b.Family == Chromium && len(list) == 0 {
		for _, r := range a.roots {
			locked(e.chromiumLock(e.browserPath(b, a, r)))
		}
	}
	return list
}

// browserPath resolves a root for a program inside or outside a sandbox.
func (e *Env) browserPath(b Browser, a app, root string) string {
	switch b.Packaging {
	case PackageSnap:
		return sandboxPath(filepath.Join(e.Home, "snap", a.snap, "common"), root)
	case PackageFlatpak:
		return sandboxPath(filepath.Join(e.Home, ".var", "app", a.flatpak), root)
	}
	return e.expand(root)
}
