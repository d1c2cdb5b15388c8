package faultinjection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cie/apdu/readers"
	"cie/card"
	"cie/cmd/internal/harness/p11host"
	"cie/pkcs11mod"
	"cie/pkcs11mod/ck"
)

// moduleLogin loads the module, and logs in like a browser.
func moduleLogin(_ context.Context, u *use, m memory) error {
	u.load()
	u.session = u.host.Login([]byte(m.PIN))
	return u.host.Err
}

// moduleLoggedIn is moduleLogin of a user who waits until the module shows the card.
func moduleLoggedIn(ctx context.Context, u *use, m memory) error {
	u.load()
	for len(u.host.Tokens()) == 0 && pause(ctx) {
	}
	u.session = u.host.Login([]byte(m.PIN))
	return u.host.Err
}

// load loads the module.
func (u *use) load() {
	u.host = p11host.New(pkcs11mod.Config{
		Readers:         func() (readers.Service, error) { return &u.trial.tap, nil },
		Card:            func() card.Options { return u.options },
		RecognitionTime: Patience,
	})
	u.host.Want("C_Initialize", u.host.Initialize(nil))
}

// pause waits a moment, and reports whether there is more time.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

// moduleSignatures signs twice: the first signature also reads the certificate.
func moduleSignatures(_ context.Context, u *use, _ memory) error {
	for range 2 {
		u.host.Sign(u.session, []byte("to be signed"))
	}
	return u.host.Err
}

// moduleGoesOn waits until the module shows the card, logs in and signs, without
// loading the module again. It tries again, because an event that reports a reader or a
// card can come later.
func moduleGoesOn(ctx context.Context, u *use, m memory) error {
	h := u.host
	for {
		h.Err = nil
		if slots := h.Tokens(); len(slots) == 1 {
			h.CloseAllSessions(slots[0])
			h.Sign(h.Login([]byte(m.PIN)), []byte("to be signed"))
		} else {
			h.Err = errors.Join(h.Err, fmt.Errorf("%d slots with a token", len(slots)))
		}
		if h.Err == nil || !pause(ctx) {
			return h.Err
		}
	}
}

// unload ends the program with the module.
func (u *use) unload() error {
	if u.host == nil {
		return nil
	}
	if rv := u.host.Finalize(false); rv != ck.CKR_OK {
		return fmt.Errorf("C_Finalize: %w", rv)
	}
	return nil
}
