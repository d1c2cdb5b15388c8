package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"cie/installer"
)

// What is said about a place depends on what was wanted of it.
func TestShowChange(t *testing.T) {
	env := &installer.Env{Home: t.TempDir(), Root: t.TempDir(), Proc: "/proc", Module: "/m.so", UID: os.Geteuid(), SudoUID: -1}
	targets := env.Targets(installer.Options{System: true, AutoSelect: installer.DefaultAutoSelect})
	find := func(kind installer.Kind) installer.Target {
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
		kind   installer.Kind
		remove bool
		action installer.Action
		after  installer.State
		change bool
		err    error
		says   string // "": nothing about the place
	}{
		{"two policies", installer.KindChromiumPolicy, false, installer.ActionRegister,
			installer.State{Status: installer.Registered, Reason: installer.ReasonOtherPolicy}, true, nil, inLanguage("en", "browser.why.other-policy")},
		{"policies with a comment", installer.KindFirefoxPolicy, false, installer.ActionBlocked,
			installer.State{Status: installer.Damaged, Reason: installer.ReasonSyntax, Err: broken}, false, broken, inLanguage("en", "browser.why.policy-syntax")},
		{"policies that hide others", installer.KindFirefoxPolicy, false, installer.ActionBlocked,
			installer.State{Status: installer.Unavailable, Reason: installer.ReasonHidesPolicy}, false, broken, inLanguage("en", "browser.why.hides-policy")},
		{"damaged since", installer.KindFirefoxPolicy, true, installer.ActionBlocked,
			installer.State{Status: installer.Damaged, Reason: installer.ReasonSyntax, Err: broken}, false, broken, inLanguage("en", "browser.why.kept")},
		{"nothing there", installer.KindFirefoxPolicy, true, installer.ActionNone,
			installer.State{Status: installer.Absent}, false, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, out, _ := quiet("en")
			tg := find(tt.kind)
			r := installer.Result{Step: installer.Step{Target: tg, Action: tt.action}, After: tt.after, Change: installer.Change{Changed: tt.change}, Err: tt.err}
			err := a.showChange(env, browserFlags{system: true}, tt.remove, []installer.Result{r}, nil, false)
			if (err != nil) != (tt.err != nil) || err != nil && exitOf(err) != exitFound {
				t.Errorf("error %v", err)
			}
			if tt.says != "" && !strings.Contains(out.String(), tt.says) || strings.Contains(out.String(), tg.Path()) != (tt.says != "") {
				t.Errorf("%s", out)
			}
		})
	}
}
