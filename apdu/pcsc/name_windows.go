package pcsc

import "github.com/ebfe/scard"

// pinned leaves the name alone: on Windows scard keeps no map of names.
func pinned(name string, _ int) string { return name }

// switchedOff returns false: Windows does not switch off a card in use, and otherwise
// reports a reset.
func switchedOff(*scard.CardStatus) bool { return false }
