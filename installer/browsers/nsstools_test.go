package browsers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nssTool runs one of NSS's own tools. NSS is the reader these files are for.
func nssTool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (package libnss3-tools)", name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// standInModule returns a PKCS#11 module that exists wherever p11-kit is installed.
func standInModule(t *testing.T) string {
	t.Helper()
	for _, p := range []string{"/usr/lib/*/pkcs11/p11-kit-trust.so", "/usr/lib64/pkcs11/p11-kit-trust.so", "/usr/lib/*/softhsm/libsofthsm2.so"} {
		if m, _ := filepath.Glob(p); len(m) > 0 {
			return m[0]
		}
	}
	t.Skip("no PKCS#11 module installed (package p11-kit-modules or softhsm2)")
	return ""
}

// modutil must list the registered module: in a database that NSS created, in a new
// one, and in unusual files.
func TestModutilListsRegisteredModule(t *testing.T) {
	module := standInModule(t)
	if _, err := exec.LookPath("modutil"); err != nil {
		t.Skip("modutil is not installed (package libnss3-tools)")
	}
	other := filepath.Join(t.TempDir(), "other.so")
	if err := os.Symlink(module, other); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(t *testing.T, dir string){
		"made by NSS": func(t *testing.T, dir string) {
			nssTool(t, "certutil", "-d", "sql:"+dir, "-N", "--empty-password")
		},
		"missing": func(t *testing.T, dir string) { os.Remove(dir) },
		"databases without pkcs11.txt": func(t *testing.T, dir string) {
			nssTool(t, "certutil", "-d", "sql:"+dir, "-N", "--empty-password")
			os.Remove(filepath.Join(dir, "pkcs11.txt"))
		},
		"no line break at the end": func(t *testing.T, dir string) {
			nssTool(t, "certutil", "-d", "sql:"+dir, "-N", "--empty-password")
			p := filepath.Join(dir, "pkcs11.txt")
			write(t, p, strings.TrimRight(read(t, p), "\n"))
		},
		"carriage returns and comments": func(t *testing.T, dir string) {
			nssTool(t, "certutil", "-d", "sql:"+dir, "-N", "--empty-password")
			p := filepath.Join(dir, "pkcs11.txt")
			write(t, p, "# kept\r\n"+strings.ReplaceAll(read(t, p), "\n", "\r\n"))
		},
	}
	for name, setup := range tests {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.Module = module
			dir := filepath.Join(e.Home, ".pki/nssdb")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			setup(t, dir)
			before := tree(t, e.Home)
			tg := e.sharedNSS()[0]
			if _, err := tg.Install(); err != nil {
				t.Fatal(err)
			}
			registered := read(t, tg.Path())
			if !exists(filepath.Join(dir, "cert9.db")) {
				// NSS makes its databases when a program first opens them.
				nssTool(t, "certutil", "-d", "sql:"+dir, "-N", "--empty-password")
			}
			list := nssTool(t, "modutil", "-dbdir", "sql:"+dir, "-list")
			if !strings.Contains(list, ModuleName) || !strings.Contains(list, "library name: "+module) || strings.Contains(list, "ERROR") {
				t.Fatalf("NSS does not have the module:\n%s", list)
			}
			if !strings.Contains(list, "NSS Internal PKCS #11 Module") {
				t.Fatalf("NSS lost its own module:\n%s", list)
			}
			if got := read(t, tg.Path()); got != registered {
				t.Errorf("NSS rewrote the file:\n%s", got)
			}

			// NSS adds and deletes another module; ours stays.
			nssTool(t, "modutil", "-dbdir", "sql:"+dir, "-force", "-add", "CIE", "-libfile", other)
			nssTool(t, "modutil", "-dbdir", "sql:"+dir, "-force", "-delete", "CIE")
			list = nssTool(t, "modutil", "-dbdir", "sql:"+dir, "-list")
			if !strings.Contains(list, ModuleName) {
				t.Fatalf("NSS deleted our module with another:\n%s", list)
			}

			if _, err := tg.Remove(); err != nil {
				t.Fatal(err)
			}
			list = nssTool(t, "modutil", "-dbdir", "sql:"+dir, "-list")
			if strings.Contains(list, ModuleName) {
				t.Fatalf("NSS still has the module:\n%s", list)
			}
			if b, ok := before["/.pki/nssdb/pkcs11.txt"]; ok {
				if got := tree(t, e.Home)["/.pki/nssdb/pkcs11.txt"]; got != b {
					t.Errorf("restored to %q\nwas %q", got, b)
				}
			}
		})
	}
}

// What modutil -add writes is recognised, and what we write is
// what modutil -add writes.
func TestModutilFormIsKept(t *testing.T) {
	module := standInModule(t)
	e := newEnv(t)
	e.Module = module
	dir := filepath.Join(e.Home, ".pki/nssdb")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	nssTool(t, "certutil", "-d", "sql:"+dir, "-N", "--empty-password")
	tg := e.sharedNSS()[0]
	original := read(t, tg.Path())
	nssTool(t, "modutil", "-dbdir", "sql:"+dir, "-force", "-add", ModuleName, "-libfile", module)
	// modutil adds this line for a module with trust anchors.
	theirs := strings.ReplaceAll(read(t, tg.Path()), "NSS=trustOrder=100    \n", "")
	if s := tg.State(); s.Status != Registered {
		t.Errorf("registered by modutil: %+v", s)
	}
	write(t, tg.Path(), original)
	if _, err := tg.Install(); err != nil {
		t.Fatal(err)
	}
	if ours := read(t, tg.Path()); ours != theirs {
		t.Errorf("we write\n%s\nmodutil writes\n%s", ours, theirs)
	}
}
