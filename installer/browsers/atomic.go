package browsers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// tempMark is part of the name of every temporary file of this package.
const tempMark = ".cie-tmp-"

// stages at which tests may stop the program.
const (
	stageJournal = "journal" // backup and record written, file untouched
	stageTemp    = "temp"    // temporary file complete, not renamed
	stageRenamed = "renamed" // file replaced
)

// fileMeta is the metadata that a replaced file keeps.
type fileMeta struct {
	mode     fs.FileMode
	uid, gid int // -1: those of this process
}

func metaOf(fi fs.FileInfo) fileMeta {
	m := fileMeta{mode: fi.Mode().Perm(), uid: -1, gid: -1}
	if uid, gid, ok := ownerOf(fi); ok {
		m.uid, m.gid = uid, gid
	}
	return m
}

// writeAtomic replaces path by content: a temporary file in the same directory,
// fsync, rename, fsync of the directory. The path must not be a symbolic link.
func (e *Env) writeAtomic(path string, content []byte, meta fileMeta) (err error) {
	dir, base := filepath.Split(path)
	f, err := os.CreateTemp(dir, "."+base+tempMark+"*")
	if err != nil {
		return err
	}
	tmp := f.Name()
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(tmp)
		}
	}()
	if meta.uid >= 0 {
		// Giving a file away needs root; keeping one's own never fails.
		if err = f.Chown(meta.uid, meta.gid); err != nil {
			return fmt.Errorf("keep the owner: %w", err)
		}
	}
	if err = f.Chmod(meta.mode); err != nil {
		return err
	}
	if _, err = f.Write(content); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	e.stage(stageTemp, path)
	if err = os.Rename(tmp, path); err != nil {
		return err
	}
	e.stage(stageRenamed, path)
	return syncDir(dir)
}

func removeSynced(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return syncDirectory(d)
}

// sweepTemp deletes temporary files of killed processes beside path. The caller has
// the lock, so none of them is in use.
func sweepTemp(path string) {
	dir, base := filepath.Split(path)
	left, _ := filepath.Glob(filepath.Join(globEscape(dir), "."+globEscape(base)+tempMark+"*"))
	for _, p := range left {
		os.Remove(p)
	}
}

func globEscape(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*', '?', '[', '\\':
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(b)
}

// missingDirs returns those of dir and its parents that do not exist, outermost first.
func missingDirs(dir string) ([]string, error) {
	var missing []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		fi, err := os.Stat(d)
		if err == nil {
			if !fi.IsDir() {
				return nil, &fs.PathError{Op: "mkdir", Path: d, Err: syscall.ENOTDIR}
			}
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		missing = append(missing, d)
	}
	slices.Reverse(missing)
	return missing, nil
}

// mkdirs creates the directories in order, with exactly that mode.
func mkdirs(dirs []string, mode fs.FileMode) error {
	for _, d := range dirs {
		if err := os.Mkdir(d, mode); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return err
		}
		if err := os.Chmod(d, mode); err != nil {
			return err
		}
	}
	return nil
}

// symlink makes a link that survives a crash whole.
func symlink(to, path string) error {
	if err := os.Symlink(to, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}
