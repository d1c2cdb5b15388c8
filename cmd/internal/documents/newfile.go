package documents

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Op is what failed on a file.
type Op string

// The operations.
const (
	OpRead    Op = "read"
	OpWrite   Op = "write"
	OpRegular Op = "regular" // it is no regular file
	OpTwice   Op = "twice"   // two documents would be written to it
)

// FileError reports that a file cannot be read or written. It matches fs.ErrExist if
// the name of a new file is taken.
type FileError struct {
	Op   Op
	Name string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Name, e.Err) }
func (e *FileError) Unwrap() error { return e.Err }

var (
	errNotRegular = errors.New("not a regular file")
	errTwice      = errors.New("two documents would be written to it")
)

// NewFile is a file that appears under its name when it is complete, and only if
// nothing has that name: an existing file is never overwritten.
type NewFile struct {
	name string
	temp *os.File
}

// CanCreate checks that a new file of this name can be written.
func CanCreate(name string) error {
	f, err := Create(name)
	if err != nil {
		return err
	}
	f.Discard()
	return nil
}

// Create begins a new file beside its final name. Its errors are FileErrors.
func Create(name string) (*NewFile, error) {
	f := &NewFile{name: name}
	if _, err := os.Lstat(name); err == nil {
		return nil, f.failed(fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, f.failed(err)
	}
	dir, base := filepath.Split(name)
	var err error
	for range 100 {
		temp := filepath.Join(dir, fmt.Sprintf(".%.64s.%08x", base, rand.Uint32()))
		if f.temp, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return nil, f.failed(err)
}

// Write implements io.Writer.
func (f *NewFile) Write(p []byte) (int, error) {
	n, err := f.temp.Write(p)
	if err != nil {
		err = f.failed(err)
	}
	return n, err
}

// WriteAt implements io.WriterAt.
func (f *NewFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.temp.WriteAt(p, off)
	if err != nil {
		err = f.failed(err)
	}
	return n, err
}

func (f *NewFile) failed(err error) error { return &FileError{OpWrite, f.name, err} }

// Commit gives the file its name.
func (f *NewFile) Commit() error {
	defer f.Discard()
	err := f.temp.Sync()
	if err = errors.Join(err, f.temp.Close()); err != nil {
		return f.failed(err)
	}
	// A link fails if the name is taken; renaming would replace what is there.
	err = os.Link(f.temp.Name(), f.name)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return f.failed(fs.ErrExist)
	}
	// A file system without links: the name is reserved first.
	reserved, err := os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return f.failed(err)
	}
	_ = reserved.Close()
	if err := os.Rename(f.temp.Name(), f.name); err != nil {
		_ = os.Remove(f.name)
		return f.failed(err)
	}
	return nil
}

// Discard removes the temporary file.
func (f *NewFile) Discard() {
	_ = f.temp.Close()
	_ = os.Remove(f.temp.Name())
}
