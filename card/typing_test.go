package card_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/state"
)

// openSeen returns a session with a card that programs of the user have used before, the
// options of that program.
func openSeen(t *testing.T) (*cardtest.Card, *card.Session, card.Options) {
	t.Helper()
	c := newCard(t, cardtest.Profile{})
	opts := seen(t, c, true)
	return c, open(t, c, opts), opts
}

// While the user types a code the channel is built. The operation then costs the counter and
// its own commands, and no command more in all.
func TestChannelIsBuiltWhileTheUserTypes(t *testing.T) {
	operations := map[string]func(*card.Session) error{
		"verify":  func(s *card.Session) error { return s.Verify(ctx, card.PIN, cardtest.DefaultPIN()) },
		"change":  func(s *card.Session) error { return s.ChangePIN(ctx, cardtest.DefaultPIN(), []byte("28281414")) },
		"unblock": func(s *card.Session) error { return s.Unblock(ctx, cardtest.DefaultPUK(), []byte("28281414")) },
	}
	for name, operation := range operations {
		synctest.Test(t, func(t *testing.T) {
			c, s, _ := openSeen(t)
			before := c.Stats()
			must(t, operation(s))
			alone := c.Stats().Sub(before)

			c, s, _ = openSeen(t)
			before = c.Stats()
			typing, stop := context.WithCancel(ctx)
			s.OpenAhead(typing)
			synctest.Wait()
			time.Sleep(card.AheadTime / 2)
			s.OpenAhead(typing) // takes the channel over
			time.Sleep(card.AheadTime - time.Second)
			arrived := c.Stats()
			must(t, operation(s))
			stop()
			synctest.Wait()
			if _, err := s.Tries(ctx, card.PIN); err != nil { // in the same channel
				t.Error(err)
			}
			all, after := c.Stats().Sub(before), c.Stats().Sub(arrived)
			if all.APDUs != alone.APDUs+1 || all.DeviceAuthentications != 1 {
				t.Errorf("%s: %d APDUs, %d device authentications; without typing %d", name, all.APDUs, all.DeviceAuthentications, alone.APDUs)
			}
			if after.DeviceAuthentications != 0 || after.APDUs > 4 || all.TriesSpent != 0 {
				t.Errorf("%s: %+v after the code", name, after)
			}
			if p := c.LongestPause(); p != 0 {
				t.Errorf("%s: a pause of %v in a transaction", name, p)
			}
		})
	}
}

// A channel is dropped when the user gives up or takes too long, and a card that is taken off
// is an error of the operation with the code alone.
func TestChannelOfAUserWhoTypesIsDropped(t *testing.T) {
	for name, end := range map[string]func(*cardtest.Card, func()){
		"cancel":  func(_ *cardtest.Card, cancel func()) { cancel() },
		"timeout": func(*cardtest.Card, func()) { time.Sleep(card.AheadTime) },
		"reset":   func(c *cardtest.Card, _ func()) { c.PowerOn() },
	} {
		synctest.Test(t, func(t *testing.T) {
			c, s, opts := openSeen(t)
			typing, cancel := context.WithCancel(ctx)
			defer cancel()
			s.OpenAhead(typing)
			synctest.Wait()
			end(c, cancel)
			synctest.Wait()
			before := c.Stats()
			must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN()))
			if n := c.Stats().Sub(before); n.DeviceAuthentications != 1 || n.TriesSpent != 0 {
				t.Errorf("%s: %+v", name, n)
			}
			must(t, s.Close())
			release, err := opts.State.TryExclusive(c.NIS())
			must(t, err)
			release()
		})
	}
}

// The tries shown before a code is typed are those last seen, and the operation asks for a
// confirmation if another device has spent some since.
func TestLikelyTriesAreJudgedAgainWithTheCode(t *testing.T) {
	c, s, _ := openSeen(t)
	if tries, ok := s.LikelyTries(card.PUK); ok {
		t.Errorf("a counter that was never seen: %+v", tries)
	}
	c.SetTries(1, 3)
	if tries, ok := s.LikelyTries(card.PIN); !ok || tries != (card.Tries{Left: 3, Max: 3, Pending: true}) {
		t.Errorf("%+v, %v", tries, ok)
	}
	before := c.Stats()
	var last *card.LastTryError
	if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN()); !errors.As(err, &last) || last.Tries.Left != 1 {
		t.Errorf("%v", err)
	}
	if n := c.Stats().Sub(before).Verifies; n != 0 {
		t.Errorf("%d codes sent", n)
	}
	if _, ok := s.LikelyTries(card.PIN); ok {
		t.Error("the last try is shown without a look at the card")
	}
	must(t, s.Verify(ctx, card.PIN, cardtest.DefaultPIN(), card.AllowLastTry()))
}

// halting stops before a command until it may go on.
type halting struct {
	apdu.Card
	at, sent int
	halted   chan struct{}
	goOn     chan struct{}
}

func (h *halting) Transmit(command []byte) ([]byte, error) {
	if h.sent++; h.sent == h.at {
		close(h.halted)
		<-h.goOn
	}
	return h.Card.Transmit(command)
}

// announcing reports when its program begins to wait for the card.
type announcing struct {
	apdu.Card
	once  sync.Once
	waits chan struct{}
}

func (a *announcing) Begin() (bool, error) {
	a.once.Do(func() { close(a.waits) })
	return a.Card.Begin()
}

// Background work ends after the command in progress when another program of the user, which
// has its own view of the state, waits for the card.
func TestBackgroundYieldsToAProgramThatWaits(t *testing.T) {
	for at := 1; at <= 8; at++ {
		c := newCard(t, cardtest.Profile{})
		dir := t.TempDir()
		opts := seen(t, c, true)
		opts.Roots, opts.State = testRoots(t), state.Dir(dir)
		background := &halting{Card: c.Reader(), halted: make(chan struct{}), goOn: make(chan struct{})}
		s, err := card.Open(ctx, background, opts)
		must(t, err)
		background.at, background.sent = at, 0
		result := make(chan error, 1)
		go func() { result <- s.Prepare(ctx) }()
		<-background.halted

		opts.State = state.Dir(dir)
		login := &announcing{Card: c.Reader(), waits: make(chan struct{})}
		done := make(chan error, 1)
		go func() {
			other, err := card.Open(ctx, login, opts)
			if err == nil {
				err = errors.Join(other.Verify(ctx, card.PIN, cardtest.DefaultPIN()), other.Close())
			}
			done <- err
		}()
		<-login.waits
		close(background.goOn)
		if err := <-result; !errors.Is(err, card.ErrInUse) {
			t.Errorf("command %d: %v", at, err)
		}
		if background.sent > at+1 { // an answer in two parts
			t.Errorf("%d commands after another program waits", background.sent-at)
		}
		must(t, <-done)
		must(t, s.Prepare(ctx)) // no program waits any more
		must(t, s.Close())
	}
}
