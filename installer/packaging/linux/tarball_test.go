//go:build linux

package linux

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// unpack unpacks the tarball and returns its directory.
func unpack(t *testing.T) string {
	t.Helper()
	file := tarball(t, runtime.GOARCH)
	dir := t.TempDir()
	run(t, dir, "tar", "-xzf", file)
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(found) != 1 || filepath.Base(found[0]) != strings.TrimSuffix(filepath.Base(file), ".tar.gz") {
		t.Fatalf("the tarball contains %q, %v", found, err)
	}
	return found[0]
}

// After installing twice and removing below a directory, the tree is unchanged,
// whether it was empty or contained files of others.
func TestTarballLeavesNothingBehind(t *testing.T) {
	dir := unpack(t)
	for prefix, states := range map[string][]bool{"/usr/local": {false, true}, "/usr": {true}, "/opt/a b": {false}} {
		for _, used := range states {
			root := t.TempDir()
			// The prefix is created and removed; its parent exists.
			if err := os.MkdirAll(filepath.Join(root, filepath.Dir(prefix)), 0o755); err != nil {
				t.Fatal(err)
			}
			if used {
				for _, name := range []string{"bin/other", "lib64/pkcs11/other.so", "share/man/man1/other.1", "share/cie/note"} {
					path := filepath.Join(root, prefix, name)
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			before := tree(t, root)
			for range 2 {
				run(t, dir, "sh", "install.sh", "--prefix", prefix, "--destdir="+root)
			}
			module := "lib/pkcs11/cie-pkcs11.so"
			if used {
				module = "lib64/pkcs11/cie-pkcs11.so"
			}
			for _, name := range []string{"bin/cie", "bin/cie-gui", "bin/cie-virtual", module, "share/applications/cie-gui.desktop"} {
				if _, err := os.Stat(filepath.Join(root, prefix, name)); err != nil {
					t.Error(err)
				}
			}
			if got := strings.TrimSpace(run(t, root, filepath.Join(root, prefix, "bin/cie"), "--version")); !strings.HasPrefix(got, "cie ") {
				t.Errorf("cie --version: %q", got)
			}
			if prefix == "/usr/local" && !used {
				golden(t, "tarball.txt", list(t, root, runtime.GOARCH))
			}
			run(t, root, "sh", filepath.Join(root, prefix, "share/cie/uninstall.sh"), "--no-register")
			after := tree(t, root)
			if after != before {
				t.Errorf("%s (used %v): is\n%s\nwant\n%s", prefix, used, after, before)
			}
		}
	}
}

// TestInterruptedInstallationIsRepeatedOrRemoved: what a killed install.sh left beside the
// places of its files is neither installed by the next one nor left by the removal.
func TestInterruptedInstallationIsRepeatedOrRemoved(t *testing.T) {
	dir, root := unpack(t), t.TempDir()
	before := tree(t, root)
	interrupt := func() {
		for _, in := range []string{"bin", "share/man/man1"} {
			left := filepath.Join(root, "opt", in, "cie.new")
			if err := os.Mkdir(left, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(left, "half"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	install := func() string {
		run(t, dir, "sh", "install.sh", "--prefix", "/opt", "--destdir="+root)
		return tree(t, root)
	}
	whole := install()
	interrupt()
	if again := install(); again != whole {
		t.Errorf("is\n%s\nwant\n%s", again, whole)
	}
	interrupt()
	run(t, root, "sh", filepath.Join(root, "opt/share/cie/uninstall.sh"), "--no-register")
	if after := tree(t, root); after != before {
		t.Errorf("is\n%s\nwant\n%s", after, before)
	}
}

// tree lists every file and directory with its content.
func tree(t *testing.T, root string) string {
	t.Helper()
	return run(t, root, "sh", "-c", `find . -printf '%M %p %l\n' | LC_ALL=C sort -k 2; find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2`)
}

// Errors are reported in the user's language, and nothing is changed.
func TestTarballRefusesWrongUse(t *testing.T) {
	dir := unpack(t)
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "usr/bin/cie"), []byte("of a package"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)
	tests := []struct {
		lang string
		args []string
		want string
	}{
		{"C", []string{"--prefix=/usr", "--destdir", root}, "There is another installation in /usr"},
		{"it_IT.UTF-8", []string{"--prefix=/usr", "--destdir", root}, "In /usr c'è già un'altra installazione"},
		{"C", []string{"--prefix=usr", "--destdir", root}, "must begin with /"},
		{"it_IT.UTF-8", []string{"--prefix"}, "manca la cartella"},
		{"C", []string{"--frobnicate"}, "Usage:"},
		{"it_IT.UTF-8", []string{"--frobnicate"}, "Uso:"},
	}
	for _, tt := range tests {
		cmd := exec.Command("sh", append([]string{filepath.Join(dir, "install.sh")}, tt.args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + root, "LANG=" + tt.lang}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s %q: %v\n%s", tt.lang, tt.args, err, out)
		}
	}
	if after := tree(t, root); after != before {
		t.Errorf("is\n%s\nwant\n%s", after, before)
	}
	cmd := exec.Command("sh", filepath.Join(dir, "files/share/cie/uninstall.sh"))
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "share/cie/installed") {
		t.Errorf("uninstall.sh where nothing is installed: %v\n%s", err, out)
	}
}

// The scripts are for any shell, and free of the usual mistakes.
func TestScriptsPassShellcheck(t *testing.T) {
	need(t, "shellcheck")
	scripts := []string{"build", "sysroot", "tar/install.sh", "tar/uninstall.sh", "rpm/cie.post", "rpm/cie.preun"}
	debs, err := filepath.Glob("deb/cie.p*")
	if err != nil || len(debs) != 3 {
		t.Fatalf("%q, %v", debs, err)
	}
	run(t, ".", append(append([]string{"shellcheck", "--norc", "--shell=sh"}, scripts...), debs...)...)
}
