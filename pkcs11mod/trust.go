package pkcs11mod

import (
	"context"
	"errors"

	"cie/apdu"
	"cie/card"
	"cie/card/state"
)

// checkIssuerLocked determines, before any program can ask for a PIN, whether the card may get
// one. Malformed answers of the card are left to the login. t.io must be locked.
func (t *token) checkIssuerLocked() error { return t.check(t.sess.CheckIssuer) }

// checkChipLocked does the same with a proof of the chip. t.io must be locked.
func (t *token) checkChipLocked() error { return t.check(t.sess.Authenticity) }

func (t *token) check(how func(context.Context) (card.Authenticity, error)) error {
	trust, err := how(t.ctx)
	if err != nil {
		var status *apdu.Error
		if !errors.As(err, &status) && !errors.Is(err, apdu.ErrTLVNotFound) {
			return err
		}
		t.in.trace("slot %d: issuer not checked: %v", t.slot.id, err)
		trust = card.Authenticity{Level: card.Unchecked}
	}
	t.in.mu.Lock()
	t.trust = trust
	t.in.mu.Unlock()
	if !t.takesCodes() {
		t.in.trace("slot %d: no code for this card: %s: %v", t.slot.id, trust.Level, trust.Reason)
		t.notAccepted(trust.Level)
	}
	return nil
}

// takesCodes reports whether a program may ask for the PIN of this card.
func (t *token) takesCodes() bool {
	t.in.mu.Lock()
	defer t.in.mu.Unlock()
	return t.takesCodesLocked()
}

func (t *token) takesCodesLocked() bool {
	return t.trust.TakesCodes() || t.trust.Level == card.Unchecked
}

// noteTrust records what a failed operation shows about the card.
func (t *token) noteTrust(err error) {
	var trust *card.NotAcceptedError
	level := card.NotGenuine
	switch {
	case errors.As(err, &trust):
		level = trust.Level
	case errors.Is(err, card.ErrNotGenuine):
	default:
		return
	}
	t.in.mu.Lock()
	t.trust = card.Authenticity{Level: level}
	t.in.mu.Unlock()
	t.notAccepted(level)
}

func (t *token) notAccepted(level card.Level) {
	if f := t.in.cfg.NotAccepted; f != nil {
		go t.in.safely(func() error { f(level); return nil })
	}
}

// keepLocked keeps a code for the time of the login, and reports whether it did. It keeps a PIN
// only with the mark of the card, because without a mark it could not be presented again. t.io
// must be locked.
func (t *token) keepLocked(s *card.Session, ref card.PINRef, code []byte) bool {
	if ref == card.PIN {
		m, err := s.Mark()
		if t.loginAt = m; err != nil {
			t.in.trace("slot %d: PIN not kept: %v", t.slot.id, err)
			t.codes.destroy()
			return false
		}
	}
	if err := t.codes.put(ref, code); err != nil {
		t.in.trace("slot %d: code not kept: %v", t.slot.id, err)
		return false
	}
	return true
}

// mark returns the mark of the card; ok is false where it cannot be read.
func (t *token) mark() (m state.Mark, ok bool) {
	r, err := t.in.card.State.Get(t.nis)
	return r.Mark, err == nil
}

// wasRefused reports whether the card refused the same code just before.
func (t *token) wasRefused(ref card.PINRef, code []byte) bool {
	m, ok := t.mark()
	return t.refusals.has(ref, code, m, ok)
}

// noteRefusal records that the card refused a code, so that it is not sent again.
func (t *token) noteRefusal(err error, code []byte) {
	var wrong *card.PINError
	if !errors.As(err, &wrong) || wrong.SW == 0 || wrong.Blocked() {
		return
	}
	m, ok := t.mark()
	if err := t.refusals.put(wrong.Ref, code, m, ok); err != nil {
		t.in.trace("slot %d: refusal not kept: %v", t.slot.id, err)
	}
}
