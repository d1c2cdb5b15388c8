//go:build linux

package windowstest

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cie/cmd/internal/harness/rotation"
)

// people returns the directory with the files of wine's user.
func people() string { return filepath.Join(drive(), "users", "anna") }

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// modules is the list of modules of a Firefox that has no other.
const modules = "library=\r\nname=NSS Internal PKCS #11 Module\r\nparameters=configdir='sql:x' secmod='secmod.db'\r\nNSS=Flags=internal,critical\r\n\r\n"

// firefox puts an installed Firefox and the profile of a user on the disk, until
// the end of the test, and returns the directory of the profile.
func firefox(t testing.TB, home string) (profile string) {
	t.Helper()
	boot(t)
	installed := filepath.Join(drive(), "Program Files", "Mozilla Firefox")
	write(t, filepath.Join(installed, "application.ini"), "[App]\r\nVendor=Mozilla\r\nName=Firefox\r\nVersion=150.0\r\n")
	root := filepath.Join(home, "AppData", "Roaming", "Mozilla")
	write(t, filepath.Join(root, "Firefox", "profiles.ini"),
		"[Install308046B0AF4A39CB]\r\nDefault=Profiles/k1.default-release\r\nLocked=1\r\n\r\n[Profile0]\r\nName=default-release\r\nIsRelative=1\r\nPath=Profiles/k1.default-release\r\n")
	profile = filepath.Join(root, "Firefox", "Profiles", "k1.default-release")
	write(t, filepath.Join(profile, "pkcs11.txt"), modules)
	t.Cleanup(func() {
		os.RemoveAll(installed)
		os.RemoveAll(root)
	})
	return profile
}

// tree returns what is on the disk C:, without what belongs to Windows and to programs that end.
func tree(t testing.TB) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(drive(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(drive(), path)
		if err != nil {
			return err
		}
		if lower := strings.ToLower(rel); d.IsDir() && (lower == "windows" || lower == filepath.Join("users", "anna", "temp") || strings.HasSuffix(lower, filepath.Join("local", "temp"))) {
			return filepath.SkipDir
		}
		m[rel] = d.Type().String()
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			m[rel] = string(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// same reports the differences of two trees.
func same(t testing.TB, before, after map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if was, ok := before[name]; !ok {
			t.Errorf("left behind: %s", name)
		} else if was != after[name] {
			t.Errorf("changed: %s", name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			t.Errorf("gone: %s", name)
		}
	}
}

// status is the answer of "cie browsers status".
type status struct {
	Module struct {
		Path     string
		Exists   bool
		Loadable string
	}
	Browsers []struct {
		ID, Version, State string
		Registered         bool
		Running            []struct{ PID int }
	}
}

func browsers(t testing.TB, exe string) status {
	t.Helper()
	r := run(t, "", exe, "browsers", "status", "--json")
	var s status
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatalf("%v:\n%s%s", err, r.stdout, r.stderr)
	}
	return s
}

// TestBrowsers registers the module with Firefox, the module being loaded by a
// process for it, and takes it out again.
func TestBrowsers(t *testing.T) {
	rotation.Skip(t, 1, 2)
	exe, profile := cie(t), firefox(t, people())
	before := tree(t)
	s := browsers(t, exe)
	dll := windowsPath(filepath.Join(programs(t), "cie-pkcs11.dll"))
	if !strings.EqualFold(s.Module.Path, dll) || s.Module.Loadable != "yes" {
		t.Errorf("module %+v, want %s", s.Module, dll)
	}
	if len(s.Browsers) != 1 || s.Browsers[0].ID != "firefox" || s.Browsers[0].Version != "150.0" || s.Browsers[0].State != "off" {
		t.Fatalf("browsers %+v", s.Browsers)
	}

	// A Firefox that runs must be started again.
	running := filepath.Join(drive(), "Program Files", "Mozilla Firefox", "firefox.exe")
	program, err := os.ReadFile(compile(t, "firefox"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, running, string(program))
	cmd := wine(t, `C:\Program Files\Mozilla Firefox\firefox.exe`, windowsPath(filepath.Join(profile, "parent.lock")))
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	pid, perr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || perr != nil {
		t.Fatalf("%q, %v, %v", line, err, perr)
	}
	if s := browsers(t, exe); len(s.Browsers[0].Running) != 1 || s.Browsers[0].Running[0].PID != pid {
		t.Errorf("running %+v, want process %d", s.Browsers[0].Running, pid)
	}
	r := want(t, 0, "", exe, "browsers", "enable", "--json")
	var change struct{ Restart []struct{ PID int } }
	if err := json.Unmarshal([]byte(r.stdout), &change); err != nil || len(change.Restart) != 1 || change.Restart[0].PID != pid {
		t.Errorf("%v:\n%s", err, r.stdout)
	}
	if s := browsers(t, exe); s.Browsers[0].State != "restart" {
		t.Errorf("a Firefox that was started before is %q", s.Browsers[0].State)
	}
	stop.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{running, filepath.Join(profile, "parent.lock")} {
		remove(t, name)
	}

	got, err := os.ReadFile(filepath.Join(profile, "pkcs11.txt"))
	if err != nil || !strings.HasPrefix(string(got), modules) || !strings.Contains(string(got), "library="+s.Module.Path+"\nname=Carta di identita elettronica (CIE)\n") {
		t.Errorf("pkcs11.txt: %v\n%s", err, got)
	}
	if s := browsers(t, exe); s.Browsers[0].State != "ready" || !s.Browsers[0].Registered {
		t.Errorf("browsers %+v", s.Browsers)
	}
	want(t, 0, "", exe, "browsers", "enable")
	want(t, 0, "", exe, "browsers", "disable")
	same(t, before, tree(t))

	// For all users, by a policy.
	want(t, 0, "", exe, "browsers", "enable", "--system")
	policy := filepath.Join(drive(), "Program Files", "Mozilla Firefox", "distribution", "policies.json")
	if b, err := os.ReadFile(policy); err != nil || !strings.Contains(string(b), `"SecurityDevices"`) || !json.Valid(b) {
		t.Errorf("%v: %s", err, b)
	}
	want(t, 0, "", exe, "browsers", "disable", "--system")
	same(t, before, tree(t))
}

// remove deletes a file that an ending process may still have open.
func remove(t testing.TB, path string) {
	t.Helper()
	for range 100 {
		if err := os.Remove(path); err == nil || os.IsNotExist(err) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s cannot be removed", path)
}
