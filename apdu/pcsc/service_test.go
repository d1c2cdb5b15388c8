package pcsc

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu"
	"cie/apdu/readers"

	"github.com/ebfe/scard"
)

// fakeService is a PC/SC service as far as a watch needs one. It behaves as
// pcsc-lite 1.9: a wait notices readers that come after it began, and states
// that differ from what the caller knows.
type fakeService struct {
	mu      sync.Mutex
	names   []string
	states  map[string]scard.StateFlag
	changed chan struct{} // closed and replaced at every change
	before  func()        // runs once between a listing and the wait that follows
}

func newFakeService(names ...string) *fakeService {
	return &fakeService{names: names, states: map[string]scard.StateFlag{}, changed: make(chan struct{})}
}

// set changes readers or states and wakes the waits.
func (f *fakeService) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeService) open(time.Duration) (link, error) {
	return &fakeLink{service: f, cancel: make(chan struct{}, 1)}, nil
}

type fakeLink struct {
	service *fakeService
	cancel  chan struct{}
}

func (l *fakeLink) list() ([]string, error) {
	l.service.mu.Lock()
	defer l.service.mu.Unlock()
	return slices.Clone(l.service.names), nil
}

func (l *fakeLink) change(states []scard.ReaderState, timeout time.Duration) error {
	f := l.service
	if len(states) > 16 {
		return scard.ErrInvalidValue
	}
	f.mu.Lock()
	before := f.before
	f.before = nil
	f.mu.Unlock()
	if before != nil {
		before()
	}
	f.mu.Lock()
	readers := len(f.names)
	f.mu.Unlock()
	limit := time.After(timeout)
	for {
		f.mu.Lock()
		differs, changed := false, f.changed
		for i := range states {
			s := &states[i]
			switch present := f.states[s.Reader]&scard.StatePresent != 0; {
			case s.Reader == pnp:
				differs = differs || len(f.names) != readers
				continue
			case !slices.Contains(f.names, s.Reader):
				s.EventState = scard.StateUnknown
			case present:
				s.EventState = f.states[s.Reader]
			default:
				s.EventState = f.states[s.Reader] | scard.StateEmpty
			}
			differs = differs || s.EventState != s.CurrentState
		}
		f.mu.Unlock()
		if differs {
			return nil
		}
		select {
		case <-changed:
		case <-l.cancel:
			return scard.ErrCancelled
		case <-limit:
			return scard.ErrTimeout
		}
	}
}

func (l *fakeLink) Cancel() error {
	select {
	case l.cancel <- struct{}{}:
	default:
	}
	return nil
}

func (l *fakeLink) Release() error { return nil }

// TestWatchSeesReaderAttachedBeforeTheWait attaches a reader with a card between
// the listing of the readers and the wait for changes.
func TestWatchSeesReaderAttachedBeforeTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeService("A")
		f.before = func() {
			f.set(func() {
				f.names = append(f.names, "B")
				f.states["B"] = scard.StatePresent | 1<<16
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		w := &watcher{ctx: ctx, open: f.open, names: &names{}, calls: &calls{}, events: make(chan readers.Event)}
		w.cfg.defaults()
		go func() { w.run(); close(w.events) }()
		begin := time.Now()
		for e := range w.events {
			if e.Kind == readers.CardInserted && e.Reader == "B" {
				break
			}
		}
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("the card was seen after %v", d)
		}
		cancel()
		for range w.events {
		}
	})
}

// TestWatchSeesTheLastOfAllPossibleReaders has as many readers as pcsc-lite takes, of which the
// last one gets a card; then a reader is removed, and another one attached.
func TestWatchSeesTheLastOfAllPossibleReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := strings.Split("ABCDEFGHIJKLMNOP", "")
		f := newFakeService(all...)
		f.states["P"] = scard.StatePresent | 1<<16
		ctx, cancel := context.WithCancel(t.Context())
		w := &watcher{ctx: ctx, open: f.open, names: &names{}, calls: &calls{}, events: make(chan readers.Event)}
		w.cfg.defaults()
		go func() { w.run(); close(w.events) }()
		expect := func(kind readers.EventKind, reader string) {
			t.Helper()
			for e := range w.events {
				if e.Kind == kind && e.Reader == reader {
					return
				}
			}
			t.Errorf("the watch ends without %v %s", kind, reader)
		}
		time.AfterFunc(10*time.Second, cancel)
		expect(readers.CardInserted, "P")
		f.set(func() { f.names = all[1:] })
		expect(readers.ReaderRemoved, "A")
		f.set(func() { f.names = append(slices.Clone(all[1:]), "Q") })
		expect(readers.ReaderAdded, "Q")
		cancel()
		for range w.events {
		}
	})
}

// TestWatchReportsSettledOnce expects Settled once: after the events of the readers that the
// service lists, without a reader at once, and after the loss of the service.
func TestWatchReportsSettledOnce(t *testing.T) {
	tests := []struct {
		name    string
		readers []string
		down    bool
		want    []readers.EventKind
	}{
		{"no reader", nil, false, []readers.EventKind{readers.Settled}},
		{"two readers, one card", []string{"A", "B"}, false, []readers.EventKind{readers.ReaderAdded, readers.ReaderAdded, readers.CardInserted, readers.Settled}},
		{"no service", nil, true, []readers.EventKind{readers.ServiceLost, readers.Settled, readers.ServiceBack}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeService(tt.readers...)
				f.states["B"] = scard.StatePresent | 1<<16
				open := f.open
				if tt.down {
					open = func(d time.Duration) (link, error) {
						tt.down = !tt.down
						if !tt.down {
							return nil, apdu.ErrNoService
						}
						return f.open(d)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				w := &watcher{ctx: ctx, open: open, names: &names{}, calls: &calls{}, events: make(chan readers.Event)}
				w.cfg.defaults()
				go func() { w.run(); close(w.events) }()
				time.AfterFunc(10*time.Second, cancel)
				var got []readers.EventKind
				for e := range w.events {
					got = append(got, e.Kind)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			})
		})
	}
}
