package desktop

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card"
	"cie/card/identity"
	"cie/cmd/internal/kspagent"
	"cie/gui"
	"cie/installer/browsers/keystore"
	"cie/pkcs11mod"
)

// cards is the part of the Service that works with cards. It keeps one session
// for each card as long as the card stays, so that a second operation needs no
// second device authentication.
type cards struct {
	service readers.Service
	opts    card.Options
	trace   func(format string, args ...any) // nil: none
	failed  func(what string, err error)     // called with every error; may be nil

	mu     sync.Mutex
	open   map[string]*sharedSession
	visits map[string]uint64            // of the cards in the readers, by reader
	seen   map[string]identity.Identity // read after the PIN, by ID of the card, for this run only
}

// sharedSession is the session with the card in one reader. A call that uses it has a
// token in lock.
type sharedSession struct {
	visit    uint64
	lock     chan struct{}
	conn     apdu.Card
	session  *card.Session
	progress atomic.Pointer[func(card.Progress)]
}

func newCards(s readers.Service, opts card.Options) *cards {
	return &cards{service: s, opts: opts, open: map[string]*sharedSession{}, seen: map[string]identity.Identity{}}
}

// Watch implements gui.Service. It closes sessions with cards that were removed.
func (c *cards) Watch(ctx context.Context) <-chan gui.ReaderState {
	out := make(chan gui.ReaderState, 1)
	go func() {
		defer close(out)
		for d := range states(ctx, c.service) {
			c.sweep(d)
			select {
			case out <- d:
			case <-ctx.Done():
			}
		}
		c.sweep(gui.ReaderState{})
	}()
	return out
}

// sweep ends the sessions whose card was removed.
func (c *cards) sweep(d gui.ReaderState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := map[string]uint64{}
	for _, r := range d.Readers {
		if r.Presence == gui.Present {
			there[r.Name] = r.Visit
		}
	}
	for name, h := range c.open {
		if visit, ok := there[name]; !ok || h.visit != visit {
			delete(c.open, name)
			go h.end()
		}
	}
	c.visits = there
}

// end closes the session when it is no longer in use.
func (h *sharedSession) end() {
	h.lock <- struct{}{}
	h.close()
	<-h.lock // a waiting call connects again
}

func (h *sharedSession) close() {
	if h.session != nil {
		_ = h.session.Close()
		h.session = nil
	}
	if h.conn != nil {
		_ = h.conn.Close()
		h.conn = nil
	}
}

// release ends every session, so that other programs can use the cards.
func (c *cards) release() {
	c.mu.Lock()
	open := c.open
	c.open = map[string]*sharedSession{}
	c.mu.Unlock()
	for _, h := range open {
		h.end()
	}
}

// with runs f with the session for the card in reader, one at a time.
func (c *cards) with(ctx context.Context, reader string, progress func(card.Progress), f func(*sharedSession) error) error {
	err := c.take(ctx, reader, progress, f)
	if err != nil && c.failed != nil {
		c.failed("card", err)
	}
	return err
}

// acquire waits until no other call uses the card in reader, and locks its session.
func (c *cards) acquire(ctx context.Context, reader string) (*sharedSession, error) {
	for {
		c.mu.Lock()
		h := c.open[reader]
		if h == nil {
			h = &sharedSession{visit: c.visits[reader], lock: make(chan struct{}, 1)}
			c.open[reader] = h
		}
		c.mu.Unlock()
		select {
		case h.lock <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		c.mu.Lock()
		current := c.open[reader] == h
		c.mu.Unlock()
		if current {
			return h, nil
		}
		<-h.lock // closed in the meantime
	}
}

func (c *cards) take(ctx context.Context, reader string, progress func(card.Progress), f func(*sharedSession) error) error {
	h, err := c.acquire(ctx, reader)
	if err != nil {
		return err
	}
	defer func() { <-h.lock }()
	if progress != nil {
		h.progress.Store(&progress)
		defer h.progress.Store(nil)
	}
	if h.session == nil {
		if err := c.connect(ctx, reader, h); err != nil {
			c.forget(reader, h)
			return err
		}
	}
	err = f(h)
	if h.session != nil {
		// The PIN is asked for again for the next task, so other programs need not spare
		// this channel.
		h.session.ReleaseLogin()
	}
	if card.LossOf(err) >= card.LossConnection {
		c.forget(reader, h)
	}
	return err
}

func (c *cards) forget(reader string, h *sharedSession) {
	h.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[reader] == h {
		delete(c.open, reader)
	}
}

func (c *cards) connect(ctx context.Context, reader string, h *sharedSession) error {
	conn, err := c.service.Connect(reader)
	if err != nil {
		return err
	}
	opts := c.opts
	opts.Trace = c.trace
	opts.Progress = func(p card.Progress) {
		if f := h.progress.Load(); f != nil {
			(*f)(p)
		}
	}
	s, err := card.Open(ctx, conn, opts)
	if err != nil {
		_ = conn.Close()
		return err
	}
	h.conn, h.session = conn, s
	return nil
}

// Inspect implements gui.Service.
func (c *cards) Inspect(ctx context.Context, reader string, update func(gui.Card)) error {
	step := func(p card.Progress) { update(gui.Card{Reading: p.Name}) }
	return c.with(ctx, reader, step, func(h *sharedSession) error {
		s := h.session
		show := gui.Card{ID: s.NIS(), Family: s.Family()}
		update(show)
		// Authenticity is checked before the counters, which need a channel: other
		// clients read the signed files in the clear only.
		var err error
		show.Authenticity, err = s.Authenticity(ctx)
		if err == nil {
			show.Name, show.Expiry, err = c.holder(ctx, s, show.Authenticity.Level)
		}
		if err != nil {
			return err
		}
		update(show)
		show.PIN, err = s.Tries(ctx, card.PIN)
		if err == nil {
			show.PUK, err = s.Tries(ctx, card.PUK)
		}
		if errors.Is(err, card.ErrNotGenuine) {
			// The failure can be that of the chip's proof.
			show.Authenticity, err = s.Authenticity(ctx)
		}
		if err != nil {
			return err
		}
		update(show)
		return nil
	})
}

// forgetHolders deletes the holders read in this run.
func (c *cards) forgetHolders() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.seen)
}

// entries returns the certificates read in this run, for the list in which browsers on Windows
// look for them.
func (c *cards) entries() []keystore.Entry {
	if c == nil {
		return nil // a service without cards, in tests
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []keystore.Entry
	for nis, id := range c.seen {
		list = append(list, keystore.Entry{Container: kspagent.Container(nis), Certificate: id.Raw})
	}
	return list
}

// holder returns name and expiry of the holder as far as they are known without the
// PIN: from this run, if the card is genuine and so the same one, or from the
// certificate that the module has stored, which only the card can decrypt.
func (c *cards) holder(ctx context.Context, s *card.Session, level card.Level) (string, time.Time, error) {
	c.mu.Lock()
	id, known := c.seen[s.NIS()]
	c.mu.Unlock()
	switch {
	case level == card.NotGenuine:
		return "", time.Time{}, nil
	case known && level == card.Genuine:
		return id.Name(), id.NotAfter, nil
	case c.opts.Store == nil:
		return "", time.Time{}, nil
	}
	der, err := pkcs11mod.KnownCertificate(ctx, s, c.opts.Store)
	if err != nil || der == nil {
		return "", time.Time{}, err
	}
	kept, err := identity.Parse(der)
	if err != nil {
		return "", time.Time{}, nil // an unusable cache is no error of the card
	}
	return kept.Name(), kept.NotAfter, nil
}

func codeOptions(o gui.CodeOptions) []card.CodeOption {
	if o.AllowLastTry {
		return []card.CodeOption{card.AllowLastTry()}
	}
	return nil
}

// Prepare implements gui.Service.
func (c *cards) Prepare(ctx context.Context, reader string) {
	// The errors are those of the call with the code.
	_ = c.take(ctx, reader, nil, func(h *sharedSession) error {
		h.session.OpenAhead(ctx)
		return nil
	})
}

// Accept implements gui.Service.
func (c *cards) Accept(ctx context.Context, reader string) error {
	return c.with(ctx, reader, nil, func(h *sharedSession) error {
		_, err := h.session.Accept(ctx)
		return err
	})
}

// Holder implements gui.Service.
func (c *cards) Holder(ctx context.Context, reader string, pin []byte, o gui.CodeOptions) (gui.Holder, error) {
	var out gui.Holder
	err := c.with(ctx, reader, o.Progress, func(h *sharedSession) error {
		if err := h.session.Verify(ctx, card.PIN, pin, codeOptions(o)...); err != nil {
			return err
		}
		der, err := h.session.Certificate(ctx)
		if err != nil {
			return err
		}
		id, err := identity.Parse(der)
		if err != nil {
			return err
		}
		c.note(h.session, id)
		number, err := h.session.DocumentNumber(ctx)
		if err != nil || number == "" {
			number = id.DocumentNumber
		}
		out = gui.Holder{
			Surname: id.Surname, GivenName: id.GivenName, FiscalCode: id.FiscalCode,
			DocumentNumber: number,
			NotBefore:      id.NotBefore, NotAfter: id.NotAfter, GraceUntil: id.GraceUntil,
		}
		return nil
	})
	return out, err
}

// note keeps whose card it is, for this run.
func (c *cards) note(s *card.Session, id *identity.Identity) {
	s.NoteHolder(id.Name())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[s.NIS()] = *id
}

// ChangePIN implements gui.Service.
func (c *cards) ChangePIN(ctx context.Context, reader string, old, pin []byte, o gui.CodeOptions) error {
	return c.with(ctx, reader, o.Progress, func(h *sharedSession) error {
		return h.session.ChangePIN(ctx, old, pin, codeOptions(o)...)
	})
}

// Unblock implements gui.Service.
func (c *cards) Unblock(ctx context.Context, reader string, puk, pin []byte, o gui.CodeOptions) error {
	return c.with(ctx, reader, o.Progress, func(h *sharedSession) error {
		return h.session.Unblock(ctx, puk, pin, codeOptions(o)...)
	})
}

// TestLogin implements gui.Service.
func (c *cards) TestLogin(ctx context.Context, reader string, pin []byte, o gui.CodeOptions) (gui.Login, error) {
	var out gui.Login
	err := c.with(ctx, reader, o.Progress, func(h *sharedSession) error {
		if err := h.session.Verify(ctx, card.PIN, pin, codeOptions(o)...); err != nil {
			return err
		}
		var err error
		out, err = login(ctx, h.session)
		return err
	})
	return out, err
}
