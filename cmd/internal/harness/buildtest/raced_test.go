//go:build unix

package buildtest

import (
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

// TestExceptionsFromTheRaceDetectorExist: the list of packages that do without it
// names packages of this tree only.
func TestExceptionsFromTheRaceDetectorExist(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(root(t), ".ci", "test"))
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^unraced="([^"]+)"$`).FindSubmatch(script)
	if list == nil {
		t.Fatal("no list in .ci/test")
	}
	all := strings.Fields(run(t, root(t), nil, "go", "list", "./..."))
	for _, name := range strings.Fields(string(list[1])) {
		if !slices.Contains(all, "cie/"+name) {
			t.Errorf("no package %s", name)
		}
	}
}
