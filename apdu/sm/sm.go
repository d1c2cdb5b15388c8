// Package sm implements secure messaging of IAS ECC 7.1: two-key 3DES for
// confidentiality, the retail MAC for integrity, a counter against replay. A
// [Channel] wraps an apdu.Sender as tls.Client wraps a net.Conn: its commands and
// responses are plain, those of the Sender are protected.
//
// The first failure closes the channel for good: a wrong MAC, an unprotected
// status, an error of the link. No command is ever resent. A new channel needs a
// new device authentication.
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

// MaxPlain is the longest plain data field of one protected command. Longer data
// are chained (IAS ECC 8.6.3.3: 231 bytes with their protection still fit in a
// short APDU).
const MaxPlain = 0xE7

// Bits of the class byte (IAS ECC 9.2).
const (
	claChaining = 0x10
	claSM       = 0x0C // header authenticated
)

// ErrChannelLost is matched by every *Error. The channel is closed, and a new
// device authentication is needed.
var ErrChannelLost = errors.New("secure channel lost")

// Reasons for the loss of a channel, for errors.Is. An error of the link is
// itself the reason.
var (
	// ErrClosed reports that Close or a failure closed the channel before.
	ErrClosed = errors.New("channel is closed")
	// ErrClearStatus reports a response without protection. The card sends one
	// if it has no channel or found a fault in the command (IAS ECC 7.1.7).
	// Error.SW is its status, which is not authentic.
	ErrClearStatus = errors.New("status in the clear")
	// ErrMissingObject reports that the response lacks its status or its MAC.
	ErrMissingObject = errors.New("protected response without status or MAC")
	// ErrObject reports that an object of the response is malformed, unknown,
	// repeated or out of order.
	ErrObject = errors.New("wrong object in a protected response")
	// ErrMAC reports that the MAC of the response does not verify.
	ErrMAC = errors.New("wrong MAC in a protected response")
	// ErrPadding reports that the MAC verifies but the decrypted data are not padded.
	ErrPadding = errors.New("wrong padding in a protected response")
	// ErrStatus reports that the unprotected status contradicts the protected one.
	ErrStatus = errors.New("status words inside and outside differ")
)

// Error reports the loss of a channel. It matches ErrChannelLost, its Reason and
// its SW, if any.
type Error struct {
	// Reason is one of the Err values of this package or an error of the link.
	Reason error
	// SW is the unprotected status word of the failure, or 0.
	SW apdu.SW
}

// Error returns the reason why the channel was lost.
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

// Keys contains the two session keys, each of two DES keys.
type Keys struct{ ENC, MAC [16]byte }

// DeriveKeys derives the session keys from the shared secret at its full length,
// leading zeros included: the first 16 bytes of SHA-256(zz || 00000001) and
// SHA-256(zz || 00000002) (IAS ECC 7.1.4). It does not adjust parity bits. It does
// not change zz; the caller wipes it.
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

// Format prints the same text for every verb, so that keys are not logged.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "session keys") }

// Channel is a secure channel to a card. It implements apdu.Sender for plain
// commands and responses. It may be used from several goroutines.
type Channel struct {
	mu     sync.Mutex
	sender apdu.Sender
	enc    cipher.Block
	mac    retailMAC
	ssc    uint64
	err    error // the reason for closing, nil while open
}

// New returns a channel over s with the given keys and counter. ssc is the value
// before the first command, which is protected with ssc+1. New keeps no reference
// to keys; the caller wipes them. The channel stores the keys in expanded form
// only, and Close overwrites them.
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

// SetSSC sets the counter, as in the last step of device authentication (IAS ECC
// 7.1.5): the next command is protected with ssc+1.
func (c *Channel) SetSSC(ssc [8]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ssc = binary.BigEndian.Uint64(ssc[:])
}

// Err returns nil while the channel is open, then the *Error that closed it. After
// Close its reason is ErrClosed.
func (c *Channel) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close closes the channel on the host and overwrites its keys. It sends nothing
// to the card. It always returns nil, and may be called again.
func (c *Channel) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		_ = c.fail(ErrClosed, 0)
	}
	return nil
}

// fail closes the channel and returns the *Error with the reason.
func (c *Channel) fail(reason error, sw apdu.SW) error {
	wipeBlock(c.enc)
	c.mac.wipe()
	c.enc, c.mac, c.ssc = nil, retailMAC{}, 0
	c.err = &Error{Reason: reason, SW: sw}
	return c.err
}

// Send protects a command, sends it and opens the response. It splits data longer
// than MaxPlain into a chain and protects each block. A status other than 9000
// ends the chain and is the response. Send sets a chaining bit of the caller on
// every block. Ne above 256 counts as 256: the Sender below fetches longer
// responses with GET RESPONSE.
//
// The status of the response is the protected one, with one exception, because
// some cards send the remaining tries unprotected only: an unprotected 63Cx or
// 6300 replaces a protected 9000.
//
// A command that cannot be encoded gives an error that matches apdu.ErrCommand;
// nothing is sent and the channel remains open. Every other error is an *Error,
// and the channel is closed.
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
		// If the card announces the protected response to a block with 61xx, it
		// is not fetched: GET RESPONSE would break the chain. The counter includes
		// it, so the MAC of the last response covers the whole chain.
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
			sw = 0 // does not explain the failure
		}
		return apdu.Response{}, c.fail(err, sw)
	}
	return r, nil
}

// Format prints the same text for every verb, so that expanded keys are not logged.
func (c *Channel) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "secure channel") }
