package faultinjection

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"cie/card"
	"cie/card/state"
)

// knowledge is what programs have stored about the card after its first use.
type knowledge struct {
	store store
	files map[string][]byte // below the folder of the trial, by relative name
}

// store is a card.Store in memory.
type store map[string][]byte

func (s store) Load(key string) ([]byte, error) {
	if data, ok := s[key]; ok {
		return data, nil
	}
	return nil, card.ErrNotStored
}
func (s store) Save(key string, data []byte) error { s[key] = append([]byte(nil), data...); return nil }
func (s store) Delete(key string) error            { delete(s, key); return nil }

// inMemory returns options of a program that changes nothing of the knowledge.
func (k knowledge) inMemory() card.Options {
	s := maps.Clone(k.store)
	if s == nil {
		s = store{}
	}
	return card.Options{Store: s, Roots: roots()}
}

// The folders with what is known of cards, below that of a trial.
const (
	cacheFolder = "cache"
	stateFolder = "state"
)

// options returns the options of a program that knows what is known of the card.
func (t *Trial) options() (card.Options, error) {
	entries, err := os.ReadDir(t.Folder)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(t.Folder, e.Name())))
	}
	if !t.Files || err != nil {
		o := t.knowledge.inMemory()
		o.State = state.Memory()
		return o, err
	}
	for name, content := range t.knowledge.files {
		name = filepath.Join(t.Folder, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, content, 0o600))
	}
	return t.inFiles(), err
}

func (t *Trial) inFiles() card.Options {
	return card.Options{
		Store: card.DirStore(filepath.Join(t.Folder, cacheFolder)), State: state.Dir(filepath.Join(t.Folder, stateFolder)), Roots: roots(),
	}
}

// remember makes what a program has stored the knowledge of all later ones.
func (t *Trial) remember(o card.Options) error {
	t.knowledge = knowledge{files: map[string][]byte{}}
	if !t.Files {
		t.knowledge.store = o.Store.(store)
		return nil
	}
	return t.walk(func(name string) error {
		content, err := os.ReadFile(filepath.Join(t.Folder, name))
		t.knowledge.files[name] = content
		return err
	}, cacheFolder, stateFolder)
}

// walk calls f for every file of folders of the trial.
func (t *Trial) walk(f func(name string) error, folders ...string) error {
	var errs []error
	for _, folder := range folders {
		errs = append(errs, filepath.WalkDir(filepath.Join(t.Folder, folder), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
				return nil
			}
			name, rerr := filepath.Rel(t.Folder, path)
			return errors.Join(err, rerr, f(name))
		}))
	}
	return errors.Join(errs...)
}

// judgeFiles checks that no file was left half written, and that all documents are
// signed if complete.
func (t *Trial) judgeFiles(ctx context.Context, u *use, complete bool) error {
	err := t.walk(func(name string) error {
		if strings.HasPrefix(filepath.Base(name), ".") {
			return fmt.Errorf("%s is left", name)
		}
		return nil
	}, cacheFolder, stateFolder)
	return errors.Join(err, judgeBatch(ctx, u.folder, complete))
}

// Damages returns what happens to the files of a program, which need Trial.Files. Damaged
// files stay as they are: the next operation must work with them.
func Damages() []Cause {
	damage := func(name, column, folder string) Cause {
		return Cause{Name: name, Column: column, Begin: func(t *Trial, at int) (func() error, error) {
			return func() error { return nil }, t.damage(folder, at)
		}}
	}
	return []Cause{
		damage("cache-damaged", "cache", cacheFolder),
		damage("state-damaged", "state", stateFolder),
		{Name: "home-missing", Column: "home", Begin: func(t *Trial, at int) (func() error, error) { return t.hideHome(at%2 == 0) }},
	}
}

// damage makes the files of a folder empty, cuts them, or fills them with zeros.
func (t *Trial) damage(folder string, at int) error {
	return t.walk(func(name string) error {
		name = filepath.Join(t.Folder, name)
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		switch at % 3 {
		case 0:
			content = nil
		case 1:
			content = content[:len(content)/2]
		default:
			clear(content)
		}
		return os.WriteFile(name, content, 0o600)
	}, folder)
}

// hideHome takes the folder away. With blocked a file is in its place, so that nothing can
// be created there; else a program can make a new folder, which lasts until the old one is back.
func (t *Trial) hideHome(blocked bool) (func() error, error) {
	away := t.Folder + ".away"
	if err := os.Rename(t.Folder, away); err != nil {
		return nil, err
	}
	back := func() error { return errors.Join(os.RemoveAll(t.Folder), os.Rename(away, t.Folder)) }
	if !blocked {
		return back, nil
	}
	return back, os.WriteFile(t.Folder, nil, 0o600)
}
