// Package probe loads a PKCS#11 module as a browser does, but in a child process, so
// that a module that crashes or hangs does not affect the calling program.
//
// The child is the same executable, started with arguments that lead it to [Serve].
// Requests and answers are JSON on standard input and output. A PIN follows the request
// as bytes and appears in no argument and no environment.
package probe

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"cie/apdu/printable"
)

// Reason is the point at which a module failed.
type Reason string

// The reasons.
const (
	// ReasonMissing: there is no file.
	ReasonMissing Reason = "missing"
	// ReasonNotLoadable: the system cannot load the file.
	ReasonNotLoadable Reason = "not-loadable"
	// ReasonNotModule: it can be loaded but is not a PKCS#11 module.
	ReasonNotModule Reason = "not-a-module"
	// ReasonRefused: a call to the module failed.
	ReasonRefused Reason = "refused"
	// ReasonCrashed: the process that loaded it was killed.
	ReasonCrashed Reason = "crashed"
	// ReasonTimeout: it did not answer in time.
	ReasonTimeout Reason = "timeout"
	// ReasonNoToken: it shows no card, or not the requested one.
	ReasonNoToken Reason = "no-token"
	// ReasonNoCertificate: the card has no certificate or key in the module.
	ReasonNoCertificate Reason = "no-certificate"
	// ReasonWrongPIN: the card refused the PIN.
	ReasonWrongPIN Reason = "wrong-pin"
	// ReasonHandshake: the TLS handshake failed.
	ReasonHandshake Reason = "handshake"
	// ReasonChild: the child could not be started, or its answer is malformed.
	ReasonChild Reason = "child"
)

// Error reports why a module failed.
type Error struct {
	Reason Reason `json:"reason"`
	// Call is the function of the module that failed, "C_Initialize".
	Call string `json:"call,omitempty"`
	// Detail is the technical cause, without data of the card.
	Detail string `json:"detail,omitempty"`
}

func (e *Error) Error() string {
	s := string(e.Reason)
	if e.Call != "" {
		s += ": " + e.Call
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Info is a module's description of itself.
type Info struct {
	Description  string `json:"description"`
	Manufacturer string `json:"manufacturer"`
	Version      string `json:"version"`  // of the module
	Cryptoki     string `json:"cryptoki"` // of the interface
	// Slots is the number of readers that the module shows, Tokens the number of those
	// with a supported card.
	Slots  int `json:"slots"`
	Tokens int `json:"tokens"`
	// PSS reports that a token supports RSA-PSS, which TLS 1.3 requires.
	PSS bool `json:"pss"`
}

// Card is a card that a module shows.
type Card struct {
	// Slot is the module's description of the reader: the last 64 bytes of its name.
	Slot string `json:"slot"`
	// Certificate is the authentication certificate (DER), if the module lists
	// it without PIN. It names the holder.
	Certificate []byte `json:"certificate,omitempty"`
}

// slotDescription is the room that a module has for the name of a reader
// (PKCS #11 v2.40 3.2).
const slotDescription = 64

// In reports whether the card is in the reader of that name. The module shows only the
// end of a long name, so readers whose names differ only before it are not
// distinguishable.
func (c Card) In(reader string) bool {
	return c.Slot != "" && c.Slot == strings.TrimSpace(printable.Tail(reader, slotDescription))
}

// Login is a TLS login through the module.
type Login struct {
	// Reader is the reader whose card logs in; empty: the only one.
	Reader string `json:"reader,omitempty"`
	// Server is the address of the service, Certificate its certificate (DER).
	Server      string `json:"server"`
	Certificate []byte `json:"certificate"`
	// TLS13 is the address of a service that only speaks TLS 1.3; empty: not tried.
	TLS13 string `json:"tls13,omitempty"`
}

// Outcome is the result of a Login.
type Outcome struct {
	// Version is the version of TLS that was spoken.
	Version string `json:"version"`
	Cipher  string `json:"cipher"`
	// TLS13 is the error of the service that only speaks TLS 1.3.
	TLS13 string `json:"tls13,omitempty"`
	// TLS13OK reports that the service that only speaks TLS 1.3 accepted the card.
	TLS13OK bool `json:"tls13_ok,omitempty"`
}

// Time limits for the child. Loading takes milliseconds, a login less than ten seconds;
// a driver may delay a reader that hangs for longer.
const (
	loadTimeout  = 30 * time.Second
	loginTimeout = 3 * time.Minute
)

type request struct {
	Module string `json:"module"`
	Brief  bool   `json:"brief,omitempty"` // no word about readers and cards
	Cards  bool   `json:"cards,omitempty"`
	Login  *Login `json:"login,omitempty"`
}

type answer struct {
	Info    *Info    `json:"info,omitempty"`
	Cards   []Card   `json:"cards,omitempty"`
	Outcome *Outcome `json:"outcome,omitempty"`
	Error   *Error   `json:"error,omitempty"`
}

// Of returns the Reason of an error of this package, "" for others.
func Of(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

func failed(r Reason, call string, format string, args ...any) *Error {
	return &Error{Reason: r, Call: call, Detail: fmt.Sprintf(format, args...)}
}
