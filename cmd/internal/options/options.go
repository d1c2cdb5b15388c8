// Package options returns the card.Options of every program of this project: where
// constants and state of cards are stored, and which country signers are trusted.
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
// of the machine: "csca" and "ca" contain certificates.
func Dirs(name string) []string {
	var dirs []string
	if user, err := userdir.Config(); err == nil {
		dirs = append(dirs, filepath.Join(user, "cie", name))
	}
	return append(dirs, sysdir.Config(name))
}

// Sources lists where a program stores data about cards, and which country signers
// it trusts besides the built-in ones.
type Sources struct {
	Store   func() (card.Store, error)
	State   func() (*state.Store, error)
	Anchors []string // directories with country signers
}

// System returns the sources of this user on this machine.
func System() Sources {
	return Sources{Store: card.DefaultStore, State: state.Default, Anchors: Dirs("csca")}
}

// Card returns the options of a program that reports nothing about its sources.
func Card() card.Options { return System().Card(func(string, error) {}) }

// Card returns the options. It omits what cannot be used and reports it to unusable
// as "store", "state" or the directory of country signers. Without a store every
// operation takes longer. Without state only what the card shows is known about it.
// A directory that does not exist is no error, and a file that cannot be used does
// not affect the others.
func (s Sources) Card(unusable func(source string, err error)) card.Options {
	opts := card.Options{Roots: sod.BuiltinRoots().Clone()}
	if store, err := s.Store(); err == nil {
		opts.Store = store
	} else {
		unusable("store", err)
	}
	if st, err := s.State(); err == nil {
		opts.State = st
	} else {
		unusable("state", err)
	}
	for _, dir := range s.Anchors {
		if err := opts.Roots.AddDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			unusable(dir, err)
		}
	}
	return opts
}
