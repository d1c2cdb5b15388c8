package pcsc

import (
	"context"
	"errors"
	"slices"
	"time"

	"cie/apdu"

	"github.com/ebfe/scard"
)

// EventKind says what happened.
type EventKind int

// The kinds of Event.
const (
	ReaderAdded   EventKind = iota + 1 // a reader is attached
	ReaderRemoved                      // it is not any more
	CardInserted                       // a card that answers is in the reader
	CardRemoved                        // the card, mute or not, left the reader
	CardMute                           // something is in the reader and does not answer
	ServiceLost                        // the service cannot be reached; Err tells why
	ServiceBack                        // it can again
)

// String names the kind for logs.
func (k EventKind) String() string {
	names := [...]string{"none", "reader added", "reader removed", "card inserted", "card removed", "card mute", "service lost", "service back"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Event is a change in readers, cards or the service.
type Event struct {
	Kind   EventKind
	Reader string // printable, as Connect takes it; empty for the service's
	ATR    []byte // for CardInserted
	Err    error  // for ServiceLost
}

// pnp is the pseudo reader whose state changes when readers come and go.
const pnp = `\\?PnP?\Notification`

// maxWatched is how many real readers one call of the library takes beside pnp
// (PCSCLITE_MAX_READERS_CONTEXTS is 16).
const maxWatched = 15

// relist bounds one wait.
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

// Watch reports the readers and cards that are there, and then every change,
// until ctx ends or the Context is closed; then the channel is closed. It waits
// in the service, not in a loop; only while the service is down it tries again
// with growing pauses. When the service goes away, the cards and readers known
// are reported removed first. A card exchanged between two looks is reported as
// removed and inserted.
func (c *Context) Watch(ctx context.Context) (<-chan Event, error) {
	if c.life.Err() != nil {
		return nil, ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel)
	w := &watcher{cfg: c.cfg, ctx: ctx, open: openLink, names: &c.names, calls: &c.calls, events: make(chan Event)}
	c.calls.do(func() {
		defer cancel()
		defer stop()
		defer close(w.events)
		w.run()
	})
	return w.events, nil
}

// watched is what the watcher last said about a reader.
type watched struct {
	raw     string          // name for the service
	name    string          // for events
	state   scard.StateFlag // for the next call
	card    EventKind       // CardInserted, CardMute or CardRemoved
	counter uint16          // insertions and removals when card was reported
}

type watcher struct {
	cfg    Config
	ctx    context.Context
	open   func(timeout time.Duration) (link, error)
	names  *names
	calls  *calls
	events chan Event
	known  []*watched
	down   bool
}

func (w *watcher) emit(e Event) {
	select {
	case w.events <- e:
	case <-w.ctx.Done():
	}
}

// run keeps a context established for as long as possible.
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
			w.emit(Event{Kind: ServiceLost, Err: err})
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
// tells that it got as far as waiting for changes. It releases l.
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
			w.emit(Event{Kind: ServiceBack})
		}
		w.sync(names)

		states := []scard.ReaderState{{Reader: pnp, CurrentState: scard.StateFlag(len(names)) << 16}}
		for _, r := range w.known {
			states = append(states, scard.ReaderState{Reader: r.raw, CurrentState: r.state})
		}
		states = states[:min(len(states), maxWatched+1)]
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
			for i, s := range states[1:] {
				w.update(w.known[i], s)
			}
		case errors.Is(err, scard.ErrTimeout), errors.Is(err, scard.ErrCancelled):
		case errors.Is(err, scard.ErrUnknownReader) && misses < 3:
			misses++ // a reader left since the listing
		default:
			w.release(l)
			return served, wrap("watch", "", err)
		}
	}
}

// release releases a link without waiting for the library.
func (w *watcher) release(l link) { w.calls.do(func() { l.Release() }) }

// wait blocks until a state differs from what was given, the readers are not
// those of the list, relist has passed or the watch ends. ours tells whether l is
// still the caller's to release.
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
// of secondLooks. The link in the wait is of no use for that: the library
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

// sync reports readers that came and went.
func (w *watcher) sync(raw []string) {
	kept := w.known[:0:0]
	for _, r := range w.known {
		if slices.Contains(raw, r.raw) {
			kept = append(kept, r)
			continue
		}
		if r.card != CardRemoved {
			w.emit(Event{Kind: CardRemoved, Reader: r.name})
		}
		w.emit(Event{Kind: ReaderRemoved, Reader: r.name})
	}
	w.known = kept
	for _, name := range raw {
		if !slices.ContainsFunc(w.known, func(r *watched) bool { return r.raw == name }) {
			r := &watched{raw: name, name: w.names.show(name), card: CardRemoved}
			w.known = append(w.known, r)
			w.emit(Event{Kind: ReaderAdded, Reader: r.name})
		}
	}
}

// update reports what changed for the card in one reader.
func (w *watcher) update(r *watched, s scard.ReaderState) {
	if s.EventState&(scard.StateUnknown|scard.StateUnavailable) != 0 {
		r.state = s.EventState &^ scard.StateChanged
		return // the next listing tells what became of the reader
	}
	now := CardRemoved
	switch {
	case s.EventState&scard.StateMute != 0:
		now = CardMute
	case s.EventState&scard.StatePresent != 0:
		now = CardInserted
	}
	count := counter(s.EventState)
	// One more, with a card before and after, is the service counting the
	// insertion a moment after it showed the card. An exchange counts twice.
	swapped := now != CardRemoved && r.card != CardRemoved && count-r.counter > 1
	if r.card != CardRemoved && (now == CardRemoved || swapped) {
		w.emit(Event{Kind: CardRemoved, Reader: r.name})
		r.card = CardRemoved
	}
	if now != r.card {
		r.counter = count
		e := Event{Kind: now, Reader: r.name}
		if now == CardInserted {
			e.ATR = slices.Clone(s.Atr)
		}
		w.emit(e)
	}
	r.card, r.state = now, s.EventState&^scard.StateChanged
}
