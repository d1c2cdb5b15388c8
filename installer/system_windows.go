package installer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// ownerOf: access lists take the place of owners here.
func ownerOf(fs.FileInfo) (uid, gid int, ok bool) { return -1, -1, false }

// mayWrite: the access list of a directory is judged when a file is made.
func mayWrite(string) error { return nil }

// errLocked: another process holds the lock.
var errLocked = errors.New("locked")

// tryLock locks a directory against other processes, or returns errLocked at
// once. A directory itself cannot be locked here: a file in it is, and goes
// when the lock does.
func tryLock(dir string) (unlock func(), err error) {
	name := filepath.Join(dir, ".cie-lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{})
	if err == nil {
		return func() { f.Close(); os.Remove(name) }, nil
	}
	f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		err = errLocked
	}
	return nil, err
}

// syncDirectory: directories cannot be synced here.
func syncDirectory(*os.File) error { return nil }
