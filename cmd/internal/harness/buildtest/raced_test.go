//go:build unix

package buildtest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRacedPackagesHaveGoroutinesOrLocks: make test runs packages with goroutines
// or locks under the race detector, others without it.
func TestRacedPackagesHaveGoroutinesOrLocks(t *testing.T) {
	raced := strings.Fields(run(t, root(t), nil, "sh", ".ci/test", "raced", "./..."))
	for _, name := range []string{"cie/apdu/pcsc", "cie/card", "cie/card/cardtest", "cie/card/state", "cie/cmd/cie", "cie/gui", "cie/pkcs11mod"} {
		if !slices.Contains(raced, name) {
			t.Errorf("%s does not run under the race detector", name)
		}
	}
	for _, name := range []string{"cie/card/domain", "cie/card/ades/pdf", "cie/cmd/internal/harness/windowstest", "cie/cmd/internal/harness/browsertest"} {
		if slices.Contains(raced, name) {
			t.Errorf("%s runs under the race detector", name)
		}
	}
}

// TestExceptionsFromTheRaceDetectorExist: the lists of packages and of tests of the window
// that do without it name those of this tree only.
func TestExceptionsFromTheRaceDetectorExist(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(root(t), ".ci", "test"))
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern string) string {
		list := regexp.MustCompile(pattern).FindSubmatch(script)
		if list == nil {
			t.Fatalf("no %s in .ci/test", pattern)
		}
		return string(list[1])
	}
	all := strings.Fields(run(t, root(t), nil, "go", "list", "./..."))
	for _, name := range strings.Fields(names(`(?m)^unraced="([^"]+)"$`)) {
		if !slices.Contains(all, "cie/"+name) {
			t.Errorf("no package %s", name)
		}
	}
	files, err := filepath.Glob(filepath.Join(root(t), "gui", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var tests []byte
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, data...)
	}
	for _, name := range strings.Split(names(`(?m)^painted='([^']+)'$`), "|") {
		if !bytes.Contains(tests, []byte("func "+name+"(")) {
			t.Errorf("no test %s in gui", name)
		}
	}
}
