package browsers

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// codec implements one file format: it finds, adds and removes the registration in
// the content of a file. It must not change the rest of the file.
type codec interface {
	// inspect reads the state from content.
	inspect(content []byte) State
	// install returns content with the registration; nil content is a new file.
	install(content []byte) ([]byte, error)
	// remove returns content without the registration. empty reports that nothing
	// else remains, so that a file created by Install may be deleted.
	remove(content []byte) (out []byte, empty bool, err error)
}

// fileTarget is a Target that is one file.
type fileTarget struct {
	env      *Env
	kind     Kind
	scope    Scope
	path     string
	programs []string
	codec    codec
	fileMode fs.FileMode // of a new file
	dirMode  fs.FileMode // of new directories
	missing  func() State
	running  func() []Process
	// ownFile reports that no other program writes this file, so Remove deletes it.
	ownFile bool
	// unjournaled reports that the file never has other content, so none is saved.
	unjournaled bool
	// moduleless targets can be installed without the module file.
	moduleless bool
}

func (t *fileTarget) ID() string         { return string(t.kind) + ":" + t.path }
func (t *fileTarget) Kind() Kind         { return t.kind }
func (t *fileTarget) Scope() Scope       { return t.scope }
func (t *fileTarget) Path() string       { return t.path }
func (t *fileTarget) Programs() []string { return t.programs }

func (t *fileTarget) Running() []Process {
	if t.running == nil {
		return nil
	}
	return t.running()
}

func (t *fileTarget) State() State {
	s, _, _ := t.look()
	return s
}

// found is a file as look saw it.
type found struct {
	real    string // path without symbolic links
	content []byte
	meta    fileMeta
	exists  bool
}

func damaged(r Reason, err error) State { return State{Status: Damaged, Reason: r, Err: err} }

// look reads the place. The error is that of the read, for callers that go on to write.
func (t *fileTarget) look() (State, found, error) {
	real, err := filepath.EvalSymlinks(t.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, lerr := os.Lstat(t.path); lerr == nil {
			return damaged(ReasonUnreadable, fmt.Errorf("%s is a dangling symbolic link", t.path)), found{}, err
		}
		return t.lookMissing()
	case err != nil:
		return damaged(ReasonUnreadable, err), found{}, err
	}
	fi, err := os.Stat(real)
	if err != nil {
		return damaged(ReasonUnreadable, err), found{}, err
	}
	if !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", real)
		return damaged(ReasonNotRegular, err), found{}, err
	}
	content, err := readBounded(real)
	if err != nil {
		r := ReasonUnreadable
		if errors.Is(err, errTooLarge) {
			r = ReasonTooLarge
		} else if t.foreign(fi) {
			r = ReasonForeignOwner
		}
		return damaged(r, err), found{}, err
	}
	f := found{real: real, content: content, meta: metaOf(fi), exists: true}
	s := t.codec.inspect(content)
	s.own = t.ownFile
	if s.Status == Damaged && !s.Repairable() {
		return s, f, s.Err
	}
	if t.foreign(fi) {
		s.Status, s.Reason = Damaged, ReasonForeignOwner
		s.Err = fmt.Errorf("%s belongs to user %d", real, f.meta.uid)
		return s, f, s.Err
	}
	if err := t.writable(filepath.Dir(real)); err != nil && s.Status != Registered {
		s.Status, s.Reason, s.Err = Damaged, ReasonReadOnly, err
		return s, f, err
	}
	if s.Status == Registered && !t.moduleless {
		if _, err := os.Stat(s.Module); errors.Is(err, fs.ErrNotExist) {
			s.Status, s.Reason, s.Err = Damaged, ReasonModuleMissing, fmt.Errorf("%w: %s", ErrNoModule, s.Module)
		}
	}
	return s, f, nil
}

func (t *fileTarget) lookMissing() (State, found, error) {
	s := State{Status: Absent, Reason: ReasonNotCreated}
	if t.missing != nil {
		if m := t.missing(); m.Status != "" {
			s = m
		}
	}
	if s.Status != Absent {
		return s, found{}, s.Err
	}
	// This user must be able to create files in the nearest existing directory.
	dir := filepath.Dir(t.path)
	for {
		fi, err := os.Stat(dir)
		if err == nil {
			if !fi.IsDir() {
				err = fmt.Errorf("%s is not a directory", dir)
				return damaged(ReasonNotRegular, err), found{}, err
			}
			if t.foreign(fi) {
				err = fmt.Errorf("%s belongs to another user", dir)
				return damaged(ReasonForeignOwner, err), found{}, err
			}
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return damaged(ReasonUnreadable, err), found{}, err
		}
		dir = filepath.Dir(dir)
	}
	if err := t.writable(dir); err != nil {
		return damaged(ReasonReadOnly, err), found{}, err
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return damaged(ReasonUnreadable, err), found{}, err
	}
	rest, err := filepath.Rel(dir, t.path)
	if err != nil {
		return damaged(ReasonUnreadable, err), found{}, err
	}
	return s, found{real: filepath.Join(real, rest), meta: fileMeta{mode: t.fileMode, uid: -1, gid: -1}}, nil
}

// foreign reports whether a user target belongs to another user.
func (t *fileTarget) foreign(fi fs.FileInfo) bool {
	uid, _, ok := ownerOf(fi)
	return t.scope == ScopeUser && ok && uid != t.env.UID
}

// writable reports why no file can be created in the directory. For system targets
// an ordinary user gets this error from Install, not from State.
func (t *fileTarget) writable(dir string) error {
	if t.scope == ScopeSystem && t.env.UID != 0 {
		return nil
	}
	if err := mayWrite(dir); err != nil {
		return &fs.PathError{Op: "write", Path: dir, Err: err}
	}
	return nil
}

// guard refuses a process of another user.
func (t *fileTarget) guard() error {
	if t.scope == ScopeUser {
		if t.env.elevated() && !t.env.owns(t.path) {
			return fmt.Errorf("%s: %w: run this without administrator rights", t.path, ErrNotBelowHome)
		}
		return t.env.CheckUser()
	}
	if t.env.UID != 0 && t.env.Root == "" {
		return fmt.Errorf("%s: %w", t.path, ErrNeedRoot)
	}
	return nil
}

func (t *fileTarget) Install() (Change, error) {
	if err := t.guard(); err != nil {
		return Change{}, err
	}
	unlock, err := t.env.lock(t.scope)
	if err != nil {
		return Change{}, err
	}
	defer unlock()
	state, f, err := t.look()
	if state.Status == Registered {
		return Change{}, nil
	}
	if state.Status == Unavailable || state.Status == Damaged && !state.Repairable() {
		return Change{}, &StateError{Path: t.path, State: state}
	}
	if err != nil {
		return Change{}, err
	}
	if !t.moduleless {
		if err := t.env.CheckModule(); err != nil {
			return Change{}, err
		}
	}
	sweepTemp(f.real)
	out, err := t.codec.install(f.content)
	if err != nil {
		return Change{}, fmt.Errorf("%s: %w", t.path, err)
	}
	if f.exists && bytes.Equal(out, f.content) {
		return Change{}, nil
	}
	return t.put(f, out)
}

// put writes out over what look found, after the journal has a copy.
func (t *fileTarget) put(f found, out []byte) (Change, error) {
	j := t.env.journal(t.scope)
	r := record{Path: rawPath(f.real), Kind: t.kind, Created: !f.exists, Mode: uint32(f.meta.mode), After: digest(out)}
	if f.exists {
		r.Before = digest(f.content)
	}
	before := f.content
	if old, ok := j.load(f.real); ok && f.exists && old.After == r.Before {
		// This corrects an earlier registration of ours. Remove must restore the
		// content before that one.
		if b, ok := j.backup(old); ok || old.Created {
			r.Created, r.Before, r.Mode, before = old.Created, old.Before, old.Mode, b
		}
	}
	if !t.unjournaled && j.accepts(f.real) {
		if err := j.save(r, before); err != nil {
			return Change{}, err
		}
	}
	dir := filepath.Dir(f.real)
	if err := j.ensureDir(dir, t.dirMode); err != nil {
		return Change{}, err
	}
	if f.exists {
		// NSS or a user may have written since look; never overwrite that.
		if now, err := readBounded(f.real); err != nil || !bytes.Equal(now, f.content) {
			return Change{}, fmt.Errorf("%s: %w", t.path, ErrChanged)
		}
	}
	if err := t.env.writeAtomic(f.real, out, f.meta); err != nil {
		return Change{}, err
	}
	return Change{Changed: true, Files: []string{f.real}}, nil
}

// remembered reports whether the journal has a record of the file.
func (t *fileTarget) remembered() bool {
	real, err := filepath.EvalSymlinks(t.path)
	if err != nil {
		real = t.path
	}
	r, ok := t.env.journal(t.scope).load(real)
	return ok && r.Kind == t.kind
}

func (t *fileTarget) Remove() (Change, error) {
	if err := t.guard(); err != nil {
		return Change{}, err
	}
	unlock, err := t.env.lock(t.scope)
	if err != nil {
		return Change{}, err
	}
	defer unlock()
	j := t.env.journal(t.scope)
	state, f, err := t.look()
	if !f.exists {
		if state.Status == Damaged {
			return Change{}, &StateError{Path: t.path, State: state}
		}
		// The registration is absent; its record may still exist.
		if r, ok := j.load(f.real); ok && r.Kind == t.kind {
			return Change{}, j.drop(f.real)
		}
		return Change{}, nil
	}
	if state.Status == Damaged && !state.Repairable() {
		return Change{}, &StateError{Path: t.path, State: state}
	}
	if err != nil {
		return Change{}, err
	}
	sweepTemp(f.real)
	r, recorded := j.load(f.real)
	recorded = recorded && r.Kind == t.kind
	out, empty, err := t.codec.remove(f.content)
	if err != nil {
		return Change{}, fmt.Errorf("%s: %w", t.path, err)
	}
	untouched := recorded && digest(f.content) == r.After
	if untouched && !r.Created {
		// If the backup contains a registration itself, for example of an older
		// path, it must not be restored.
		if b, ok := j.backup(r); ok && t.codec.inspect(b).Status == Absent {
			out, empty = b, false
			f.meta.mode = fs.FileMode(r.Mode).Perm()
		}
	}
	c := Change{Changed: true, Files: []string{f.real}}
	switch {
	case recorded && r.Created && (untouched || empty), t.ownFile && empty:
		err = removeSynced(f.real)
	case bytes.Equal(out, f.content):
		c = Change{}
	default:
		err = t.env.writeAtomic(f.real, out, f.meta)
	}
	if err != nil || !recorded {
		return c, err
	}
	return c, j.drop(f.real)
}
