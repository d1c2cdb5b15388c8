package cardtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
)

// Service is a smart card service in the process, with readers for virtual
// cards. It implements readers.Service as package apdu/pcsc does: programs share
// the cards, every watch gets the initial events and Settled, and a card that
// stopped answering is reset by the next Begin of the connection that noticed.
//
// The other methods are the user who attaches readers and moves cards, and the
// faults of readers and service. The zero value has no reader.
type Service struct {
	mu        sync.Mutex
	places    []*place // attached readers, in their order
	watches   []*watch
	down      error // why the service cannot be reached; nil: it can
	restarts  int   // connections of before do not live on
	usage     Usage
	refusals  []error                    // of the next connections
	crowded   int                        // so many transactions are refused
	intercept func(command []byte) error // nil: every command reaches the card
}

// Usage is what programs have done with a Service.
type Usage struct {
	Open         int  // connections not closed yet
	Connections  int  // connections made
	Transactions int  // calls of Begin
	Closed       bool // since the last Watch
}

// place is one reader and what is in it.
type place struct {
	state   readers.State
	card    *Card // nil: none, or connect makes the connections
	connect func() (apdu.Card, error)
}

// watch is one call of Watch.
type watch struct {
	queue []readers.Event
	wake  chan struct{}
	// queued and taken count the events ever queued and ever taken by the caller.
	queued, taken int
	ended         bool // by Close
}

var _ readers.Service = (*Service)(nil)

// NewService returns a Service with empty readers.
func NewService(names ...string) *Service {
	s := &Service{}
	for _, name := range names {
		s.Attach(name)
	}
	return s
}

// findLocked returns the reader, nil when it is not attached.
func (s *Service) findLocked(reader string) *place {
	i := slices.IndexFunc(s.places, func(p *place) bool { return p.state.Name == reader })
	if i < 0 {
		return nil
	}
	return s.places[i]
}

// attachLocked returns the reader, and attaches it first if necessary.
func (s *Service) attachLocked(reader string) *place {
	p := s.findLocked(reader)
	if p == nil {
		p = &place{state: readers.State{Name: reader}}
		s.places = append(s.places, p)
		s.emitLocked(readers.Event{Kind: readers.ReaderAdded, Reader: reader})
	}
	return p
}

// Attach attaches an empty reader, unless a reader with this name is attached.
func (s *Service) Attach(reader string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attachLocked(reader)
}

// Detach removes the card from a reader and detaches the reader.
func (s *Service) Detach(reader string) {
	s.Remove(reader)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.findLocked(reader) == nil {
		return
	}
	s.places = slices.DeleteFunc(s.places, func(p *place) bool { return p.state.Name == reader })
	s.emitLocked(readers.Event{Kind: readers.ReaderRemoved, Reader: reader})
}

// Insert inserts a card into a reader, which is attached if necessary.
func (s *Service) Insert(reader string, c *Card) {
	c.Insert()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.attachLocked(reader)
	p.insert(c)
	s.emitLocked(p.event())
}

func (p *place) insert(c *Card) {
	p.state = readers.State{Name: p.state.Name, Exclusive: p.state.Exclusive, Present: true, ATR: c.ATR()}
	p.card, p.connect = c, func() (apdu.Card, error) { return c.Reader(), nil }
}

// Put inserts something else than a virtual card into a reader, which is attached
// if necessary: state is how the reader shows it, connect makes the connections
// that Connect returns. connect may be nil if the state refuses them.
func (s *Service) Put(reader string, state readers.State, connect func() (apdu.Card, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.attachLocked(reader)
	state.Name = reader
	p.state, p.card, p.connect = state, nil, connect
	s.emitLocked(p.event())
}

// InsertForeign inserts a card that is not a CIE.
func (s *Service) InsertForeign(reader string, f Foreign) {
	s.Put(reader, readers.State{Present: true, ATR: f.ATR()}, func() (apdu.Card, error) { return f, nil })
}

// Exchange replaces the card in a reader, and reports no event: the service has
// not looked at the reader yet.
func (s *Service) Exchange(reader string, c *Card) {
	c.Insert()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attachLocked(reader).insert(c)
}

// Remove removes the card from a reader. Without a card it does nothing.
func (s *Service) Remove(reader string) {
	s.mu.Lock()
	p := s.findLocked(reader)
	if p == nil || !p.state.Present {
		s.mu.Unlock()
		return
	}
	c := p.card
	s.mu.Unlock()
	if c != nil {
		c.Remove()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.state = readers.State{Name: reader, Exclusive: p.state.Exclusive}
	p.card, p.connect = nil, nil
	s.emitLocked(readers.Event{Kind: readers.CardRemoved, Reader: reader})
}

// SetExclusive sets whether another program has the card of a reader in
// exclusive mode: Connect returns apdu.ErrBusy.
func (s *Service) SetExclusive(reader string, exclusive bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attachLocked(reader).state.Exclusive = exclusive
}

// Stop stops the service: its methods return err from now on, and connections
// are lost.
func (s *Service) Stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.places {
		if p.state.Present {
			s.emitLocked(readers.Event{Kind: readers.CardRemoved, Reader: p.state.Name})
		}
		s.emitLocked(readers.Event{Kind: readers.ReaderRemoved, Reader: p.state.Name})
	}
	s.emitLocked(readers.Event{Kind: readers.ServiceLost, Err: err})
	s.down = err
	s.restarts++
}

// Start starts the service again.
func (s *Service) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = nil
	s.emitLocked(append([]readers.Event{{Kind: readers.ServiceBack}}, s.presentLocked()...)...)
}

// RefuseConnections makes the next calls of Connect return these errors, one each,
// and drops the errors of an earlier call.
func (s *Service) RefuseConnections(errs ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = errs
}

// RefuseTransactions makes the next n calls of Begin return apdu.ErrBusy.
func (s *Service) RefuseTransactions(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crowded = n
}

// Intercept sets a function that every command passes before its card: with an
// error the command does not reach the card, and Transmit returns the error. Nil
// ends the interception.
func (s *Service) Intercept(f func(command []byte) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = f
}

// Emit reports events, whether they happened or not.
func (s *Service) Emit(events ...readers.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emitLocked(events...)
}

// Sync waits until every watch has taken the events so far and come back for
// more. It reports a further Settled for that.
func (s *Service) Sync(ctx context.Context) error {
	s.mu.Lock()
	s.queueLocked(readers.Event{Kind: readers.Settled})
	last := map[*watch]int{}
	for _, w := range s.watches {
		last[w] = w.queued
	}
	s.mu.Unlock()
	for {
		s.mu.Lock()
		done := !slices.ContainsFunc(s.watches, func(w *watch) bool { return w.taken < last[w] })
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-time.After(100 * time.Microsecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Usage returns what programs have done so far.
func (s *Service) Usage() Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usage
}

// emitLocked reports events to every watch, unless the service is down.
func (s *Service) emitLocked(events ...readers.Event) {
	if s.down == nil {
		s.queueLocked(events...)
	}
}

// queueLocked queues events for every watch.
func (s *Service) queueLocked(events ...readers.Event) {
	for _, w := range s.watches {
		w.queue = append(w.queue, events...)
		w.queued += len(events)
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// event returns the event of the card in the reader.
func (p *place) event() readers.Event {
	if p.state.Mute {
		return readers.Event{Kind: readers.CardMute, Reader: p.state.Name}
	}
	return readers.Event{Kind: readers.CardInserted, Reader: p.state.Name, ATR: slices.Clone(p.state.ATR)}
}

// presentLocked returns the events of everything that is present.
func (s *Service) presentLocked() []readers.Event {
	var attached, inserted []readers.Event
	for _, p := range s.places {
		attached = append(attached, readers.Event{Kind: readers.ReaderAdded, Reader: p.state.Name})
		if p.state.Present {
			inserted = append(inserted, p.event())
		}
	}
	return append(attached, inserted...)
}

// Status implements readers.Service.
func (s *Service) Status() ([]readers.State, error) {
	s.mu.Lock()
	if s.down != nil {
		defer s.mu.Unlock()
		return nil, s.down
	}
	var list []readers.State
	var cards []*Card
	for _, p := range s.places {
		list, cards = append(list, p.state), append(cards, p.card)
	}
	s.mu.Unlock()
	for i, c := range cards {
		list[i].ATR = slices.Clone(list[i].ATR)
		if c != nil && !c.Present() { // a fault took it off the reader
			list[i].Present, list[i].ATR = false, nil
		}
	}
	return list, nil
}

// Watch implements readers.Service.
func (s *Service) Watch(ctx context.Context) (<-chan readers.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.Closed = false
	w := &watch{wake: make(chan struct{}, 1)}
	s.watches = append(s.watches, w)
	if s.down != nil {
		w.queue = []readers.Event{{Kind: readers.ServiceLost, Err: s.down}}
	} else {
		w.queue = s.presentLocked()
	}
	w.queue = append(w.queue, readers.Event{Kind: readers.Settled})
	w.queued = len(w.queue)
	events := make(chan readers.Event)
	go func() {
		defer close(events)
		defer s.forget(w)
		s.serve(ctx, w, events)
	}()
	return events, nil
}

func (s *Service) forget(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches = slices.DeleteFunc(s.watches, func(x *watch) bool { return x == w })
}

// serve hands the events of a watch over until ctx or the Service ends.
func (s *Service) serve(ctx context.Context, w *watch, events chan<- readers.Event) {
	for {
		s.mu.Lock()
		queue, ended := w.queue, w.ended
		w.queue = nil
		s.mu.Unlock()
		if ended {
			return
		}
		for _, e := range queue {
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
			s.mu.Lock()
			w.taken++
			s.mu.Unlock()
		}
		if len(queue) > 0 {
			continue
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		}
	}
}

// errOpen is the misuse of Close.
var errOpen = errors.New("connections are open")

// Connect implements readers.Service.
func (s *Service) Connect(reader string) (apdu.Card, error) {
	s.mu.Lock()
	p := s.findLocked(reader)
	err := s.refuseLocked(p)
	var connect func() (apdu.Card, error)
	var c *Card
	if err == nil {
		connect, c = p.connect, p.card
	}
	restarts := s.restarts
	s.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case c != nil && !c.Present(): // a fault took it off the reader
		return nil, apdu.ErrNoCard
	}
	made, err := connect()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.Open++
	s.usage.Connections++
	return &connection{Card: made, service: s, restarts: restarts}, nil
}

// refuseLocked returns why no connection to the reader can be made.
func (s *Service) refuseLocked(p *place) error {
	if len(s.refusals) > 0 {
		err := s.refusals[0]
		s.refusals = s.refusals[1:]
		return err
	}
	switch {
	case s.down != nil:
		return s.down
	case p == nil:
		return apdu.ErrNoReader
	case !p.state.Present:
		return apdu.ErrNoCard
	case p.state.Exclusive:
		return apdu.ErrBusy
	case p.state.Mute:
		return apdu.ErrMute
	}
	return nil
}

// Close implements readers.Service. It returns an error while connections are
// open: programs close them before. The Service stays, for the next program that
// uses it.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.Closed = true
	for _, w := range s.watches {
		w.ended = true
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	if s.usage.Open != 0 {
		return errOpen
	}
	return nil
}

// Open returns a Service of its own for one program: Close ends the watches of
// that program only.
func (s *Service) Open() readers.Service {
	life, end := context.WithCancel(context.Background())
	return &client{s, life, end}
}

// client is the Service of one program.
type client struct {
	*Service
	life context.Context // ends with Close
	end  context.CancelFunc
}

// Watch implements readers.Service.
func (c *client) Watch(ctx context.Context) (<-chan readers.Event, error) {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(c.life, cancel)
	return c.Service.Watch(ctx)
}

// Close implements readers.Service.
func (c *client) Close() error {
	c.end()
	return nil
}

// connection is a connection that Connect returned.
type connection struct {
	apdu.Card
	service  *Service
	restarts int         // of the service, when the connection was made
	silent   atomic.Bool // the card stopped answering: the next Begin resets it
	once     sync.Once   // Close
}

// linkLocked returns why the service does not reach the card any more.
func (c *connection) linkLocked() error {
	if c.restarts != c.service.restarts {
		return apdu.ErrNoService
	}
	return nil
}

// Begin implements apdu.Card.
func (c *connection) Begin() (bool, error) {
	s := c.service
	s.mu.Lock()
	s.usage.Transactions++
	err := c.linkLocked()
	if err == nil && s.crowded > 0 {
		s.crowded--
		err = apdu.ErrBusy
	}
	s.mu.Unlock()
	if err != nil {
		return false, err
	}
	reset, err := c.Card.Begin()
	if err != nil || !c.silent.Swap(false) {
		return reset, err
	}
	if err := c.Card.Reset(); err != nil {
		_ = c.Card.End()
		return false, err
	}
	return true, nil
}

// Transmit implements apdu.Transport.
func (c *connection) Transmit(command []byte) ([]byte, error) {
	s := c.service
	s.mu.Lock()
	err, intercept := c.linkLocked(), s.intercept
	s.mu.Unlock()
	if err == nil && intercept != nil {
		err = intercept(command)
	}
	if err != nil {
		return nil, err
	}
	answer, err := c.Card.Transmit(command)
	if errors.Is(err, apdu.ErrMute) {
		c.silent.Store(true)
	}
	return answer, err
}

// Reset implements apdu.Card.
func (c *connection) Reset() error {
	err := c.Card.Reset()
	if err == nil {
		c.silent.Store(false)
	}
	return err
}

// Close implements apdu.Card.
func (c *connection) Close() error {
	c.once.Do(func() {
		c.service.mu.Lock()
		defer c.service.mu.Unlock()
		c.service.usage.Open--
	})
	return c.Card.Close()
}

// Foreign is a connection to a card that is not a CIE: it finds no application.
type Foreign struct {
	Err    error         // of every command, instead of an answer; nil: none
	Answer []byte        // to every command; nil: 6A82
	Delay  time.Duration // of every command
}

// ATR implements apdu.Card.
func (Foreign) ATR() []byte { return []byte{0x3B, 0x80, 0x80, 0x01, 0x01} }

// Transmit implements apdu.Transport.
func (f Foreign) Transmit([]byte) ([]byte, error) {
	time.Sleep(f.Delay)
	if f.Err != nil {
		return nil, f.Err
	}
	if f.Answer == nil {
		return []byte{0x6A, 0x82}, nil
	}
	return slices.Clone(f.Answer), nil
}

// Begin implements apdu.Card.
func (Foreign) Begin() (bool, error) { return false, nil }

// End implements apdu.Card.
func (Foreign) End() error { return nil }

// Reset implements apdu.Card.
func (Foreign) Reset() error { return nil }

// Close implements apdu.Card.
func (Foreign) Close() error { return nil }
