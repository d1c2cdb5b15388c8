//go:build unix

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// DefaultDir returns the directory of the user's Store: $XDG_STATE_HOME/cie,
// by default ~/.local/state/cie (XDG Base Directory Specification). It ignores a
// relative $XDG_STATE_HOME, as the specification requires.
func DefaultDir(getenv func(string) string) (string, error) {
	if base := getenv("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "cie"), nil
	}
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("state directory: neither $XDG_STATE_HOME nor $HOME is set")
	}
	return filepath.Join(home, ".local", "state", "cie"), nil
}

// checkDir refuses a directory that other users can change.
func checkDir(dir string) error {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%w: %s is not a directory", ErrUnsafe, dir)
	case int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%w: %s belongs to another user", ErrUnsafe, dir)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("%w: others can change %s", ErrUnsafe, dir)
	}
	return nil
}

// openFile opens a regular file of this user. It refuses links, pipes and devices
// and does not wait for them.
func openFile(name string, flags int) (*os.File, error) {
	fd, err := unix.Open(name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0o600)
	for err == unix.EINTR {
		fd, err = unix.Open(name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0o600)
	}
	if err == unix.ELOOP || err == unix.ENXIO || err == unix.EISDIR || err == unix.EMLINK {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrUnsafe, name)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = f.Close()
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		err = fmt.Errorf("%w: %s is not a regular file", ErrUnsafe, name)
	case int(st.Uid) != os.Geteuid():
		err = fmt.Errorf("%w: %s belongs to another user", ErrUnsafe, name)
	case st.Mode&0o022 != 0:
		err = fmt.Errorf("%w: others can change %s", ErrUnsafe, name)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// readOnly reports whether err means a read-only file system.
func readOnly(err error) bool { return errors.Is(err, unix.EROFS) }

// tryLock locks an open file and reports false if the lock of another open file is in
// the way.
func tryLock(f *os.File, exclusive bool) (bool, error) {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	for {
		switch err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err {
		case nil:
			return true, nil
		case unix.EINTR:
		case unix.EWOULDBLOCK:
			return false, nil
		default:
			return false, err
		}
	}
}

// unlock releases the lock of an open file for all processes that have it.
func unlock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// syncDir makes a rename durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	// Some file systems do not support fsync of a directory.
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}
