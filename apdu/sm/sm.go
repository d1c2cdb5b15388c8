// Package sm is secure messaging as IAS ECC 7.1 has it: two-key 3DES for
// secrecy, the retail MAC for integrity, a counter against replay. A [Channel]
// wraps an apdu.Sender the way tls.Client wraps a net.Conn: what goes in and
// comes out is plain, what goes through is not.
//
// The first thing that goes wrong ends the channel for good: a MAC that does
// not hold, a status in the clear, an error of the link. Nothing is ever sent
// twice. Only a new device authentication gives a new channel.
package sm

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"cie/apdu"
)

// MaxPlain is the longest plain data field of one protected command; longer
// data are chained (IAS ECC 8.6.3.3: with 231 bytes, what protects them still
// fits in a short APDU).
const MaxPlain = 0xE7

// Bits of the class byte (IAS ECC 9.2).
const (
	claChaining = 0x10
	claSM       = 0x0C // header authenticated
)

// ErrChannelLost is matched by every *Error: the channel does not exist any
// more, a new device authentication is needed.
var ErrChannelLost = errors.New("secure channel lost")

// Why a channel was lost, for errors.Is. An error of the link stands in its
// place as it came from the Sender.
var (
	// ErrClosed: the channel was closed before, by Close or by a failure.
	ErrClosed = errors.New("channel is closed")
	// ErrClearStatus: the card answered without protection. It does so when
	// it has no channel (any more), or found a fault in the command
	// (IAS ECC 7.1.7); Error.SW is what it said, and nobody vouches for it.
	ErrClearStatus = errors.New("status in the clear")
	// ErrMissingObject: the response lacks its status or its MAC.
	ErrMissingObject = errors.New("protected response without status or MAC")
	// ErrObject: the response has an object that is malformed, unknown,
	// repeated or out of order.
	ErrObject = errors.New("wrong object in a protected response")
	// ErrMAC: the MAC of the response does not hold.
	ErrMAC = errors.New("wrong MAC in a protected response")
	// ErrPadding: the MAC holds, the decrypted data are not padded.
	ErrPadding = errors.New("wrong padding in a protected response")
	// ErrStatus: the status outside contradicts the protected one.
	ErrStatus = errors.New("status words inside and outside differ")
)

// Error is the loss of a channel. It matches ErrChannelLost, its Reason and,
// where there is one, its SW.
type Error struct {
	// Reason is one of the Err values of this package or an error of the link.
	Reason error
	// SW is the unprotected status word that came with the failure, or 0.
	SW apdu.SW
}

// Error says why the channel was lost.
func (e *Error) Error() string {
	if e.SW != 0 {
		return fmt.Sprintf("%v: %v: %v", ErrChannelLost, e.Reason, e.SW)
	}
	return fmt.Sprintf("%v: %v", ErrChannelLost, e.Reason)
}

// Unwrap returns ErrChannelLost, the reason and the status word.
func (e *Error) Unwrap() []error {
	if e.SW != 0 {
		return []error{ErrChannelLost, e.Reason, e.SW}
	}
	return []error{ErrChannelLost, e.Reason}
}

// Keys are the two session keys, each two DES keys one after the other.
type Keys struct{ ENC, MAC [16]byte }

// DeriveKeys computes the session keys from the shared secret at its full
// length, leading zeros included: SHA-256(zz || 00000001) and
// SHA-256(zz || 00000002), the first 16 bytes of each (IAS ECC 7.1.4). Parity
// bits are left as they come. zz is not changed; the caller wipes it.
func DeriveKeys(zz []byte) *Keys {
	buf := make([]byte, len(zz)+4)
	defer clear(buf)
	copy(buf, zz)
	k := new(Keys)
	for i, key := range []*[16]byte{&k.ENC, &k.MAC} {
		binary.BigEndian.PutUint32(buf[len(zz):], uint32(i+1))
		sum := sha256.Sum256(buf)
		copy(key[:], sum[:])
		clear(sum[:])
	}
	return k
}

// Wipe overwrites the keys with zeros.
func (k *Keys) Wipe() {
	clear(k.ENC[:])
	clear(k.MAC[:])
}

// Format keeps keys out of logs: it prints the same words for every verb.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "session keys") }

// Channel is a secure channel to a card. It implements apdu.Sender; commands
// and responses are plain. It may be used from several goroutines.
type Channel struct {
	mu     sync.Mutex
	sender apdu.Sender
	enc    cipher.Block
	mac    retailMAC
	ssc    uint64
	err    error // why it is closed
}

// New returns a channel over s with the given keys and counter: ssc is the
// value before the first command, which is protected with ssc+1. New keeps no
// reference to keys, the caller wipes them. Inside, the keys live only in
// expanded form, which Close overwrites.
func New(s apdu.Sender, keys *Keys, ssc [8]byte) *Channel {
	c := &Channel{sender: s, ssc: binary.BigEndian.Uint64(ssc[:])}
	var err error
	if c.enc, err = newTripleDES(&keys.ENC); err == nil {
		c.mac, err = newRetailMAC(&keys.MAC)
	}
	if err != nil {
		_ = c.fail(err, 0)
	}
	return c
}

// SetSSC sets the counter, as the last step of device authentication does
// (IAS ECC 7.1.5): the next command is protected with ssc+1.
func (c *Channel) SetSSC(ssc [8]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ssc = binary.BigEndian.Uint64(ssc[:])
}

// Err is nil while the channel lives; then it is the *Error that ended it, with
// ErrClosed as its reason when it was Close.
func (c *Channel) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the channel on this side and overwrites its keys. The card is not
// told. It returns nil, also when the channel is closed already.
func (c *Channel) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		_ = c.fail(ErrClosed, 0)
	}
	return nil
}

// fail ends the channel and returns the reason.
func (c *Channel) fail(reason error, sw apdu.SW) error {
	wipeBlock(c.enc)
	c.mac.wipe()
	c.enc, c.mac, c.ssc = nil, retailMAC{}, 0
	c.err = &Error{Reason: reason, SW: sw}
	return c.err
}

// Send protects a command, sends it and opens the response. Data longer than
// MaxPlain go out as a chain, every block protected by itself; a status other
// than 9000 ends the chain and is the response. A chaining bit set by the
// caller stays set on every block. Ne above 256 counts as 256: what is longer
// comes by GET RESPONSE, which is the business of the Sender below.
//
// The status of the response is the protected one. There is one exception,
// because cards have been seen to tell the tries left outside only: 63Cx or
// 6300 outside with 9000 inside is reported as such.
//
// A command that cannot be encoded is refused with an error that matches
// apdu.ErrCommand, nothing is sent and the channel lives on. Every other error
// is an *Error, and the channel is closed.
func (c *Channel) Send(cmd apdu.Command) (apdu.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return apdu.Response{}, &Error{Reason: ErrClosed}
	}
	if len(cmd.Data) > apdu.MaxData || cmd.Ne < 0 || cmd.Ne > apdu.MaxNe {
		return apdu.Response{}, fmt.Errorf("%w: %v", apdu.ErrCommand, cmd)
	}
	cmd.Ne = min(cmd.Ne, apdu.MaxShortNe)
	for len(cmd.Data) > MaxPlain {
		block := cmd
		block.CLA |= claChaining
		block.Data = cmd.Data[:MaxPlain]
		block.Ne = 0
		r, err := c.exchange(block)
		if err != nil {
			return apdu.Response{}, err
		}
		if _, more := r.SW.Remaining(); r.SW != apdu.SWOK && !more {
			return r, nil
		}
		cmd.Data = cmd.Data[MaxPlain:]
	}
	return c.exchange(cmd)
}

// exchange sends one command, whose data fit, under secure messaging.
func (c *Channel) exchange(cmd apdu.Command) (apdu.Response, error) {
	protected := c.wrap(cmd)
	outer, err := c.sender.Send(protected)
	if err != nil {
		return apdu.Response{}, c.fail(err, 0)
	}
	if len(outer.Data) == 0 {
		// The protected answer to a block of a chain stays in the card when it
		// is announced by 61xx, since GET RESPONSE would break the chain. It
		// has been counted; the MAC of the last answer vouches for all.
		if _, more := outer.SW.Remaining(); more && cmd.CLA&claChaining != 0 {
			c.ssc++
			return outer, nil
		}
		return apdu.Response{}, c.fail(ErrClearStatus, outer.SW)
	}
	r, err := c.open(outer)
	if err != nil {
		sw := outer.SW
		if sw == apdu.SWOK {
			sw = 0 // says nothing about the failure
		}
		return apdu.Response{}, c.fail(err, sw)
	}
	return r, nil
}

// Format keeps the expanded keys out of logs.
func (c *Channel) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "secure channel") }
