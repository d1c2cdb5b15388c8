//go:build unix

package userdir

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestMissingHomeIsRefused(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	for name, f := range map[string]func() (string, error){"cache": Cache, "configuration": Config} {
		t.Setenv("HOME", home)
		if dir, err := f(); err != nil || !below(dir, home) {
			t.Errorf("%s: %q, %v", name, dir, err)
		}
		t.Setenv("HOME", filepath.Join(home, "none"))
		if dir, err := f(); !errors.Is(err, ErrRefused) {
			t.Errorf("%s in a home that does not exist: %q, %v", name, dir, err)
		}
	}
}
