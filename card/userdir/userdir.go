// Package userdir decides whether this process may use the resources of the user
// who started it: directories for cache, state and configuration, and the bus of
// the session. No other package decides this.
//
// A process with more rights than its user (set-user-ID, set-group-ID, file
// capabilities) uses none of them, because the user chooses the environment that
// names them. Root uses only directories owned by root, so that "sudo" neither
// reads files of another user nor creates files of root in that user's home. A
// missing home directory is not created.
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

// Cache returns the user's directory for caches, which may not exist yet.
func Cache() (string, error) { return dir(os.UserCacheDir) }

// Config returns the user's directory for configuration, which may not exist yet.
func Config() (string, error) { return dir(os.UserConfigDir) }

func dir(find func() (string, error)) (string, error) {
	// Check first, so that a privileged process does not read the environment.
	if err := Allowed(); err != nil {
		return "", err
	}
	path, err := find()
	if err != nil {
		return "", err
	}
	return path, Check(path)
}

// Allowed returns an error matching ErrRefused if the process has more rights
// than its user.
func Allowed() error {
	if privileged() {
		return fmt.Errorf("%w: it has more rights than its user", ErrRefused)
	}
	return nil
}

// Check returns an error matching ErrRefused if this process may not use or
// create a directory of the user.
func Check(path string) error {
	if err := Allowed(); err != nil {
		return err
	}
	return check(path, os.Getenv("HOME"), os.Geteuid(), owner)
}

// check decides about path for the user uid with the directory home. owner
// returns the owner of a file, or -1 if the system has no owners.
func check(path, home string, uid int, owner func(string) (int, error)) error {
	if home != "" && below(path, home) {
		if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: there is no %s", ErrRefused, home)
		}
	}
	if uid != 0 {
		return nil
	}
	// The owner of any directory above path can replace what is below it.
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

// below reports whether path is below dir or is dir.
func below(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
