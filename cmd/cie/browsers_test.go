package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// cleaning removes what the tests built when they are done.
type cleaning struct{ *testing.M }

func (c cleaning) Run() int {
	code := c.M.Run()
	if moduleDir != "" {
		os.RemoveAll(moduleDir)
	}
	return code
}

var moduleDir string

// builtModule builds the real module once for all scripts, as version 1.2.3.
var builtModule = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cie-module-")
	if err != nil {
		return "", err
	}
	moduleDir = dir
	out := filepath.Join(dir, "cie-pkcs11.so")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared",
		"-ldflags", "-X cie/cmd/internal/version.stamp=cie-build:1.2.3:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c:1774088430;",
		"-o", out, "cie/cmd/cie-pkcs11")
	cmd.Stderr = os.Stderr
	return out, cmd.Run()
})

// scriptModule puts the real module somewhere: module PATH.
func scriptModule(ts *testscript.TestScript, _ bool, args []string) {
	built, err := builtModule()
	ts.Check(err)
	b, err := os.ReadFile(built)
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(args[0]), 0o755))
	ts.Check(os.WriteFile(args[0], b, 0o755))
}

// scriptLibrary makes a library that is no module: library PATH.
func scriptLibrary(ts *testscript.TestScript, _ bool, args []string) {
	source := args[0] + ".c"
	ts.Check(os.WriteFile(source, []byte("int answer(void) { return 42; }\n"), 0o600))
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", args[0], source).CombinedOutput(); err != nil {
		ts.Fatalf("%v\n%s", err, out)
	}
}
