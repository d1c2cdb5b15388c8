package apdu

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Bits of the class byte (IAS ECC 9.2).
const (
	claChaining = 0x10 // not the last command of a chain
	claSM       = 0x0C // secure messaging in any format
	claChannel  = 0x03 // logical channel
)

// Limits that keep a misbehaving card from stalling the program.
const (
	defaultMaxResponse = 64 << 10
	// 256 pieces of full size make up the default MaxResponse.
	maxPieces = 512
)

// ErrRunaway reports that the card announces response data without end, or
// announces data and sends none. The card may have executed the command.
var ErrRunaway = errors.New("card does not stop announcing data")

// Config sets the limits of a Client. The zero value works with every card:
// short commands, chained above 255 bytes.
type Config struct {
	// Extended permits extended length fields. Set it only if EF.ATR states that
	// the chip supports them.
	Extended bool
	// MaxData is the longest data field of one command. Longer data are chained.
	// 0 means 255. Without Extended, values above 255 count as 255.
	MaxData int
	// MaxResponse limits the response data of one command, the sum of all
	// pieces. 0 means 64 KiB.
	MaxResponse int
	// Trace, if set, is called after every exchange of APDUs. The Exchange
	// contains the bytes of the link: a shipped program must print nothing of it
	// but Exchange.String.
	Trace func(Exchange)
}

// Exchange is one command APDU and its response as transmitted. Response is nil
// if Err is set.
type Exchange struct {
	Command, Response []byte
	Err               error
}

// String returns the header of the command, the lengths, the status word and the
// error, never data.
func (e Exchange) String() string {
	s := fmt.Sprintf("%d bytes", len(e.Command))
	if c, err := ParseCommand(e.Command); err == nil {
		s = c.String()
	}
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	r, err := ParseResponse(e.Response)
	if err != nil {
		return s + ": " + err.Error()
	}
	return s + ": " + r.String()
}

// Format prints String for every verb.
func (e Exchange) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// Stats counts what a Client has sent and received.
type Stats struct {
	// APDUs is the number of command APDUs, GetResponses and Repeats included.
	APDUs int64
	// GetResponses is the number of GET RESPONSE commands among them.
	GetResponses int64
	// Repeats is the number of commands sent again after 6Cxx.
	Repeats int64
	// BytesUp and BytesDown are the bytes of the encoded commands and responses.
	BytesUp, BytesDown int64
}

// Client implements Sender on top of a Transport. It chains commands, fetches
// long responses with GET RESPONSE and corrects Le. It may be used from several
// goroutines; one Send runs at a time.
type Client struct {
	transport Transport
	config    Config
	mu        sync.Mutex // locked for one command with its GET RESPONSEs
	// secureGet selects CLA 0C of GET RESPONSE for a response under secure messaging.
	secureGet bool

	apdus, getResponses, repeats, up, down atomic.Int64
}

// NewClient returns a Client that sends over t.
func NewClient(t Transport, cfg Config) *Client {
	limit := MaxShortData
	if cfg.Extended {
		limit = MaxData
	}
	if cfg.MaxData <= 0 {
		cfg.MaxData = MaxShortData
	}
	cfg.MaxData = min(cfg.MaxData, limit)
	if cfg.MaxResponse <= 0 {
		cfg.MaxResponse = defaultMaxResponse
	}
	return &Client{transport: t, config: cfg}
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	return Stats{
		APDUs:        c.apdus.Load(),
		GetResponses: c.getResponses.Load(),
		Repeats:      c.repeats.Load(),
		BytesUp:      c.up.Load(),
		BytesDown:    c.down.Load(),
	}
}

// SetSecureGetResponse sets the class of GET RESPONSE for a response under secure
// messaging: 0C, which some chips require, or 00. GET RESPONSE itself is not
// protected in either case.
func (c *Client) SetSecureGetResponse(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secureGet = on
}

// SecureGetResponse reports which class is in use: the one set, or the other one
// after a chip refused the one set and accepted the other.
func (c *Client) SecureGetResponse() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.secureGet
}

// Send sends one command and returns its whole response.
//
// Send splits data longer than Config.MaxData into a chain, with CLA bit 0x10 set
// on all commands but the last (IAS ECC 8.5). Ne applies to the last one. A
// status other than 9000 and 61xx ends the chain and is the response. If the
// caller has set the chaining bit, Send sets it on every block and returns 61xx,
// because GET RESPONSE would break the chain.
//
// After 61xx, Send sends GET RESPONSE in the clear until the card returns another
// status, also for a command under secure messaging (IAS ECC 8.6.4). In that case
// 6E00, 6882 and 6988 cause one retry with the other class, see
// SecureGetResponse. In short form Send sends an Ne above 256 as 256 and fetches
// the rest this way.
//
// After 6Cxx, Send repeats READ BINARY once with the Le that the card requests,
// unless it is under secure messaging. It repeats no other command.
//
// Errors are those of the Transport, ErrCommand, ErrResponse and ErrRunaway.
func (c *Client) Send(cmd Command) (Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cmd.Ne < 0 || cmd.Ne > MaxNe || len(cmd.Data) > MaxData {
		return Response{}, fmt.Errorf("%w: %v", ErrCommand, cmd)
	}
	if !c.config.Extended {
		cmd.Extended = false
		cmd.Ne = min(cmd.Ne, MaxShortNe)
	}
	chained := cmd.CLA&claChaining != 0
	for len(cmd.Data) > c.config.MaxData {
		block := cmd
		block.CLA |= claChaining
		block.Data = cmd.Data[:c.config.MaxData]
		block.Ne = 0
		r, err := c.exchange(block)
		if err != nil {
			return Response{}, err
		}
		if _, more := r.SW.Remaining(); r.SW != SWOK && !more {
			return r, nil
		}
		cmd.Data = cmd.Data[c.config.MaxData:]
		chained = true
	}
	r, err := c.exchange(cmd)
	if err != nil || cmd.CLA&claChaining != 0 {
		return r, err
	}
	if ne, ok := r.SW.ExactLength(); ok && !chained && repeatable(cmd) && ne != cmd.Ne {
		c.repeats.Add(1)
		cmd.Ne = ne
		if r, err = c.exchange(cmd); err != nil {
			return Response{}, err
		}
	}
	return c.collect(cmd, r)
}

// repeatable reports whether a command is repeated after 6Cxx: READ BINARY only,
// and not under secure messaging, where the counter has changed.
func repeatable(c Command) bool {
	return c.CLA&claSM == 0 && c.INS&^1 == 0xB0 && c.Ne > 0
}

// collect fetches what 61xx announces and returns all pieces as one response.
func (c *Client) collect(cmd Command, r Response) (Response, error) {
	more, ok := r.SW.Remaining()
	if !ok {
		return r, nil
	}
	data := append([]byte(nil), r.Data...)
	secure, turned := cmd.CLA&claSM != 0, false
	for range maxPieces {
		c.getResponses.Add(1)
		get := Command{CLA: cmd.CLA & claChannel, INS: 0xC0, Ne: more}
		if secure && c.secureGet {
			get.CLA |= claSM
		}
		r, err := c.exchange(get)
		if err != nil {
			return Response{}, err
		}
		if secure && !turned && otherClass(get.CLA, r.SW) {
			turned = true
			c.secureGet = false // neither class works: restore the previous setting
			c.getResponses.Add(1)
			get.CLA ^= claSM
			if r, err = c.exchange(get); err != nil {
				return Response{}, err
			}
			if len(r.Data) > 0 {
				c.secureGet = get.CLA&claSM != 0
			}
		}
		if ne, ok := r.SW.ExactLength(); ok && ne != more {
			c.getResponses.Add(1)
			c.repeats.Add(1)
			get.Ne = ne
			if r, err = c.exchange(get); err != nil {
				return Response{}, err
			}
		}
		data = append(data, r.Data...)
		if len(data) > c.config.MaxResponse {
			return Response{}, fmt.Errorf("%s: %w: more than %d bytes", insName(cmd.INS), ErrRunaway, c.config.MaxResponse)
		}
		if more, ok = r.SW.Remaining(); !ok {
			return Response{Data: data, SW: r.SW}, nil
		}
		if len(r.Data) == 0 {
			return Response{}, fmt.Errorf("%s: %w: empty piece", insName(cmd.INS), ErrRunaway)
		}
	}
	return Response{}, fmt.Errorf("%s: %w: more than %d pieces", insName(cmd.INS), ErrRunaway, maxPieces)
}

// otherClass reports whether a status of GET RESPONSE means that the chip requires
// the other class. Chips without support for CLA 0C miss the secure messaging
// objects and refuse the command with various status words.
func otherClass(cla byte, sw SW) bool {
	if _, length := sw.ExactLength(); cla&claSM != 0 && !length {
		return sw >= SWWrongLength && sw < 0x6F00
	}
	return sw == SWUnknownCLA || sw == SWNoSM || sw == SWSMObjectWrong
}

// exchange sends one APDU and decodes the response.
func (c *Client) exchange(cmd Command) (Response, error) {
	raw, err := cmd.Encode()
	if err != nil {
		return Response{}, err
	}
	c.apdus.Add(1)
	c.up.Add(int64(len(raw)))
	answer, err := c.transport.Transmit(raw)
	if err != nil {
		if c.config.Trace != nil {
			c.config.Trace(Exchange{Command: raw, Err: err})
		}
		return Response{}, fmt.Errorf("%s: %w", insName(cmd.INS), err)
	}
	c.down.Add(int64(len(answer)))
	if c.config.Trace != nil {
		c.config.Trace(Exchange{Command: raw, Response: answer})
	}
	r, err := ParseResponse(answer)
	if err != nil {
		return Response{}, fmt.Errorf("%s: %w", insName(cmd.INS), err)
	}
	if len(r.Data) > c.config.MaxResponse {
		return Response{}, fmt.Errorf("%s: %w: more than %d bytes", insName(cmd.INS), ErrRunaway, c.config.MaxResponse)
	}
	return r, nil
}
