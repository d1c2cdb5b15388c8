package pkcs11mod

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// idleLimit is the pause between two commands of a transaction after which Windows resets the
// card.
const idleLimit = 5 * time.Second

// Between two commands of a transaction the module waits for nothing but the card: neither for
// the user nor for other programs. The clock of the test stops while the module computes.
func TestModuleMakesNoPauseInATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, c := withCard(t, cardtest.Profile{})
		c.SetIdleLimit(idleLimit)
		h := newModule(t, service, newStore())
		h.cfg.retry = 200 * time.Millisecond
		asked := 0
		user := func() { asked++; time.Sleep(time.Minute) }
		h.cfg.WrongCode = func(card.PINRef, int) { user() }
		h.cfg.NotAccepted = func(card.Level) { user() }
		used := func(what string) {
			t.Helper()
			if p := c.LongestPause(); p != 0 {
				t.Errorf("%s: a pause of %v", what, p)
			}
			time.Sleep(time.Minute)
		}
		s := h.session(true)
		used("recognition")
		h.want("wrong PIN", h.Login(s, ck.CKU_USER, wrongCode(0)), ck.CKR_PIN_INCORRECT)
		used("wrong PIN")
		h.login(s)
		used("login")
		h.find(s)
		used("certificate")
		key := h.one(s, ck.CKO_PRIVATE_KEY)
		h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, []byte("x"))
		used("signature")
		// Another program resets the card: the kept PIN is presented again, and the module
		// lets the other program in afterwards.
		for range 3 {
			if err := c.Reader().Reset(); err != nil {
				t.Fatal(err)
			}
			h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, []byte("x"))
			used("signature after a reset")
		}
		changed := []byte("27182818")
		h.want("C_SetPIN", h.SetPIN(s, pin(), ck.Bytes(bytes.Clone(changed))), ck.CKR_OK)
		used("change of the PIN")
		h.want("C_Logout", h.Logout(s), ck.CKR_OK)
		h.want("C_Login of the PUK", h.Login(s, ck.CKU_SO, ck.Bytes(cardtest.DefaultPUK())), ck.CKR_OK)
		used("login with the PUK")
		h.want("C_InitPIN", h.InitPIN(s, pin()), ck.CKR_OK)
		used("unblocking")
		if asked != 1 {
			t.Errorf("the user was asked %d times, want once, for the wrong PIN", asked)
		}
		if st := c.Stats(); st.TriesSpent != 1 {
			t.Errorf("%d tries spent, want that of the wrong PIN", st.TriesSpent)
		}
	})
}

// If the module pauses before any command of a login, as when the machine sleeps, the card is
// reset; no try is lost and the next attempt succeeds.
func TestModuleRecoversFromResetOfAnIdleTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := newStore()
		for at := 1; ; at++ {
			service, c := withCard(t, cardtest.Profile{})
			c.SetIdleLimit(idleLimit)
			count := 0
			service.Intercept(func([]byte) error {
				if count++; count == at {
					time.Sleep(idleLimit + time.Second)
				}
				return nil
			})
			h := newModule(quiet{t}, service, kept)
			what, rv := h.attempt()
			synctest.Wait() // the logout releases the card
			if count < at {
				h.want(what, rv, ck.CKR_OK)
				h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
				if at < 20 {
					t.Errorf("%d commands, too few for a login", at-1)
				}
				return
			}
			h.want(what, rv, ck.CKR_OK, ck.CKR_DEVICE_ERROR, ck.CKR_USER_NOT_LOGGED_IN)
			if p := c.LongestPause(); p != idleLimit {
				t.Errorf("command %d: longest pause %v", at, p)
			}
			if what, rv := h.attempt(); rv != ck.CKR_OK {
				t.Errorf("command %d: afterwards %s: %v", at, what, rv)
			}
			if n, _ := c.Tries(); n != 3 || c.Stats().TriesSpent != 0 {
				t.Errorf("command %d: %d tries left", at, n)
			}
			h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
		}
	})
}
