package state

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cie/card/userdir"
)

// Names of the files in the directory of a Store.
const (
	lockName     = "lock"
	recordSuffix = ".json"
	loginSuffix  = ".login" // lock on a card, see Share
	waitName     = "wait"   // lock of programs that wait for a card, see Wait
	tempPrefix   = ".new-"
)

// lockTime limits the wait for the lock. A program has the lock for one small
// write; the system releases the lock of a process that ends.
const lockTime = 3 * time.Second

// Dir returns a Store in a directory, which is created with mode 0700 before the
// first record is written. Files have mode 0600.
func Dir(dir string) *Store { return &Store{backend: &directory{dir: dir, wait: lockTime}} }

// Default returns the Store of the user: $XDG_STATE_HOME/cie, on Windows
// %LocalAppData%\cie\state. The error matches userdir.ErrRefused if this process
// may not use it.
func Default() (*Store, error) {
	dir, err := DefaultDir(os.Getenv)
	if err == nil {
		err = userdir.Check(dir)
	}
	if err != nil {
		return nil, err
	}
	return Dir(dir), nil
}

// directory is a backend of one file for each record.
type directory struct {
	dir  string
	wait time.Duration // for the lock
}

func (d *directory) path(name string) string { return filepath.Join(d.dir, name) }

func (d *directory) lock(create bool) (func(), error) {
	if create {
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			return nil, err
		}
	}
	if err := checkDir(d.dir); err != nil {
		return nil, err
	}
	f, err := openFile(d.path(lockName), os.O_RDWR|os.O_CREATE)
	if err != nil && !create && (errors.Is(err, fs.ErrPermission) || readOnly(err)) {
		// Nothing changes in a directory that cannot be written, so reading needs
		// no lock. Update passes create and fails.
		if f, err = openFile(d.path(lockName), os.O_RDONLY); missing(err) {
			return func() {}, nil
		}
	}
	if err != nil {
		if missing(err) { // the lock file is missing, the directory exists
			err = fmt.Errorf("%w: %s", ErrUnsafe, "lock")
		}
		return nil, err
	}
	for end := time.Now().Add(d.wait); ; time.Sleep(5 * time.Millisecond) {
		taken, err := tryLock(f, true)
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock: %w", err)
		}
		if taken {
			return func() { _ = f.Close() }, nil // closing the file releases the lock
		}
		if time.Now().After(end) {
			_ = f.Close()
			return nil, ErrLocked
		}
	}
}

func (d *directory) load(id string) ([]byte, error) {
	f, err := openFile(d.path(id+recordSuffix), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxRecord+1))
}

// save replaces a record as a whole: when it returns nil, the new record is on
// disk; after an error the old one remains.
func (d *directory) save(id string, data []byte) (err error) {
	var suffix [8]byte
	rand.Read(suffix[:])
	temp := d.path(tempPrefix + hex.EncodeToString(suffix[:]))
	f, err := openFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temp, d.path(id+recordSuffix)); err != nil {
		return err
	}
	return syncDir(d.dir)
}

// remove also removes the file of the lock on the card. A login that has it stays
// logged in; other programs do not see it any more.
func (d *directory) remove(id string) error {
	_ = os.Remove(d.path(id + loginSuffix))
	if err := os.Remove(d.path(id + recordSuffix)); err != nil {
		return err
	}
	return syncDir(d.dir)
}

// list returns the IDs of the records. It also removes the files of interrupted
// writes: the caller has the lock, so no write is in progress.
func (d *directory) list() ([]string, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			_ = os.Remove(d.path(e.Name()))
			continue
		}
		if id, ok := strings.CutSuffix(e.Name(), recordSuffix); ok && validID(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
