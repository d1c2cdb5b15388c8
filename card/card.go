// Package card talks to the Italian electronic identity card (CIE 3.0) over
// any [apdu.Card]: it selects the CIE application, checks that the card is
// genuine, authenticates device and chip, verifies, changes and unblocks the
// PIN, reads the files and signs.
//
// A [Session] keeps one secure channel over many operations, uses the card
// exclusively during one operation and rebuilds the channel when another
// program has ended it. This package never repeats a command that can spend a
// try of PIN or PUK.
//
// # Structure
//
// Below Session is the chip: what is true of the card now (connection,
// selection, channel, dialect). Every command is a method of a transaction of
// the chip. Session has what is known of the card and the rules: facts,
// authenticity, tries, consent, trust. Files of the chip do not use Session.
//
// # Locks
//
// Session.mu is locked during an operation, so one transaction runs at a time;
// methods of operation run under it, and methods of Session that need it end in
// Locked. Session.info guards the counters last seen and the protected files,
// which are read while an operation runs; it is locked after mu and never during a
// command. The flags of verified codes in the chip are atomic for the same reason.
// A Store and the state are called with mu locked and must not call the Session.
//
// # Specifications
//
// "CIE 3.0 - Specifiche Chip" (cited as CIE) is published by the Ministero
// dell'Interno at https://www.cartaidentita.interno.gov.it, "IAS ECC v1.0.1"
// (cited as IAS ECC) by GIXEL.
package card

import (
	"cie/card/sod"
	"cie/card/state"
)

// Options are the surroundings of a Session. The zero value works.
type Options struct {
	// Store keeps the constants of known cards between sessions. Nil: nothing
	// is kept.
	Store Store
	// State keeps what protects the user: which cards were found genuine or
	// accepted, counters and marks. Nil: nothing is known, and nothing kept.
	State *state.Store
	// Roots are the trust anchors for the SOD. Nil: the built-in Italian CSCA roots.
	Roots *sod.Roots
	// Progress is called before each step of an operation, in the goroutine
	// of the caller. It must return quickly.
	Progress func(Progress)
	// Trace receives one line per APDU: header, lengths and status word,
	// never data. Nil: no trace.
	Trace func(format string, args ...any)
}

// Progress is one step of an operation: Step of Total (1 <= Step <= Total),
// with its name. Total can grow when a lost channel has to be built again.
type Progress struct {
	Step, Total int
	Name        StepName
}

// NIS returns the Numero Identificativo per i Servizi of the card, 12 ASCII
// digits, which identify the card and are read without a PIN (CIE 6.11).
func (s *Session) NIS() string { return s.chip.nis }

// ATR returns the answer to reset of the card.
func (s *Session) ATR() []byte { return append([]byte(nil), s.chip.conn.ATR()...) }

// Family returns the chip family that the ATR shows.
func (s *Session) Family() Family { return s.chip.family }

// Verified reports whether the code was verified in the current channel.
// Another program can have ended that channel since. It does not wait for a
// running operation.
func (s *Session) Verified(ref PINRef) bool { return s.chip.verified(ref).Load() }
