//go:build linux

package pcsc

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/readers"

	"github.com/ebfe/scard"
)

var cmd = []byte{0x00, 0xA4, 0x04, 0x0C}

func TestReadersAndStatus(t *testing.T) {
	c := newContext(t, testConfig)
	names, err := c.Readers()
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != daemon.Slots() || names[0] != daemon.Reader(0) {
		t.Errorf("readers %q", names)
	}
	insert(t, 0, newChip())
	states, err := c.Status()
	if err != nil {
		t.Fatal(err)
	}
	if s := states[0]; !s.Present || s.Mute || s.InUse || s.Exclusive || !bytes.Equal(s.ATR, plainATR) {
		t.Errorf("state with a card %+v", s)
	}
	if s := states[1]; s.Present || s.ATR != nil {
		t.Errorf("state without a card %+v", s)
	}
	conn := connect(t, c, 0)
	await(t, 0, func(r readers.State) bool { return r.InUse && !r.Exclusive })
	conn.Close()
	await(t, 0, func(r readers.State) bool { return !r.InUse })
}

func TestConnTransmitsAndReportsItsReader(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newChip()
	insert(t, 0, chip)
	conn := connect(t, c, 0)
	if !bytes.Equal(conn.ATR(), plainATR) || conn.reader != daemon.Reader(0) {
		t.Errorf("ATR %X, reader %s", conn.ATR(), conn.reader)
	}
	if reset, err := conn.Begin(); err != nil || reset {
		t.Errorf("Begin: %v %v", reset, err)
	}
	got, err := conn.Transmit(cmd)
	if want := append(bytes.Clone(cmd), 0x90, 0x00); err != nil || !bytes.Equal(got, want) {
		t.Errorf("answer %X, %v", got, err)
	}
	// An extended answer in full length.
	chip.mu.Lock()
	chip.reply = func([]byte) []byte { return append(make([]byte, 65530), 0x90, 0x00) }
	chip.mu.Unlock()
	if got, err = conn.Transmit(cmd); err != nil || len(got) != 65532 {
		t.Errorf("long answer: %d bytes, %v", len(got), err)
	}
	if _, err := conn.Begin(); err == nil {
		t.Error("a second Begin succeeded")
	}
	if err := conn.End(); err != nil {
		t.Error(err)
	}
	if err := conn.End(); err != nil {
		t.Error("End without transaction:", err)
	}
	if _, err := conn.Transmit([]byte{1, 2}); err == nil {
		t.Error("half a header was sent")
	}
	if got := chip.commands(); got != 2 {
		t.Errorf("the chip saw %d commands, want 2", got)
	}
	conn.Close()
	conn.Close()
	_, err = conn.Transmit(cmd)
	wantIs(t, "closed", err, ErrClosed)
}

func TestConnectTellsReaderCardAndServiceErrorsApart(t *testing.T) {
	c := newContext(t, testConfig)
	_, err := c.Connect("No Such Reader 00 00")
	wantIs(t, "no reader", err, apdu.ErrNoReader)
	_, err = c.Connect("")
	wantIs(t, "empty name", err, apdu.ErrNoReader)
	_, err = c.Connect(daemon.Reader(0))
	wantIs(t, "no card", err, apdu.ErrNoCard)
	insert(t, 0, &chip{})
	_, err = c.Connect(daemon.Reader(0))
	wantIs(t, "mute", err, apdu.ErrMute)
	states, err := c.Status()
	if err != nil || !states[0].Mute || states[0].ATR != nil {
		t.Errorf("mute state %+v, %v", states, err)
	}

	if err := daemon.Pause(); err != nil {
		t.Fatal(err)
	}
	_, err = c.Readers()
	wantIs(t, "no service, Readers", err, apdu.ErrNoService)
	_, err = c.Connect(daemon.Reader(0))
	wantIs(t, "no service, Connect", err, apdu.ErrNoService)
	_, err = Establish()
	wantIs(t, "no service, Establish", err, apdu.ErrNoService)
	if err := daemon.Resume(); err != nil {
		t.Fatal(err)
	}
	if names, err := c.Readers(); err != nil || len(names) != daemon.Slots() {
		t.Errorf("after the restart: %q, %v", names, err)
	}
	e, err := Establish()
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	_, err = e.Readers()
	wantIs(t, "closed context", err, ErrClosed)
}

func TestRemovedInTransaction(t *testing.T) {
	c := newContext(t, testConfig)
	remove := insert(t, 1, newChip())
	conn := connect(t, c, 1)
	if _, err := conn.Begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Transmit(cmd); err != nil {
		t.Fatal(err)
	}
	remove()
	_, err := conn.Transmit(cmd)
	wantIs(t, "transmit", err, apdu.ErrRemoved)
	if err := conn.End(); err != nil {
		t.Error("End:", err)
	}
	// A card that comes afterwards is another one.
	insert(t, 1, newChip())
	_, err = conn.Begin()
	wantIs(t, "Begin", err, apdu.ErrRemoved)
	connect(t, c, 1)
}

// The chip stops in the middle of a command: for vpcd that is a removal.
func TestRemovedInCommand(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newChip()
	chip.reply = func([]byte) []byte { return nil }
	insert(t, 1, chip)
	conn := connect(t, c, 1)
	_, err := conn.Transmit(cmd)
	wantIs(t, "transmit", err, apdu.ErrRemoved)
	if n := chip.commands(); n != 1 {
		t.Errorf("the command was sent %d times", n)
	}
}

func TestMalformedAnswerIsErrMute(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newChip()
	chip.reply = func([]byte) []byte { return []byte{0x90} }
	insert(t, 1, chip)
	_, err := connect(t, c, 1).Transmit(cmd)
	wantIs(t, "one byte", err, apdu.ErrMute)
}

func TestResetByAnother(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newChip()
	insert(t, 2, chip)
	a, b := connect(t, c, 2), connect(t, c, 2)
	if reset, err := a.Begin(); err != nil || reset {
		t.Fatal(reset, err)
	}
	if err := a.End(); err != nil {
		t.Fatal(err)
	}
	if err := b.Reset(); err != nil {
		t.Fatal(err)
	}
	_, err := a.Transmit(cmd)
	wantIs(t, "transmit after the reset", err, apdu.ErrReset)
	if n := chip.commands(); n != 0 {
		t.Errorf("%d commands reached the reset chip", n)
	}
	for i, want := range []bool{true, false} {
		reset, err := a.Begin()
		if err != nil || reset != want {
			t.Errorf("Begin %d: %v %v", i, reset, err)
		}
		if _, err := a.Transmit(cmd); err != nil {
			t.Error(err)
		}
		if err := a.End(); err != nil {
			t.Error(err)
		}
	}
	// The connection that reset the card gets no report of it.
	if reset, err := b.Begin(); err != nil || reset {
		t.Errorf("Begin of the other: %v %v", reset, err)
	}
	// A reset in a transaction of one's own leaves the transaction.
	if err := b.Reset(); err != nil {
		t.Error(err)
	}
	if _, err := b.Transmit(cmd); err != nil {
		t.Error(err)
	}
	if err := b.End(); err != nil {
		t.Error(err)
	}
}

// A card that was exchanged and then reset by another program looks like a
// reset only; the connection must not move on to the new card.
func TestExchangedAndReset(t *testing.T) {
	c := newContext(t, testConfig)
	remove := insert(t, 2, newChip())
	a := connect(t, c, 2)
	remove()
	await(t, 2, func(r readers.State) bool { return !r.Present })
	other := newChip()
	insert(t, 2, other)
	if err := connect(t, c, 2).Reset(); err != nil {
		t.Fatal(err)
	}
	_, err := a.Begin()
	wantIs(t, "Begin", err, apdu.ErrRemoved)
	_, err = a.Transmit(cmd)
	wantIs(t, "transmit", err, apdu.ErrRemoved)
	if n := other.commands(); n != 0 {
		t.Errorf("%d commands for the first card reached the second", n)
	}
}

func TestBeginFailsWhileCardIsBusy(t *testing.T) {
	short := testConfig
	short.BusyTimeout = 300 * time.Millisecond
	c := newContext(t, short)
	insert(t, 3, newChip())
	a, b := connect(t, c, 3), connect(t, c, 3)
	if _, err := a.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := b.Begin()
	wantIs(t, "transaction of another", err, apdu.ErrBusy)
	_, err = b.Begin()
	wantIs(t, "afterwards", err, apdu.ErrBusy)
	if err := a.End(); err != nil {
		t.Fatal(err)
	}
	// The abandoned Begin succeeds now and releases the card.
	d := New(testConfig)
	defer d.Close()
	if _, err := connect(t, d, 3).Begin(); err != nil {
		t.Error(err)
	}
	a.Close()
}

func TestConnectFailsOnExclusiveCard(t *testing.T) {
	c := newContext(t, testConfig)
	insert(t, 3, newChip())
	h, err := scard.EstablishContext()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	card, err := h.Connect(daemon.Reader(3), scard.ShareExclusive, scard.ProtocolAny)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Connect(daemon.Reader(3))
	wantIs(t, "exclusive", err, apdu.ErrBusy)
	await(t, 3, func(r readers.State) bool { return r.Exclusive })
	card.Disconnect(scard.LeaveCard)
	connect(t, c, 3)
}

func TestTransmitEndsAtTimeout(t *testing.T) {
	short := testConfig
	short.Timeout = 300 * time.Millisecond
	c := newContext(t, short)
	release := make(chan struct{})
	chip := newChip()
	chip.reply = func(cmd []byte) []byte {
		<-release
		return []byte{0x90, 0x00}
	}
	insert(t, 4, chip)
	conn := connect(t, c, 4)
	if _, err := conn.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Transmit(cmd)
	wantIs(t, "hanging card", err, apdu.ErrTimeout)
	_, err = conn.Transmit(cmd)
	wantIs(t, "afterwards", err, apdu.ErrTimeout)
	_, err = conn.Begin()
	wantIs(t, "Begin afterwards", err, apdu.ErrTimeout)
	if err := conn.End(); err != nil {
		t.Error("End:", err)
	}
	if err := conn.Close(); err != nil {
		t.Error("Close:", err)
	}
	// The service as a whole still answers.
	if _, err := c.Readers(); err != nil {
		t.Error(err)
	}
	close(release)
	// The abandoned call releases the card.
	d := New(testConfig)
	defer d.Close()
	again := connect(t, d, 4)
	if _, err := again.Begin(); err != nil {
		t.Error(err)
	}
	if n := chip.commands(); n != 1 {
		t.Errorf("the command was sent %d times", n)
	}
}

func TestServiceRestartsUnderConn(t *testing.T) {
	c := newContext(t, testConfig)
	insert(t, 4, newChip())
	conn := connect(t, c, 4)
	if _, err := conn.Begin(); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Restart(); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Transmit(cmd)
	wantIs(t, "transmit", err, apdu.ErrNoService)
	_, err = conn.Begin()
	wantIs(t, "Begin", err, apdu.ErrNoService)
	await(t, 4, func(r readers.State) bool { return r.Present })
	if _, err := connect(t, c, 4).Transmit(cmd); err != nil {
		t.Error("new connection:", err)
	}
}

func TestConnIsSafeForConcurrentUse(t *testing.T) {
	c := newContext(t, testConfig)
	insert(t, 5, newChip())
	shared := connect(t, c, 5)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			conn, err := c.Connect(daemon.Reader(5))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for j := range 5 {
				if _, err := conn.Begin(); err != nil {
					t.Error(err)
					return
				}
				own := fmt.Appendf(nil, "%04d%04d", i, j)
				got, err := conn.Transmit(own)
				if err != nil || !bytes.HasPrefix(got, own) {
					t.Errorf("%q: %q, %v", own, got, err)
				}
				if err := conn.End(); err != nil {
					t.Error(err)
				}
				if _, err := c.Status(); err != nil {
					t.Error(err)
				}
				if _, err := shared.Transmit(cmd); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
