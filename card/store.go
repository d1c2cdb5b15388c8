package card

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cie/card/userdir"
)

// Store keeps small public data of known cards between sessions: what can be read
// from the card without a PIN, and the forms of commands that it refused.
// Constants from a Store are checked against the SOD and the chip again, so a
// lost, foreign or damaged Store costs only time.
type Store interface {
	// Load returns what was saved under key, or ErrNotStored.
	Load(key string) ([]byte, error)
	// Save replaces what is stored under key.
	Save(key string, data []byte) error
	// Delete removes the key. A missing key is no error.
	Delete(key string) error
}

// DirStore returns a Store that keeps each key in a file below dir, which is
// created with mode 0700 when needed. Files have mode 0600 and are replaced
// atomically. File names are hashes, so that a listing shows no NIS.
func DirStore(dir string) Store { return dirStore(dir) }

// DefaultStore returns the DirStore in the user's cache directory (on Linux
// $XDG_CACHE_HOME/cie/cards). The error matches userdir.ErrRefused if this
// process may not use it.
func DefaultStore() (Store, error) {
	dir, err := userdir.Cache()
	if err != nil {
		return nil, fmt.Errorf("cache directory: %w", err)
	}
	return DirStore(filepath.Join(dir, "cie", "cards")), nil
}

type dirStore string

// maxStored limits the size of a file that is read: the constants of a card are
// below 10 kB.
const maxStored = 1 << 20

func (d dirStore) path(key string) string {
	sum := sha256.Sum256([]byte("cie card store\x00" + key))
	return filepath.Join(string(d), hex.EncodeToString(sum[:16])+".json")
}

func (d dirStore) Load(key string) ([]byte, error) {
	name := d.path(key)
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotStored
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxStored {
		return nil, ErrNotStored
	}
	return os.ReadFile(name)
}

func (d dirStore) Save(key string, data []byte) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(string(d), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), d.path(key))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func (d dirStore) Delete(key string) error {
	err := os.Remove(d.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
