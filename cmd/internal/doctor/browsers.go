package doctor

import (
	"os"
	"slices"
	"time"

	"cie/installer/browsers"
)

// BrowserState is the state of the module's registration with a browser.
type BrowserState string

// The states of a browser.
const (
	BrowserReady        BrowserState = "ready"
	BrowserRestart      BrowserState = "restart"       // registered after the browser was started
	BrowserNotLoadable  BrowserState = "not-loadable"  // registered, but the module does not load
	BrowserOff          BrowserState = "off"           // not registered
	BrowserElsewhere    BrowserState = "elsewhere"     // registered with another path
	BrowserDamaged      BrowserState = "damaged"       // the file or folder of the registration is damaged
	BrowserNeverStarted BrowserState = "never-started" // its files are created at the first start

	// BrowserNoCertificate: it needs a list of certificates, and that of the card is not known yet.
	BrowserNoCertificate BrowserState = "no-certificate"

	BrowserSandboxed   BrowserState = "sandboxed"   // snap or flatpak
	BrowserUnavailable BrowserState = "unavailable" // no registration is possible now
)

// StateOf returns the state of a browser of a survey; targets are those of the same survey.
func StateOf(env *browsers.Env, b browsers.BrowserReport, targets []browsers.TargetReport) BrowserState {
	switch {
	case b.Reason == browsers.ReasonSandboxed:
		return BrowserSandboxed
	case b.Status == browsers.Registered || b.ByPolicy:
		switch {
		case b.Loadable == browsers.LoadNo:
			return BrowserNotLoadable
		case len(Stale(env, b, targets)) > 0:
			return BrowserRestart
		}
		return BrowserReady
	case b.Reason == browsers.ReasonNoCertificate:
		return BrowserNoCertificate
	case b.Reason == browsers.ReasonNeverStarted:
		return BrowserNeverStarted
	case b.Status == browsers.Absent:
		return BrowserOff
	case b.Status == browsers.Elsewhere:
		return BrowserElsewhere
	case b.Status == browsers.Damaged:
		return BrowserDamaged
	}
	return BrowserUnavailable
}

// Stale lists the processes of a browser that were started before its
// registration was written and do not have the module loaded: they read their
// list of modules only once.
func Stale(env *browsers.Env, b browsers.BrowserReport, targets []browsers.TargetReport) []browsers.Process {
	var written time.Time
	for _, t := range targets {
		if !slices.Contains(b.Targets, t.ID) {
			continue
		}
		if fi, err := os.Stat(t.Path); err == nil && fi.ModTime().After(written) {
			written = fi.ModTime()
		}
	}
	var list []browsers.Process
	for _, p := range b.Running {
		started, ok := startOf(env.Proc, p.PID)
		if ok && !written.IsZero() && started.Before(written) && !hasLoaded(env.Proc, p.PID, env.Module) {
			list = append(list, p)
		}
	}
	return list
}
