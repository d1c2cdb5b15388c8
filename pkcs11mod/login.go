package pkcs11mod

import (
	"context"
	"errors"

	"cie/card"
	"cie/pkcs11mod/ck"
)

// Login implements C_Login (5.6): CKU_USER presents the PIN, CKU_SO the PUK. The login has
// one device authentication.
//
// Login uses the last try of the PIN if the program asks for it: CKF_USER_PIN_FINAL_TRY
// announces it, and the PUK unblocks the PIN. It sends the PUK only if the chip itself
// reports four or more tries, because the last one disables the chip for good. In other
// cases, and for a card that is neither genuine nor accepted by the user, it returns
// CKR_FUNCTION_REJECTED: the user needs a program that can ask.
//
// For a code that the card refused within the last minutes Login returns CKR_PIN_INCORRECT
// and sends nothing.
func (m *Module) Login(h, userType uint, pin ck.Input) ck.RV {
	if userType == ck.CKU_USER {
		return m.login(h, userType, pin, card.AllowLastTry())
	}
	return m.login(h, userType, pin)
}

func (m *Module) login(h, userType uint, pin ck.Input, opts ...card.CodeOption) ck.RV {
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
	if userType == ck.CKU_SO {
		who, ref = officer, card.PUK
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
			t.prepareCacheLocked(ctx, s)
		}
		if err := s.Verify(ctx, ref, pin.Data, opts...); err != nil {
			t.noteRefusal(err, pin.Data)
			return err
		}
		t.keepLocked(s, ref, pin.Data)
		c.in.mu.Lock()
		defer c.in.mu.Unlock()
		if !t.gone && !c.s.closed {
			t.who = who
			t.epoch++
			t.trust.Accepted = true // the card accepted a code
			done = true
		}
		return nil
	})
	switch {
	case rv2 != ck.CKR_OK:
		return rv2
	case done: // the next call reports later changes of session and card
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
	case noUser:
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

// cleanUp removes the effects of a failed login: the session may have been closed during the
// card operation. It does not affect a login of another thread.
func (t *token) cleanUp() {
	t.io.Lock()
	defer t.io.Unlock()
	t.in.mu.Lock()
	who := t.who
	t.in.mu.Unlock()
	if who != noUser {
		return
	}
	t.codes.destroy()
	if t.sess != nil && (t.sess.Verified(card.PIN) || t.sess.Verified(card.PUK)) {
		t.disconnectLocked()
	}
}

// LoginUser implements C_LoginUser of v3.0. The card has no user names.
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

// Logout implements C_Logout (5.6): kept codes are destroyed, the channel is closed,
// handles of private objects become invalid, signatures in progress end.
func (m *Module) Logout(h uint) ck.RV {
	c, rv := m.begin(h)
	if rv != ck.CKR_OK {
		return rv
	}
	defer c.end()
	t := c.s.token
	c.in.mu.Lock()
	if t.who == noUser {
		c.in.mu.Unlock()
		return ck.CKR_USER_NOT_LOGGED_IN
	}
	t.endLoginLocked()
	c.in.mu.Unlock()
	t.leaveCard()
	return ck.CKR_OK
}

// endLoginLocked ends the login in memory. instance.mu must be locked, so that the code of
// a following login is not destroyed.
func (t *token) endLoginLocked() {
	t.codes.destroy()
	t.who = noUser
	t.epoch++
	t.objects.renewPrivate()
}

// leaveCard closes the channel, so that the key cannot be used, unless another login has
// succeeded since.
func (t *token) leaveCard() {
	t.io.Lock()
	defer t.io.Unlock()
	t.in.mu.Lock()
	again := t.who != noUser
	t.in.mu.Unlock()
	if !again {
		t.disconnectLocked()
	}
}

// SetPIN implements C_SetPIN (5.5): it changes the PIN. The PUK cannot be changed.
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
			// The valid PIN may be unknown; the kept one must not be tried.
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
			// The change ended the verification (IAS ECC 9.4.2). The new PIN is presented when it is
			// needed.
			if !t.keepLocked(s, card.PIN, pin.Data) {
				t.loseLogin()
			}
		}
		return nil
	})
	return c.result(err)
}

// InitPIN implements C_InitPIN (5.5): with the PUK logged in as CKU_SO, it unblocks the card
// and sets a new PIN.
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
