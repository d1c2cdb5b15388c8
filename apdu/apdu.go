// Package apdu implements ISO/IEC 7816-4: commands, responses, status words,
// command chaining, GET RESPONSE and BER-TLV. It depends on the standard library
// only and on no particular card.
//
// A [Transport] moves bytes and a [Sender] moves commands. Secure messaging wraps
// a Sender as tls.Client wraps a net.Conn.
package apdu

import "errors"

// Transport moves one encoded command APDU to a card and returns the encoded
// response APDU (data followed by SW1 SW2). It never resends. It reports failures
// of the link as errors that match one of the Err values of this package with
// errors.Is.
type Transport interface {
	Transmit(command []byte) (response []byte, err error)
}

// Card is a connection to one card in one reader, shared with other programs.
// Implementations of Connect return a nil interface with their error, never a
// typed nil pointer.
type Card interface {
	Transport
	// ATR returns the answer to reset of the connected card, 2 to 33 bytes.
	ATR() []byte
	// Begin starts a transaction: until End no other program can use the card.
	// reset reports that another program reset the card since the last End (or
	// Connect). The card has then lost channel, selection and verified PINs.
	Begin() (reset bool, err error)
	// End ends the transaction and does not reset the card.
	End() error
	// Reset resets the card within the transaction, which continues. Programs
	// that share the card are notified of the reset.
	Reset() error
	// Close ends the connection and any transaction. It does not reset the card.
	Close() error
}

// Sender sends one command to a card. A status word other than 9000 is not an
// error of Send: it is in Response.SW.
type Sender interface {
	Send(Command) (Response, error)
}

// Errors of the link between program and card. Implementations of Transport wrap
// them, and callers test with errors.Is. None wraps another, because users need a
// different explanation for each.
var (
	// ErrNoService reports that the PC/SC service does not run or is unreachable.
	ErrNoService = errors.New("smart card service not available")
	// ErrNoReader reports that no reader, or not the named one, is attached.
	ErrNoReader = errors.New("no smart card reader")
	// ErrNoCard reports that there is no card in the reader.
	ErrNoCard = errors.New("no card in the reader")
	// ErrMute reports that the card in the reader does not answer.
	ErrMute = errors.New("card does not answer")
	// ErrRemoved reports that the card was removed while in use.
	ErrRemoved = errors.New("card removed")
	// ErrReset reports that another program reset the card, which lost its state.
	ErrReset = errors.New("card was reset")
	// ErrBusy reports that another program uses the card exclusively.
	ErrBusy = errors.New("card in use by another program")
	// ErrTimeout reports that the reader did not answer in time. The card may have
	// received the command.
	ErrTimeout = errors.New("reader did not answer in time")
)
