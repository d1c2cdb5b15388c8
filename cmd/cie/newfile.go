package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// newFile is a file that appears under its name when it is whole, and only if
// nothing has that name: what exists is never overwritten.
type newFile struct {
	a    *app
	name string
	temp *os.File
}

// errExists marks the problem that a name is taken.
var errExists = errors.New("exists")

type existsProblem struct{ *problem }

func (e existsProblem) Is(target error) bool { return target == errExists }
func (e existsProblem) Unwrap() error        { return e.problem }

func (a *app) taken(name string) error {
	return existsProblem{a.problem("exists", exitFailed, "error.exists", name)}
}

// canCreate checks that a new file of this name can be written.
func (a *app) canCreate(name string) error {
	f, err := a.createNew(name)
	if err != nil {
		return err
	}
	f.discard()
	return nil
}

// createNew begins a new file beside its final name.
func (a *app) createNew(name string) (*newFile, error) {
	if _, err := os.Lstat(name); err == nil {
		return nil, a.taken(name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, a.problem("failed", exitFailed, "error.write", name, cause(err))
	}
	dir, base := filepath.Split(name)
	var err error
	for range 100 {
		temp := filepath.Join(dir, fmt.Sprintf(".%.64s.%08x", base, rand.Uint32()))
		var f *os.File
		if f, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err == nil {
			return &newFile{a: a, name: name, temp: f}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return nil, a.problem("failed", exitFailed, "error.write", name, cause(err))
}

// Write implements io.Writer.
func (f *newFile) Write(p []byte) (int, error) {
	n, err := f.temp.Write(p)
	if err != nil {
		err = f.failed(err)
	}
	return n, err
}

// WriteAt implements io.WriterAt.
func (f *newFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.temp.WriteAt(p, off)
	if err != nil {
		err = f.failed(err)
	}
	return n, err
}

func (f *newFile) failed(err error) error {
	return f.a.problem("failed", exitFailed, "error.write", f.name, cause(err))
}

// commit gives the file its name.
func (f *newFile) commit() error {
	defer f.discard()
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
		return f.a.taken(f.name)
	}
	// A file system without links: the name is reserved first.
	reserved, err := os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return f.a.taken(f.name)
	case err != nil:
		return f.failed(err)
	}
	_ = reserved.Close()
	if err := os.Rename(f.temp.Name(), f.name); err != nil {
		_ = os.Remove(f.name)
		return f.failed(err)
	}
	return nil
}

// discard removes the temporary file.
func (f *newFile) discard() {
	_ = f.temp.Close()
	_ = os.Remove(f.temp.Name())
}
