package browsers

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDefaultModulePath(t *testing.T) {
	base := t.TempDir()
	usr, local := filepath.Join(base, "usr"), filepath.Join(base, "usr", "local")
	at := func(parts ...string) string {
		return filepath.Join(append([]string{base}, parts...)...)
	}
	want := func(what, exe, arch, path string) {
		t.Helper()
		if got := defaultModulePath(exe, usr, arch); got != path {
			t.Errorf("%s: %s, want %s", what, got, path)
		}
	}
	debian := at("usr", "lib", "aarch64-linux-gnu", "pkcs11", ModuleFile)
	want("nothing installed", at("usr", "bin", "cie"), "arm64", debian)
	want("nothing installed, unknown architecture", "", "vax", at("usr", "lib64", "pkcs11", ModuleFile))

	plain := at("usr", "local", "lib", "pkcs11", ModuleFile)
	write(t, plain, "")
	want("unpacked by hand", filepath.Join(local, "bin", "cie"), "arm64", plain)
	want("another program's prefix", at("usr", "bin", "cie"), "arm64", debian)

	lib64 := at("usr", "lib64", "pkcs11", ModuleFile)
	write(t, lib64, "")
	want("a distribution with lib64", at("usr", "bin", "cie"), "amd64", lib64)
	want("in a directory that is no bin", at("src", "cie"), "amd64", lib64)
	write(t, debian, "")
	want("the architecture's own directory first", at("usr", "bin", "cie"), "arm64", debian)
	want("not another architecture's", at("usr", "bin", "cie"), "amd64", lib64)
	want("its own prefix first", filepath.Join(local, "bin", "cie"), "arm64", plain)

	beside := at("src", "bin", ModuleFile)
	write(t, beside, "")
	want("beside the program, as built", at("src", "bin", "cie"), "amd64", beside)
	t.Chdir(at("src", "bin"))
	want("not in the working directory", "", "amd64", lib64)
}

func TestGivenModulePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ModulePath("a.so"); err != nil || got != filepath.Join(wd, "a.so") {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := ModulePath(""); err != nil || got != DefaultModulePath() {
		t.Errorf("%s, %v", got, err)
	}
}
