package browsers

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// internalStanza is what NSS 3.87 writes for a new database.
const internalStanza = "library=\nname=NSS Internal PKCS #11 Module\n" +
	"parameters=configdir='sql:/home/x' certPrefix='' keyPrefix='' secmod='secmod.db' flags=optimizeSpace updatedir='' updateCertPrefix='' updateKeyPrefix='' updateid='' updateTokenDescription='' \n" +
	"NSS=Flags=internal,critical trustOrder=75 cipherOrder=100 slotParams=(1={slotFlags=[ECC,RSA,DSA,DH,RC2,RC4,DES,RANDOM,SHA1,MD5,MD2,SSL,TLS,AES,Camellia,SEED,SHA256,SHA512] askpw=any timeout=30})\n\n"

// newEnv makes an empty home, an empty system and a module file.
func newEnv(t testing.TB) *Env {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home, root := filepath.Join(base, "home"), filepath.Join(base, "root")
	e := &Env{
		Home: home, Root: root, Proc: filepath.Join(base, "proc"), Host: "host",
		Module: filepath.Join(base, "lib", ModuleFile), UID: os.Geteuid(), SudoUID: -1,
		ConfigHome: filepath.Join(home, ".config"), DataHome: filepath.Join(home, ".local/share"),
		StateHome: filepath.Join(home, ".local/state"), RuntimeDir: filepath.Join(base, "run"),
	}
	for _, d := range []string{home, filepath.Join(root, "etc"), e.Proc, filepath.Dir(e.Module)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, e.Module, "\x7fELF")
	return e
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tree returns everything below a directory: names, modes, contents, link targets.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		v := fi.Mode().String()
		switch {
		case fi.Mode().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			v += " " + string(b)
		case fi.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			v += " -> " + to
		}
		m[strings.TrimPrefix(p, dir)] = v
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sameTree(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	for _, p := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[p]; !ok {
			t.Errorf("%s: %s is gone", what, p)
		} else if g != want[p] {
			t.Errorf("%s: %s\nwas %q\nis  %q", what, p, want[p], g)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[p]; !ok {
			t.Errorf("%s: %s is new: %q", what, p, got[p])
		}
	}
}

func firefoxHome(t testing.TB, root string, profiles ...string) {
	t.Helper()
	var ini strings.Builder
	for i, p := range profiles {
		relative := 1
		if filepath.IsAbs(p) {
			relative = 0
		}
		fmt.Fprintf(&ini, "[Profile%d]\nName=p%d\nIsRelative=%d\nPath=%s\n\n", i, i, relative, p)
		dir := p
		if relative == 1 {
			dir = filepath.Join(root, p)
		}
		write(t, filepath.Join(dir, "pkcs11.txt"), internalStanza)
		write(t, filepath.Join(dir, "cert9.db"), "db")
	}
	write(t, filepath.Join(root, "profiles.ini"), ini.String())
}

func installFirefox(t testing.TB, e *Env, version string) {
	t.Helper()
	write(t, e.sys("/usr/lib/firefox-esr/application.ini"), "[App]\nName=Firefox\nVersion="+version+"\n")
}

// The module is registered twice in homes of many kinds, and unregistered twice.
func TestDisableRestoresEveryHome(t *testing.T) {
	everything := Options{User: true, System: true, AutoSelect: DefaultAutoSelect}
	tests := []struct {
		name  string
		setup func(t *testing.T, e *Env)
		// targets are suffixes of paths that must be registered.
		targets []string
		absent  []string // paths that must not be there when enabled
	}{
		{
			name: "empty home", setup: func(t *testing.T, e *Env) {},
			targets: []string{"/.pki/nssdb/pkcs11.txt", "/.local/share/pki/nssdb/pkcs11.txt", "/pkcs11/modules/cie-pkcs11.module", "/policies.json", "/etc/opt/chrome/policies/managed/cie-certificate.json"},
			absent:  []string{"/.mozilla", "/.config/mozilla"},
		},
		{
			name: "firefox never started", setup: func(t *testing.T, e *Env) { installFirefox(t, e, "153.7.0") },
			targets: []string{"/.config/mozilla/firefox/cie.default/pkcs11.txt"},
		},
		{
			name: "old firefox never started", setup: func(t *testing.T, e *Env) { installFirefox(t, e, "128.3.0") },
			targets: []string{"/.mozilla/firefox/cie.default/pkcs11.txt"},
		},
		{
			name: "firefox with profiles", setup: func(t *testing.T, e *Env) {
				installFirefox(t, e, "128.3.0")
				firefoxHome(t, filepath.Join(e.Home, ".mozilla/firefox"), "a.default", "b.work", filepath.Join(e.Home, "elsewhere/c"))
				write(t, filepath.Join(e.Home, ".mozilla/firefox/installs.ini"), "[ABC]\nDefault=d.inst\nLocked=1\n")
				write(t, filepath.Join(e.Home, ".mozilla/firefox/d.inst/prefs.js"), "// no pkcs11.txt yet")
			},
			targets: []string{"a.default/pkcs11.txt", "b.work/pkcs11.txt", "/elsewhere/c/pkcs11.txt", "d.inst/pkcs11.txt"},
			absent:  []string{"/.config/mozilla", "/.mozilla/firefox/cie.default"},
		},
		{
			name: "both profile roots, thunderbird, librewolf", setup: func(t *testing.T, e *Env) {
				firefoxHome(t, filepath.Join(e.Home, ".mozilla/firefox"), "a")
				firefoxHome(t, filepath.Join(e.Home, ".config/mozilla/firefox"), "b")
				firefoxHome(t, filepath.Join(e.Home, ".thunderbird"), "mail.default")
				firefoxHome(t, filepath.Join(e.Home, ".librewolf"), "wolf")
			},
			targets: []string{"/.mozilla/firefox/a/pkcs11.txt", "/mozilla/firefox/b/pkcs11.txt", "/.thunderbird/mail.default/pkcs11.txt", "/.librewolf/wolf/pkcs11.txt"},
		},
		{
			name: "newer shared database in use", setup: func(t *testing.T, e *Env) {
				write(t, filepath.Join(e.DataHome, "pki/nssdb/cert9.db"), "db")
				write(t, filepath.Join(e.DataHome, "pki/nssdb/pkcs11.txt"), internalStanza)
			},
			targets: []string{"/.local/share/pki/nssdb/pkcs11.txt"},
			absent:  []string{"/.pki"},
		},
		{
			name: "older shared database, odd file", setup: func(t *testing.T, e *Env) {
				write(t, filepath.Join(e.Home, ".pki/nssdb/cert9.db"), "db")
				// Without a line break at the end: the registration must end the line, and
				// Remove must remove that line break.
				write(t, filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt"), "# mine\r\n"+strings.TrimRight(internalStanza, "\n"))
			},
			targets: []string{"/.pki/nssdb/pkcs11.txt", "/.local/share/pki/nssdb/pkcs11.txt"},
		},
		{
			name: "symbolic links", setup: func(t *testing.T, e *Env) {
				write(t, filepath.Join(e.Home, "dotfiles/nssdb/pkcs11.txt"), internalStanza)
				os.MkdirAll(filepath.Join(e.Home, ".pki"), 0o700)
				os.Symlink("../dotfiles/nssdb", filepath.Join(e.Home, ".pki/nssdb"))
				write(t, filepath.Join(e.Home, "dotfiles/p11.txt"), internalStanza)
				os.MkdirAll(filepath.Join(e.DataHome, "pki/nssdb"), 0o700)
				os.Symlink("../../../../dotfiles/p11.txt", filepath.Join(e.DataHome, "pki/nssdb/pkcs11.txt"))
			},
			targets: []string{"/.pki/nssdb/pkcs11.txt", "/.local/share/pki/nssdb/pkcs11.txt"},
		},
		{
			name: "evolution", setup: func(t *testing.T, e *Env) {
				write(t, filepath.Join(e.DataHome, "evolution/cert9.db"), "db")
			},
			targets: []string{"/evolution/pkcs11.txt"},
		},
		{
			name: "policies of others", setup: func(t *testing.T, e *Env) {
				write(t, e.sys(FirefoxPolicyPath), "{\n\t\"policies\": {\n\t\t\"BlockAboutConfig\": true,\n\t\t\"SecurityDevices\": {\"Add\": {\"Other\": \"/x.so\"}}\n\t}\n}")
				write(t, e.sys("/etc/chromium/policies/managed/company.json"), `{"HomepageLocation":"https://example.org"}`)
			},
			targets: []string{"/policies.json", "/etc/chromium/policies/managed/cie-certificate.json"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			tt.setup(t, e)
			homeBefore, rootBefore := tree(t, e.Home), tree(t, e.Root)

			for i, r := range PlanEnable(e.Targets(everything)).Run(nil) {
				if r.Err != nil {
					t.Fatalf("enable %d %s: %v", i, r.Target.ID(), r.Err)
				}
				if r.After.Status != Registered && r.Action != ActionSkip {
					t.Errorf("%s is %v after enabling", r.Target.ID(), r.After)
				}
			}
			states := map[string]State{}
			for _, tg := range e.Targets(everything) {
				states[tg.Path()] = tg.State()
			}
			for _, suffix := range tt.targets {
				found := false
				for p, s := range states {
					if strings.HasSuffix(p, suffix) {
						found = true
						if s.Status != Registered {
							t.Errorf("%s: %+v", p, s)
						}
					}
				}
				if !found {
					t.Errorf("no target %s among %v", suffix, slices.Sorted(maps.Keys(states)))
				}
			}
			for _, p := range tt.absent {
				if exists(filepath.Join(e.Home, p)) {
					t.Errorf("%s was created", p)
				}
			}
			enabled := tree(t, e.Home)
			for _, r := range PlanEnable(e.Targets(everything)).Run(nil) {
				if r.Err != nil || r.Change.Changed {
					t.Errorf("enabling again: %s changed %v, error %v", r.Target.ID(), r.Change, r.Err)
				}
			}
			sameTree(t, "enabled twice", enabled, tree(t, e.Home))

			for _, r := range PlanDisable(e.Targets(everything)).Run(nil) {
				if r.Err != nil {
					t.Fatalf("disable %s: %v", r.Target.ID(), r.Err)
				}
			}
			sameTree(t, "home after disabling", homeBefore, tree(t, e.Home))
			after := tree(t, e.Root)
			for _, p := range []string{"/var", "/var/lib", "/var/lib/cie", "/var/lib/cie/installer"} {
				if _, ok := rootBefore[p]; !ok {
					if _, ok := after[p]; ok {
						t.Errorf("%s is left", p)
					}
				}
			}
			sameTree(t, "system after disabling", rootBefore, after)
			for _, r := range PlanDisable(e.Targets(everything)).Run(nil) {
				if r.Err != nil || r.Change.Changed {
					t.Errorf("disabling again: %s changed %v, error %v", r.Target.ID(), r.Change, r.Err)
				}
			}
			sameTree(t, "disabled twice", homeBefore, tree(t, e.Home))
		})
	}
}

// Remove keeps what a browser or an administrator writes after Install.
func TestRemoveKeepsChangesOfOthers(t *testing.T) {
	e := newEnv(t)
	db := filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt")
	write(t, db, internalStanza)
	policy := e.sys(FirefoxPolicyPath)
	write(t, policy, `{"policies": {"DisableTelemetry": true}}`)
	targets := e.Targets(Options{User: true, System: true})
	if res := PlanEnable(targets).Run(nil); !OK(res) {
		t.Fatalf("enable: %+v", res)
	}
	other := "library=/usr/lib/opensc-pkcs11.so\nname=OpenSC\n\n"
	write(t, db, read(t, db)+other)
	write(t, policy, strings.Replace(read(t, policy), "true", "false", 1))
	if res := PlanDisable(targets).Run(nil); !OK(res) {
		t.Fatalf("disable: %+v", res)
	}
	if got := read(t, db); got != internalStanza+other {
		t.Errorf("pkcs11.txt: %q", got)
	}
	if got := read(t, policy); got != `{"policies": {"DisableTelemetry": false}}` {
		t.Errorf("policies.json: %s", got)
	}
	if exists(e.StateHome) || exists(e.sys("/var")) {
		t.Error("the journal was left behind")
	}
}

// If NSS creates its databases beside a pkcs11.txt that Install created, Remove
// removes the registration and keeps the databases.
func TestRemoveKeepsDatabasesOfNSS(t *testing.T) {
	e := newEnv(t)
	targets := e.Targets(Options{User: true})
	PlanEnable(targets).Run(nil)
	db := filepath.Join(e.Home, ".pki/nssdb")
	write(t, filepath.Join(db, "cert9.db"), "db")
	if res := PlanDisable(targets).Run(nil); !OK(res) {
		t.Fatalf("disable: %+v", res)
	}
	if exists(filepath.Join(db, "pkcs11.txt")) || !exists(filepath.Join(db, "cert9.db")) || exists(e.StateHome) || exists(e.DataHome) {
		t.Errorf("left: %v", slices.Sorted(maps.Keys(tree(t, e.Home))))
	}
}

// Install corrects a registration of an older path, and Remove does not restore the
// older path.
func TestMovedModuleIsCorrected(t *testing.T) {
	e := newEnv(t)
	db := filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt")
	write(t, db, internalStanza+"library=/opt/old/"+ModuleFile+"\nname=My card\nNSS=trustOrder=100\n\n")
	tg := e.sharedNSS()[0]
	if s := tg.State(); s.Status != Elsewhere || s.Module != "/opt/old/"+ModuleFile {
		t.Fatalf("state %+v", s)
	}
	if _, err := tg.Install(); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, db), internalStanza+"library="+e.Module+"\nname=My card\nNSS=trustOrder=100\n\n"; got != want {
		t.Errorf("corrected to %q", got)
	}
	if _, err := tg.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, db); got != internalStanza {
		t.Errorf("removed to %q", got)
	}
}

// The first profile belongs to the user once Firefox has used it.
func TestRemoveKeepsUsedFirstProfile(t *testing.T) {
	e := newEnv(t)
	installFirefox(t, e, "153.7.0")
	o := Options{User: true}
	if res := PlanEnable(e.Targets(o)).Run(nil); !OK(res) {
		t.Fatalf("enable: %+v", res)
	}
	root := filepath.Join(e.ConfigHome, "mozilla/firefox")
	write(t, filepath.Join(root, "cie.default/prefs.js"), "// used")
	write(t, filepath.Join(root, "cie.default/cert9.db"), "db")
	if s := e.Targets(o)[0].State(); s.Status != Registered {
		t.Fatalf("state %+v", s)
	}
	if res := PlanDisable(e.Targets(o)).Run(nil); !OK(res) {
		t.Fatalf("disable: %+v", res)
	}
	if exists(filepath.Join(root, "cie.default/pkcs11.txt")) {
		t.Error("still registered")
	}
	for _, p := range []string{"profiles.ini", "cie.default/prefs.js", "cie.default/compatibility.ini"} {
		if !exists(filepath.Join(root, p)) {
			t.Errorf("%s is gone", p)
		}
	}
	if exists(e.StateHome) {
		t.Error("the journal was left behind")
	}
}

func TestModesAndOwnerKept(t *testing.T) {
	e := newEnv(t)
	db := filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt")
	write(t, db, internalStanza)
	if err := os.Chmod(db, 0o640); err != nil {
		t.Fatal(err)
	}
	tg := e.sharedNSS()[0]
	for _, f := range []func() (Change, error){tg.Install, tg.Remove} {
		if c, err := f(); err != nil || !c.Changed {
			t.Fatal(c, err)
		}
		fi, err := os.Stat(db)
		if err != nil || fi.Mode().Perm() != 0o640 {
			t.Fatalf("mode %v, error %v", fi.Mode(), err)
		}
	}
	modern := e.sharedNSS()[1]
	if _, err := modern.Install(); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(modern.Path())
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("new file has mode %v", fi.Mode())
	}
	if fi, err = os.Stat(filepath.Dir(modern.Path())); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("new directory has mode %v", fi.Mode())
	}
}

func TestTreeSeesChanges(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "1")
	before := tree(t, dir)
	write(t, filepath.Join(dir, "a"), "2")
	if maps.Equal(before, tree(t, dir)) {
		t.Fatal("a changed file looks the same")
	}
	if !bytes.Contains([]byte(before["/a"]), []byte("1")) {
		t.Fatalf("tree %q", before)
	}
}
