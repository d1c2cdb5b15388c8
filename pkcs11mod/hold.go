package pkcs11mod

import (
	"errors"

	"cie/apdu"
)

// hold keeps a connection's transaction over several operations of a
// card.Session, which takes and returns it for each: an operation of the
// module, such as presenting the PIN and signing, must not be cut in two by
// another program.
type hold struct {
	apdu.Card
	kept  bool // between keep and release
	taken bool // the transaction is held
	stale bool // somebody reset the card all the same
}

func (h *hold) keep() { h.kept = true }

func (h *hold) release() {
	h.kept = false
	_ = h.End()
}

// Begin takes the transaction unless it is held.
func (h *hold) Begin() (reset bool, err error) {
	if h.taken && !h.stale {
		return false, nil
	}
	if h.taken {
		h.taken = false
		_ = h.Card.End()
	}
	reset, err = h.Card.Begin()
	h.taken = err == nil
	h.stale = false
	return reset, err
}

// End returns the transaction unless it is kept.
func (h *hold) End() error {
	if !h.taken || h.kept && !h.stale {
		return nil
	}
	h.taken = false
	return h.Card.End()
}

// Transmit notices that the transaction is worth nothing any more.
func (h *hold) Transmit(command []byte) ([]byte, error) {
	answer, err := h.Card.Transmit(command)
	if errors.Is(err, apdu.ErrReset) {
		h.stale = true
	}
	return answer, err
}
