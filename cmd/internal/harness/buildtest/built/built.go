//go:build unix

// Package built builds the programs of this tree for tests, so that each is linked
// once however many packages test it.
package built

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// The programs, by the names of their files.
const (
	CLI     = "cie"
	Module  = "cie-pkcs11.so"
	Virtual = "cie-virtual"
	Window  = "cie-gui"
)

// Variable names the environment variable with the directory of the programs.
// make test sets it after it has built them from this tree.
const Variable = "CIE_BIN"

// stamp names a build, as in the Makefile.
const stamp = "-ldflags=-X cie/cmd/internal/version.stamp=cie-build:0.0.0-dev:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c:1774088430;"

// flags are the arguments of go build for each program, as in the Makefile.
var flags = map[string][]string{
	CLI:     {stamp, "./cmd/cie"},
	Module:  {"-buildmode=c-shared", stamp + " -X runtime.godebugDefault=asyncpreemptoff=1", "./cmd/cie-pkcs11"},
	Virtual: {stamp, "./cmd/cie-virtual"},
	Window:  {stamp, "-tags", "x11,migrated_fynedo", "./cmd/cie-gui"},
}

var (
	mu    sync.Mutex
	files = map[string]result{}
)

type result struct {
	path string
	err  error
}

// File returns the path of a program: the one in the directory of Variable, or
// else one that is built into artifacts/bin, which go build does only if the
// file there is not of these sources.
func File(t testing.TB, name string) string {
	t.Helper()
	path, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Find is File for what has no test at hand.
func Find(name string) (string, error) {
	mu.Lock()
	defer mu.Unlock()
	r, ok := files[name]
	if !ok {
		r.path, r.err = find(name)
		files[name] = r
	}
	return r.path, r.err
}

func find(name string) (string, error) {
	if dir := os.Getenv(Variable); dir != "" {
		path, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s: %w", Variable, err)
		}
		return path, nil
	}
	args, ok := flags[name]
	if !ok {
		return "", fmt.Errorf("no program %q", name)
	}
	_, file, _, ok := runtime.Caller(0)
	top := filepath.Join(filepath.Dir(file), "../../../../..")
	if _, err := os.Stat(filepath.Join(top, "go.mod")); !ok || err != nil {
		return "", fmt.Errorf("tests built with -trimpath need %s", Variable)
	}
	dir := filepath.Join(top, "artifacts", "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Tests of several packages run at the same time.
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-buildvcs=false", "-o", path}, args...)...)
	cmd.Dir, cmd.Env = top, append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build of %s: %w\n%s", name, err, out)
	}
	return path, nil
}
