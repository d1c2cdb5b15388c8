//go:build unix

package buildtest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cie/cmd/internal/harness/rotation"
)

// Two builds of the same source in directories of different names are identical, one
// with the build cache of this machine, one with an empty cache. The programs report
// their version.
func TestReproducible(t *testing.T) {
	if !rotation.All() {
		t.Skip("builds everything twice, once from an empty cache: make slow")
	}
	places := []struct {
		dir string
		env []string
	}{
		{filepath.Join(t.TempDir(), "a"), []string{"CGO_ENABLED=1"}},
		{filepath.Join(t.TempDir(), "another-directory", "with-a-longer-name"), []string{"CGO_ENABLED=1", "GOCACHE=" + t.TempDir(), "TMPDIR=" + t.TempDir()}},
	}
	var made [2]map[string][]byte
	for i, p := range places {
		copyTree(t, p.dir)
		run(t, p.dir, p.env, "make", "bin", "VERSION=1.2.3", "SOURCE_DATE_EPOCH=1774088430")
		made[i] = files(t, filepath.Join(p.dir, "bin"))
	}
	for _, name := range []string{"cie", "cie-virtual", "cie-pkcs11.so"} {
		if len(made[0][name]) == 0 {
			t.Errorf("make bin made no %s", name)
		}
	}
	for name, content := range made[0] {
		if other, ok := made[1][name]; !ok || !bytes.Equal(content, other) {
			t.Errorf("%s differs: %d and %d bytes, the first difference at %d", name, len(content), len(other), differ(content, other))
		}
		for _, p := range places {
			if bytes.Contains(content, []byte(p.dir)) {
				t.Errorf("%s names the directory in which it was built", name)
			}
		}
	}
	if len(made[1]) != len(made[0]) {
		t.Errorf("%d files and %d", len(made[0]), len(made[1]))
	}
	t.Run("version", func(t *testing.T) { says(t, filepath.Join(places[0].dir, "bin")) })
}

// says checks the versions that the programs, and the module beside them, report.
func says(t *testing.T, bin string) {
	var got struct {
		Version, Date string
		Module        struct{ Path, Loadable, Version, Build, Detail string }
		Libraries     []struct{ Name, Version string }
	}
	text := run(t, bin, nil, filepath.Join(bin, "cie"), "version", "--json")
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got.Version != "1.2.3" || got.Date != "2026-03-21T10:20:30Z" || len(got.Libraries) == 0 {
		t.Errorf("cie: %s", text)
	}
	if m := got.Module; m.Path != filepath.Join(bin, "cie-pkcs11.so") || m.Loadable != "yes" || m.Version != "1.2" || m.Build != "1.2.3" {
		t.Errorf("module: %s", text)
	}
	for _, program := range []string{"cie", "cie-virtual"} {
		text := run(t, bin, nil, filepath.Join(bin, program), "--version")
		if !strings.HasPrefix(text, program+" 1.2.3 (2026-03-21)\n") {
			t.Errorf("%s: %s", program, text)
		}
	}
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
