//go:build linux

package pcsc

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest/vpcd"

	"github.com/ebfe/scard"
)

// powered is a chip that does not answer without power, and reports its presence.
type powered struct {
	chip
	on       bool
	switched int // how often it was switched off
}

func newPowered() *powered { return &powered{chip: chip{atr: plainATR}} }

func (c *powered) PowerOn() []byte { c.mu.Lock(); c.on = true; c.mu.Unlock(); return c.chip.PowerOn() }
func (c *powered) Reset()          { c.mu.Lock(); c.on = true; c.mu.Unlock(); c.chip.Reset() }
func (c *powered) PowerOff()       { c.mu.Lock(); defer c.mu.Unlock(); c.on = false; c.switched++ }
func (c *powered) Present() bool   { return true }
func (c *powered) Exchange(cmd []byte) []byte {
	c.mu.Lock()
	on := c.on
	c.mu.Unlock()
	if !on {
		return nil
	}
	return c.chip.Exchange(cmd)
}

func (c *powered) offs() int { c.mu.Lock(); defer c.mu.Unlock(); return c.switched }

// gate holds back the answers to the service's looks whether the card is there,
// as a busy machine does. While it does, the service is busy with the reader.
type gate struct {
	net.Conn
	mu   sync.Mutex
	held chan struct{} // closed when an answer is held back; nil: the gate is open
	open chan struct{}
}

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	held, open := g.held, g.open
	if held != nil && bytes.HasSuffix(b, plainATR) {
		g.held = nil
		close(held)
	} else {
		open = nil
	}
	g.mu.Unlock()
	if open != nil {
		<-open
	}
	return g.Conn.Write(b)
}

// shut shuts the gate and waits until the service looks; pass opens it again.
func (g *gate) shut() (pass func()) {
	held, open := make(chan struct{}), make(chan struct{})
	g.mu.Lock()
	g.held, g.open = held, open
	g.mu.Unlock()
	<-held
	return func() { close(open) }
}

// insertBehind puts a chip behind a gate into a slot.
func insertBehind(t *testing.T, slot int, c vpcd.Card) *gate {
	t.Helper()
	needDaemon(t)
	conn, err := daemon.Dial(slot)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Conn: conn}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- vpcd.ServeConn(ctx, g, c) }()
	t.Cleanup(func() {
		cancel()
		<-done
		await(t, slot, func(r readers.State) bool { return !r.Present })
	})
	await(t, slot, func(r readers.State) bool { return r.Present })
	return g
}

// settle lets a call into the service come as far as it gets.
func settle() { time.Sleep(150 * time.Millisecond) }

// TestConnectWhileLastClientDisconnectsKeepsPower: a program connects while the last other one disconnects. The
// service must not switch the card off during the new connection.
func TestConnectWhileLastClientDisconnectsKeepsPower(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newPowered()
	g := insertBehind(t, 0, chip)
	for range 3 {
		last := connect(t, c, 0)
		pass := g.shut()
		came := make(chan apdu.Card)
		go func() {
			conn, err := c.Connect(daemon.Reader(0))
			if err != nil {
				t.Error(err)
			}
			came <- conn
		}()
		settle()
		left := make(chan error)
		go func() { left <- last.Close() }()
		settle()
		pass()
		if err := <-left; err != nil {
			t.Error(err)
		}
		conn := <-came
		if conn == nil {
			t.FailNow()
		}
		offs := chip.offs()
		for range 15 { // several looks of the service
			if reset, err := conn.Begin(); err != nil || reset {
				t.Errorf("Begin: %v %v", reset, err)
			}
			if _, err := conn.Transmit(cmd); err != nil {
				t.Error(err)
			}
			if err := conn.End(); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := chip.offs() - offs; n != 0 {
			t.Errorf("the card in use was switched off %d times", n)
		}
		conn.Close()
	}
}

// TestSwitchedOffByService: the service switches the card off under a
// connection after all. The command that finds that out was not executed, and
// the next transaction finds a reset card.
func TestSwitchedOffByService(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newPowered()
	g := insertBehind(t, 1, chip)
	last := connect(t, c, 1)
	h, err := scard.EstablishContext()
	if err != nil {
		t.Fatal(err)
	}
	s := []scard.ReaderState{{Reader: daemon.Reader(1)}}
	if err := statusChange(h, s, 0); err != nil {
		t.Fatal(err)
	}
	pass := g.shut()
	came := make(chan *scard.Card)
	go func() {
		card, err := h.Connect(daemon.Reader(1), scard.ShareShared, scard.ProtocolAny)
		if err != nil {
			t.Error(err)
		}
		came <- card
	}()
	settle()
	left := make(chan error)
	go func() { left <- last.Close() }()
	settle()
	offs := chip.offs()
	pass()
	<-left
	conn := &Conn{reader: daemon.Reader(1), raw: daemon.Reader(1), cfg: testConfig, hctx: h, card: <-came, atr: plainATR, counter: counter(s[0].EventState)}
	defer conn.Close()
	if conn.card == nil {
		t.FailNow()
	}
	if _, err := conn.Begin(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if chip.offs() > offs {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if chip.offs() == offs {
		t.Skip("NOT TESTED: this PC/SC service does not switch off a card in use")
	}
	n := chip.commands()
	_, err = conn.Transmit(cmd)
	wantIs(t, "transmit", err, apdu.ErrReset)
	if chip.commands() != n {
		t.Error("the command was executed")
	}
	if err := conn.End(); err != nil {
		t.Error(err)
	}
	wantWoken(t, conn)
}

// TestSwitchedOffByAnother: another program switches the card off when it
// leaves, as some do.
func TestSwitchedOffByAnother(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newPowered()
	insert(t, 2, chip)
	conn := connect(t, c, 2)
	other := connect(t, c, 2)
	if err := other.card.Disconnect(scard.UnpowerCard); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Transmit(cmd)
	wantIs(t, "transmit", err, apdu.ErrReset)
	wantWoken(t, conn)
}

// TestSilentCardIsResetByNextTransaction: a card that stops answering stays in the reader, and the next
// transaction resets it.
func TestSilentCardIsResetByNextTransaction(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newPowered()
	insert(t, 3, chip)
	conn := connect(t, c, 3)
	if _, err := conn.Begin(); err != nil {
		t.Fatal(err)
	}
	chip.PowerOff()
	_, err := conn.Transmit(cmd)
	wantIs(t, "transmit", err, apdu.ErrMute)
	if err := conn.End(); err != nil {
		t.Error(err)
	}
	wantWoken(t, conn)
}

// TestSilentCardIsResetWithinTransaction: Reset brings a silent card back, the
// transaction goes on, and another program sees a reset.
func TestSilentCardIsResetWithinTransaction(t *testing.T) {
	c := newContext(t, testConfig)
	chip := newPowered()
	insert(t, 3, chip)
	conn, other := connect(t, c, 3), connect(t, c, 3)
	if _, err := conn.Begin(); err != nil {
		t.Fatal(err)
	}
	chip.PowerOff()
	_, err := conn.Transmit(cmd)
	wantIs(t, "transmit", err, apdu.ErrMute)
	if err := conn.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Transmit(cmd); err != nil {
		t.Error(err)
	}
	if err := conn.End(); err != nil {
		t.Error(err)
	}
	wantWoken(t, other)
	if reset, err := conn.Begin(); err != nil || reset {
		t.Errorf("Begin: %v %v", reset, err)
	}
	if err := conn.End(); err != nil {
		t.Error(err)
	}
}

// wantWoken checks that the next transaction reports a reset and works, and that
// the one after it reports none.
func wantWoken(t *testing.T, conn apdu.Card) {
	t.Helper()
	for _, want := range []bool{true, false} {
		if reset, err := conn.Begin(); err != nil || reset != want {
			t.Fatalf("Begin: %v %v", reset, err)
		}
		if _, err := conn.Transmit(cmd); err != nil {
			t.Error(err)
		}
		if err := conn.End(); err != nil {
			t.Error(err)
		}
	}
}
