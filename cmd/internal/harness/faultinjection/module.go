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
	u.host = p11host.New(pkcs11mod.Config{
		Readers:         func() (readers.Service, error) { return &u.trial.tap, nil },
		Card:            func() card.Options { return u.options },
		RecognitionTime: Patience,
	})
	u.host.Want("C_Initialize", u.host.Initialize(nil))
	u.session = u.host.Login([]byte(m.PIN))
	return u.host.Err
}

// moduleSignatures signs twice: the first signature also reads the certificate.
func moduleSignatures(_ context.Context, u *use, _ memory) error {
	for range 2 {
		u.host.Sign(u.session, []byte("to be signed"))
	}
	return u.host.Err
}

// attempts is how often the user of a module tries again, with a pause in between. A
// reader that was attached again is reported by an event that may come later.
const attempts = 100

// moduleGoesOn waits until the module shows the card, logs in and signs, without
// loading the module again.
func moduleGoesOn(ctx context.Context, u *use, m memory) (err error) {
	h := u.host
	for range attempts {
		h.Err = nil
		if slots := h.Tokens(); len(slots) == 1 {
			h.CloseAllSessions(slots[0])
			h.Sign(h.Login([]byte(m.PIN)), []byte("to be signed"))
		} else {
			h.Err = errors.Join(h.Err, fmt.Errorf("%d slots with a token", len(slots)))
		}
		if err = h.Err; err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
	return err
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
