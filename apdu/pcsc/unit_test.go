package pcsc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/readers"

	"github.com/ebfe/scard"
)

// play feeds states to a watcher without a service and collects the events.
func play(f func(w *watcher)) (got []string) {
	w := &watcher{ctx: context.Background(), names: &names{}, calls: &calls{}, events: make(chan readers.Event)}
	go func() {
		f(w)
		close(w.events)
	}()
	for e := range w.events {
		s := e.Reader + ": " + e.Kind.String()
		if e.ATR != nil {
			s += fmt.Sprintf(" %X", e.ATR)
		}
		got = append(got, s)
	}
	return got
}

func state(flags scard.StateFlag, counter uint16, atr ...byte) scard.ReaderState {
	return scard.ReaderState{EventState: flags | scard.StateChanged | scard.StateFlag(counter)<<16, Atr: atr}
}

func TestWatcherReportsAddedAndRemovedReaders(t *testing.T) {
	got := play(func(w *watcher) {
		w.sync([]string{"A", "B"})
		w.update(w.known[1], state(scard.StatePresent, 1, 0x3B))
		w.sync([]string{"A", "B"})
		w.sync([]string{"A", "C"})
		w.update(w.known[1], state(scard.StatePresent|scard.StateMute, 1))
		w.sync(nil)
	})
	want := []string{
		"A: reader added", "B: reader added", "B: card inserted 3B",
		"B: card removed", "B: reader removed", "C: reader added", "C: card mute",
		"A: reader removed", "C: card removed", "C: reader removed",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestWatcherReportsCardChanges(t *testing.T) {
	const present, mute, empty = scard.StatePresent, scard.StatePresent | scard.StateMute, scard.StateEmpty
	tests := []struct {
		name   string
		states []scard.ReaderState
		want   string
	}{
		{"empty from the start", []scard.ReaderState{state(empty, 0)}, ""},
		{"in and out", []scard.ReaderState{state(empty, 0), state(present, 1, 1), state(empty, 2)}, "inserted 01, removed"},
		{"somebody connects", []scard.ReaderState{state(present, 1, 1), state(present|scard.StateInuse, 1, 1), state(present|scard.StateExclusive, 1, 1)}, "inserted 01"},
		{"exchanged between two looks", []scard.ReaderState{state(present, 1, 1), state(present, 3, 2)}, "inserted 01, removed, inserted 02"},
		{"counted a moment late", []scard.ReaderState{state(present, 0, 1), state(present, 1, 1), state(empty, 2)}, "inserted 01, removed"},
		{"counted late, then exchanged", []scard.ReaderState{state(present, 0, 1), state(present, 3, 2)}, "inserted 01, removed, inserted 02"},
		{"exchanged, counted late", []scard.ReaderState{state(present, 1, 1), state(present, 2, 2), state(present, 3, 2)}, "inserted 01, removed, inserted 02"},
		{"mute exchanged for a good one", []scard.ReaderState{state(mute, 1), state(present, 3, 2)}, "mute, removed, inserted 02"},
		{"mute recovers", []scard.ReaderState{state(mute, 1), state(present, 1, 2)}, "mute, inserted 02"},
		{"falls silent", []scard.ReaderState{state(present, 1, 1), state(mute, 1)}, "inserted 01, mute"},
		{"reader in trouble", []scard.ReaderState{state(present, 1, 1), state(scard.StateUnavailable, 0), state(present, 1, 1)}, "inserted 01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := play(func(w *watcher) {
				r := &watched{name: "R", card: readers.CardRemoved}
				for _, s := range tt.states {
					w.update(r, s)
				}
			})
			if s := strings.ReplaceAll(strings.Join(got, ", "), "R: card ", ""); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}

func TestPCSCErrorsMatchErrorsOfAPDU(t *testing.T) {
	tests := map[error][]scard.Error{
		apdu.ErrNoService: {scard.ErrNoService, scard.ErrServiceStopped, scard.ErrInvalidHandle, scard.ErrCommError, 0x6F7, 0x6D},
		apdu.ErrNoReader:  {scard.ErrNoReadersAvailable, scard.ErrUnknownReader, scard.ErrReaderUnavailable},
		apdu.ErrNoCard:    {scard.ErrNoSmartcard},
		apdu.ErrMute:      {scard.ErrUnresponsiveCard, scard.ErrUnpoweredCard, scard.ErrNotTransacted, scard.ErrProtoMismatch},
		apdu.ErrRemoved:   {scard.ErrRemovedCard},
		apdu.ErrReset:     {scard.ErrResetCard},
		apdu.ErrBusy:      {scard.ErrSharingViolation},
		apdu.ErrTimeout:   {scard.ErrTimeout},
	}
	all := []error{apdu.ErrNoService, apdu.ErrNoReader, apdu.ErrNoCard, apdu.ErrMute, apdu.ErrRemoved, apdu.ErrReset, apdu.ErrBusy, apdu.ErrTimeout}
	for want, codes := range tests {
		for _, code := range codes {
			err := wrap("connect", "Reader X", code)
			for _, k := range all {
				if errors.Is(err, k) != (k == want) {
					t.Errorf("%08X is %v: %v", uint32(code), k, errors.Is(err, k))
				}
			}
			var e *Error
			if !errors.As(err, &e) || e.Code != uint32(code) || e.Op != "connect" || e.Reader != "Reader X" {
				t.Errorf("%+v", err)
			}
			for _, part := range []string{"connect", "Reader X", want.Error(), fmt.Sprintf("%08X", uint32(code))} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		}
	}
	if err := wrap("x", "", nil); err != nil {
		t.Error(err)
	}
	if err := wrap("x", "", scard.ErrInternalError); err == nil || errors.Unwrap(err) != nil {
		t.Errorf("a code of no kind: %v", err)
	}
	inner := &Error{Op: "inner"}
	if err := wrap("outer", "", inner); err != inner {
		t.Errorf("wrapped twice: %v", err)
	}
}

// A call that does not return in time is abandoned, and cleans up when it returns.
func TestCallOverItsLimitCleansUpOnReturn(t *testing.T) {
	release, cleaned := make(chan struct{}), make(chan struct{})
	err, done := limited(time.Millisecond, func() error { <-release; return nil }, func() { close(cleaned) })
	if done || err != nil {
		t.Fatal(done, err)
	}
	close(release)
	<-cleaned
	if err, done := limited(time.Minute, func() error { return ErrClosed }, func() { t.Error("cleaned up") }); !done || err != ErrClosed {
		t.Error(done, err)
	}
}

// A connection without a protocol, which a reset can leave, is an error and no
// panic of the library.
func TestConnectionWithoutProtocolIsAnError(t *testing.T) {
	c := &Conn{cfg: Config{Timeout: time.Minute}, card: new(scard.Card)}
	if _, err := c.Transmit([]byte{0x00, 0xA4, 0x00, 0x00}); !errors.Is(err, apdu.ErrMute) {
		t.Error(err)
	}
	if !c.lost {
		t.Error("the next Begin would not reset the card")
	}
}

func ExampleContext_Connect() {
	c, err := Establish()
	if err != nil {
		return // apdu.ErrNoService
	}
	defer c.Close()
	readers, err := c.Status()
	if err != nil {
		return
	}
	for _, r := range readers {
		conn, err := c.Connect(r.Name)
		if err != nil {
			continue // apdu.ErrNoCard, ErrMute, ErrBusy ...
		}
		defer conn.Close()
		if _, err := conn.Begin(); err != nil {
			continue
		}
		answer, err := conn.Transmit([]byte{0x00, 0xA4, 0x04, 0x0C, 0x06, 0xA0, 0, 0, 0, 0, 0x39})
		fmt.Printf("%X %v\n", answer, err)
		_ = conn.End()
	}
}
