package pkcs11mod

import (
	"errors"

	"cie/apdu"
)

// hold keeps the transaction of a connection for several operations of a card.Session, each
// of which begins and ends it: another program must not use the card within an operation of
// the module, such as presenting the PIN and signing.
type hold struct {
	apdu.Card
	kept  bool // between keep and release
	taken bool // the transaction has begun
	stale bool // another program reset the card nevertheless
}

func (h *hold) keep() { h.kept = true }

func (h *hold) release() {
	h.kept = false
	_ = h.End()
}

// Begin begins the transaction unless it has begun already.
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

// End ends the transaction unless it is kept.
func (h *hold) End() error {
	if !h.taken || h.kept && !h.stale {
		return nil
	}
	h.taken = false
	return h.Card.End()
}

// Transmit records when the transaction has become useless.
func (h *hold) Transmit(command []byte) ([]byte, error) {
	answer, err := h.Card.Transmit(command)
	if errors.Is(err, apdu.ErrReset) {
		h.stale = true
	}
	return answer, err
}
