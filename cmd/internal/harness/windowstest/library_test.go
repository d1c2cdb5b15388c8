//go:build linux

package windowstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLibrariesComeFromTheSystem: a library that lies beside the program, as in
// a folder of downloads, is not loaded in the place of one of the system.
func TestLibrariesComeFromTheSystem(t *testing.T) {
	boot(t)
	dir := t.TempDir()
	copyTo := func(name, from string) string {
		t.Helper()
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.WriteFile(to, b, 0o755); err != nil {
			t.Fatal(err)
		}
		return to
	}
	library := filepath.Join(work, "planted.dll")
	if _, err := output(exec.Command(compiler, "-O1", "-Wall", "-Werror", "-shared", "-o", library, "testdata/planted.c")); err != nil {
		t.Fatal(err)
	}
	var planted []string
	for _, name := range []string{"winscard.dll", "wtsapi32.dll", "bcryptprimitives.dll"} {
		planted = append(planted, copyTo(name, library))
	}
	exe := copyTo("cie.exe", cie(t))
	module := copyTo("cie-pkcs11.dll", filepath.Join(programs(t), "cie-pkcs11.dll"))
	host := copyTo("module.exe", compile(t, "module"))
	loaded := func(when string) {
		t.Helper()
		for _, p := range planted {
			if os.Remove(p+".was") == nil {
				t.Errorf("%s: %s was loaded from beside the program", when, filepath.Base(p))
			}
		}
	}
	// The test sees it when one is loaded.
	// Wine prefers libraries of its own without being asked for others.
	env := []string{"WINEDLLOVERRIDES=winscard,wtsapi32,bcryptprimitives=n,b;mscoree,mshtml="}
	in := func(code int, exe string, args ...string) {
		t.Helper()
		if r := runIn(t, "", "", env, exe, args...); r.code != code {
			t.Errorf("%s %v: exit code %d, want %d\n%s%s", filepath.Base(exe), args, r.code, code, r.stdout, r.stderr)
		}
	}
	in(0, compile(t, "hold"), windowsPath(planted[0]))
	if os.Remove(planted[0]+".was") != nil {
		t.Fatal("a library that is loaded leaves no trace")
	}
	in(3, exe, "readers")
	loaded("cie readers")
	in(0, exe, "browsers", "status", "--module", windowsPath(module))
	loaded("cie browsers status")
	in(0, host, windowsPath(module), "finished", "CIE")
	loaded("the module in another program")
}
