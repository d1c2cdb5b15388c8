package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"cie/installer/browsers"
)

// What is said about a place depends on what was wanted of it.
func TestChangeIsReportedAsRequested(t *testing.T) {
	env := &browsers.Env{Home: t.TempDir(), Root: t.TempDir(), Proc: "/proc", Module: "/m.so", UID: os.Geteuid(), SudoUID: -1}
	targets := env.Targets(browsers.Options{System: true, AutoSelect: browsers.DefaultAutoSelect})
	find := func(kind browsers.Kind) browsers.Target {
		for _, tg := range targets {
			if tg.Kind() == kind {
				return tg
			}
		}
		t.Fatalf("no target of kind %s", kind)
		return nil
	}
	broken := errors.New("invalid character")
	tests := []struct {
		name   string
		kind   browsers.Kind
		remove bool
		action browsers.Action
		after  browsers.State
		change bool
		err    error
		says   string // "": nothing about the place
	}{
		{"two policies", browsers.KindChromiumPolicy, false, browsers.ActionRegister,
			browsers.State{Status: browsers.Registered, Reason: browsers.ReasonOtherPolicy}, true, nil, inLanguage("en", "browser.why.other-policy")},
		{"policies with a comment", browsers.KindFirefoxPolicy, false, browsers.ActionBlocked,
			browsers.State{Status: browsers.Damaged, Reason: browsers.ReasonSyntax, Err: broken}, false, broken, inLanguage("en", "browser.why.policy-syntax")},
		{"policies that hide others", browsers.KindFirefoxPolicy, false, browsers.ActionBlocked,
			browsers.State{Status: browsers.Unavailable, Reason: browsers.ReasonHidesPolicy}, false, broken, inLanguage("en", "browser.why.hides-policy")},
		{"damaged since", browsers.KindFirefoxPolicy, true, browsers.ActionBlocked,
			browsers.State{Status: browsers.Damaged, Reason: browsers.ReasonSyntax, Err: broken}, false, broken, inLanguage("en", "browser.why.kept")},
		{"nothing there", browsers.KindFirefoxPolicy, true, browsers.ActionNone,
			browsers.State{Status: browsers.Absent}, false, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, out, _ := quiet("en")
			tg := find(tt.kind)
			r := browsers.Result{Step: browsers.Step{Target: tg, Action: tt.action}, After: tt.after, Change: browsers.Change{Changed: tt.change}, Err: tt.err}
			err := a.showChange(env, browserFlags{system: true}, tt.remove, []browsers.Result{r}, nil, false)
			if (err != nil) != (tt.err != nil) || err != nil && exitOf(err) != exitFound {
				t.Errorf("error %v", err)
			}
			if tt.says != "" && !strings.Contains(out.String(), tt.says) || strings.Contains(out.String(), tg.Path()) != (tt.says != "") {
				t.Errorf("%s", out)
			}
		})
	}
}
