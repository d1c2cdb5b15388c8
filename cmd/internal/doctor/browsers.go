package doctor

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"cie/installer"
)

// BrowserState is how things are with a browser, in one word.
type BrowserState string

// The states of a browser.
const (
	BrowserReady        BrowserState = "ready"
	BrowserRestart      BrowserState = "restart"       // registered after it was started
	BrowserNotLoadable  BrowserState = "not-loadable"  // registered, but the module does not load
	BrowserOff          BrowserState = "off"           // not registered
	BrowserElsewhere    BrowserState = "elsewhere"     // registered with another path
	BrowserDamaged      BrowserState = "damaged"       // the place of the registration is not in order
	BrowserNeverStarted BrowserState = "never-started" // it makes its files at the first start
	BrowserSandboxed    BrowserState = "sandboxed"     // snap or flatpak
	BrowserUnavailable  BrowserState = "unavailable"   // its place takes no registration now
)

// StateOf judges a browser of a survey; targets are those of the same survey.
func StateOf(env *installer.Env, b installer.BrowserReport, targets []installer.TargetReport) BrowserState {
	switch {
	case b.Reason == installer.ReasonSandboxed:
		return BrowserSandboxed
	case b.Status == installer.Registered || b.ByPolicy:
		switch {
		case b.Loadable == installer.LoadNo:
			return BrowserNotLoadable
		case len(Stale(env, b, targets)) > 0:
			return BrowserRestart
		}
		return BrowserReady
	case b.Reason == installer.ReasonNeverStarted:
		return BrowserNeverStarted
	case b.Status == installer.Absent:
		return BrowserOff
	case b.Status == installer.Elsewhere:
		return BrowserElsewhere
	case b.Status == installer.Damaged:
		return BrowserDamaged
	}
	return BrowserUnavailable
}

// Stale lists the processes of a browser that were started before its
// registration was written and do not have the module loaded: they read their
// list of modules only once.
func Stale(env *installer.Env, b installer.BrowserReport, targets []installer.TargetReport) []installer.Process {
	var written time.Time
	for _, t := range targets {
		if !slices.Contains(b.Targets, t.ID) {
			continue
		}
		if fi, err := os.Stat(t.Path); err == nil && fi.ModTime().After(written) {
			written = fi.ModTime()
		}
	}
	var list []installer.Process
	for _, p := range b.Running {
		started, ok := startOf(env.Proc, p.PID)
		if ok && !written.IsZero() && started.Before(written) && !hasLoaded(env.Proc, p.PID, env.Module) {
			list = append(list, p)
		}
	}
	return list
}

// clockTicks is USER_HZ, which Linux fixes at 100 for all architectures that
// matter here.
const clockTicks = 100

// startOf is when a process was started (proc(5), field 22 of stat; btime of
// /proc/stat), to the second.
func startOf(proc string, pid int) (time.Time, bool) {
	b, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return time.Time{}, false
	}
	// The name in parentheses may hold anything.
	_, rest, ok := bytes.Cut(b[max(0, bytes.LastIndexByte(b, ')')):], []byte(") "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 20 {
		return time.Time{}, false
	}
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	system, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return time.Time{}, false
	}
	for line := range strings.Lines(string(system)) {
		if v, ok := strings.CutPrefix(line, "btime "); ok {
			boot, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
			if err != nil {
				return time.Time{}, false
			}
			return time.Unix(boot, 0).Add(time.Duration(ticks) * time.Second / clockTicks), true
		}
	}
	return time.Time{}, false
}

// hasLoaded says whether a process has the file mapped.
func hasLoaded(proc string, pid int, module string) bool {
	b, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "maps"))
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(module); err == nil && bytes.Contains(b, []byte(" "+real+"\n")) {
		return true
	}
	return bytes.Contains(b, []byte(" "+module+"\n"))
}
