package browsers

import (
	"os"
	"path/filepath"
	"testing"
)

// Forget deletes the data of the programs, keeps other files beside it, and does not
// follow links.
func TestForgetDeletesOwnFilesOnly(t *testing.T) {
	e := newWindows(t)
	write(t, filepath.Join(e.DataHome, "cie", "cards", "a.json"), "x")
	write(t, filepath.Join(e.DataHome, "cie", "logs", "deep", "cie-gui.log"), "x")
	write(t, filepath.Join(e.ConfigHome, "cie", "gui.json"), "{}")
	if err := e.Forget(); err != nil {
		t.Fatal(err)
	}
	if exists(filepath.Join(e.DataHome, "cie")) || exists(filepath.Join(e.ConfigHome, "cie")) {
		t.Error("something is left")
	}
	if err := e.Forget(); err != nil {
		t.Error("a second time:", err)
	}

	other := filepath.Join(filepath.Dir(e.Home), "other")
	write(t, filepath.Join(other, "cards", "kept"), "x")
	write(t, filepath.Join(other, "gui.json"), "kept")
	write(t, filepath.Join(e.ConfigHome, "cie", "csca", "own.pem"), "kept")
	if err := os.Symlink(other, filepath.Join(e.DataHome, "cie")); err != nil {
		t.Skip(err)
	}
	_ = e.Forget()
	if err := os.Remove(filepath.Join(e.DataHome, "cie")); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(e.DataHome, "cie"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(other, "cards"), filepath.Join(e.DataHome, "cie", "cards")); err != nil {
		t.Fatal(err)
	}
	_ = e.Forget()
	for _, name := range []string{filepath.Join(other, "cards", "kept"), filepath.Join(other, "gui.json"), filepath.Join(e.ConfigHome, "cie", "csca", "own.pem")} {
		if !exists(name) {
			t.Errorf("%s was deleted", name)
		}
	}
}
