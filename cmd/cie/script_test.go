package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cie/card/cardtest"
	"cie/cmd/internal/anchor"
)

// Under the race detector every exit of the program would take a second.
const (
	raceOptions = "GORACE"
	withoutWait = "atexit_sleep_ms=0"
)

func TestMain(m *testing.M) {
	if err := os.Setenv(raceOptions, withoutWait); err != nil {
		panic(err)
	}
	programs := map[string]func(){
		"cie": func() { os.Exit(run(testEnv())) },
	}
	if wine != nil {
		wine.programs(programs)
	}
	testscript.Main(m, programs)
}

// testEnv returns the production environment, with virtual readers if a file describes them.
func testEnv() *env {
	w := systemEnv()
	w.root = os.Getenv("CIE_TEST_ROOT")
	if os.Getenv(readersVariable) != "" {
		w.service = openVirtualReaders
	}
	return w
}

// wine, where it is not nil, runs the scripts with the program for Windows and a
// real PC/SC service (wine_linux_test.go).
var wine interface {
	// programs replaces the programs of the scripts.
	programs(map[string]func())
	// setUp prepares one script.
	setUp(*testscript.Env) error
}

// condition decides the conditions that scripts ask beside those of the engine:
// [program:linux] and [program:windows], the system of the tested program.
func condition(name string) (bool, error) {
	switch name {
	case "program:windows":
		return wine != nil, nil
	case "program:linux":
		return wine == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// scripts returns the parameters of a run of scripts on virtual readers.
func scripts(dir string) testscript.Params {
	return testscript.Params{
		Condition: condition,
		Dir:       dir,
		Setup: func(e *testscript.Env) error {
			return setUpScript(e, readersVariable+"="+e.WorkDir+"/readers")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"state":   scriptState,
			"exits":   scriptExits,
			"module":  scriptModule,
			"library": scriptLibrary,
		},
		RequireUniqueNames: true,
	}
}

// setUpScript gives a script a home of its own and the codes of the card.
func setUpScript(e *testscript.Env, vars ...string) error {
	e.Setenv("XDG_CACHE_HOME", e.WorkDir+"/.cache")
	e.Setenv("XDG_CONFIG_HOME", e.WorkDir+"/.config")
	e.Setenv("XDG_STATE_HOME", e.WorkDir+"/.state")
	// Where the program keeps things, for scripts that look at them.
	e.Setenv("CACHE", e.WorkDir+"/.cache/cie")
	e.Setenv("STATE", e.WorkDir+"/.state/cie")
	if err := anchor.Write(e.WorkDir + "/.config"); err != nil {
		return err
	}
	e.Setenv("LANG", "C.UTF-8")
	e.Setenv(raceOptions, withoutWait)
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		e.Setenv(name, value)
	}
	if wine != nil {
		if err := wine.setUp(e); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{
		"csca.pem":    string(cardtest.CSCAPEM()),
		"issuing.pem": string(cardtest.IssuingCAPEM()),
		"pin":         string(cardtest.DefaultPIN()) + "\n",
		"puk":         string(cardtest.DefaultPUK()) + "\n",
		"wrong":       "40404041\n",
		"new":         "50718264\n",
		"newer":       "71506482\n",
		"short":       "1357\n",
		"letters":     "1357246a\n",
		"run":         "23456789\n",
		"same":        "77777777\n",
	} {
		if err := os.WriteFile(e.WorkDir+"/"+name, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// scriptState compares the memory of a virtual card: state FILE NAME=VALUE...
// Names are pin_tries and puk_tries, and pin and puk with a file that holds
// the code.
func scriptState(ts *testscript.TestScript, neg bool, args []string) {
	var memory struct {
		PIN      []byte `json:"pin"`
		PUK      []byte `json:"puk"`
		PINTries int    `json:"pin_tries"`
		PUKTries int    `json:"puk_tries"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &memory))
	for _, a := range args[1:] {
		name, want, _ := strings.Cut(a, "=")
		if name == "pin" || name == "puk" {
			want = strings.TrimSpace(ts.ReadFile(want))
		}
		got, ok := map[string]string{
			"pin":       string(memory.PIN),
			"puk":       string(memory.PUK),
			"pin_tries": strconv.Itoa(memory.PINTries),
			"puk_tries": strconv.Itoa(memory.PUKTries),
		}[name]
		if !ok || (got == want) == neg {
			ts.Fatalf("%s: %s, but it is %s", args[0], a, got)
		}
	}
}

// scriptExits runs a program and checks its exit code: exits CODE PROGRAM ARGS...
func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// The life of a card, on cards in the process.
func TestCardLifeInProcess(t *testing.T) { testscript.Run(t, scripts("testdata/life")) }

func TestScripts(t *testing.T) { testscript.Run(t, scripts("testdata/script")) }
