//go:build linux

package windowstest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/rotation"
)

// setup returns the installer: the one that make windows has built, or else the
// one without the window.
func setup(t testing.TB) (exe string, window bool) {
	t.Helper()
	dir, pattern := programs(t), "cie-setup-*-core.exe"
	if d := os.Getenv("CIE_WINDOWS_DIST"); d != "" {
		dir, pattern, window = d, "cie-setup-*.exe", true
	}
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(list) != 1 {
		t.Fatalf("installers in %s: %v, %v", dir, list, err)
	}
	return list[0], window
}

// The registry of the installer.
const (
	uninstallKey = `HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\CIE`
	leaveKey     = `HKLM\Software\Microsoft\Active Setup\Installed Components\{D2A5B0C7-3C0E-4E57-9E0C-6C0E6B0C4A11}`
	everyUserKey = `HKLM\Software\Microsoft\Active Setup\Installed Components\{7C9F4C1E-5B0B-4C39-9C5B-6E2C9D1F8A30}`
)

// value reads a value of the registry; "" for one that is not there.
func value(t testing.TB, key, name string) string {
	t.Helper()
	for range 3 {
		r := run(t, "", "reg", "query", key, "/v", name)
		for line := range strings.Lines(r.stdout) {
			if fields := strings.Fields(line); len(fields) > 2 && fields[0] == name {
				_, rest, _ := strings.Cut(line, fields[1])
				return strings.TrimSpace(rest)
			}
		}
		if strings.Contains(r.stdout+r.stderr, "Unable to find the specified registry") {
			return ""
		}
		// Neither a value nor that there is none: Wine's reg did not run to its end.
		t.Logf("reg query %s /v %s: %+v", key, name, r)
	}
	t.Fatalf("reg does not report %s of %s", name, key)
	return ""
}

// TestSetup installs, updates and removes without a window, as an administrator
// rolls it out. Nothing may be left, in the profile of another user either.
func TestSetup(t *testing.T) {
	rotation.Skip(t, 0, 2)
	need(t, "makensis")
	exe, window := setup(t)
	own := firefox(t, people())
	bruno := addUser(t, "bruno", "1001")
	other := firefox(t, bruno)
	if err := os.MkdirAll(filepath.Join(bruno, "AppData", "Local"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := tree(t)

	want(t, 0, "", exe, "/S")
	dir := filepath.Join(drive(), "Program Files", "CIE")
	installed := names(t, dir)
	expected := []string{"LICENSE.txt", "cie-pkcs11.dll", "cie-virtual.exe", "cie.exe", "cie.ico", "uninstall.exe"}
	if window {
		expected = append(expected, "cie-gui.exe")
		slices.Sort(expected)
	}
	if !slices.Equal(installed, expected) {
		t.Errorf("installed %v, want %v", installed, expected)
	}
	for _, name := range installed {
		if fi, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Logf("%-16s %9d bytes", name, fi.Size())
		}
	}
	for name, want := range map[string]string{
		"DisplayName": "CIE", "InstallLocation": `C:\Program Files\CIE`, "UninstallString": `"C:\Program Files\CIE\uninstall.exe"`,
		"QuietUninstallString": `"C:\Program Files\CIE\uninstall.exe" /S`, "DisplayIcon": `C:\Program Files\CIE\cie.ico`,
	} {
		if got := value(t, uninstallKey, name); got != want {
			t.Errorf("%s is %q, want %q; a moment later:\n%s", name, got, want, run(t, "", "reg", "query", uninstallKey).stdout)
		}
	}
	if size := value(t, uninstallKey, "EstimatedSize"); !strings.HasPrefix(size, "0x") || len(size) < 6 {
		t.Errorf("EstimatedSize is %q", size)
	}
	shortcut := value(t, uninstallKey, "Shortcut")
	if _, err := os.Stat(unixPath(shortcut)); window && (shortcut == "" || err != nil) {
		t.Errorf("start menu: %q, %v", shortcut, err)
	}

	// The user who installs has the module at once, others when Windows runs
	// this for them.
	if got := value(t, everyUserKey, "StubPath"); got != `"C:\Program Files\CIE\cie.exe" browsers enable --json` {
		t.Errorf("at the next logon of others: %q", got)
	}
	first := value(t, everyUserKey, "Version")
	if len(strings.Split(first, ",")) != 4 {
		t.Errorf("version for others: %q", first)
	}
	registered(t, own, true)
	registered(t, other, false)
	program := `C:\Program Files\CIE\cie.exe`
	if s := browsers(t, program); len(s.Browsers) != 1 || s.Browsers[0].State != "ready" || s.Module.Loadable != "yes" {
		t.Errorf("%+v", s)
	}
	if r := logon(t, "bruno", value(t, everyUserKey, "StubPath")); r.code != 0 {
		t.Errorf("at the logon of another user: %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	registered(t, other, true)

	// An update while the module is loaded changes no user's choice.
	want(t, 0, "", program, "browsers", "disable")
	holder := wine(t, compile(t, "hold"), `C:\Program Files\CIE\cie-pkcs11.dll`)
	release, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	ready, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	want(t, 0, "", exe, "/S")
	release.Close()
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
	if got := value(t, everyUserKey, "Version"); got != first {
		t.Errorf("the update asks every user again: %q, was %q", got, first)
	}
	if !slices.Contains(names(t, dir), "cie-pkcs11.dll") {
		t.Error("the update lost the module")
	}

	want(t, 0, "", `C:\Program Files\CIE\uninstall.exe`, "/S")
	// The uninstaller goes on as a copy of itself.
	awaitRemoved(t)
	registered(t, own, false)
	// The registration of the other user is removed at the next logon, in the user's session.
	registered(t, other, true)
	if left := names(t, dir); !slices.Equal(left, []string{"cie.exe"}) {
		t.Errorf("left for the other user: %v", left)
	}
	stub := value(t, leaveKey, "StubPath")
	if stub != `"C:\Program Files\CIE\cie.exe" leave` || len(strings.Split(value(t, leaveKey, "Version"), ",")) != 4 {
		t.Errorf("at the next logon of others: %q", stub)
	}
	write(t, filepath.Join(bruno, "AppData", "Local", "cie", "cards", "a.json"), "{}")
	if r := logon(t, "bruno", stub); r.code != 0 {
		t.Errorf("at the logon of another user: %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	registered(t, other, false)
	remove(t, filepath.Join(dir, "cie.exe"))
	remove(t, dir)
	same(t, before, tree(t))
	want(t, 0, "", "reg", "delete", leaveKey, "/f")
	for _, key := range []string{uninstallKey, everyUserKey, strings.Replace(everyUserKey, "HKLM", "HKCU", 1)} {
		if r := run(t, "", "reg", "query", key); r.code == 0 {
			t.Errorf("left in the registry: %s", r.stdout)
		}
	}
}

// TestSetupWithoutBrowsers: an administrator can leave the browsers alone.
func TestSetupWithoutBrowsers(t *testing.T) {
	rotation.Skip(t, 0, 2)
	need(t, "makensis")
	exe, _ := setup(t)
	own := firefox(t, people())
	before := tree(t)
	want(t, 0, "", exe, "/S", "/NOBROWSERS", `/D=C:\Tools\CIE`)
	dir := filepath.Join(drive(), "Tools")
	if got := names(t, filepath.Join(dir, "CIE")); !slices.Contains(got, "cie.exe") {
		t.Errorf("installed %v", got)
	}
	registered(t, own, false)
	if got := value(t, everyUserKey, "StubPath"); got != "" {
		t.Errorf("at the next logon of others: %q", got)
	}
	want(t, 0, "", `C:\Tools\CIE\uninstall.exe`, "/S")
	awaitGone(t, filepath.Join(dir, "CIE"))
	remove(t, dir) // the uninstaller leaves this directory
	same(t, before, tree(t))
}

func registered(t testing.TB, profile string, want bool) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(profile, "pkcs11.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Contains(string(b), `library=C:\Program Files\CIE\cie-pkcs11.dll`); got != want || !got && string(b) != modules {
		t.Errorf("%s: registered %v, want %v\n%s", profile, got, want, b)
	}
}

// awaitGone waits for the copy of the uninstaller, which removes the directory last.
func awaitGone(t testing.TB, dir string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the uninstaller leaves %s", dir)
		}
	}
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, e := range entries {
		set[e.Name()] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// unixPath returns a path on the disk C: as this system has it.
func unixPath(path string) string {
	rest, _ := strings.CutPrefix(path, `C:\`)
	return filepath.Join(drive(), strings.ReplaceAll(rest, `\`, "/"))
}

// awaitRemoved waits until the copy of the uninstaller has removed the module, and last what an
// update renamed.
func awaitRemoved(t testing.TB) {
	t.Helper()
	dir := filepath.Join(drive(), "Program Files", "CIE")
	awaitGone(t, filepath.Join(dir, "uninstall.exe"))
	await.That(t, "the uninstaller to remove the renamed files", func() bool {
		renamed, err := filepath.Glob(filepath.Join(dir, "ns*.tmp"))
		return err == nil && len(renamed) == 0
	})
}
