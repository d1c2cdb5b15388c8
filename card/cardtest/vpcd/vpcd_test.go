package vpcd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cie/card/cardtest/vpcd"
)

// fake is a chip that records what happens to it and answers 9000 to every command.
type fake struct {
	mu    sync.Mutex
	atr   []byte
	calls []string
	reply func(cmd []byte) []byte
}

func (f *fake) note(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, s)
}
func (f *fake) PowerOn() []byte { f.note("on"); return f.atr }
func (f *fake) PowerOff()       { f.note("off") }
func (f *fake) Reset()          { f.note("reset") }
func (f *fake) Exchange(cmd []byte) []byte {
	f.note(fmt.Sprintf("%X", cmd))
	if f.reply != nil {
		return f.reply(cmd)
	}
	return []byte{0x90, 0x00}
}

func (f *fake) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, " ")
}

// serve runs ServeConn against one end of a pipe and returns the reader's end.
func serve(t *testing.T, card vpcd.Card) (reader net.Conn, ended func() error, cancel func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- vpcd.ServeConn(ctx, theirs, card) }()
	t.Cleanup(func() { cancel(); reader.Close() })
	return reader, func() error { return result(t, done) }, cancel
}

// result waits for the result of a server, which ends as soon as its reader does.
func result(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("waited a minute for the end of the server")
		return nil
	}
}

// listen opens the port of a reader on loopback.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func send(t *testing.T, c net.Conn, body ...byte) {
	t.Helper()
	if err := vpcd.WriteMessage(c, body); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn) []byte {
	t.Helper()
	b, err := vpcd.ReadMessage(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestServeConnPassesMessages(t *testing.T) {
	card := &fake{atr: []byte{0x3B, 0x80, 0x80, 0x01, 0x01}}
	c, result, _ := serve(t, card)
	send(t, c, byte(vpcd.ATR))
	if got := receive(t, c); !bytes.Equal(got, card.atr) {
		t.Errorf("ATR before power %X", got)
	}
	send(t, c, byte(vpcd.On))
	send(t, c, byte(vpcd.ATR))
	if got := receive(t, c); !bytes.Equal(got, card.atr) {
		t.Errorf("ATR %X", got)
	}
	send(t, c, 0x00, 0xA4, 0x00, 0x00)
	if got := receive(t, c); !bytes.Equal(got, []byte{0x90, 0x00}) {
		t.Errorf("answer %X", got)
	}
	send(t, c, byte(vpcd.Reset))
	send(t, c, byte(vpcd.Off))
	c.Close()
	if err := result(); err != nil {
		t.Errorf("end: %v", err)
	}
	if got, want := card.String(), "on off on 00A40000 reset off off"; got != want {
		t.Errorf("the chip saw %q, want %q", got, want)
	}
}

func TestMuteCardHasARejectedATR(t *testing.T) {
	c, _, _ := serve(t, &fake{})
	send(t, c, byte(vpcd.On))
	send(t, c, byte(vpcd.ATR))
	if got := receive(t, c); len(got) <= 33 {
		t.Errorf("ATR of a mute card has %d bytes: the driver would accept it", len(got))
	}
}

// telling is a chip that reports whether it is present.
type telling struct {
	fake
	gone atomic.Bool
}

func (c *telling) Present() bool { return !c.gone.Load() }

// A chip that gives no answer but is present stays in the reader, and works again after a
// reset. A removed one leaves the reader.
func TestServeConnKeepsSilentCard(t *testing.T) {
	card := &telling{}
	card.atr = []byte{0x3B, 0}
	var silent atomic.Bool
	silent.Store(true)
	card.reply = func([]byte) []byte {
		if silent.Load() {
			return nil
		}
		return []byte{0x90, 0x00}
	}
	c, result, _ := serve(t, card)
	send(t, c, byte(vpcd.On))
	for range 2 {
		send(t, c, 0x00, 0xB0, 0x00, 0x00)
		if got := receive(t, c); len(got) != 1 {
			t.Errorf("the silent chip answers % X", got)
		}
		send(t, c, byte(vpcd.ATR))
		if got := receive(t, c); !bytes.Equal(got, card.atr) {
			t.Errorf("ATR % X", got)
		}
	}
	silent.Store(false)
	send(t, c, byte(vpcd.Reset))
	send(t, c, 0x00, 0xB0, 0x00, 0x00)
	if got := receive(t, c); !bytes.Equal(got, []byte{0x90, 0x00}) {
		t.Errorf("after the reset: % X", got)
	}
	silent.Store(true)
	card.gone.Store(true)
	send(t, c, 0x00, 0xB0, 0x00, 0x00)
	if err := result(); !errors.Is(err, vpcd.ErrNoAnswer) {
		t.Errorf("the chip left: %v", err)
	}
}

func TestServeConnErrors(t *testing.T) {
	tests := []struct {
		name string
		send func(c net.Conn)
		want error
	}{
		{"no answer", func(c net.Conn) { vpcd.WriteMessage(c, []byte{0, 0xB0, 0, 0}) }, vpcd.ErrNoAnswer},
		{"empty message", func(c net.Conn) { vpcd.WriteMessage(c, nil) }, vpcd.ErrMessage},
		{"unknown control", func(c net.Conn) { vpcd.WriteMessage(c, []byte{3}) }, vpcd.ErrMessage},
		{"cut length", func(c net.Conn) { c.Write([]byte{0}); c.Close() }, io.ErrUnexpectedEOF},
		{"cut body", func(c net.Conn) { c.Write([]byte{0, 5, 1}); c.Close() }, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			card := &fake{atr: []byte{0x3B, 0}, reply: func([]byte) []byte { return nil }}
			c, result, _ := serve(t, card)
			tt.send(c)
			if err := result(); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if !strings.HasSuffix(card.String(), "off") {
				t.Errorf("the chip was left on: %s", card)
			}
			if _, err := c.Write([]byte{0}); err == nil {
				t.Error("the connection is still open")
			}
		})
	}
}

func TestServeConnCancel(t *testing.T) {
	_, result, cancel := serve(t, &fake{})
	cancel()
	if err := result(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestServeReconnectsAfterRestart(t *testing.T) {
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	card := &fake{atr: []byte{0x3B, 0x00}}
	var failures int
	dial := vpcd.Addr(l.Addr().String())
	flaky := func(ctx context.Context) (net.Conn, error) {
		if failures < 3 {
			failures++
			return nil, errors.New("not there yet")
		}
		return dial(ctx)
	}
	var mu sync.Mutex
	var events []error
	done := make(chan error, 1)
	go func() {
		slot := &vpcd.Slot{Dial: flaky, Absent: 1}
		done <- slot.Serve(ctx, card, vpcd.Config{MinWait: 1, Event: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, err)
		}})
	}()
	for range 3 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		send(t, c, byte(vpcd.ATR))
		if got := receive(t, c); !bytes.Equal(got, card.atr) {
			t.Errorf("ATR %X", got)
		}
		c.Close()
	}
	cancel()
	if err := result(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("Serve: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	var ins, outs int
	for _, err := range events {
		if err == nil {
			ins++
		} else {
			outs++
		}
	}
	if ins < 3 || outs < 5 {
		t.Errorf("events %v: want at least 3 insertions and 3+2 failures", events)
	}
}

// leaving is a card that its first command removes.
type leaving struct {
	fake
	gone atomic.Bool
}

func (l *leaving) Present() bool          { return !l.gone.Load() }
func (l *leaving) Exchange([]byte) []byte { l.gone.Store(true); return nil }

func TestServeEndsForRemovedCard(t *testing.T) {
	l := listen(t)
	done := make(chan error, 1)
	go func() {
		slot := &vpcd.Slot{Dial: vpcd.Addr(l.Addr().String()), Absent: 1}
		done <- slot.Serve(t.Context(), &leaving{}, vpcd.Config{})
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send(t, c, 0, 1, 2, 3)
	if _, err := vpcd.ReadMessage(c); !errors.Is(err, io.EOF) {
		t.Errorf("the reader sees %v, want a removal", err)
	}
	if err := result(t, done); !errors.Is(err, vpcd.ErrAbsent) {
		t.Errorf("Serve: %v", err)
	}
}

// A reader that looks for the card and gives it no power did not notice that the slot was
// empty. The card is inserted again once, and then left: the service may give no power.
func TestServeInsertsAnOverlookedCardAgain(t *testing.T) {
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := make(chan error, 10)
	slot := &vpcd.Slot{Dial: vpcd.Addr(l.Addr().String()), Absent: 1}
	done := make(chan error, 1)
	go func() {
		done <- slot.Serve(ctx, &fake{atr: []byte{0x3B, 0x00}}, vpcd.Config{MinWait: 1, Event: func(err error) { events <- err }})
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	looks := 0
	for ; looks < 20; looks++ {
		send(t, c, byte(vpcd.ATR))
		if _, err = vpcd.ReadMessage(c); err != nil {
			break
		}
	}
	c.Close()
	if in, out := <-events, <-events; in != nil || !errors.Is(out, vpcd.ErrOverlooked) {
		t.Errorf("events %v and %v after %d looks", in, out, looks)
	}
	if c, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 20 {
		send(t, c, byte(vpcd.ATR))
		receive(t, c)
	}
	cancel()
	if err := result(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("Serve: %v", err)
	}
}

// A card that was given power stays, however often the reader looks.
func TestServeKeepsACardWithPower(t *testing.T) {
	l := listen(t)
	slot := &vpcd.Slot{Dial: vpcd.Addr(l.Addr().String()), Absent: 1}
	go slot.Serve(t.Context(), &fake{atr: []byte{0x3B, 0x00}}, vpcd.Config{})
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send(t, c, byte(vpcd.ATR))
	receive(t, c)
	send(t, c, byte(vpcd.On))
	send(t, c, byte(vpcd.Off))
	for range 20 {
		send(t, c, byte(vpcd.ATR))
		receive(t, c)
	}
}

func TestWriteMessageLimit(t *testing.T) {
	var b bytes.Buffer
	if err := vpcd.WriteMessage(&b, make([]byte, vpcd.MaxMessage+1)); !errors.Is(err, vpcd.ErrMessage) || b.Len() != 0 {
		t.Errorf("too long: %v, %d bytes written", err, b.Len())
	}
	if err := vpcd.WriteMessage(&b, make([]byte, vpcd.MaxMessage)); err != nil || b.Len() != vpcd.MaxMessage+2 {
		t.Errorf("longest: %v, %d bytes written", err, b.Len())
	}
}

// FuzzReadMessage checks that the message equals the bytes of the stream and that writing
// it reproduces them.
func FuzzReadMessage(f *testing.F) {
	f.Add([]byte{0, 1, 4})
	f.Add([]byte{0, 0})
	f.Add([]byte{0, 4, 0, 0xA4, 0, 0, 0, 1, 2})
	f.Add([]byte{0xFF, 0xFF, 1})
	f.Add([]byte{7})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r, used := bytes.NewReader(stream), 0
		for {
			body, err := vpcd.ReadMessage(r)
			if err != nil {
				rest := stream[used:]
				switch {
				case len(rest) == 0 && err != io.EOF:
					t.Fatalf("clean end: %v", err)
				case len(rest) > 0 && err != io.ErrUnexpectedEOF:
					t.Fatalf("cut message %X: %v", rest, err)
				case len(rest) >= 2 && len(rest) >= 2+int(binary.BigEndian.Uint16(rest)):
					t.Fatalf("a whole message was refused: %X", rest)
				}
				return
			}
			var again bytes.Buffer
			if err := vpcd.WriteMessage(&again, body); err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(stream[used:], again.Bytes()) {
				t.Fatalf("read %X from %X", body, stream[used:])
			}
			used += again.Len()
		}
	})
}

// Whatever the reader sends, the card side ends without a panic
// and leaves the chip off.
func FuzzServeConn(f *testing.F) {
	f.Add([]byte{0, 1, 1, 0, 1, 4, 0, 4, 0, 0xA4, 0, 0, 0, 1, 2, 0, 1, 0})
	f.Add([]byte{0, 1, 9})
	f.Fuzz(func(t *testing.T, stream []byte) {
		card := &fake{atr: []byte{0x3B, 0x00}}
		err := vpcd.ServeConn(t.Context(), &stub{r: bytes.NewReader(stream)}, card)
		if err != nil && !errors.Is(err, vpcd.ErrMessage) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		if !strings.HasSuffix(card.String(), "off") {
			t.Fatalf("left on: %s", card)
		}
	})
}

// stub is a connection that reads from memory and discards what is written.
type stub struct {
	net.Conn
	r io.Reader
}

func (s *stub) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s *stub) Write(p []byte) (int, error) { return len(p), nil }
func (s *stub) Close() error                { return nil }
