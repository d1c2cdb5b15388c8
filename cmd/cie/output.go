package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// output is a file to be written. It is opened before a code is asked for, so that
// the user types no PIN and the card signs nothing for a file that cannot be written.
// An existing file is unchanged until the new content is complete.
type output struct {
	a    *app
	name string // as the user gave it

	file *os.File
	temp string // what is written; empty: the file itself
	path string // what temp becomes
}

// openOutput prepares the file of that name, which gets the given mode if it
// is new. For an empty name it returns nil, whose methods do nothing.
func (a *app) openOutput(name string, mode fs.FileMode) (*output, error) {
	if name == "" {
		return nil, nil
	}
	o := &output{a: a, name: name}
	if err := o.open(mode); err != nil {
		return nil, o.failed(err)
	}
	return o, nil
}

func (o *output) failed(err error) error {
	return o.a.problem("failed", exitFailed, "error.write", o.name, cause(err))
}

func (o *output) open(mode fs.FileMode) error {
	o.path = o.name
	info, err := os.Stat(o.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A link that leads nowhere is followed, as a plain write would.
		if to, err := os.Readlink(o.name); err == nil {
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(o.name), to)
			}
			o.path = to
		}
		return o.create(mode)
	case err != nil:
		return err
	}
	// Opening it shows whether it may be written, and whether it is a directory.
	if o.file, err = os.OpenFile(o.name, os.O_WRONLY, 0); err != nil || !info.Mode().IsRegular() {
		return err // devices and pipes are written as they are
	}
	if o.path, err = filepath.EvalSymlinks(o.name); err != nil {
		return errors.Join(err, o.file.Close())
	}
	inPlace := o.file
	if o.create(info.Mode().Perm()) != nil {
		o.file, o.temp = inPlace, "" // a directory where no file can be made
		return nil
	}
	_ = o.file.Chmod(info.Mode().Perm()) // as it was, whatever the umask is
	_ = inPlace.Close()
	return nil
}

// create makes the temporary file beside path.
func (o *output) create(mode fs.FileMode) (err error) {
	dir, base := filepath.Split(o.path)
	for range 100 {
		o.temp = filepath.Join(dir, fmt.Sprintf(".%s.%08x", base, rand.Uint32()))
		o.file, err = os.OpenFile(o.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// write writes the content, whole or not at all where a file is replaced.
func (o *output) write(content []byte) error {
	if o == nil {
		return nil
	}
	defer o.discard()
	err := o.fill(content)
	err = errors.Join(err, o.file.Close())
	o.file = nil
	if err == nil && o.temp != "" {
		if err = os.Rename(o.temp, o.path); err == nil {
			o.temp = ""
		}
	}
	if err != nil {
		return o.failed(err)
	}
	return nil
}

func (o *output) fill(content []byte) error {
	if _, err := o.file.Write(content); err != nil {
		return err
	}
	if o.temp != "" {
		return o.file.Sync()
	}
	// The rest of longer content is cut off. Devices and pipes have none.
	if info, err := o.file.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	return o.file.Truncate(int64(len(content)))
}

// discard removes what was begun and not finished.
func (o *output) discard() {
	if o == nil {
		return
	}
	if o.file != nil {
		_ = o.file.Close()
		o.file = nil
	}
	if o.temp != "" {
		_ = os.Remove(o.temp)
		o.temp = ""
	}
}
