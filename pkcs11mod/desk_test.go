package pkcs11mod

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/card/state"
	"cie/pkcs11mod/ck"
)

// desk is a table with readers and virtual cards: the Readers of the tests.
type desk struct {
	mu      sync.Mutex
	names   []string
	cards   map[string]*cardtest.Card // what is in a reader; nil: nothing
	present map[string]bool           // last event was readers.CardInserted
	busy    map[string]bool           // held exclusively by another program
	queue   []readers.Event
	emitted int // events ever queued
	taken   int // events ever taken by the watcher
	wake    chan struct{}
	open    int // connections
	opened  int // connections, ever
	closed  bool
	begins  int // transactions, ever
	crowded int // so many transactions are refused because others hold the card

	failing []error                // what the next connections end with
	broken  func(cmd []byte) error // judges commands before the card gets them; nil: all pass
}

func newDesk() *desk {
	return &desk{
		cards: map[string]*cardtest.Card{}, present: map[string]bool{}, busy: map[string]bool{},
		wake: make(chan struct{}, 1),
	}
}

// emit queues an event for the watcher. The caller holds d.mu.
func (d *desk) emit(k readers.EventKind, reader string) {
	d.queue = append(d.queue, readers.Event{Kind: k, Reader: reader})
	d.emitted++
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *desk) plug(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names = append(d.names, name)
	d.emit(readers.ReaderAdded, name)
}

func (d *desk) unplug(name string) {
	d.remove(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names = slices.DeleteFunc(d.names, func(n string) bool { return n == name })
	d.emit(readers.ReaderRemoved, name)
}

func (d *desk) insert(name string, c *cardtest.Card) {
	c.Insert()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cards[name] = c
	d.present[name] = true
	d.emit(readers.CardInserted, name)
}

// remove takes the card out of a reader and tells so.
func (d *desk) remove(name string) {
	d.mu.Lock()
	c := d.cards[name]
	d.mu.Unlock()
	if c == nil {
		return
	}
	c.Remove()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cards[name] = nil
	d.present[name] = false
	d.emit(readers.CardRemoved, name)
}

// Watch implements Readers.
func (d *desk) Watch(ctx context.Context) (<-chan readers.Event, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var now []readers.Event
	for _, n := range d.names {
		now = append(now, readers.Event{Kind: readers.ReaderAdded, Reader: n})
		if d.cards[n] != nil {
			now = append(now, readers.Event{Kind: readers.CardInserted, Reader: n})
		}
	}
	d.queue = append(now, readers.Event{Kind: readers.Settled})
	d.emitted, d.taken = len(d.queue), 0
	events := make(chan readers.Event)
	go func() {
		defer close(events)
		for {
			d.mu.Lock()
			queue := d.queue
			d.queue = nil
			d.mu.Unlock()
			for _, e := range queue {
				select {
				case events <- e:
					d.mu.Lock()
					d.taken++
					d.mu.Unlock()
				case <-ctx.Done():
					return
				}
			}
			if len(queue) > 0 {
				continue
			}
			select {
			case <-d.wake:
			case <-ctx.Done():
				return
			}
		}
	}()
	return events, nil
}

// sync waits until the watcher has dealt with every event so far: with all but
// the last when it takes the last, which is one that changes nothing.
func (d *desk) sync() {
	d.mu.Lock()
	d.emit(readers.Settled, "")
	last := d.emitted
	d.mu.Unlock()
	for {
		d.mu.Lock()
		taken := d.taken
		d.mu.Unlock()
		if taken >= last {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// Status implements readers.Service. The module does not call it.
func (d *desk) Status() ([]readers.State, error) { return nil, nil }

// Connect implements Readers.
func (d *desk) Connect(name string) (apdu.Card, error) {
	d.mu.Lock()
	c, known, busy := d.cards[name], slices.Contains(d.names, name), d.busy[name]
	var fails error
	if len(d.failing) > 0 {
		fails, d.failing = d.failing[0], d.failing[1:]
	}
	d.mu.Unlock()
	switch {
	case fails != nil:
		return nil, fails
	case !known:
		return nil, apdu.ErrNoReader
	case c == nil || !c.Present():
		return nil, apdu.ErrNoCard
	case busy:
		return nil, apdu.ErrBusy
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	d.opened++
	return &deskConn{Reader: c.Reader(), desk: d}, nil
}

// Close implements Readers.
func (d *desk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.open != 0 {
		return errors.New("connections are open")
	}
	return nil
}

type deskConn struct {
	*cardtest.Reader
	desk *desk
	once sync.Once
}

// Begin implements apdu.Card. While the desk is crowded the card is not to be had.
func (c *deskConn) Begin() (bool, error) {
	c.desk.mu.Lock()
	c.desk.begins++
	crowded := c.desk.crowded > 0
	if crowded {
		c.desk.crowded--
	}
	c.desk.mu.Unlock()
	if crowded {
		return false, apdu.ErrBusy
	}
	return c.Reader.Begin()
}

// Transmit implements apdu.Transport.
func (c *deskConn) Transmit(command []byte) ([]byte, error) {
	c.desk.mu.Lock()
	broken := c.desk.broken
	c.desk.mu.Unlock()
	if broken != nil {
		if err := broken(command); err != nil {
			return nil, err
		}
	}
	return c.Reader.Transmit(command)
}

// breaks lets f judge commands from now on.
func (d *desk) breaks(f func(cmd []byte) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = f
}

func (c *deskConn) Close() error {
	c.once.Do(func() {
		c.desk.mu.Lock()
		defer c.desk.mu.Unlock()
		c.desk.open--
	})
	return c.Reader.Close()
}

// store is a card.Store in memory.
type store struct {
	state *state.Store // of all programs that share this store

	mu      sync.Mutex
	entries map[string][]byte
	broken  error // answers everything
}

func newStore() *store { return &store{entries: map[string][]byte{}, state: state.Memory()} }

func (s *store) Load(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	if data, ok := s.entries[key]; ok {
		return bytes.Clone(data), nil
	}
	return nil, card.ErrNotStored
}

func (s *store) Save(key string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.entries[key] = bytes.Clone(data)
	return nil
}

func (s *store) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, key)
	return s.broken
}

var roots = sync.OnceValue(func() *sod.Roots {
	r := sod.BuiltinRoots().Clone()
	if err := r.AddPEM(cardtest.CSCAPEM()); err != nil {
		panic(err)
	}
	return r
})

func newCard(t testing.TB, p cardtest.Profile) *cardtest.Card {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// host is a program that uses a Module on a desk.
type host struct {
	*Module
	t     testing.TB
	desk  *desk
	store *store
}

// newModule returns an initialised module; it is finalised with the test.
func newModule(t testing.TB, d *desk, s *store) *host {
	t.Helper()
	opts := card.Options{Roots: roots(), State: state.Memory()}
	if s != nil {
		opts.Store, opts.State = s, s.state
	}
	cfg := Config{
		Readers: func() (readers.Service, error) { return d, nil },
		Card:    func() card.Options { return opts },
		Trace:   t.Logf,
		// Tests wait for what they need.
		RecognitionTime: time.Minute,
		IdleTime:        time.Hour,
		retry:           time.Millisecond,
	}
	h := &host{New(cfg), t, d, s}
	h.want("C_Initialize", h.Initialize(nil), ck.CKR_OK)
	t.Cleanup(func() {
		h.Finalize(false)
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.open != 0 {
			t.Errorf("%d connections left open", d.open)
		}
	})
	return h
}

// oneCard is a module with one card in one reader.
func oneCard(t testing.TB, p cardtest.Profile, s *store) (*host, *cardtest.Card) {
	t.Helper()
	d, c := newDesk(), newCard(t, p)
	d.plug("reader")
	d.insert("reader", c)
	return newModule(t, d, s), c
}

func (h *host) want(what string, got ck.RV, want ...ck.RV) {
	h.t.Helper()
	if !slices.Contains(want, got) {
		h.t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// slotList lists slots the way programs do.
func (h *host) slotList(tokenPresent bool) []uint {
	h.t.Helper()
	var n uint
	h.want("C_GetSlotList", h.GetSlotList(tokenPresent, nil, &n), ck.CKR_OK)
	ids := make([]uint, n)
	h.want("C_GetSlotList", h.GetSlotList(tokenPresent, ids, &n), ck.CKR_OK)
	return ids[:n]
}

// slot is the one slot with a token.
func (h *host) slot() uint {
	h.t.Helper()
	ids := h.slotList(true)
	if len(ids) != 1 {
		h.t.Fatalf("slots with a token: %v", ids)
	}
	return ids[0]
}

// waitToken waits until the number of tokens is n.
func (h *host) waitTokens(n int) []uint {
	h.t.Helper()
	for range 20000 {
		if ids := h.slotList(true); len(ids) == n {
			return ids
		}
		time.Sleep(time.Millisecond)
	}
	h.t.Fatalf("the number of tokens did not become %d", n)
	return nil
}

func (h *host) session(rw bool) uint {
	h.t.Helper()
	return h.sessionOn(h.slot(), rw)
}

func (h *host) sessionOn(slot uint, rw bool) uint {
	h.t.Helper()
	flags := uint(ck.CKF_SERIAL_SESSION)
	if rw {
		flags |= ck.CKF_RW_SESSION
	}
	var s uint
	h.want("C_OpenSession", h.OpenSession(slot, flags, &s), ck.CKR_OK)
	return s
}

func (h *host) login(s uint) {
	h.t.Helper()
	h.want("C_Login", h.Login(s, ck.CKU_USER, ck.Bytes(cardtest.DefaultPIN())), ck.CKR_OK)
}

// find returns the objects of a class; every class for nil.
func (h *host) find(s uint, template ...ck.Attribute) []uint {
	h.t.Helper()
	h.want("C_FindObjectsInit", h.FindObjectsInit(s, template, uint(len(template))), ck.CKR_OK)
	var all []uint
	for {
		buf := make([]uint, 2)
		var n uint
		h.want("C_FindObjects", h.FindObjects(s, buf, &n), ck.CKR_OK)
		if n == 0 {
			break
		}
		all = append(all, buf[:n]...)
	}
	h.want("C_FindObjectsFinal", h.FindObjectsFinal(s), ck.CKR_OK)
	return all
}

func class(c uint) ck.Attribute { return ck.Attr(ck.CKA_CLASS, ck.ULong(c)) }

// one is the one object of a class.
func (h *host) one(s, c uint) uint {
	h.t.Helper()
	found := h.find(s, class(c))
	if len(found) != 1 {
		h.t.Fatalf("objects of class %d: %v", c, found)
	}
	return found[0]
}

// value returns one attribute.
func (h *host) value(s, object, typ uint) []byte {
	h.t.Helper()
	a := []ck.Attribute{{Type: typ}}
	h.want("C_GetAttributeValue", h.GetAttributeValue(s, object, a), ck.CKR_OK)
	a[0].Value = make([]byte, a[0].Len)
	h.want("C_GetAttributeValue", h.GetAttributeValue(s, object, a), ck.CKR_OK)
	return a[0].Value[:a[0].Len]
}

func mech(typ uint) *ck.Mechanism { return &ck.Mechanism{Type: typ} }

// sign makes a signature in one part.
func (h *host) sign(s, key, typ uint, data []byte) []byte {
	h.t.Helper()
	sig, rv := h.trySign(s, key, typ, data)
	h.want("C_Sign", rv, ck.CKR_OK)
	return sig
}

func (h *host) trySign(s, key, typ uint, data []byte) ([]byte, ck.RV) {
	if rv := h.SignInit(s, mech(typ), key); rv != ck.CKR_OK {
		return nil, rv
	}
	sig := make([]byte, 256)
	n := uint(len(sig))
	rv := h.Sign(s, ck.Bytes(data), ck.Output{Data: sig, Len: &n})
	return sig[:min(n, 256)], rv
}

func (h *host) tokenInfo(slot uint) ck.TokenInfo {
	h.t.Helper()
	var info ck.TokenInfo
	h.want("C_GetTokenInfo", h.GetTokenInfo(slot, &info), ck.CKR_OK)
	return info
}

func (h *host) state(s uint) uint {
	h.t.Helper()
	var info ck.SessionInfo
	h.want("C_GetSessionInfo", h.GetSessionInfo(s, &info), ck.CKR_OK)
	return info.State
}
