package pkcs11mod

import (
	"bytes"
	"context"

	"cie/card"
	"cie/pkcs11mod/ck"
)

// Card describes a recognised card to a program that uses a Module in its own process
// and asks the user for the PIN itself.
type Card struct {
	Slot   uint
	Reader string
	NIS    string
	// Certificate of the holder, DER; nil until a module of this user has read it.
	Certificate []byte
	LoggedIn    bool // the PIN was presented and the login has not ended
}

// Cards returns the recognised cards. Like C_GetSlotList it waits for those that are being
// recognised, and sends nothing else to a card.
func (m *Module) Cards() ([]Card, ck.RV) {
	in, rv := m.enter()
	if rv != ck.CKR_OK {
		return nil, rv
	}
	defer in.leave()
	if rv := in.waitReady(); rv != ck.CKR_OK {
		return nil, rv
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	var list []Card
	for _, s := range in.slots {
		t := s.token
		if t == nil {
			continue
		}
		// A program can use the slots of this list as those of C_GetSlotList.
		c := Card{Slot: s.id, Reader: s.name, NIS: t.nis, LoggedIn: t.who == user}
		if t.objects != nil {
			c.Certificate = bytes.Clone(t.objects.cert)
		}
		list = append(list, c)
	}
	return list, ck.CKR_OK
}

// PrepareLogin does everything that comes before the question for the PIN, in the session h: it
// determines whether the card may receive the PIN and reads the counter. Where the counter last
// seen will do (card.Session.LikelyTries), the channel is opened while the user types. It sends no
// code. The error is that of package card: *card.NotAcceptedError and card.ErrNotGenuine for a card that gets
// none, a *card.PINError for a blocked PIN, that of the PUK if the PUK is blocked, too.
func (m *Module) PrepareLogin(h uint) (card.Tries, error) {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return card.Tries{}, rv
	}
	defer c.end()
	t := c.s.token
	var tries card.Tries
	var likely bool
	err := t.use(func(ctx context.Context, s *card.Session) error {
		t.prepareCacheLocked(ctx, s)
		auth, err := s.Authenticity(ctx)
		switch {
		case err != nil:
			return err
		case auth.Level == card.NotGenuine:
			return auth.Reason
		case !auth.TakesCodes():
			return &card.NotAcceptedError{Level: auth.Level, Reason: auth.Reason}
		}
		if tries, likely = s.LikelyTries(card.PIN); likely {
			return nil
		}
		if tries, err = s.Tries(ctx, card.PIN); err != nil || !tries.Blocked() {
			return err
		}
		puk, err := s.Tries(ctx, card.PUK)
		if err == nil && card.LockOf(tries, puk) == card.LockBoth {
			return &card.PINError{Ref: card.PUK}
		}
		return &card.PINError{Ref: card.PIN}
	})
	if likely && err == nil {
		t.openNow()
	}
	return tries, err
}

// LoginAsked is Login with the PIN for a program that has asked the user: the last try is used
// only with lastTry, after the user confirmed it. Otherwise LoginAsked returns
// CKR_FUNCTION_REJECTED and sends nothing.
func (m *Module) LoginAsked(h uint, pin ck.Input, lastTry bool) ck.RV {
	var opts []card.CodeOption
	if lastTry {
		opts = append(opts, card.AllowLastTry())
	}
	return m.login(h, ck.CKU_USER, pin, opts...)
}

// NewPage returns memory for a code: a page that is locked, outside the heap of Go and of no
// core dump. FreePage wipes it.
func NewPage() ([]byte, error) { return lockedPage() }

// FreePage wipes and releases a page of NewPage.
func FreePage(page []byte) { freePage(page) }
