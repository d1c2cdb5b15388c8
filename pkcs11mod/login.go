package pkcs11mod

import (
	"context"
	"errors"

	"cie/card"
	"cie/pkcs11mod/ck"
)

// Login is C_Login (5.6): CKU_USER presents the PIN, CKU_SO the PUK. It is the
// one device authentication of the login.
//
// The last try of the PIN is given to the program that asks for it: it is
// announced by CKF_USER_PIN_FINAL_TRY, and the PUK mends it. The PUK is sent
// only while the chip itself reports four or more tries, because the last one
// ends the chip for good. That, and a card that is neither genuine nor accepted
// by the person, gives CKR_FUNCTION_REJECTED: it needs a program that can ask.
//
// A code that the card refused within the last minutes gives CKR_PIN_INCORRECT
// and is not sent again.
func (m *Module) Login(h, userType uint, pin ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if userType == ck.CKU_CONTEXT_SPECIFIC {
		// No key here has CKA_ALWAYS_AUTHENTICATE, so no operation waits for it.
		return ck.CKR_OPERATION_NOT_INITIALIZED
	}
	if userType != ck.CKU_USER && userType != ck.CKU_SO {
		return ck.CKR_USER_TYPE_INVALID
	}
	if pin.Data == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	who, ref := user, card.PIN
	var opts []card.CodeOption
	if userType == ck.CKU_SO {
		who, ref = officer, card.PUK
	} else {
		opts = append(opts, card.AllowLastTry())
	}
	if rv := c.in.mayLogin(c.s.token, who); rv != ck.CKR_OK {
		return rv
	}
	if err := card.CheckCode(pin.Data); err != nil {
		return rvOf(err)
	}
	t := c.s.token
	if t.wasRefused(ref, pin.Data) {
		return ck.CKR_PIN_INCORRECT
	}
	var rv2 ck.RV
	done := false
	err := t.use(func(ctx context.Context, s *card.Session) error {
		// Another thread can have been first while this one waited for the card.
		if rv2 = c.in.mayLogin(t, who); rv2 != ck.CKR_OK {
			return nil
		}
		if who == user {
			t.prepareCache(ctx, s)
		}
		if err := s.Verify(ctx, ref, pin.Data, opts...); err != nil {
			t.noteRefusal(err, pin.Data)
			return err
		}
		t.keep(s, ref, pin.Data)
		c.in.mu.Lock()
		defer c.in.mu.Unlock()
		if !t.gone && !c.s.closed {
			t.who = who
			t.epoch++
			t.trust.Accepted = true // the card took a code
			done = true
		}
		return nil
	})
	switch {
	case rv2 != ck.CKR_OK:
		return rv2
	case done: // what happened to session and card since is told by the next call
		return ck.CKR_OK
	}
	t.cleanUp()
	return c.result(err)
}

// mayLogin judges the state of the token before a login.
func (in *instance) mayLogin(t *token, who login) ck.RV {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch t.who {
	case nobody:
	case who:
		return ck.CKR_USER_ALREADY_LOGGED_IN
	default:
		return ck.CKR_USER_ANOTHER_ALREADY_LOGGED_IN
	}
	if who == officer {
		for _, s := range in.sessions {
			if s.token == t && !s.rw {
				return ck.CKR_SESSION_READ_ONLY_EXISTS
			}
		}
	}
	return ck.CKR_OK
}

// cleanUp leaves nothing of a login that did not come about: the session can
// have been closed while the card was at work. A login of another thread, which
// would have needed the card, too, is left alone.
func (t *token) cleanUp() {
	t.io.Lock()
	defer t.io.Unlock()
	t.in.mu.Lock()
	who := t.who
	t.in.mu.Unlock()
	if who != nobody {
		return
	}
	t.codes.destroy()
	if t.sess != nil && (t.sess.Verified(card.PIN) || t.sess.Verified(card.PUK)) {
		t.disconnect()
	}
}

// LoginUser is C_LoginUser of v3.0. The card knows no user names.
func (m *Module) LoginUser(h, userType uint, pin, name ck.Input) ck.RV {
	if name.Len > 0 {
		c, rv := m.begin(h)
		if rv != ck.CKR_OK {
			return rv
		}
		c.end()
		return ck.CKR_ARGUMENTS_BAD
	}
	return m.Login(h, userType, pin)
}

// Logout is C_Logout (5.6): kept codes are destroyed, the channel is closed,
// handles of private objects become invalid, signatures in progress end.
func (m *Module) Logout(h uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	t := c.s.token
	c.in.mu.Lock()
	if t.who == nobody {
		c.in.mu.Unlock()
		return ck.CKR_USER_NOT_LOGGED_IN
	}
	t.endLogin()
	c.in.mu.Unlock()
	t.leaveCard()
	return ck.CKR_OK
}

// endLogin changes what a logout changes in memory. The caller holds
// instance.mu, so that the code of a login that follows is not destroyed.
func (t *token) endLogin() {
	t.codes.destroy()
	t.who = nobody
	t.epoch++
	t.objects.renewPrivate()
}

// leaveCard closes the channel, so that nothing on this side can use the key,
// unless somebody logged in again meanwhile.
func (t *token) leaveCard() {
	t.io.Lock()
	defer t.io.Unlock()
	t.in.mu.Lock()
	again := t.who != nobody
	t.in.mu.Unlock()
	if !again {
		t.disconnect()
	}
}

// SetPIN is C_SetPIN (5.5): it changes the PIN. The PUK cannot be changed.
func (m *Module) SetPIN(h uint, old, pin ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if old.Data == nil || pin.Data == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	t := c.s.token
	if !c.s.rw {
		return ck.CKR_SESSION_READ_ONLY
	}
	c.in.mu.Lock()
	who := t.who
	c.in.mu.Unlock()
	if who == officer {
		return ck.CKR_TOKEN_WRITE_PROTECTED
	}
	if err := card.CheckCode(old.Data); err != nil {
		return rvOf(err)
	}
	if err := card.CheckNewPIN(pin.Data, old.Data); err != nil {
		return rvOf(err)
	}
	if t.wasRefused(card.PIN, old.Data) {
		return ck.CKR_PIN_INCORRECT
	}
	err := t.use(func(ctx context.Context, s *card.Session) error {
		err := s.ChangePIN(ctx, old.Data, pin.Data, card.AllowLastTry())
		if err != nil {
			t.noteRefusal(err, old.Data)
			// What holds now may not be known; the kept PIN must not be tried.
			var cut *card.InterruptedError
			if errors.As(err, &cut) && cut.State == card.PINUnknown {
				t.loseLogin()
			}
			return err
		}
		c.in.mu.Lock()
		who = t.who
		c.in.mu.Unlock()
		if who == user {
			// The change took the verification away (IAS ECC 9.4.2); the new
			// PIN is presented when it is needed.
			if !t.keep(s, card.PIN, pin.Data) {
				t.loseLogin()
			}
		}
		return nil
	})
	return c.result(err)
}

// InitPIN is C_InitPIN (5.5): with the PUK logged in as CKU_SO, it unblocks the
// card and sets a new PIN.
func (m *Module) InitPIN(h uint, pin ck.Input) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	if pin.Data == nil {
		return ck.CKR_ARGUMENTS_BAD
	}
	t := c.s.token
	c.in.mu.Lock()
	who := t.who
	c.in.mu.Unlock()
	if who != officer {
		return ck.CKR_USER_NOT_LOGGED_IN
	}
	if err := card.CheckNewPIN(pin.Data, nil); err != nil {
		return rvOf(err)
	}
	err := t.use(func(ctx context.Context, s *card.Session) error {
		err := t.codes.with(card.PUK, func(puk []byte) error {
			return s.Unblock(ctx, puk, pin.Data)
		})
		var wrong *card.PINError
		if errors.Is(err, errNoCode) || errors.As(err, &wrong) && wrong.Ref == card.PUK {
			t.loseLogin()
		}
		return err
	})
	return c.result(err)
}
