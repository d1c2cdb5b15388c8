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

// TestExceptionsFromTheRaceDetectorExist: the lists of packages, and of tests of the window
// and of the command line, that do without it name those of this tree only.
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
	var repeating []string
	for _, dir := range strings.Fields(names(`(?m)^repeating='([^']+)'$`)) {
		repeating = append(repeating, "cie/"+strings.TrimPrefix(dir, "./"))
	}
	for pattern, want := range map[string][]string{
		`(?m)^painted='([^']+)'$`:  {"cie/gui"},
		`(?m)^repeated='([^']+)'$`: repeating,
	} {
		for _, name := range strings.Split(names(pattern), "|") {
			found := 0
			for _, p := range all {
				if !hasTest(t, filepath.Join(root(t), strings.TrimPrefix(p, "cie/")), name) {
					continue
				}
				found++
				if !slices.Contains(want, p) {
					t.Errorf("%s is in %s, too: it would not run at all", name, p)
				}
			}
			if found == 0 {
				t.Errorf("no test %s in %q", name, want)
			}
		}
	}
}

// hasTest reports whether the package in a directory has a test.
func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(data, []byte("func "+name+"("))
	})
}
