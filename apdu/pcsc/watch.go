package pcsc

import (
	"context"
	"errors"
	"slices"
	"time"

	"cie/apdu"
	"cie/apdu/readers"

	"github.com/ebfe/scard"
)

// pnp is the pseudo reader whose state changes when readers are attached or removed.
const pnp = `\\?PnP?\Notification`

// maxStates is how many states one call of the library takes, and how many readers
// pcsc-lite has at most (PCSCLITE_MAX_READERS_CONTEXTS).
const maxStates = 16

// relist limits one wait.
const relist = time.Minute

// secondLooks are the times after the begin of a wait at which the readers are
// listed once more: pcsc-lite 1.9 counts them when the wait begins, and misses
// one that was attached between the listing and then. The second one is for a
// machine on which the wait begins late.
var secondLooks = []time.Duration{200 * time.Millisecond, 1500 * time.Millisecond}

// link is a connection to the service: a context of the PC/SC library.
type link interface {
	list() ([]string, error)
	change([]scard.ReaderState, time.Duration) error
	Cancel() error
	Release() error
}

type scardLink struct{ *scard.Context }

func (l scardLink) list() ([]string, error) { return listReaders(l.Context) }

func (l scardLink) change(s []scard.ReaderState, d time.Duration) error {
	return statusChange(l.Context, s, d)
}

func (l scardLink) Release() error { return release(l.Context) }

func openLink(timeout time.Duration) (link, error) {
	h, err := establish(timeout)
	if err != nil {
		return nil, err
	}
	return scardLink{h}, nil
}

// Watch implements readers.Service. It waits in the service and does not poll;
// only while the service is down it retries with growing pauses. When the service
// is lost, the known cards and readers are reported as removed first.
func (c *Context) Watch(ctx context.Context) (<-chan readers.Event, error) {
	if c.life.Err() != nil {
		return nil, ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel)
	w := &watcher{cfg: c.cfg, ctx: ctx, open: openLink, names: &c.names, calls: &c.calls, events: make(chan readers.Event)}
	c.calls.do(func() {
		defer cancel()
		defer stop()
		defer close(w.events)
		w.run()
	})
	return w.events, nil
}

// watched is what the watcher last reported about a reader.
type watched struct {
	raw     string            // name for the service
	name    string            // for events
	state   scard.StateFlag   // for the next call
	card    readers.EventKind // readers.CardInserted, readers.CardMute or readers.CardRemoved
	counter uint16            // insertions and removals when card was reported
}

type watcher struct {
	cfg    Config
	ctx    context.Context
	open   func(timeout time.Duration) (link, error)
	names  *names
	calls  *calls
	events chan readers.Event
	known  []*watched
	down   bool
	// settled: readers.Settled was sent.
	settled bool
}

func (w *watcher) emit(e readers.Event) {
	select {
	case w.events <- e:
	case <-w.ctx.Done():
	}
}

// settle marks the end of the initial events, once.
func (w *watcher) settle() {
	if !w.settled {
		w.settled = true
		w.emit(readers.Event{Kind: readers.Settled})
	}
}

// run keeps a context established while the watch runs.
func (w *watcher) run() {
	wait := w.cfg.MinRetry
	for w.ctx.Err() == nil {
		l, err := w.open(w.cfg.Timeout)
		if err == nil {
			var served bool
			served, err = w.serve(l)
			if served {
				wait = w.cfg.MinRetry
			}
		}
		if w.ctx.Err() != nil {
			return
		}
		if !w.down {
			w.sync(nil)
			w.down = true
			w.emit(readers.Event{Kind: readers.ServiceLost, Err: err})
			w.settle()
		}
		t := time.NewTimer(wait)
		select {
		case <-w.ctx.Done():
		case <-t.C:
		}
		t.Stop()
		wait = min(2*wait, w.cfg.MaxRetry)
	}
}

// serve reports changes until the context breaks or the watch ends. served
// reports whether it got as far as waiting for changes. It releases l.
func (w *watcher) serve(l link) (served bool, err error) {
	misses := 0
	for {
		var names []string
		err, done := limited(w.cfg.Timeout, func() (err error) {
			names, err = l.list()
			return err
		}, func() { l.Release() })
		if !done {
			return served, &Error{Op: "list readers", Kind: apdu.ErrTimeout}
		}
		if err != nil {
			w.release(l)
			return served, wrap("list readers", "", err)
		}
		if w.down {
			w.down = false
			w.emit(readers.Event{Kind: readers.ServiceBack})
		}
		w.sync(names)
		if len(names) == 0 {
			w.settle() // the wait below lasts until a reader is attached
		}

		watched := w.known[:min(len(w.known), maxStates)]
		var states []scard.ReaderState
		for _, r := range watched {
			states = append(states, scard.ReaderState{Reader: r.raw, CurrentState: r.state})
		}
		// Beside as many readers as there can be, none can be attached.
		if len(watched) < maxStates {
			states = append(states, scard.ReaderState{Reader: pnp, CurrentState: scard.StateFlag(len(names)) << 16})
		}
		var ours bool
		err, ours = w.wait(l, states, names)
		switch {
		case !ours:
			return served, err
		case w.ctx.Err() != nil:
			w.release(l)
			return served, nil
		case err == nil:
			served, misses = true, 0
			for i, r := range watched {
				w.update(r, states[i])
			}
			w.settle()
		case errors.Is(err, scard.ErrTimeout), errors.Is(err, scard.ErrCancelled):
		case errors.Is(err, scard.ErrUnknownReader) && misses < 3:
			misses++ // a reader was removed after the listing
		default:
			w.release(l)
			return served, wrap("watch", "", err)
		}
	}
}

// release releases a link without waiting for the library.
func (w *watcher) release(l link) { w.calls.do(func() { l.Release() }) }

// wait blocks until a state differs from the given one, the readers differ from the
// list, relist has passed or the watch ends. ours reports whether the caller must
// still release l.
func (w *watcher) wait(l link, states []scard.ReaderState, list []string) (err error, ours bool) {
	got := slices.Clone(states)
	result := make(chan error)
	gone := make(chan struct{})
	w.calls.do(func() {
		err := l.change(got, relist)
		select {
		case result <- err:
		case <-gone:
			l.Release()
		}
	})
	ctx, end := context.WithCancel(w.ctx)
	defer end()
	missed := make(chan struct{})
	w.calls.do(func() {
		if w.lookAgain(ctx, list) {
			close(missed)
		}
	})
	select {
	case err := <-result:
		copy(states, got)
		return err, true
	case <-missed:
	case <-w.ctx.Done():
	case <-time.After(relist + w.cfg.Timeout):
		close(gone)
		return &Error{Op: "watch", Kind: apdu.ErrTimeout}, false
	}
	// A cancel that comes just before the wait is lost, so it is repeated.
	for range 20 {
		w.calls.do(func() { l.Cancel() }) // blocks, too, when the service hangs
		select {
		case err := <-result:
			copy(states, got)
			return err, true
		case <-time.After(50 * time.Millisecond):
		}
	}
	close(gone)
	if err := w.ctx.Err(); err != nil {
		return err, false
	}
	return &Error{Op: "watch", Kind: apdu.ErrTimeout}, false
}

// lookAgain reports whether the service lists other readers than before, at one
// of secondLooks. It does not use the link of the wait, because the library
// serialises the calls on it.
func (w *watcher) lookAgain(ctx context.Context, before []string) bool {
	begin := time.Now()
	for _, at := range secondLooks {
		t := time.NewTimer(time.Until(begin.Add(at)))
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-t.C:
		}
		l, err := w.open(w.cfg.Timeout)
		if err != nil {
			continue
		}
		var now []string
		err, done := limited(w.cfg.Timeout, func() (err error) {
			now, err = l.list()
			return err
		}, func() { l.Release() })
		if !done {
			continue
		}
		l.Release()
		if err == nil && !sameReaders(now, before) {
			return true
		}
	}
	return false
}

// sameReaders compares two lists, whose order means nothing.
func sameReaders(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(name string) bool { return !slices.Contains(b, name) })
}

// sync reports readers that were attached or removed.
func (w *watcher) sync(raw []string) {
	kept := w.known[:0:0]
	for _, r := range w.known {
		if slices.Contains(raw, r.raw) {
			kept = append(kept, r)
			continue
		}
		if r.card != readers.CardRemoved {
			w.emit(readers.Event{Kind: readers.CardRemoved, Reader: r.name})
		}
		w.emit(readers.Event{Kind: readers.ReaderRemoved, Reader: r.name})
	}
	w.known = kept
	for _, name := range raw {
		if !slices.ContainsFunc(w.known, func(r *watched) bool { return r.raw == name }) {
			r := &watched{raw: name, name: w.names.show(name), card: readers.CardRemoved}
			w.known = append(w.known, r)
			w.emit(readers.Event{Kind: readers.ReaderAdded, Reader: r.name})
		}
	}
}

// update reports what changed for the card in one reader.
func (w *watcher) update(r *watched, s scard.ReaderState) {
	if s.EventState&(scard.StateUnknown|scard.StateUnavailable) != 0 {
		r.state = s.EventState &^ scard.StateChanged
		return // the next listing shows whether the reader exists
	}
	now := readers.CardRemoved
	switch {
	case s.EventState&scard.StateMute != 0:
		now = readers.CardMute
	case s.EventState&scard.StatePresent != 0:
		now = readers.CardInserted
	}
	count := counter(s.EventState)
	// If the count grew by one with a card before and after, the service counted the
	// insertion a moment after it reported the card. An exchange counts twice.
	swapped := now != readers.CardRemoved && r.card != readers.CardRemoved && count-r.counter > 1
	if r.card != readers.CardRemoved && (now == readers.CardRemoved || swapped) {
		w.emit(readers.Event{Kind: readers.CardRemoved, Reader: r.name})
		r.card = readers.CardRemoved
	}
	if now != r.card {
		r.counter = count
		e := readers.Event{Kind: now, Reader: r.name}
		if now == readers.CardInserted {
			e.ATR = slices.Clone(s.Atr)
		}
		w.emit(e)
	}
	r.card, r.state = now, s.EventState&^scard.StateChanged
}
