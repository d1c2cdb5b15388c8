// Package apdu speaks ISO/IEC 7816-4: commands, responses, status words,
// command chaining, GET RESPONSE and BER-TLV. It uses the standard library
// only and knows nothing about any particular card.
//
// Bytes below, meaning above: a [Transport] moves bytes, a [Sender] moves
// commands, and secure messaging wraps a Sender the way tls.Client wraps a
// net.Conn.
package apdu

import "errors"

// Transport moves one encoded command APDU to a card and returns the encoded
// response APDU (data followed by SW1 SW2). It never resends. Failures of the
// link are reported as errors that match one of the Err values of this package
// with errors.Is.
type Transport interface {
	Transmit(command []byte) (response []byte, err error)
}

// Card is a connection to one card in one reader, shared with other programs.
// An implementation of Connect returns a nil Card with its error, never a nil
// pointer in a Card.
type Card interface {
	Transport
	// ATR returns the answer to reset of the connected card, 2 to 33 bytes.
	ATR() []byte
	// Begin starts a transaction: until End no other program can use the card.
	// reset reports that another program reset the card since the last End (or
	// Connect): channel, selection and verified codes are lost.
	Begin() (reset bool, err error)
	// End ends the transaction and does not reset the card.
	End() error
	// Reset resets the card within the transaction, which continues. Programs
	// that share the card see a reset.
	Reset() error
	// Close ends the connection, with its transaction if there is one, and does
	// not reset the card.
	Close() error
}

// Sender moves one command to a card. A status word other than 9000 is not an
// error at this level: it stands in Response.SW.
type Sender interface {
	Send(Command) (Response, error)
}

// Errors of the link between program and card. Implementations of Transport
// wrap them; callers test with errors.Is. Each is a different thing to tell a
// person, so none is a kind of another.
var (
	// ErrNoService: the PC/SC service does not run or cannot be reached.
	ErrNoService = errors.New("smart card service not available")
	// ErrNoReader: the service runs, but no reader (or not the named one) is attached.
	ErrNoReader = errors.New("no smart card reader")
	// ErrNoCard: the reader is there, no card is on it.
	ErrNoCard = errors.New("no card in the reader")
	// ErrMute: a card is there and does not answer.
	ErrMute = errors.New("card does not answer")
	// ErrRemoved: the card left while it was in use.
	ErrRemoved = errors.New("card removed")
	// ErrReset: the card was reset by somebody else; everything it knew is gone.
	ErrReset = errors.New("card was reset")
	// ErrBusy: another program holds the card exclusively.
	ErrBusy = errors.New("card in use by another program")
	// ErrTimeout: the reader did not answer in time; whether the command
	// reached the card is not known.
	ErrTimeout = errors.New("reader did not answer in time")
)
