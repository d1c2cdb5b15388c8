//go:build !windows

package pcsc

import (
	"strconv"

	"github.com/ebfe/scard"
)

// pinned makes a reader's name unique for Go without changing it for C, which
// reads up to the NUL.
func pinned(name string, n int) string { return name + "\x00" + strconv.Itoa(n) }

// switchedOff reports whether the state of a connection means that the card has no
// power: pcsc-lite clears the protocol when it switches a card off itself, and the
// powered flag when a program did.
func switchedOff(st *scard.CardStatus) bool {
	return st.ActiveProtocol == scard.ProtocolUndefined || st.State&scard.Powered == 0
}
