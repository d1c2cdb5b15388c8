package pcsc

import "github.com/ebfe/scard"

// pinned leaves the name alone: on Windows scard keeps no map of names.
func pinned(name string, _ int) string { return name }

// switchedOff needs no guess: Windows switches no card off that is in use, and
// reports it as a reset.
func switchedOff(*scard.CardStatus) bool { return false }
