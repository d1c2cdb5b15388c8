//go:build unix

package version

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cie/cmd/internal/harness/await"
)

// The script prints the version of a tree.
func TestScriptPrintsVersionOfTree(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: the version cannot come from a tag here")
	}
	source, err := os.ReadFile(filepath.Join("..", "..", "..", ".ci", "version"))
	if err != nil {
		t.Fatal(err)
	}
	plant := func(top string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(top, ".ci"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, ".ci", "version"), source, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	top := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := await.Command(t, name, args...)
		cmd.Dir = top
		// Use no git configuration of the user and a constant time.
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CEILING_DIRECTORIES="+filepath.Dir(top),
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
			"GIT_AUTHOR_DATE=1774088430 +0000", "GIT_COMMITTER_DATE=1774088430 +0000")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return strings.TrimSuffix(string(out), "\n")
	}
	want := func(pattern string, args ...string) {
		t.Helper()
		got := run("sh", append([]string{".ci/version"}, args...)...)
		if !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(got) {
			t.Errorf("version %s: %q, want %s", strings.Join(args, " "), got, pattern)
		}
	}

	plant(top)
	want(`0\.0\.0-dev`)
	want(``, "commit")
	want(``, "time")

	run("git", "init", "--quiet")
	want(`0\.0\.0-dev`)
	run("git", "add", ".")
	run("git", "commit", "--quiet", "-m", "first")
	want(`0\.0\.0-dev`)
	want(`[0-9a-f]{40}`, "commit")
	want(`1774088430`, "time")

	run("git", "tag", "experiment")
	want(`0\.0\.0-dev`)
	run("git", "tag", "v1.2.3")
	want(`1\.2\.3`)
	change := func() {
		if err := os.WriteFile(filepath.Join(top, ".ci", "version"), append(source, '\n'), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	change()
	want(`1\.2\.3\+dirty`)
	run("git", "commit", "--quiet", "-a", "-m", "second")
	want(`1\.2\.3\+1\.g[0-9a-f]+`)
	if err := os.WriteFile(filepath.Join(top, ".ci", "version"), source, 0o755); err != nil {
		t.Fatal(err)
	}
	want(`1\.2\.3\+1\.g[0-9a-f]+\.dirty`)
	change()
	run("git", "tag", "v2.0.0-rc.1")
	want(`2\.0\.0-rc\.1`)

	// A tree unpacked inside of this checkout is not it.
	outer := top
	top = filepath.Join(outer, "unpacked")
	plant(top)
	want(`0\.0\.0-dev`)
	want(``, "commit")
}
