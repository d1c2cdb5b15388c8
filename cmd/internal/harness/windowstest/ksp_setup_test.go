//go:build linux

package windowstest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"cie/cmd/internal/harness/rotation"
)

const agentKey = `HKLM\Software\CIE\KeyStorageProvider`

// TestSetupOfTheProvider installs, updates and removes the key storage provider while a process
// has it loaded, as a browser has.
func TestSetupOfTheProvider(t *testing.T) {
	rotation.Skip(t, 0, 2)
	need(t, "makensis")
	exe, _ := setup(t)
	boot(t)
	system := filepath.Join(drive(), "windows", "system32")
	dll := filepath.Join(system, "cie-ksp.dll")
	built, err := os.ReadFile(filepath.Join(programs(t), "cie-ksp.dll"))
	if err != nil {
		t.Fatal(err)
	}
	installed := func(when string) {
		t.Helper()
		if got, err := os.ReadFile(dll); err != nil || !bytes.Equal(got, built) {
			t.Errorf("%s: the library is not in the system directory: %v, %d bytes", when, err, len(got))
		}
		if got := value(t, agentKey, "Agent"); got != `C:\Program Files\CIE\cie.exe` {
			t.Errorf("%s: agent %q", when, got)
		}
	}
	want(t, 0, "", exe, "/S", "/NOBROWSERS")
	installed("installed")

	holder := wine(t, compile(t, "hold"), `C:\windows\system32\cie-ksp.dll`)
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
	want(t, 0, "", exe, "/S", "/NOBROWSERS")
	installed("updated")
	want(t, 0, "", `C:\Program Files\CIE\uninstall.exe`, "/S")
	awaitRemoved(t)
	release.Close()
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dll); !os.IsNotExist(err) {
		t.Errorf("the library is still in the system directory: %v", err)
	}
	if r := run(t, "", "reg", "query", agentKey); r.code == 0 {
		t.Errorf("left in the registry: %s", r.stdout)
	}
	// Windows deletes the renamed files at its next start, which Wine does not have here.
	renamed, err := filepath.Glob(filepath.Join(system, "ns*.tmp"))
	if err != nil || len(renamed) == 0 {
		t.Errorf("the loaded library was not renamed: %v, %v", renamed, err)
	}
	for _, name := range renamed {
		remove(t, name)
	}
	os.RemoveAll(filepath.Join(drive(), "Program Files", "CIE"))
	run(t, "", "reg", "delete", leaveKey, "/f")
}
