package cardtest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest"
)

func newServiceCard(t *testing.T) *cardtest.Card {
	t.Helper()
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// next returns the next event of a watch.
func next(t *testing.T, events <-chan readers.Event) readers.Event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(time.Minute):
		t.Fatal("no event within a minute")
		return readers.Event{}
	}
}

func wantEvents(t *testing.T, events <-chan readers.Event, want ...readers.Event) {
	t.Helper()
	for i, w := range want {
		if e := next(t, events); e.Kind != w.Kind || e.Reader != w.Reader {
			t.Fatalf("event %d: %v %q, want %v %q", i, e.Kind, e.Reader, w.Kind, w.Reader)
		}
	}
}

func TestServiceReportsWhatIsPresentThenSettled(t *testing.T) {
	s := cardtest.NewService("empty")
	c := newServiceCard(t)
	s.Insert("with a card", c)
	s.Put("with something mute", readers.State{Present: true, Mute: true}, nil)
	events, err := s.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, events,
		readers.Event{Kind: readers.ReaderAdded, Reader: "empty"},
		readers.Event{Kind: readers.ReaderAdded, Reader: "with a card"},
		readers.Event{Kind: readers.ReaderAdded, Reader: "with something mute"})
	if e := next(t, events); e.Kind != readers.CardInserted || !bytes.Equal(e.ATR, c.ATR()) {
		t.Errorf("%v, ATR %X", e.Kind, e.ATR)
	}
	wantEvents(t, events, readers.Event{Kind: readers.CardMute, Reader: "with something mute"}, readers.Event{Kind: readers.Settled})
	s.Detach("with a card")
	s.Attach("new")
	wantEvents(t, events,
		readers.Event{Kind: readers.CardRemoved, Reader: "with a card"},
		readers.Event{Kind: readers.ReaderRemoved, Reader: "with a card"},
		readers.Event{Kind: readers.ReaderAdded, Reader: "new"})
	if c.Present() {
		t.Error("the card of a detached reader is present")
	}
}

func TestServiceEndsWatches(t *testing.T) {
	s := cardtest.NewService()
	ctx, cancel := context.WithCancel(t.Context())
	ended, err := s.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := s.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, closed, readers.Event{Kind: readers.Settled})
	cancel()
	for range ended {
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range closed {
	}
	again, err := s.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, again, readers.Event{Kind: readers.Settled})
}

func TestServiceOfOneProgramEndsItsOwnWatches(t *testing.T) {
	s := cardtest.NewService("R")
	own, other := s.Open(), s.Open()
	ended, err := own.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	events, err := other.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, events, readers.Event{Kind: readers.ReaderAdded, Reader: "R"}, readers.Event{Kind: readers.Settled})
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	for range ended {
	}
	s.Detach("R")
	wantEvents(t, events, readers.Event{Kind: readers.ReaderRemoved, Reader: "R"})
}

func TestServiceForeignCardFindsNoApplication(t *testing.T) {
	s := &cardtest.Service{}
	s.InsertForeign("R", cardtest.Foreign{})
	conn, err := s.Connect("R")
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := conn.Transmit([]byte{0x00, 0xA4, 0x04, 0x0C}); err != nil || !bytes.Equal(answer, []byte{0x6A, 0x82}) {
		t.Errorf("%X, %v", answer, err)
	}
	if list, err := s.Status(); err != nil || !list[0].Present || !bytes.Equal(list[0].ATR, conn.ATR()) {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestServiceRefusesConnections(t *testing.T) {
	s := cardtest.NewService("empty", "exclusive", "mute")
	c, removed := newServiceCard(t), newServiceCard(t)
	s.Insert("exclusive", c)
	s.SetExclusive("exclusive", true)
	s.Put("mute", readers.State{Present: true, Mute: true}, nil)
	s.Insert("removed", removed)
	removed.Remove()
	for reader, want := range map[string]error{
		"none": apdu.ErrNoReader, "empty": apdu.ErrNoCard, "exclusive": apdu.ErrBusy, "mute": apdu.ErrMute, "removed": apdu.ErrNoCard,
	} {
		if conn, err := s.Connect(reader); !errors.Is(err, want) || conn != nil {
			t.Errorf("%s: %v, %v, want %v", reader, conn, err, want)
		}
	}
	list, err := s.Status()
	if err != nil || len(list) != 4 || list[0].Present || !list[1].Exclusive || !list[2].Mute || list[3].Present {
		t.Errorf("%+v, %v", list, err)
	}
	s.SetExclusive("exclusive", false)
	s.RefuseConnections(apdu.ErrTimeout)
	if _, err := s.Connect("exclusive"); !errors.Is(err, apdu.ErrTimeout) {
		t.Errorf("refused: %v", err)
	}
	conn, err := s.Connect("exclusive")
	if err != nil {
		t.Fatal(err)
	}
	if u := s.Usage(); u.Open != 1 || u.Connections != 1 || s.Close() == nil {
		t.Errorf("%+v, and Close does not mind", u)
	}
	conn.Close()
	conn.Close()
	if u := s.Usage(); u.Open != 0 {
		t.Errorf("%d connections open", u.Open)
	}
}

func TestServiceDownFailsEveryCall(t *testing.T) {
	s := cardtest.NewService()
	c := newServiceCard(t)
	s.Insert("R", c)
	conn, err := s.Connect("R")
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	added, inserted := readers.Event{Kind: readers.ReaderAdded, Reader: "R"}, readers.Event{Kind: readers.CardInserted, Reader: "R"}
	wantEvents(t, events, added, inserted, readers.Event{Kind: readers.Settled})
	s.Stop(apdu.ErrNoService)
	wantEvents(t, events,
		readers.Event{Kind: readers.CardRemoved, Reader: "R"},
		readers.Event{Kind: readers.ReaderRemoved, Reader: "R"},
		readers.Event{Kind: readers.ServiceLost})
	late, err := s.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e := next(t, late); e.Kind != readers.ServiceLost || !errors.Is(e.Err, apdu.ErrNoService) {
		t.Errorf("%v, %v", e.Kind, e.Err)
	}
	wantEvents(t, late, readers.Event{Kind: readers.Settled})
	_, statusErr := s.Status()
	_, connectErr := s.Connect("R")
	_, transmitErr := conn.Transmit([]byte{0x00, 0xA4, 0x00, 0x0C})
	for _, err := range []error{statusErr, connectErr, transmitErr} {
		if !errors.Is(err, apdu.ErrNoService) {
			t.Errorf("while the service is down: %v", err)
		}
	}
	s.Start()
	for _, w := range []<-chan readers.Event{events, late} {
		wantEvents(t, w, readers.Event{Kind: readers.ServiceBack}, added, inserted)
	}
	if _, err := conn.Begin(); !errors.Is(err, apdu.ErrNoService) {
		t.Errorf("a connection of before: %v", err)
	}
	if list, err := s.Status(); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// silentCard returns a card that has stopped answering, and a connection to it.
func silentCard(t *testing.T) (*cardtest.Card, apdu.Card) {
	t.Helper()
	s := cardtest.NewService()
	c := newServiceCard(t)
	s.Insert("R", c)
	conn, err := s.Connect("R")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c.SetFaults(cardtest.FaultAt(1, cardtest.MuteBefore))
	if _, err := conn.Transmit([]byte{0x00, 0xA4, 0x00, 0x0C}); !errors.Is(err, apdu.ErrMute) {
		t.Fatal(err)
	}
	return c, conn
}

// A card that stopped answering is reset by the next Begin, as by package apdu/pcsc.
func TestServiceResetsASilentCard(t *testing.T) {
	_, conn := silentCard(t)
	for i, want := range []bool{true, false} {
		if reset, err := conn.Begin(); err != nil || reset != want {
			t.Errorf("Begin %d: reset %v, %v", i+1, reset, err)
		}
		if _, err := conn.Transmit([]byte{0x00, 0xA4, 0x00, 0x0C}); err != nil {
			t.Error(err)
		}
		if err := conn.End(); err != nil {
			t.Error(err)
		}
	}
}

// The program's own reset of a silent card is enough.
func TestServiceResetsASilentCardOnce(t *testing.T) {
	c, conn := silentCard(t)
	before := c.Stats().Resets
	if err := conn.Reset(); err != nil {
		t.Fatal(err)
	}
	if reset, err := conn.Begin(); err != nil || reset || c.Stats().Resets != before+1 {
		t.Errorf("reset %v, %v, %d resets", reset, err, c.Stats().Resets-before)
	}
}

func TestServiceFaultsReachTheirReader(t *testing.T) {
	s := cardtest.NewService()
	c, other := newServiceCard(t), newServiceCard(t)
	s.Insert("R", c)
	events, err := s.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var seen []readers.EventKind
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range events {
			seen = append(seen, e.Kind)
		}
	}()
	s.RefuseTransactions(1)
	conn, err := s.Connect("R")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Begin(); !errors.Is(err, apdu.ErrBusy) {
		t.Errorf("a refused transaction: %v", err)
	}
	broken := errors.New("broken")
	s.Intercept(func([]byte) error { return broken })
	before := c.Stats().APDUs
	if _, err := conn.Transmit([]byte{0x00, 0xA4, 0x00, 0x0C}); err != broken || c.Stats().APDUs != before {
		t.Errorf("an intercepted command: %v", err)
	}
	s.Intercept(nil)
	conn.Close()
	s.Exchange("R", other)
	if conn, err = s.Connect("R"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Transmit([]byte{0x00, 0xA4, 0x00, 0x0C}); err != nil || other.Stats().APDUs != 1 {
		t.Errorf("after the exchange: %v, %d commands", err, other.Stats().APDUs)
	}
	conn.Close()
	s.Emit(readers.Event{Kind: readers.CardRemoved, Reader: "R"})
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	<-done
	want := []readers.EventKind{readers.ReaderAdded, readers.CardInserted, readers.Settled, readers.CardRemoved, readers.Settled}
	if !slices.Equal(seen, want) {
		t.Errorf("events %v, want %v", seen, want)
	}
	if n := s.Usage().Transactions; n != 1 {
		t.Errorf("%d transactions", n)
	}
}
