// Package vpcd connects a virtual card to vsmartcard's virtual reader. It implements the
// protocol by which the reader driver vpcd (a TCP server inside pcscd) and a card (its
// client) exchange APDUs.
//
// A message is a 2-byte big-endian length and that many bytes. From the reader, a body of
// one byte is a control code (see [Control]) and every other body is a command APDU. The
// card answers only command APDUs and the request for the ATR. An open connection means
// that a card is in the reader; closing it removes the card.
package vpcd

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Port is vpcd's default TCP port, of its first slot; the n-th slot listens on
// Port+n.
const Port = 35963

// MaxMessage is the longest body the length field can announce, in bytes.
const MaxMessage = 0xFFFF

// Control is a one-byte body sent by the reader.
type Control byte

// The control codes of vpcd. Only ATR is answered.
const (
	Off   Control = 0x00
	On    Control = 0x01
	Reset Control = 0x02
	ATR   Control = 0x04
)

// String names the code.
func (c Control) String() string {
	switch c {
	case Off:
		return "off"
	case On:
		return "on"
	case Reset:
		return "reset"
	case ATR:
		return "atr"
	}
	return fmt.Sprintf("control %02X", byte(c))
}

// Card is a chip at the level of ISO/IEC 7816-3. cardtest.Card implements it. Serve calls
// its methods from one goroutine.
type Card interface {
	// PowerOn powers and resets the chip and returns its answer to reset. An
	// empty answer is a mute card.
	PowerOn() []byte
	// PowerOff removes the power. The chip loses its volatile state.
	PowerOff()
	// Reset resets a powered chip.
	Reset()
	// Exchange executes one command APDU and returns the response APDU. An empty
	// response means that the chip did not answer. A Card may have a method
	// Present() bool that distinguishes a mute card from a removed one; without it, a
	// card that does not answer counts as removed.
	Exchange(command []byte) []byte
}

// Errors of the protocol and of Serve.
var (
	// ErrMessage reports a message that does not conform to the vpcd protocol.
	ErrMessage = errors.New("vpcd: malformed message")
	// ErrNoAnswer reports that the chip was removed without a response to a command,
	// so the connection was closed.
	ErrNoAnswer = errors.New("vpcd: the card did not answer")
	// ErrOverlooked reports that the service did not notice that the slot was empty
	// before, and so gave the card no power.
	ErrOverlooked = errors.New("vpcd: the reader did not notice the card")
	// ErrAbsent reports that the card is in no reader.
	ErrAbsent = errors.New("vpcd: the card is not there")
)

// maxLooks is how often a reader may ask for the ATR before it gives power. It asks once
// and then gives power when it has noticed the card.
const maxLooks = 4

// present returns whether a card is present, and whether it has a method Present
// (cardtest.Card has one, because its faults can remove it).
func present(card Card) (there, reports bool) {
	p, reports := card.(interface{ Present() bool })
	return !reports || p.Present(), reports
}

// ReadMessage reads one message and returns its body, which may be empty.
// io.EOF before the first byte means that the peer closed in good order; an end
// inside a message is io.ErrUnexpectedEOF.
func ReadMessage(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return body, nil
}

// WriteMessage writes one message in one Write. For a body longer than MaxMessage it
// returns ErrMessage and writes nothing.
func WriteMessage(w io.Writer, body []byte) error {
	if len(body) > MaxMessage {
		return fmt.Errorf("%w: %d bytes", ErrMessage, len(body))
	}
	msg := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(body)), uint16(len(body)))
	_, err := w.Write(append(msg, body...))
	return err
}

// muteATR is sent for a card that gives no ATR. vpcd accepts any ATR as a present card,
// and treats one longer than 33 bytes (ISO/IEC 7816-3 8.2: 32 after TS) as a failed
// power-up: PC/SC reports an unresponsive card.
var muteATR = make([]byte, 34)

// silence is sent for a chip that is present but does not answer, because it is mute or
// has no power: it is too short for a response APDU. The protocol has no message for this,
// and closing the connection would remove the card. A real reader also reports an error
// and keeps the card.
var silence = []byte{0}

// ServeConn makes card the card in the reader at the other end of conn, until the reader
// closes, the context ends or the chip is removed. It always closes conn and switches the
// chip off. It returns nil if the reader closed, ctx.Err(), ErrNoAnswer, ErrMessage or an
// error of the network.
func ServeConn(ctx context.Context, conn net.Conn, card Card) error {
	return serveConn(ctx, conn, card, 0, nil)
}

// serveConn is ServeConn that calls powered, if not nil, after each power-up, and returns
// ErrOverlooked when the reader has looked for the card so many times, if not 0, and
// never given it power.
func serveConn(ctx context.Context, conn net.Conn, card Card, looks int, powered func()) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	// The reader requests the ATR before it gives power, to find out whether a card is
	// present. This is answered once; the chip is off afterwards.
	atr := card.PowerOn()
	card.PowerOff()
	defer card.PowerOff()
	from := prompt{conn}
	for {
		body, err := ReadMessage(from)
		if err == nil {
			atr, err = answer(conn, card, body, atr)
		}
		if err == nil && len(body) == 1 {
			switch {
			case Control(body[0]) == On:
				looks = 0
				if powered != nil {
					powered()
				}
			case Control(body[0]) == ATR && looks > 0:
				if looks--; looks == 0 {
					err = ErrOverlooked
				}
			}
		}
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		}
		return err
	}
}

// answer processes one message and returns the ATR for the following ones.
func answer(w io.Writer, card Card, body, atr []byte) ([]byte, error) {
	switch len(body) {
	case 0:
		return atr, fmt.Errorf("%w: empty", ErrMessage)
	case 1:
		switch Control(body[0]) {
		case Off:
			card.PowerOff()
		case On:
			atr = card.PowerOn()
		case Reset:
			card.Reset()
		case ATR:
			if len(atr) == 0 {
				return atr, WriteMessage(w, muteATR)
			}
			return atr, WriteMessage(w, atr)
		default:
			return atr, fmt.Errorf("%w: %v", ErrMessage, Control(body[0]))
		}
		return atr, nil
	}
	resp := card.Exchange(body)
	if len(resp) == 0 {
		if there, reports := present(card); !there || !reports {
			return atr, ErrNoAnswer
		}
		resp = silence
	}
	return atr, WriteMessage(w, resp)
}

// A Dialer connects to the slot of a virtual reader.
type Dialer func(ctx context.Context) (net.Conn, error)

// Addr returns the Dialer for a TCP address such as 127.0.0.1:35963.
func Addr(addr string) Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
}

// Config of Serve. The zero value is usable.
type Config struct {
	// Event, if not nil, is called for each connection: with nil when the card is in the
	// reader, and then or instead with the reason for its removal (io.EOF: the reader
	// closed normally). It is called from Serve's goroutine.
	Event func(err error)
	// Powered, if not nil, is called each time the reader has given the card power, which
	// it does when it has detected the card.
	Powered func()
	// MinWait and MaxWait limit the pause before the next attempt, which doubles
	// as long as attempts fail; 0 means 50 ms and 2 s.
	MinWait, MaxWait time.Duration
}

// Slot is a slot of a virtual reader, for one card at a time.
type Slot struct {
	// Dial connects to the slot.
	Dial Dialer
	// Absent is how long the slot is empty at least before a card is inserted again; 0
	// means 700 ms. pcscd looks for a card every 400 ms, so it does not notice a shorter
	// absence and gives the next card no power.
	Absent time.Duration

	mu   sync.Mutex
	left time.Time // when the last card was removed; zero: none was
}

// vacant waits until the slot has been empty for long enough.
func (s *Slot) vacant(ctx context.Context) error {
	s.mu.Lock()
	left := s.left
	s.mu.Unlock()
	if left.IsZero() {
		return nil
	}
	return sleep(ctx, cmp.Or(s.Absent, 700*time.Millisecond)-time.Since(left))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Serve keeps the card in the slot until ctx ends. It reconnects with growing pauses
// when the reader is unreachable, closes (pcscd restarted) or the connection ends for any
// other reason. It returns ctx.Err(), or ErrAbsent if the card has a method Present() bool
// that returns false: call Serve again when the card is back.
func (s *Slot) Serve(ctx context.Context, card Card, cfg Config) error {
	if cfg.MinWait <= 0 {
		cfg.MinWait = 50 * time.Millisecond
	}
	if cfg.MaxWait < cfg.MinWait {
		cfg.MaxWait = max(2*time.Second, cfg.MinWait)
	}
	event := cfg.Event
	if event == nil {
		event = func(error) {}
	}
	wait, looks := cfg.MinWait, maxLooks
	for {
		if err := s.vacant(ctx); err != nil {
			return err
		}
		if there, _ := present(card); !there {
			return ErrAbsent
		}
		conn, err := s.Dial(ctx)
		if err == nil {
			event(nil)
			err = serveConn(ctx, conn, card, looks, cfg.Powered)
			s.mu.Lock()
			s.left = time.Now()
			s.mu.Unlock()
			looks = maxLooks
			if errors.Is(err, ErrOverlooked) {
				// Once: a service may be configured to give no power.
				looks = 0
			}
			if err == nil {
				err = io.EOF
			}
			wait = cfg.MinWait
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		event(err)
		// Jitter, so that cards removed together do not return at the same time.
		if err := sleep(ctx, wait/2+rand.N(wait/2+1)); err != nil {
			return err
		}
		wait = min(2*wait, cfg.MaxWait)
	}
}
