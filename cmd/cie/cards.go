package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

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

// find lists the readers and picks those the user means: all, or the one of
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

// openOne opens the one card that can be meant. With several and no --reader it
// refuses: a code goes only to a card that a user chose.
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
	if len(list) > 1 {
		if list, err = a.candidates(ctx, s, list); err != nil {
			return readers.State{}, err
		}
	}
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

// otherTime is how long the recognition of the other cards may take once a CIE is
// recognised. A CIE that no program uses is recognised in a tenth of it.
const otherTime = 2 * time.Second

// candidates returns the readers of several whose card the user can mean. All
// cards are recognised at the same time. One that no program uses and that has
// not been recognised within otherTime is not a CIE, so the slow virtual card of
// Windows Hello does not delay a command for long.
func (a *app) candidates(ctx context.Context, s readers.Service, list []readers.State) ([]readers.State, error) {
	opts, err := a.cardOptions()
	if err != nil {
		return nil, err
	}
	opts.Progress, opts.Trace = nil, nil
	type result struct {
		index int
		what  card.Recognition
	}
	results := make(chan result, len(list))
	waiting := map[int]bool{}
	for i, r := range list {
		waiting[i] = true
		go func() { results <- result{i, recognise(ctx, s, r, opts)} }()
	}
	what := make([]card.Recognition, len(list))
	var late <-chan time.Time
	for len(waiting) > 0 {
		select {
		case r := <-results:
			what[r.index] = r.what
			delete(waiting, r.index)
			if r.what == card.IsCIE && late == nil {
				late = time.After(otherTime)
			}
		case <-late:
			for i := range waiting {
				if !list[i].InUse {
					what[i] = card.NotCIE
					delete(waiting, i)
				}
			}
			late = nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	var some []readers.State
	for _, i := range card.Candidates(what) {
		some = append(some, list[i])
	}
	return some, nil
}

// recognise selects the application of the card in a reader.
func recognise(ctx context.Context, s readers.Service, r readers.State, opts card.Options) card.Recognition {
	if r.Mute {
		return card.RecognitionOf(apdu.ErrMute)
	}
	c, err := s.Connect(r.Name)
	if err == nil {
		var session *card.Session
		if session, err = card.Open(ctx, c, opts); err == nil {
			_ = session.Close()
		}
		_ = c.Close()
	}
	return card.RecognitionOf(err)
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
