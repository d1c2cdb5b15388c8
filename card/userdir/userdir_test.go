package userdir

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
)

func TestCheckRefusesDirectoriesOfOthers(t *testing.T) {
	home := t.TempDir()
	owners := map[string]int{"/": 0, "/srv": 0, "/srv/anna": 1000, "/srv/anna/root": 0, "/srv/admin": 0, "/tmp": 0}
	owner := func(p string) (int, error) {
		uid, ok := owners[filepath.ToSlash(p)]
		if !ok {
			return 0, fs.ErrNotExist
		}
		return uid, nil
	}
	for _, tt := range []struct {
		name, path, home string
		uid              int
		refused          bool
	}{
		{"a user's own", filepath.Join(home, ".cache"), home, 1000, false},
		{"in a home that does not exist", filepath.Join(home, "none", ".cache"), filepath.Join(home, "none"), 1000, true},
		{"outside of the home", "/tmp/cache", filepath.Join(home, "none"), 1000, false},
		{"root's own, not made yet", "/srv/admin/.cache", "", 0, false},
		{"root in the home of a user", "/srv/anna/.cache", "", 0, true},
		{"root's directory in the home of a user", "/srv/anna/root", "", 0, true},
		{"root in a directory of the system", "/tmp/cache", "", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := check(tt.path, tt.home, tt.uid, owner); errors.Is(err, ErrRefused) != tt.refused {
				t.Errorf("%v", err)
			}
		})
	}
}
