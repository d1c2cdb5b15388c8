// Package userdir decides whether this process may use what belongs to the user
// who started it: directories for cache, state and configuration, and the bus of
// the session. It is the one place for that judgement.
//
// A process with rights that its user does not have (set-user-ID, set-group-ID,
// file capabilities) uses none of it: the environment names the places, and the
// user chooses the environment. Root uses only what is root's own, so that
// "sudo" neither obeys files of another user nor leaves files of root in that
// user's home. A home directory that does not exist is not created.
package userdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrRefused is matched by every refusal of this package.
var ErrRefused = errors.New("this process does not use the user's directories")

// Cache returns the user's directory for caches, which need not exist.
func Cache() (string, error) { return dir(os.UserCacheDir) }

// Config returns the user's directory for configuration, which need not exist.
func Config() (string, error) { return dir(os.UserConfigDir) }

func dir(find func() (string, error)) (string, error) {
	// First of all: the environment of a privileged process is not looked at.
	if err := Allowed(); err != nil {
		return "", err
	}
	path, err := find()
	if err != nil {
		return "", err
	}
	return path, Check(path)
}

// Allowed returns an error matching ErrRefused in a process with rights that its
// user does not have.
func Allowed() error {
	if privileged() {
		return fmt.Errorf("%w: it has more rights than its user", ErrRefused)
	}
	return nil
}

// Check returns an error matching ErrRefused where this process may not use a
// directory of the user, or may not make it.
func Check(path string) error {
	if err := Allowed(); err != nil {
		return err
	}
	return check(path, os.Getenv("HOME"), os.Geteuid(), owner)
}

// check judges a directory for the user uid, whose home is home. owner returns
// the owner of a file, or -1 where the system has none.
func check(path, home string, uid int, owner func(string) (int, error)) error {
	if home != "" && below(path, home) {
		if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: there is no %s", ErrRefused, home)
		}
	}
	if uid != 0 {
		return nil
	}
	// The owner of any directory above can exchange what is below it.
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		who, err := owner(p)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case who > 0:
			return fmt.Errorf("%w: %s is not root's", ErrRefused, p)
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}

// below reports whether path lies below dir or is dir.
func below(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
