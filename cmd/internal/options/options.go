// Package options makes the card.Options of every program of this project:
// where constants and state of cards are kept, and whose SODs are trusted.
package options

import (
	"errors"
	"io/fs"
	"path/filepath"

	"cie/card"
	"cie/card/sod"
	"cie/card/state"
	"cie/card/userdir"
	"cie/cmd/internal/sysdir"
)

// Dirs returns the directories of a name in the configuration of the user and
// of the machine: "csca" and "ca" hold certificates.
func Dirs(name string) []string {
	var dirs []string
	if user, err := userdir.Config(); err == nil {
		dirs = append(dirs, filepath.Join(user, "cie", name))
	}
	return append(dirs, sysdir.Config(name))
}

// Card returns the options of a program: the built-in country signers and
// those of the configuration, the store and the state of the user. What cannot
// be had is left out: without a store everything takes longer, and without
// state nothing is known about a card but what it shows.
func Card() card.Options {
	opts := card.Options{Roots: sod.BuiltinRoots().Clone()}
	if store, err := card.DefaultStore(); err == nil {
		opts.Store = store
	}
	if st, err := state.Default(); err == nil {
		opts.State = st
	}
	_ = AddRoots(opts.Roots, Dirs("csca"))
	return opts
}

// AddRoots adds the country signers in directories. A directory that does not
// exist is passed over; a file that cannot be used keeps no other out.
func AddRoots(roots *sod.Roots, dirs []string) error {
	var failed []error
	for _, dir := range dirs {
		if err := roots.AddDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
