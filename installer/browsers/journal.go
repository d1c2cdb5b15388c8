package browsers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"
)

// The journal records the content of files before Install changed them. It is a
// directory with a record (JSON) and a backup (the bytes) for each file, and one
// list of the directories that Install created. It deletes itself with its last
// record. Without a journal Remove cannot restore the original bytes and edits the
// registration out instead.

// record is the memory of one file.
type record struct {
	Path    rawPath `json:"path"`
	Kind    Kind    `json:"kind"`              // of the target that wrote last
	Created bool    `json:"created,omitempty"` // the file did not exist before
	Mode    uint32  `json:"mode,omitempty"`
	Before  string  `json:"before,omitempty"` // SHA-256 of the file before
	After   string  `json:"after"`            // SHA-256 of what Install wrote
}

// rawPath is a path in JSON: a string or, where it is not UTF-8, which JSON
// cannot carry, an object with its bytes.
type rawPath string

type rawBytes struct {
	Bytes []byte `json:"bytes"`
}

// MarshalJSON implements json.Marshaler.
func (p rawPath) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(p)) {
		return json.Marshal(string(p))
	}
	return json.Marshal(rawBytes{[]byte(p)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *rawPath) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*p = rawPath(s)
		return nil
	}
	var raw rawBytes
	err := json.Unmarshal(b, &raw)
	*p = rawPath(raw.Bytes)
	return err
}

// maxFile limits every file that this package reads.
const maxFile = 1 << 20

type journal struct {
	env *Env
	dir string
	// user reports that the journal is in a home, whose user can write anything to it.
	user bool
}

// accepts reports whether the journal may contain a record of path (see Env.owns).
func (j journal) accepts(path string) bool {
	return !j.user || j.env.owns(path) && j.env.owns(j.dir)
}

func (e *Env) journal(scope Scope) journal {
	if scope == ScopeSystem {
		if e.Windows {
			return journal{env: e, dir: filepath.Join(e.ownDir(), "state")}
		}
		return journal{env: e, dir: e.sys("/var/lib/cie/installer")}
	}
	return journal{env: e, dir: filepath.Join(e.StateHome, "cie", "installer"), user: true}
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func (j journal) name(path, ext string) string {
	return filepath.Join(j.dir, digest([]byte(path))[:32]+ext)
}

const (
	extRecord = ".json"
	extBackup = ".orig"
	dirsFile  = "dirs"
)

// load returns the record of path; ok is false if there is no reliable one.
func (j journal) load(path string) (r record, ok bool) {
	if !j.accepts(path) {
		return record{}, false
	}
	b, err := readBounded(j.name(path, extRecord))
	if err != nil || json.Unmarshal(b, &r) != nil || string(r.Path) != path {
		return record{}, false
	}
	return r, true
}

// backup returns the bytes of the file before Install, checked against the record.
func (j journal) backup(r record) ([]byte, bool) {
	b, err := readBounded(j.name(string(r.Path), extBackup))
	if err != nil || digest(b) != r.Before {
		return nil, false
	}
	return b, true
}

// save writes record and backup, durably, before the file itself is touched.
func (j journal) save(r record, before []byte) error {
	if err := j.ensureDir(j.dir, 0o700); err != nil {
		return fmt.Errorf("keep a backup: %w", err)
	}
	own := fileMeta{mode: 0o600, uid: -1, gid: -1}
	if r.Created {
		os.Remove(j.name(string(r.Path), extBackup))
	} else if err := j.env.writeAtomic(j.name(string(r.Path), extBackup), before, own); err != nil {
		return fmt.Errorf("keep a backup: %w", err)
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := j.env.writeAtomic(j.name(string(r.Path), extRecord), append(b, '\n'), own); err != nil {
		return fmt.Errorf("keep a backup: %w", err)
	}
	j.env.stage(stageJournal, string(r.Path))
	return nil
}

// ensureDir creates dir and records the directories that it creates. The list is
// written first, because a listed directory that does not exist does no harm.
func (j journal) ensureDir(dir string, mode fs.FileMode) error {
	missing, err := missingDirs(dir)
	if err != nil || len(missing) == 0 {
		return err
	}
	if !j.accepts(dir) {
		return mkdirs(missing, mode)
	}
	if dir == j.dir {
		// The list is in the journal itself.
		if err := mkdirs(missing, mode); err != nil {
			return err
		}
		return j.saveDirs(missing)
	}
	if err := j.ensureDir(j.dir, 0o700); err != nil {
		return err
	}
	list := j.dirs()
	for _, d := range missing {
		if !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	if err := j.saveDirs(list); err != nil {
		return err
	}
	return mkdirs(missing, mode)
}

func (j journal) dirs() []string {
	b, err := readBounded(filepath.Join(j.dir, dirsFile))
	if err != nil {
		return nil
	}
	var list []string
	for l := range strings.Lines(string(b)) {
		// Paths are quoted, because a directory name may contain a line break.
		var d rawPath
		if json.Unmarshal([]byte(l), &d) == nil && filepath.IsAbs(string(d)) && filepath.Clean(string(d)) == string(d) && j.accepts(string(d)) {
			list = append(list, string(d))
		}
	}
	return list
}

func (j journal) saveDirs(list []string) error {
	var b []byte
	for _, d := range list {
		q, err := json.Marshal(rawPath(d))
		if err != nil {
			return err
		}
		b = append(append(b, q...), '\n')
	}
	return j.env.writeAtomic(filepath.Join(j.dir, dirsFile), b, fileMeta{mode: 0o600, uid: -1, gid: -1})
}

// drop forgets path, deletes the directories that were created and are empty
// by now, and at last the journal.
func (j journal) drop(path string) error {
	if !j.accepts(path) {
		return nil
	}
	for _, ext := range []string{extRecord, extBackup} {
		if err := os.Remove(j.name(path, ext)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	list := j.dirs()
	own := func(d string) bool { return d == j.dir || strings.HasPrefix(j.dir, d+string(filepath.Separator)) }
	// Innermost first: a parent is a prefix of its children.
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	kept := list[:0]
	for _, d := range list {
		if own(d) {
			kept = append(kept, d)
			continue
		}
		// The empty directory may have been replaced by a file.
		if fi, err := os.Lstat(d); err == nil && !fi.IsDir() {
			continue
		}
		if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			kept = append(kept, d)
		}
	}
	if j.used() {
		if len(kept) == 0 {
			return nil
		}
		return j.saveDirs(kept)
	}
	for _, d := range kept {
		if !own(d) {
			// A directory of ours that others use now is theirs.
			continue
		}
		if d == j.dir {
			os.Remove(filepath.Join(j.dir, dirsFile))
		}
		os.Remove(d)
	}
	return nil
}

// used reports whether any record is left.
func (j journal) used() bool {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), extRecord)
	})
}

// errTooLarge is the cause of ReasonTooLarge.
var errTooLarge = errors.New("file is larger than 1 MiB")

// OpenRegular opens a regular file for reading. It fails for everything else and
// does not wait for the writer of a named pipe, even if a pipe replaces the file
// after the check.
func OpenRegular(path string) (*os.File, error) {
	notRegular := &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, notRegular
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if fi, err = f.Stat(); err == nil && !fi.Mode().IsRegular() {
		err = notRegular
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ReadRegular reads a regular file of at most 1 MiB.
func ReadRegular(path string) ([]byte, error) { return readBounded(path) }

// readBounded reads a regular file of at most maxFile bytes.
func readBounded(path string) ([]byte, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, errTooLarge
	}
	return b, nil
}
