// Package card talks to the Italian electronic identity card (CIE 3.0) over
// any [apdu.Card]: it recognises the card by its answers, checks that it is
// genuine, authenticates device and chip, verifies, changes and unblocks the
// PIN, reads the files and signs.
//
// A [Session] keeps one secure channel over many operations, takes the card
// for one operation at a time and rebuilds the channel when another program
// took it away. Nothing in this package ever repeats a command that can spend
// a try of PIN or PUK.
//
// Sources: "CIE 3.0 - Specifiche Chip" (cited as CIE) and "IAS ECC v1.0.1"
// (cited as IAS ECC).
package card

import (
	"cie/apdu"
	"cie/card/sod"
	"cie/card/state"
)

// Conn is the former name of [apdu.Card].
type Conn = apdu.Card

// Options are the surroundings of a Session. The zero value works.
type Options struct {
	// Store keeps the constants of known cards between sessions. Nil: nothing is kept.
	Store Store
	// State keeps what protects the person: which cards were found genuine or
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
// digits: what tells one card from another without a PIN (CIE 6.11).
func (s *Session) NIS() string { return s.chip.nis }

// ATR returns the answer to reset of the card.
func (s *Session) ATR() []byte { return append([]byte(nil), s.chip.conn.ATR()...) }

// Family returns the chip family, as far as the ATR tells.
func (s *Session) Family() Family { return s.chip.family }

// Verified reports whether the code was verified in the channel that stands
// as far as this program knows: another program can have taken it away since.
// It does not wait for an operation under way.
func (s *Session) Verified(ref PINRef) bool { return s.chip.verified(ref).Load() }
