package testvector

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReadFindsVectorsAboveThePackage(t *testing.T) {
	top := t.TempDir()
	vectors := filepath.Join(top, "shared", "testvectors")
	deep := filepath.Join(top, "checkout", "package")
	for _, dir := range []string{filepath.Join(vectors, "folder"), deep} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(vectors, "a.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	if got := Read(t, "a.json"); string(got) != "{}" {
		t.Errorf("%q", got)
	}
	// What is absent skips, what is there and cannot be read fails.
	for name, skipped := range map[string]bool{"b.json": true, "folder": false} {
		r := &recorder{TB: t}
		func() {
			defer func() { _ = recover() }()
			Read(r, name)
		}()
		if r.skipped != skipped || r.failed == skipped {
			t.Errorf("%s: skipped %v, failed %v", name, r.skipped, r.failed)
		}
	}
}

// recorder notes how a test ends.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Skipf(string, ...any) { r.skipped = true; panic(r) }
func (r *recorder) Fatal(...any)         { r.failed = true; panic(r) }
