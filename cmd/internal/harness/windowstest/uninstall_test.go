//go:build linux

package windowstest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cie/cmd/internal/harness/rotation"
)

// addUser gives the machine a second user and returns the user's home.
func addUser(t testing.TB, name, id string) (home string) {
	t.Helper()
	boot(t)
	key := `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList\S-1-5-21-1-2-3-` + id
	want(t, 0, "", "reg", "add", key, "/v", "ProfileImagePath", "/t", "REG_EXPAND_SZ", "/d", `C:\users\`+name, "/f")
	home = filepath.Join(drive(), "users", name)
	t.Cleanup(func() {
		run(t, "", "reg", "delete", key, "/f")
		os.RemoveAll(home)
	})
	return home
}

// logon runs a command of the registry in the session of another user.
func logon(t testing.TB, user, command string) result {
	t.Helper()
	script := filepath.Join(work, "logon.bat")
	write(t, script, "@echo off\r\nset USERPROFILE=C:\\users\\"+user+"\r\nset APPDATA=%USERPROFILE%\\AppData\\Roaming\r\nset LOCALAPPDATA=%USERPROFILE%\\AppData\\Local\r\n"+
		command+"\r\n")
	return run(t, "", "cmd", "/c", windowsPath(script))
}

func hexDigest(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// plant writes a journal into home that claims to remember the list of modules
// in profile, and that empty was created for it.
func plant(t testing.TB, home, profile, content, empty string) {
	t.Helper()
	path := windowsHome(filepath.Join(profile, "pkcs11.txt"))
	journal := filepath.Join(home, "AppData", "Local", "cie", "installer")
	name := filepath.Join(journal, hexDigest(path)[:32])
	record, err := json.Marshal(map[string]any{
		"path": path, "kind": "gecko-profile", "mode": 0o644, "before": hexDigest(content), "after": hexDigest(modules),
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, name+".json", string(record))
	write(t, name+".orig", content)
	line, err := json.Marshal(windowsHome(empty))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(journal, "dirs"), string(line)+"\n")
}

// TestUninstallerIgnoresOtherHomes: files that another user prepared in the own
// home neither put content into the list of modules of the user who removes the
// software nor make the elevated uninstaller delete directories.
func TestUninstallerIgnoresOtherHomes(t *testing.T) {
	rotation.Skip(t, 1, 2)
	need(t, "makensis")
	exe, _ := setup(t)
	own := firefox(t, people())
	bruno := addUser(t, "bruno", "1001")
	empty := filepath.Join(drive(), "ProgramData", "kept")
	if err := os.MkdirAll(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(empty) })
	want(t, 0, "", exe, "/S")
	registered(t, own, true)

	write(t, filepath.Join(bruno, "AppData", "Roaming", "Mozilla", "Firefox", "profiles.ini"),
		"[Profile0]\r\nName=default\r\nIsRelative=0\r\nPath=C:\\users\\anna\\AppData\\Roaming\\Mozilla\\Firefox\\Profiles\\k1.default-release\r\n")
	const planted = modules + "library=C:\\users\\bruno\\planted.dll\r\nname=planted\r\n\r\n"
	plant(t, bruno, own, planted, empty)

	want(t, 0, "", `C:\Program Files\CIE\uninstall.exe`, "/S")
	awaitRemoved(t)
	intact := func(when string) {
		t.Helper()
		if b, err := os.ReadFile(filepath.Join(own, "pkcs11.txt")); err != nil || string(b) != modules {
			t.Errorf("%s, list of modules of the user who removes: %v\n%s", when, err, b)
		}
		if _, err := os.Stat(empty); err != nil {
			t.Errorf("%s: a directory was deleted: %v", when, err)
		}
	}
	intact("after the removal")
	stub := value(t, leaveKey, "StubPath")
	if stub == "" {
		t.Fatal("nothing is left to run for the other user")
	}
	logon(t, "bruno", stub)
	intact("after the other user's logon")
	clean(t)
}

// clean deletes what the uninstaller leaves for other users.
func clean(t testing.TB) {
	t.Helper()
	run(t, "", "reg", "delete", leaveKey, "/f")
	run(t, "", "reg", "delete", strings.Replace(leaveKey, "HKLM", "HKCU", 1), "/f")
	os.RemoveAll(filepath.Join(drive(), "Program Files", "CIE"))
}

// TestOwnJournalStaysInTheHome: nor does a journal in the own home make a
// process with administrator's rights change anything outside of it.
func TestOwnJournalStaysInTheHome(t *testing.T) {
	rotation.Skip(t, 0, 2)
	exe := cie(t)
	bruno := addUser(t, "bruno", "1001")
	profile := firefox(t, bruno)
	empty := filepath.Join(drive(), "ProgramData", "kept")
	if err := os.MkdirAll(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(people(), "AppData", "Roaming", "Mozilla")
	t.Cleanup(func() {
		os.RemoveAll(empty)
		os.RemoveAll(own)
		os.RemoveAll(filepath.Join(people(), "AppData", "Local", "cie"))
	})
	path := windowsHome(profile)
	write(t, filepath.Join(own, "Firefox", "profiles.ini"), "[Profile0]\r\nName=default\r\nIsRelative=0\r\nPath="+path+"\r\n")
	plant(t, people(), profile, modules+"library=C:\\users\\anna\\planted.dll\r\nname=planted\r\n\r\n", empty)
	r := run(t, "", exe, "browsers", "disable")
	if r.code != 11 {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	run(t, "", exe, "leave")
	if b, err := os.ReadFile(filepath.Join(profile, "pkcs11.txt")); err != nil || string(b) != modules {
		t.Errorf("list of modules of another user: %v\n%s", err, b)
	}
	if _, err := os.Stat(empty); err != nil {
		t.Errorf("a directory was deleted: %v", err)
	}
}

// windowsHome returns a path on the disk C: as wine shows it.
func windowsHome(path string) string {
	return `C:\` + strings.ReplaceAll(strings.TrimPrefix(path, drive()+"/"), "/", `\`)
}

// TestSetupRefusesOpenDirectory: the installer does not put programs where users
// who are not administrators may replace them.
func TestSetupRefusesOpenDirectory(t *testing.T) {
	need(t, "makensis")
	exe, _ := setup(t)
	boot(t)
	open := filepath.Join(drive(), "Open")
	if err := os.MkdirAll(filepath.Join(open, "Own"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(open) })
	if err := os.Chmod(open, 0o777); err != nil { // wine shows it as full control for Everyone
		t.Fatal(err)
	}
	before := tree(t)
	for _, dir := range []string{`C:\Open`, `C:\Open\CIE`, `C:\Open\Own`} {
		if r := run(t, "", exe, "/S", "/NOBROWSERS", "/D="+dir); r.code != 4 {
			t.Errorf("%s: exit code %d\n%s%s", dir, r.code, r.stdout, r.stderr)
		}
		same(t, before, tree(t))
		if got := value(t, uninstallKey, "InstallLocation"); got != "" {
			t.Errorf("%s: installed in %q", dir, got)
		}
	}
}
