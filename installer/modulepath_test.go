package installer

import (
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
}
