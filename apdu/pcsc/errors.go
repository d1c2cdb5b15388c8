package pcsc

import (
	"errors"
	"fmt"

	"cie/apdu"

	"github.com/ebfe/scard"
)

// Error is a PC/SC call that failed. It unwraps to Kind.
type Error struct {
	// Op is the operation: "connect", "transmit" ...
	Op string
	// Reader is the reader concerned, if any.
	Reader string
	// Kind is one of the link errors of package apdu, or nil if none fits.
	Kind error
	// Code is the PC/SC return code; 0 when the error is not from PC/SC.
	Code uint32
}

// Error names operation, reader, cause and PC/SC code.
func (e *Error) Error() string {
	s := "pcsc: " + e.Op
	if e.Reader != "" {
		s += fmt.Sprintf(" (%s)", e.Reader)
	}
	if e.Kind != nil {
		s += ": " + e.Kind.Error()
	}
	if e.Code != 0 {
		s += fmt.Sprintf(" [PC/SC %08X]", e.Code)
	}
	return s
}

// Unwrap returns Kind.
func (e *Error) Unwrap() error { return e.Kind }

// Windows errors that winscard.dll returns in a remote desktop session, where it forwards
// calls to the computer in front of the user (winerror.h).
const (
	errBrokenPipe  scard.Error = 0x6D  // ERROR_BROKEN_PIPE
	errBadStubData scard.Error = 0x6F7 // RPC_X_BAD_STUB_DATA
)

// kind classifies a PC/SC return code; nil if it is not about the link.
func kind(code scard.Error) error {
	switch code {
	case errBrokenPipe, errBadStubData,
		scard.ErrNoService, scard.ErrServiceStopped, scard.ErrServerTooBusy, scard.ErrShutdown, scard.ErrCommError,
		// A handle unknown to the service is one of a service that
		// was restarted since: we never use handles of our own making.
		scard.ErrInvalidHandle,
		// pcscd's answer to a user whom its policy does not admit.
		scard.ErrSecurityViolation, scard.ErrNoAccess:
		return apdu.ErrNoService
	case scard.ErrNoReadersAvailable, scard.ErrUnknownReader, scard.ErrReaderUnavailable:
		return apdu.ErrNoReader
	case scard.ErrNoSmartcard:
		return apdu.ErrNoCard
	case scard.ErrUnresponsiveCard, scard.ErrUnpoweredCard, scard.ErrUnsupportedCard, scard.ErrCardUnsupported,
		scard.ErrProtoMismatch, scard.ErrInvalidAtr, scard.ErrNotTransacted, scard.ErrCommDataLost:
		return apdu.ErrMute
	case scard.ErrRemovedCard:
		return apdu.ErrRemoved
	case scard.ErrResetCard:
		return apdu.ErrReset
	case scard.ErrSharingViolation:
		return apdu.ErrBusy
	case scard.ErrTimeout, scard.ErrWaitedTooLong:
		return apdu.ErrTimeout
	}
	return nil
}

// wrap converts an error of scard to an *Error; nil stays nil.
func wrap(op, reader string, err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	var code scard.Error
	if !errors.As(err, &code) {
		return fmt.Errorf("pcsc: %s: %w", op, err)
	}
	return &Error{Op: op, Reader: reader, Kind: kind(code), Code: uint32(code)}
}
