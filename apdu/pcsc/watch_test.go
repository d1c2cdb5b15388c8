//go:build linux

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
)

// events collects what a watch reports about the readers and the service.
type events struct {
	t  *testing.T
	ch <-chan readers.Event
}

func watch(t *testing.T, c *Context) (events, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	ch, err := c.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return events{t, ch}, cancel
}

// next returns the next event on the named reader ("" for the service).
func (e events) next(reader string) readers.Event {
	e.t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case ev, ok := <-e.ch:
			if !ok {
				e.t.Fatal("the watch ended")
			}
			if ev.Reader == reader {
				return ev
			}
		case <-limit:
			e.t.Fatalf("no event for %q", reader)
		}
	}
}

func (e events) want(reader string, kind readers.EventKind) readers.Event {
	e.t.Helper()
	ev := e.next(reader)
	if ev.Kind != kind {
		e.t.Fatalf("%q: got %v (%v), want %v", reader, ev.Kind, ev.Err, kind)
	}
	return ev
}

func TestWatchReportsHotPlug(t *testing.T) {
	c := newContext(t, testConfig)
	name := daemon.Reader(0)
	first := insert(t, 0, newChip())
	ev, cancel := watch(t, c)
	ev.want(name, readers.ReaderAdded)
	if e := ev.want(name, readers.CardInserted); !bytes.Equal(e.ATR, plainATR) {
		t.Errorf("ATR %X", e.ATR)
	}
	ev.want("", readers.Settled)
	// Another program's connection is no event.
	connect(t, c, 0).Close()
	first()
	ev.want(name, readers.CardRemoved)
	mute := insertUnseen(t, 0, &chip{})
	ev.want(name, readers.CardMute)
	mute()
	ev.want(name, readers.CardRemoved)
	second := &chip{atr: []byte{0x3B, 0x00}}
	insertUnseen(t, 0, second)
	if e := ev.want(name, readers.CardInserted); !bytes.Equal(e.ATR, second.atr) {
		t.Errorf("ATR %X", e.ATR)
	}
	cancel()
	for range ev.ch { // ends
	}
}

// A consumer that reads no events while the card is exchanged still gets them.
func TestWatchExchangedUnseen(t *testing.T) {
	c := newContext(t, testConfig)
	name := daemon.Reader(0)
	first := insert(t, 0, newChip())
	ev, _ := watch(t, c)
	ev.want(name, readers.ReaderAdded)
	ev.want(name, readers.CardInserted)
	ev.want("", readers.Settled)
	// The watch now waits, and then holds this event back, unread.
	insert(t, 1, newChip())
	first()
	await(t, 0, func(r readers.State) bool { return !r.Present })
	insert(t, 0, newChip())
	ev.want(name, readers.CardRemoved)
	ev.want(name, readers.CardInserted)
}

func TestWatchServiceRestart(t *testing.T) {
	c := newContext(t, testConfig)
	name := daemon.Reader(0)
	insert(t, 0, newChip())
	ev, _ := watch(t, c)
	ev.want(name, readers.ReaderAdded)
	ev.want(name, readers.CardInserted)
	ev.want("", readers.Settled)
	if err := daemon.Pause(); err != nil {
		t.Fatal(err)
	}
	ev.want(name, readers.CardRemoved)
	ev.want(name, readers.ReaderRemoved)
	if e := ev.want("", readers.ServiceLost); !errors.Is(e.Err, apdu.ErrNoService) {
		t.Errorf("lost: %v", e.Err)
	}
	if err := daemon.Resume(); err != nil {
		t.Fatal(err)
	}
	ev.want("", readers.ServiceBack)
	ev.want(name, readers.ReaderAdded)
	ev.want(name, readers.CardInserted)
}

func TestWatchBeforeService(t *testing.T) {
	c := newContext(t, testConfig)
	if err := daemon.Pause(); err != nil {
		t.Fatal(err)
	}
	ev, _ := watch(t, c)
	ev.want("", readers.ServiceLost)
	ev.want("", readers.Settled)
	if err := daemon.Resume(); err != nil {
		t.Fatal(err)
	}
	ev.want("", readers.ServiceBack)
	ev.want(daemon.Reader(0), readers.ReaderAdded)
}

func TestWatchEndsWithItsContext(t *testing.T) {
	c := newContext(t, testConfig)
	for range 5 { // at any moment of its start
		ev, cancel := watch(t, c)
		cancel()
		for range ev.ch {
		}
	}
	ev, _ := watch(t, c)
	ev.next(daemon.Reader(0))
	c.Close()
	for range ev.ch {
	}
	if _, err := c.Watch(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("on a closed context: %v", err)
	}
}

// The cards that are present when a watch begins are reported before Settled,
// mute ones too, and Settled is sent once.
func TestWatchSettlesAfterThePresentCards(t *testing.T) {
	c := newContext(t, testConfig)
	good, mute := daemon.Reader(1), daemon.Reader(2)
	insert(t, 1, newChip())
	insert(t, 2, &chip{})
	await(t, 2, func(r readers.State) bool { return r.Mute })
	ev, _ := watch(t, c)
	reported := map[string]readers.EventKind{}
	for e := range ev.ch {
		if e.Kind == readers.Settled {
			break
		}
		reported[e.Reader] = e.Kind
	}
	if reported[good] != readers.CardInserted || reported[mute] != readers.CardMute || len(reported) != 6 {
		t.Errorf("last events before Settled: %v", reported)
	}
	insertUnseen(t, 3, newChip())
	for e := range ev.ch {
		if e.Kind == readers.Settled {
			t.Error("a second Settled")
		}
		if e.Kind == readers.CardInserted && e.Reader == daemon.Reader(3) {
			break
		}
	}
}

// Many watches run on the same readers while cards are inserted and removed.
func TestManyWatchesSeeTheSameEvents(t *testing.T) {
	c := newContext(t, testConfig)
	name := daemon.Reader(5)
	var all []events
	for range 4 {
		ev, _ := watch(t, c)
		ev.want(name, readers.ReaderAdded)
		all = append(all, ev)
	}
	remove := insertUnseen(t, 5, newChip())
	for _, ev := range all {
		ev.want(name, readers.CardInserted)
	}
	remove()
	for _, ev := range all {
		ev.want(name, readers.CardRemoved)
	}
}
