package browsers

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The test program calls itself: with this variable set it does one step in a
// home made by its parent and may be killed on the way.
const helperVar = "CIE_INSTALLER_TEST_HELPER"

func TestMain(m *testing.M) {
	if stage := os.Getenv(helperVar); stage != "" {
		os.Exit(helper(stage))
	}
	os.Exit(m.Run())
}

// helper installs or removes in the home and kills itself by SIGKILL at the given stage.
func helper(spec string) int {
	what, stage, _ := strings.Cut(spec, "@")
	base := os.Getenv(helperVar + "_BASE")
	e := helperEnv(base)
	if stage != "" {
		e.hook = func(s, path string) {
			if s == stage && filepath.Base(path) == "pkcs11.txt" {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
	}
	targets := e.Targets(Options{User: true})
	plan := PlanEnable(targets)
	if what == "remove" {
		plan = PlanDisable(targets)
	}
	for _, r := range plan.Run(nil) {
		if r.Err != nil {
			os.Stderr.WriteString(r.Target.ID() + ": " + r.Err.Error() + "\n")
			return 1
		}
	}
	return 0
}

func helperEnv(base string) *Env {
	home := filepath.Join(base, "home")
	return &Env{
		Home: home, Root: filepath.Join(base, "root"), Proc: filepath.Join(base, "proc"),
		Module: filepath.Join(base, "lib", ModuleFile), UID: os.Geteuid(), SudoUID: -1,
		ConfigHome: filepath.Join(home, ".config"), DataHome: filepath.Join(home, ".local/share"),
		StateHome: filepath.Join(home, ".local/state"),
	}
}

func runHelper(t *testing.T, e *Env, spec string) error {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), helperVar+"="+spec, helperVar+"_BASE="+filepath.Dir(e.Home))
	out, err := cmd.CombinedOutput()
	if len(out) > 0 {
		t.Logf("%s: %s", spec, out)
	}
	return err
}

// After SIGKILL at any stage of a write the file is the old or the new one, a second
// run completes, and disabling restores everything.
func TestKilledProcessLeavesWholeFiles(t *testing.T) {
	for _, what := range []string{"install", "remove"} {
		for _, stage := range []string{stageJournal, stageTemp, stageRenamed} {
			if what == "remove" && stage == stageJournal {
				continue // removing writes no record
			}
			t.Run(what+" "+stage, func(t *testing.T) {
				e := newEnv(t)
				db := filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt")
				write(t, db, internalStanza)
				firefoxHome(t, filepath.Join(e.Home, ".mozilla/firefox"), "a")
				before := tree(t, e.Home)
				if what == "remove" {
					if err := runHelper(t, e, "install"); err != nil {
						t.Fatal(err)
					}
				}
				err := runHelper(t, e, what+"@"+stage)
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the program was not killed: %v", err)
				}
				registered := pkcs11Txt{e.Module}
				for _, p := range []string{db, filepath.Join(e.Home, ".mozilla/firefox/a/pkcs11.txt")} {
					got := read(t, p)
					full, err := registered.install([]byte(internalStanza))
					if err != nil {
						t.Fatal(err)
					}
					if got != internalStanza && got != string(full) {
						t.Errorf("%s has neither the old nor the new content: %q", p, got)
					}
				}
				if err := runHelper(t, e, "install"); err != nil {
					t.Fatal(err)
				}
				for _, tg := range e.Targets(Options{User: true}) {
					if s := tg.State(); s.Status != Registered {
						t.Errorf("%s: %+v", tg.ID(), s)
					}
				}
				if err := runHelper(t, e, "remove"); err != nil {
					t.Fatal(err)
				}
				sameTree(t, "home", before, tree(t, e.Home))
			})
		}
	}
}

// Many processes enable and disable at the same time. No registration is duplicated
// and no file is lost.
func TestConcurrentRunsAreSerialised(t *testing.T) {
	e := newEnv(t)
	write(t, filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt"), internalStanza)
	firefoxHome(t, filepath.Join(e.Home, ".mozilla/firefox"), "a", "b")
	before := tree(t, e.Home)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			e := helperEnv(filepath.Dir(e.Home))
			targets := e.Targets(Options{User: true})
			for round := range 5 {
				plan := PlanEnable(targets)
				if (i+round)%2 == 1 {
					plan = PlanDisable(targets)
				}
				for _, r := range plan.Run(nil) {
					if r.Err != nil {
						t.Errorf("%s: %v", r.Target.ID(), r.Err)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, tg := range e.Targets(Options{User: true}) {
		if s := tg.State(); s.Status != Registered && s.Status != Absent {
			t.Errorf("%s: %+v", tg.ID(), s)
		}
	}
	PlanDisable(e.Targets(Options{User: true})).Run(nil)
	sameTree(t, "home", before, tree(t, e.Home))
}

func TestOwnerIsCheckedAndKept(t *testing.T) {
	e := newEnv(t)
	write(t, filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt"), internalStanza)
	before := tree(t, e.Home)
	tests := []struct {
		name     string
		uid, sud int
		sudo     bool
		refused  bool
	}{
		{"owner", os.Geteuid(), -1, false, false},
		{"another user", os.Geteuid() + 1, -1, false, true},
		{"sudo", 0, 1000, true, true},
		{"root by sudo of root", 0, 0, false, os.Geteuid() != 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := *e
			f.UID, f.SudoUID = tt.uid, tt.sud
			tg := f.sharedNSS()[0]
			for _, do := range []func() (Change, error){tg.Install, tg.Remove} {
				_, err := do()
				if !tt.refused {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				var oe *OwnerError
				if !errors.Is(err, ErrNotOwner) || !errors.As(err, &oe) || oe.Sudo != tt.sudo {
					t.Errorf("error %v", err)
				}
			}
			sameTree(t, "home", before, tree(t, e.Home))
		})
	}
	f := *e
	f.UID, f.Root = 1, ""
	if _, err := f.p11KitSystem().Install(); !errors.Is(err, ErrNeedRoot) {
		t.Errorf("system target as a user: %v", err)
	}
}

func TestStatesThatBlock(t *testing.T) {
	tests := []struct {
		name   string
		setup  func(t *testing.T, e *Env, dir string)
		status Status
		reason Reason
		root   bool // the case does not exist for root
	}{
		{"dbm database", func(t *testing.T, e *Env, dir string) { write(t, dir+"/secmod.db", "dbm") }, Unavailable, ReasonLegacyDatabase, false},
		{"dbm certificates", func(t *testing.T, e *Env, dir string) { write(t, dir+"/cert8.db", "dbm") }, Unavailable, ReasonLegacyDatabase, false},
		{"binary", func(t *testing.T, e *Env, dir string) { write(t, dir+"/pkcs11.txt", "a\x00b") }, Damaged, ReasonSyntax, false},
		{"huge", func(t *testing.T, e *Env, dir string) {
			write(t, dir+"/pkcs11.txt", strings.Repeat("x", maxFile+1))
		}, Damaged, ReasonTooLarge, false},
		{"directory", func(t *testing.T, e *Env, dir string) { os.MkdirAll(dir+"/pkcs11.txt", 0o755) }, Damaged, ReasonNotRegular, false},
		{"pipe", func(t *testing.T, e *Env, dir string) {
			os.MkdirAll(dir, 0o755)
			syscall.Mkfifo(dir+"/pkcs11.txt", 0o600)
		}, Damaged, ReasonNotRegular, false},
		{"dangling link", func(t *testing.T, e *Env, dir string) {
			os.MkdirAll(dir, 0o755)
			os.Symlink("/nowhere/at/all", dir+"/pkcs11.txt")
		}, Damaged, ReasonUnreadable, false},
		{"a file in the way", func(t *testing.T, e *Env, dir string) { write(t, dir, "") }, Damaged, ReasonUnreadable, false},
		{"unreadable", func(t *testing.T, e *Env, dir string) {
			write(t, dir+"/pkcs11.txt", internalStanza)
			os.Chmod(dir+"/pkcs11.txt", 0)
		}, Damaged, ReasonUnreadable, true},
		{"read-only directory", func(t *testing.T, e *Env, dir string) {
			write(t, dir+"/pkcs11.txt", internalStanza)
			os.Chmod(dir, 0o500)
		}, Damaged, ReasonReadOnly, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && os.Geteuid() == 0 {
				t.Skip("root may read and write everything")
			}
			e := newEnv(t)
			dir := filepath.Join(e.Home, ".pki/nssdb")
			tt.setup(t, e, dir)
			t.Cleanup(func() { os.Chmod(dir, 0o700) })
			tg := e.sharedNSS()[0]
			s := tg.State()
			if s.Status != tt.status || s.Reason != tt.reason {
				t.Fatalf("state %+v", s)
			}
			_, err := tg.Install()
			var se *StateError
			if !errors.As(err, &se) || se.State.Reason != tt.reason {
				t.Errorf("install: %v", err)
			}
			if _, err := os.Lstat(filepath.Join(e.StateHome)); err == nil {
				t.Error("something was written")
			}
		})
	}
}

// A browser that once ran as root leaves files of root behind.
func TestForeignFileIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a file of another user")
	}
	e := newEnv(t)
	db := filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt")
	write(t, db, internalStanza)
	if err := os.Chown(db, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if s := e.sharedNSS()[0].State(); s.Status != Damaged || s.Reason != ReasonForeignOwner {
		t.Errorf("state %+v", s)
	}
	// For targets of the system the owner remains.
	policy := e.sys(FirefoxPolicyPath)
	write(t, policy, "{}")
	if err := os.Chown(policy, 12345, 12346); err != nil {
		t.Fatal(err)
	}
	if _, err := e.firefoxPolicy().Install(); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(policy)
	if err != nil {
		t.Fatal(err)
	}
	if st := fi.Sys().(*syscall.Stat_t); st.Uid != 12345 || st.Gid != 12346 {
		t.Errorf("owner is now %d:%d", st.Uid, st.Gid)
	}
}

func TestModulePathIsChecked(t *testing.T) {
	e := newEnv(t)
	for path, want := range map[string]error{
		"":                             ErrModulePath,
		"cie-pkcs11.so":                ErrModulePath,
		"/a/../b.so":                   ErrModulePath,
		"/a\nname=x":                   ErrModulePath,
		"/a\".so":                      ErrModulePath,
		"/a.so ":                       ErrModulePath,
		"/a\xe9.so":                    ErrModulePath,
		"/" + strings.Repeat("x", 2e3): ErrModulePath,
		e.Module + ".gone":             ErrNoModule,
		filepath.Dir(e.Module):         ErrNoModule,
	} {
		f := *e
		f.Module = path
		for _, tg := range f.Targets(Options{User: true, System: true}) {
			if _, err := tg.Install(); !errors.Is(err, want) {
				t.Errorf("%q into %s: %v", path, tg.ID(), err)
			}
		}
	}
	if len(tree(t, e.Home)) != 1 {
		t.Errorf("something was written: %v", tree(t, e.Home))
	}
	// The module is deleted after its registration.
	tg := e.sharedNSS()[0]
	if _, err := tg.Install(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(e.Module); err != nil {
		t.Fatal(err)
	}
	if s := tg.State(); s.Status != Damaged || s.Reason != ReasonModuleMissing {
		t.Errorf("state %+v", s)
	}
	if _, err := tg.Install(); !errors.Is(err, ErrNoModule) {
		t.Errorf("install: %v", err)
	}
	if _, err := tg.Remove(); err != nil || exists(tg.Path()) {
		t.Errorf("remove: %v", err)
	}
}

// A change by another program between reading and writing is not lost.
func TestConcurrentChangeIsKept(t *testing.T) {
	e := newEnv(t)
	db := filepath.Join(e.Home, ".pki/nssdb/pkcs11.txt")
	write(t, db, internalStanza)
	theirs := internalStanza + "library=/x.so\nname=X\n\n"
	e.hook = func(stage, path string) {
		if stage == stageJournal {
			write(t, db, theirs)
		}
	}
	if _, err := e.sharedNSS()[0].Install(); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v", err)
	}
	if got := read(t, db); got != theirs {
		t.Errorf("file contains %q", got)
	}
}
