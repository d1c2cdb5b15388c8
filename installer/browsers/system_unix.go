//go:build unix

package browsers

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ModuleFile is the base name of the module.
const ModuleFile = "cie-pkcs11.so"

// homeVariable returns the home directory according to the environment.
func homeVariable() string { return os.Getenv("HOME") }

// fillIn adds values that only the system provides.
func (e *Env) fillIn() error { return nil }

// ownerOf returns the owner of a file; ok is false if the system has no owners.
func ownerOf(fi fs.FileInfo) (uid, gid int, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1, false
	}
	return int(st.Uid), int(st.Gid), true
}

// mayWrite reports why this process may not make files in a directory.
func mayWrite(dir string) error { return unix.Access(dir, unix.W_OK) }

// errLocked reports that another process has the lock.
var errLocked = errors.New("locked")

// tryLock locks a directory against other processes, or returns errLocked at
// once. It locks the directory itself, so that no file is left behind.
func tryLock(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err == nil {
		return func() { f.Close() }, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errLocked
	}
	return nil, err
}

// syncDirectory makes a rename in a directory last.
func syncDirectory(d *os.File) error {
	// Some file systems cannot sync a directory; the rename succeeded nevertheless.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
