package pkcs11mod

import (
	"errors"

	"cie/apdu"
)

// txConn keeps the transaction of a connection for several operations of a card.Session, each
// of which begins and ends it: another program must not use the card within an operation of
// the module, such as presenting the PIN and signing.
type txConn struct {
	apdu.Card
	kept  bool // between keep and release
	begun bool // the transaction has begun
	stale bool // another program reset the card nevertheless
}

func (h *txConn) keep() { h.kept = true }

func (h *txConn) release() {
	h.kept = false
	_ = h.End()
}

// Begin begins the transaction unless it has begun already.
func (h *txConn) Begin() (reset bool, err error) {
	if h.begun && !h.stale {
		return false, nil
	}
	if h.begun {
		h.begun = false
		_ = h.Card.End()
	}
	reset, err = h.Card.Begin()
	h.begun = err == nil
	h.stale = false
	return reset, err
}

// End ends the transaction unless it is kept.
func (h *txConn) End() error {
	if !h.begun || h.kept && !h.stale {
		return nil
	}
	h.begun = false
	return h.Card.End()
}

// Transmit records when the transaction has become useless.
func (h *txConn) Transmit(command []byte) ([]byte, error) {
	answer, err := h.Card.Transmit(command)
	if errors.Is(err, apdu.ErrReset) {
		h.stale = true
	}
	return answer, err
}
