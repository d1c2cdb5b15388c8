// Package pcsc connects to cards through the machine's PC/SC service (pcscd,
// Windows' Smart Card service, macOS). It is the only importer of
// github.com/ebfe/scard, and converts PC/SC's return codes to the errors of
// package apdu.
//
// The PC/SC library serialises all calls on one of its contexts, a blocked one
// included. So every [Conn] and every [Context.Watch] has its own context, and a
// card or another program can block only the calls that wait for it.
//
// No call blocks without a limit. If a call of the library exceeds its time, the
// caller gets an error. The call remains in a goroutine, which releases its
// resources when the library returns.
package pcsc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"cie/apdu"
	"cie/apdu/readers"

	"github.com/ebfe/scard"
)

// Config are the time limits of a Context. The zero value of a field means its
// default.
type Config struct {
	// Timeout bounds one Transmit (default 60 s: a slow card takes 4 s for its
	// longest command) and everything asked of the service itself.
	Timeout time.Duration
	// BusyTimeout bounds the wait for another program's transaction to end, in
	// Begin and Connect (default 30 s).
	BusyTimeout time.Duration
	// MinRetry and MaxRetry bound the growing pause between attempts to reach a
	// service that is down, for Watch only (defaults 100 ms and 2 s).
	MinRetry, MaxRetry time.Duration
}

func (c *Config) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&c.Timeout, 60*time.Second)
	set(&c.BusyTimeout, 30*time.Second)
	set(&c.MinRetry, 100*time.Millisecond)
	set(&c.MaxRetry, 2*time.Second)
}

// ErrClosed is returned by the methods of a Context or Conn that was closed.
var ErrClosed = errors.New("pcsc: closed")

// Context is a connection to the PC/SC service. It implements readers.Service. After a
// restart of the service every method connects again. Safe for concurrent use.
type Context struct {
	cfg  Config
	life context.Context // ends with Close
	end  context.CancelFunc

	names names
	calls calls

	mu   sync.Mutex
	hctx *scard.Context // nil: to be established
}

var _ readers.Service = (*Context)(nil)

// Establish connects to the PC/SC service. It returns an error matching
// apdu.ErrNoService if the service is unreachable.
func Establish() (*Context, error) {
	c := New(Config{})
	if err := c.with("establish", func(*scard.Context) error { return nil }); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// New returns a Context that connects lazily, for programs that start before the
// service and watch for it.
func New(cfg Config) *Context {
	cfg.defaults()
	c := &Context{cfg: cfg}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// closeTime limits the wait of Close for calls of the library.
const closeTime = 2 * time.Second

// Close ends all watches and releases the context. Connections stay open. It
// returns when all calls of the library have ended, or after two seconds if the
// service hangs.
func (c *Context) Close() error {
	c.end()
	c.mu.Lock()
	if h := c.hctx; h != nil {
		c.hctx = nil
		c.calls.do(func() { release(h) }) // waits behind a call that hangs, if there is one
	}
	c.mu.Unlock()
	c.calls.wait(closeTime)
	return nil
}

// with runs f, which must change nothing on any card, with the service context.
// A context that broke since its last use is established again, once.
func (c *Context) with(op string, f func(*scard.Context) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return ErrClosed
	}
	for {
		fresh := c.hctx == nil
		if fresh {
			h, err := establish(c.cfg.Timeout)
			if err != nil {
				return err
			}
			c.hctx = h
		}
		h := c.hctx
		err, done := limited(c.cfg.Timeout, func() error { return f(h) }, func() { release(h) })
		if !done {
			c.hctx = nil // the goroutine left behind releases it
			return &Error{Op: op, Kind: apdu.ErrTimeout}
		}
		if err = wrap(op, "", err); !errors.Is(err, apdu.ErrNoService) {
			return err
		}
		c.calls.do(func() { release(h) })
		c.hctx = nil
		if fresh {
			return err
		}
	}
}

// teardown excludes a release during a disconnect. SCardDisconnect of pcsc-lite 1.9
// searches the handles of all contexts without a lock, and crashes when another
// thread releases one of them at the same time.
var teardown sync.RWMutex

// release ends a context on which no call is in progress.
func release(h *scard.Context) error {
	teardown.Lock()
	defer teardown.Unlock()
	return h.Release()
}

// disconnect ends a connection and does not change the card.
func disconnect(card *scard.Card) error {
	teardown.RLock()
	defer teardown.RUnlock()
	return card.Disconnect(scard.LeaveCard)
}

// establish opens a new context of the PC/SC library.
func establish(timeout time.Duration) (*scard.Context, error) {
	if err := library(); err != nil {
		return nil, err
	}
	var h *scard.Context
	err, done := limited(timeout, func() (err error) {
		h, err = scard.EstablishContext()
		return err
	}, func() {
		if h != nil {
			release(h)
		}
	})
	if !done {
		return nil, &Error{Op: "establish", Kind: apdu.ErrTimeout}
	}
	if err != nil {
		err = wrap("establish", "", err)
		// Without a context there is no service, whatever error the library returns.
		if own, ok := err.(*Error); ok && own.Kind == nil {
			own.Kind = apdu.ErrNoService
		}
		return nil, err
	}
	return h, nil
}

// Readers returns the names of the attached readers. Without a reader the list is
// empty and there is no error.
func (c *Context) Readers() ([]string, error) {
	var list []string
	err := c.with("list readers", func(h *scard.Context) error {
		n, err := listReaders(h)
		list = n
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, raw := range list {
		list[i] = c.names.show(raw)
	}
	return list, nil
}

func listReaders(h *scard.Context) ([]string, error) {
	names, err := h.ListReaders()
	if errors.Is(err, scard.ErrNoReadersAvailable) {
		return nil, nil
	}
	return names, err
}

// Status implements readers.Service.
func (c *Context) Status() ([]readers.State, error) {
	var out []readers.State
	err := c.with("status", func(h *scard.Context) error {
		names, err := listReaders(h)
		if err != nil || len(names) == 0 {
			out = nil
			return err
		}
		// The library takes a limited number of readers at a time, and fails
		// for all when one of them was unplugged just now.
		res := make([]readers.State, 0, len(names))
		for _, name := range names {
			s := []scard.ReaderState{{Reader: name}}
			err := statusChange(h, s, 0)
			if errors.Is(err, scard.ErrUnknownReader) {
				continue
			}
			if err != nil && !errors.Is(err, scard.ErrTimeout) {
				return err
			}
			res = append(res, readerState(c.names.show(name), s[0]))
		}
		out = res
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func readerState(name string, s scard.ReaderState) readers.State {
	st := s.EventState
	r := readers.State{
		Name:      name,
		Present:   st&scard.StatePresent != 0,
		Mute:      st&scard.StateMute != 0,
		InUse:     st&(scard.StateInuse|scard.StateExclusive) != 0,
		Exclusive: st&scard.StateExclusive != 0,
	}
	if r.Present && !r.Mute {
		r.ATR = slices.Clone(s.Atr)
	}
	return r
}

// counter returns the number of insertions and removals that the service counted for
// a reader: the upper half of its event state.
func counter(s scard.StateFlag) uint16 { return uint16(s >> 16) }

// pins numbers concurrent calls of statusChange.
var pins struct {
	sync.Mutex
	used []bool
}

// statusChange calls SCardGetStatusChange. The scard package keeps the C copy of a
// reader's name alive in a map under that name, so a second call with the same
// name, while the first one waits, would free the memory the first one uses. So
// each concurrent call gives its names a different tail (see pinned).
func statusChange(h *scard.Context, states []scard.ReaderState, timeout time.Duration) error {
	pins.Lock()
	n := slices.Index(pins.used, false)
	if n < 0 {
		n = len(pins.used)
		pins.used = append(pins.used, true)
	}
	pins.used[n] = true
	pins.Unlock()

	s := slices.Clone(states)
	for i := range s {
		s[i].Reader = pinned(s[i].Reader, n)
	}
	err := h.GetStatusChange(s, timeout)
	for i := range s {
		s[i].Reader = states[i].Reader
	}
	copy(states, s)

	pins.Lock()
	pins.used[n] = false
	pins.Unlock()
	return err
}

// limited runs f for at most d. done is false when it did not return in time;
// then late runs after f, if that ever returns, in the same goroutine, and the
// caller must not touch what f writes.
func limited(d time.Duration, f func() error, late func()) (err error, done bool) {
	result := make(chan error)
	gone := make(chan struct{})
	go func() {
		err := f()
		select {
		case result <- err:
		case <-gone:
			late()
		}
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case err := <-result:
		return err, true
	case <-t.C:
		close(gone)
		return nil, false
	}
}
