//go:build linux

package windowstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cie/cmd/internal/harness/rotation"
)

// TestServiceScripts runs the scripts of the command line with cie.exe, against
// PC/SC services with the readers and cards that they describe
// (cmd/cie/wine_linux_test.go), a quarter of them a day. What only the program for Linux can do
// has a condition in the script: [program:linux].
func TestServiceScripts(t *testing.T) {
	t.Parallel()
	s := startService(t)
	scripts := filepath.Join(s.dir, "scripts")
	if err := os.MkdirAll(scripts, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := output(exec.Command("go", "test", "-c", "-o", filepath.Join(scripts, "cie.test"), "cie/cmd/cie")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(scripts, "testdata"), os.DirFS("../../../cie/testdata")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../../cie/testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, file := range rotation.Today(files, 4) {
		want = append(want, strings.TrimSuffix(filepath.Base(file), ".txtar"))
	}
	cmd := s.command("sh", "-c", `cd /mnt/scripts && CIE_TEST_WINE='Z:\mnt' exec ./cie.test -test.v -test.parallel 4 -test.run '^(TestCardLifeInProcess|TestScripts)$/^(`+strings.Join(want, "|")+`)$'`)
	r := execute(t, cmd, "")
	passed, skipped := strings.Count(r.stdout, "\n    --- PASS: "), strings.Count(r.stdout, "\n    --- SKIP: ")
	if r.code != 0 || passed == 0 || passed+skipped != len(want) {
		t.Fatalf("exit code %d, %d of %d scripts passed, %d are of Linux\n%s%s", r.code, passed, len(want), skipped, r.stdout, r.stderr)
	}
	t.Logf("%d of %d scripts passed, %d are of Linux", passed, len(want), skipped)
}
