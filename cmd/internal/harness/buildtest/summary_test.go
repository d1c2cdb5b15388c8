//go:build unix

package buildtest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cie/cmd/internal/harness/rotation"
)

// The output at the end of make test, for trees whose tests pass, are skipped,
// fail, crash and do not build, a quarter of them a day.
func TestSummary(t *testing.T) {
	builds(t)
	const (
		passes = "func TestPass(t *testing.T) { t.Run(\"one\", func(*testing.T) {}); t.Log(\"chatter of a test that passes\") }\n"
		skips  = "func TestSkip(t *testing.T) { t.Skip(\"there is no moon tonight\") }\n"
		fails  = "func TestFail(t *testing.T) { t.Error(\"the sky is green\") }\n"
	)
	type tree map[string]string // package: the body of its test
	tests := []struct {
		name         string
		tree         tree
		counts       string
		fails        bool
		says, silent []string
	}{
		{"all pass", tree{}, "8 passed, 0 failed, 0 skipped", false, []string{"PASS  a "}, []string{"chatter", "SKIP"}},
		{"one is skipped", tree{"a": passes + skips}, "8 passed, 0 failed, 1 skipped", false,
			[]string{"SKIP: a TestSkip", "there is no moon tonight"}, []string{"chatter"}},
		{"one fails", tree{"a": passes + fails}, "8 passed, 1 failed, 0 skipped", true,
			[]string{"FAIL: a TestFail", "the sky is green"}, nil},
		{"one fails in the browsers", tree{"cmd/internal/harness/browsertest": fails}, "6 passed, 1 failed, 0 skipped", true,
			[]string{"the sky is green"}, nil},
		{"one fails in the window", tree{"cmd/cie-gui": fails}, "6 passed, 1 failed, 0 skipped", true,
			[]string{"the sky is green"}, nil},
		{"a package does not build", tree{"a": "func TestBuild(t *testing.T) { nowhere() }\n"}, "6 passed, 1 failed, 0 skipped", true,
			[]string{"undefined: nowhere"}, nil},
		{"a package crashes", tree{"a": "func TestMain(*testing.M) { panic(\"the ground shook\") }\n"}, "6 passed, 1 failed, 0 skipped", true,
			[]string{"the ground shook"}, nil},
		{"a package leaves", tree{"a": passes + "func TestZ(*testing.T) { os.Exit(3) }\n"}, "8 passed, 1 failed, 0 skipped", true,
			[]string{"FAIL: a TestZ", "artifacts/test.json"}, nil},
	}
	for _, tt := range rotation.Today(tests, 4) {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			packages := tree{"a": passes, "cmd/cie-gui": passes, "cmd/internal/harness/browsertest": passes, "cmd/internal/harness/servicetest": passes}
			maps.Copy(packages, tt.tree)
			plant(t, dir, packages)
			cmd := exec.Command("sh", ".ci/test")
			cmd.Dir, cmd.Env = dir, append(plainEnv(), "CGO_ENABLED=1")
			out, err := cmd.CombinedOutput()
			text := string(out)
			if (err != nil) != tt.fails {
				t.Errorf("exit: %v", err)
			}
			lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			if lines[len(lines)-1] != tt.counts {
				t.Errorf("the last line is %q, want %q", lines[len(lines)-1], tt.counts)
			}
			for _, s := range tt.says {
				if !strings.Contains(text, s) {
					t.Errorf("does not say %q", s)
				}
			}
			for _, s := range tt.silent {
				if strings.Contains(text, s) {
					t.Errorf("says %q", s)
				}
			}
			if t.Failed() {
				t.Logf("%s", text)
			}
		})
	}
}

// plant makes a module with the script and the packages.
func plant(t *testing.T, dir string, packages map[string]string) {
	t.Helper()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"test", "tools.mod", "tools.sum"} {
		content, err := os.ReadFile(filepath.Join(root(t), ".ci", name))
		if err != nil {
			t.Fatal(err)
		}
		write(".ci/"+name, string(content))
	}
	write("go.mod", "module cie\n\ngo 1.26.0\n")
	for name, body := range packages {
		header := ""
		if name == "cmd/cie-gui" {
			header = "//go:build x11\n\n"
		}
		base := filepath.Base(filepath.FromSlash(name))
		pkg := strings.ReplaceAll(base, "-", "")
		write(name+"/"+pkg+"_test.go", header+"package "+pkg+"\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Exit\n\n"+body)
	}
}
