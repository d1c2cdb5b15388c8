package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"

	"cie/cmd/internal/harness/buildtest/built"
)

// scriptModule puts the module of this tree somewhere: module PATH. $BUILD matches what
// cie version --json says of its build: what the program built with it says of itself.
func scriptModule(ts *testscript.TestScript, _ bool, args []string) {
	module, err := built.Find(built.Module)
	ts.Check(err)
	content, err := os.ReadFile(module)
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(args[0]), 0o755))
	ts.Check(os.WriteFile(args[0], content, 0o755))

	program, err := built.Find(built.CLI)
	ts.Check(err)
	out, err := exec.Command(program, "version", "--json").Output()
	ts.Check(err)
	var b struct{ Version, Commit string }
	ts.Check(json.Unmarshal(out, &b))
	lines := `"build": "` + regexp.QuoteMeta(b.Version) + `"`
	if b.Commit != "" { // a tree without git has none
		lines += `,\n    "commit": "` + b.Commit + `"`
	}
	ts.Setenv("BUILD", lines)
}

// scriptLibrary makes a library that is no module: library PATH.
func scriptLibrary(ts *testscript.TestScript, _ bool, args []string) {
	source := args[0] + ".c"
	ts.Check(os.WriteFile(source, []byte("int answer(void) { return 42; }\n"), 0o600))
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", args[0], source).CombinedOutput(); err != nil {
		ts.Fatalf("%v\n%s", err, out)
	}
}
