package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
)

// inUse is the card that a verb works with.
type inUse struct {
	reader  string
	session *card.Session
	level   card.Level // as prepare found it
	store   card.Store // nil: nothing is kept
	closers []func() error
}

// Close wipes the session and releases the card.
func (u *inUse) Close() {
	for i := len(u.closers) - 1; i >= 0; i-- {
		_ = u.closers[i]()
	}
	u.closers = nil
}

// find lists the readers and picks those the person means: all, or the one of
// --reader.
func (a *app) find(s readers.Service) ([]readers.State, error) {
	all, err := s.Status()
	if err != nil {
		return nil, err
	}
	if a.reader == "" {
		if len(all) == 0 {
			return nil, apdu.ErrNoReader
		}
		return all, nil
	}
	var partly []readers.State
	for _, r := range all {
		if r.Name == a.reader {
			return []readers.State{r}, nil
		}
		if strings.Contains(strings.ToLower(r.Name), strings.ToLower(a.reader)) {
			partly = append(partly, r)
		}
	}
	switch len(partly) {
	case 1:
		return partly, nil
	case 0:
		p := a.problem("no-reader", exitNothing, "reader.unknown", a.reader)
		if len(all) == 0 {
			return nil, p.do(a.text("error.no-reader.remedy"))
		}
		p.Readers, p.list = names(all), names(all)
		p.Message += ". " + strings.TrimSuffix(a.text("reader.connected"), ":") + ":"
		return nil, p
	default:
		p := a.problem("choose-reader", exitChoose, "reader.ambiguous", a.reader)
		p.Readers, p.list = names(partly), names(partly)
		return nil, p
	}
}

func names(list []readers.State) []string {
	var all []string
	for _, r := range list {
		all = append(all, r.Name)
	}
	return all
}

// withCard keeps the readers that have a card.
func withCard(list []readers.State) []readers.State {
	var some []readers.State
	for _, r := range list {
		if r.Present {
			some = append(some, r)
		}
	}
	return some
}

// openOne opens the one card that can be meant. With several cards and no
// --reader it refuses: a code goes only to a card that a person chose.
func (a *app) openOne(ctx context.Context) (*inUse, error) {
	s, err := a.service(false)
	if err != nil {
		return nil, err
	}
	reader, err := a.pickOne(ctx, s, a.command)
	if err != nil {
		s.Close()
		return nil, err
	}
	use, err := a.open(ctx, s, reader)
	if err != nil {
		s.Close()
		return nil, err
	}
	use.closers = append([]func() error{s.Close}, use.closers...)
	return use, nil
}

// pickOne returns the reader of the one card that can be meant; command is what to
// type with --reader where there are several.
func (a *app) pickOne(ctx context.Context, s readers.Service, command string) (readers.State, error) {
	list, err := a.find(s)
	if err != nil {
		return readers.State{}, err
	}
	list = withCard(list)
	switch len(list) {
	case 0:
		return readers.State{}, apdu.ErrNoCard
	case 1:
		return list[0], nil
	}
	p := a.problem("choose-reader", exitChoose, "reader.several")
	p.Readers = names(list)
	if !a.json {
		for _, r := range list {
			p.list = append(p.list, a.described(ctx, s, r))
		}
	}
	return readers.State{}, p.do(a.text("reader.several.do"), "  "+command+" --reader "+shellQuote(list[0].Name))
}

// open connects to the card in a reader and recognises it.
func (a *app) open(ctx context.Context, s readers.Service, reader readers.State) (*inUse, error) {
	if reader.Mute {
		return nil, apdu.ErrMute
	}
	opts, err := a.cardOptions()
	if err != nil {
		return nil, err
	}
	c, err := s.Connect(reader.Name)
	if err != nil {
		return nil, err
	}
	use := &inUse{reader: reader.Name, store: opts.Store, closers: []func() error{c.Close}}
	err = a.onCard(func() error {
		use.session, err = card.Open(ctx, c, opts)
		return err
	})
	if err != nil {
		use.Close()
		if errors.Is(err, card.ErrNotCIE) {
			p := a.problem("not-cie", exitNotCIE, "error.not-cie.reader", reader.Name)
			return nil, p.do(a.text("error.not-cie.remedy"))
		}
		return nil, err
	}
	use.closers = append(use.closers, use.session.Close)
	return use, nil
}

// cardOptions returns the surroundings of a session: trust anchors, cache, state,
// progress bar and trace.
func (a *app) cardOptions() (card.Options, error) {
	opts := a.sources.Card(func(source string, err error) {
		switch {
		case slices.Contains(a.sources.Anchors, source):
			a.note(a.text("error.anchor.ignored", source, err))
		case a.debug:
			a.trace("no %s: %v", source, err)
		}
	})
	opts.Progress = a.progress
	if a.debug {
		opts.Trace = a.trace
	}
	for _, name := range a.csca {
		if err := opts.Roots.AddFile(name); err != nil {
			return opts, a.usage("error.anchor", name, cause(err))
		}
	}
	return opts, nil
}

// cause returns the innermost error of a file operation, without the path that the
// message already has.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
