package pkcs11mod

import (
	"context"
	"sync"
	"testing"
	"time"

	"cie/apdu"
	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// Another program resets or uses the card between two signatures; the user gets no error.
func TestSignatureSurvivesOtherPrograms(t *testing.T) {
	steal := map[string]func(*testing.T, *cardtest.Card){
		"reset": func(t *testing.T, c *cardtest.Card) {
			if err := c.Reader().Reset(); err != nil {
				t.Fatal(err)
			}
		},
		"own channel": func(t *testing.T, c *cardtest.Card) {
			s, err := card.Open(context.Background(), c.Reader(), card.Options{Roots: roots()})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Verify(context.Background(), card.PIN, cardtest.DefaultPIN()); err != nil {
				t.Fatal(err)
			}
		},
		"other application": func(_ *testing.T, c *cardtest.Card) {
			c.Exchange([]byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01})
		},
		"the root": func(_ *testing.T, c *cardtest.Card) { c.Exchange([]byte{0x00, 0xA4, 0x00, 0x0C}) },
	}
	for name, f := range steal {
		t.Run(name, func(t *testing.T) {
			h, c, s, key := signer(t)
			for range 3 {
				f(t, c)
				before := c.Stats()
				h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, []byte("x"))
				cost := c.Stats().Sub(before)
				if cost.Verifies > 1 || cost.KeyAgreements > 1 || cost.TriesSpent != 0 {
					t.Errorf("%+v", cost)
				}
				if st := h.state(s); st != ck.CKS_RO_USER_FUNCTIONS {
					t.Fatalf("state %d", st)
				}
			}
		})
	}
}

// A card that another program keeps in use gives an error and works afterwards. Where
// programs share a card, the module waits longer.
func TestBusyCardIsWaitedFor(t *testing.T) {
	h, c, s, key := signer(t)
	crowd := func(n int) {
		h.service.RefuseTransactions(n)
	}
	crowd(1)
	_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_FUNCTION_FAILED)
	h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))

	if err := c.Reader().Reset(); err != nil { // another program is present
		t.Fatal(err)
	}
	h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	crowd(maxAttempts - 1)
	h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	crowd(maxAttempts)
	_, rv = h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_FUNCTION_FAILED)
	h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	if st := c.Stats(); st.TriesSpent != 0 {
		t.Errorf("%+v", st)
	}
}

// elsewhere returns the session of another program with the card.
func elsewhere(t *testing.T, c *cardtest.Card) *card.Session {
	t.Helper()
	r := c.Reader()
	if err := r.Reset(); err != nil {
		t.Fatal(err)
	}
	s, err := card.Open(context.Background(), r, card.Options{Roots: roots()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// If another program has used a try, the kept PIN is not presented: the login ends, and the
// user can log in again.
func TestKeptPINWithFewTries(t *testing.T) {
	h, c, s, key := signer(t)
	if err := elsewhere(t, c).Verify(context.Background(), card.PIN, wrongPIN.Data); err == nil {
		t.Fatal("a wrong PIN was accepted")
	}
	before := c.Stats()
	_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_USER_NOT_LOGGED_IN)
	if cost := c.Stats().Sub(before); cost.Verifies != 0 {
		t.Errorf("%d verifications", cost.Verifies)
	}
	if st := h.state(s); st != ck.CKS_RO_PUBLIC_SESSION {
		t.Errorf("state %d", st)
	}
	if f := h.flagsOf(h.slot()); f != ck.CKF_USER_PIN_COUNT_LOW {
		t.Errorf("flags %#x", f)
	}
	_, rv = h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("C_Sign with the key's handle", rv, ck.CKR_USER_NOT_LOGGED_IN)
	h.login(s)
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
}

// A kept PIN may cost one try, after which it is not presented again.
func TestKeptPINChangedElsewhere(t *testing.T) {
	h, c, s, key := signer(t)
	fresh := []byte("27182818")
	if err := elsewhere(t, c).ChangePIN(context.Background(), cardtest.DefaultPIN(), fresh); err != nil {
		t.Fatal(err)
	}
	before := c.Stats()
	for range 3 {
		_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
		h.want("signature", rv, ck.CKR_USER_NOT_LOGGED_IN)
	}
	if cost := c.Stats().Sub(before); cost.Verifies != 1 || cost.TriesSpent != 1 {
		t.Errorf("%+v", cost)
	}
	if n := len(h.token().codes.codes); n != 0 {
		t.Error("the refused PIN is kept")
	}
	h.want("new PIN", h.Login(s, ck.CKU_USER, ck.Bytes(fresh)), ck.CKR_OK)
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
}

// token returns the only token of a module.
func (h *host) token() *token {
	h.t.Helper()
	h.in.mu.Lock()
	defer h.in.mu.Unlock()
	for _, s := range h.in.slots {
		if s.token != nil {
			return s.token
		}
	}
	h.t.Fatal("no token")
	return nil
}

// Kept codes are destroyed at logout, removal and C_Finalize.
func TestCodesAreDestroyed(t *testing.T) {
	ends := map[string]func(h *host, s uint){
		"logout":   func(h *host, s uint) { h.want("C_Logout", h.Logout(s), ck.CKR_OK) },
		"close":    func(h *host, s uint) { h.want("C_CloseSession", h.CloseSession(s), ck.CKR_OK) },
		"all":      func(h *host, s uint) { h.want("C_CloseAllSessions", h.CloseAllSessions(h.slot()), ck.CKR_OK) },
		"finalize": func(h *host, s uint) { h.want("C_Finalize", h.Finalize(false), ck.CKR_OK) },
		"removal":  func(h *host, s uint) { h.service.Remove("reader"); h.waitTokens(0) },
		"unplug":   func(h *host, s uint) { h.service.Detach("reader"); h.waitTokens(0) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			h, _, s, _ := signer(t)
			tok := h.token()
			if err := tok.codes.with(card.PIN, func(pin []byte) error {
				if string(pin) != string(cardtest.DefaultPIN()) {
					t.Error("another PIN is kept")
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			end(h, s)
			for range 2000 {
				tok.codes.mu.Lock()
				n := len(tok.codes.codes)
				tok.codes.mu.Unlock()
				if n == 0 {
					return
				}
				time.Sleep(time.Millisecond)
			}
			t.Error("the PIN is still kept")
		})
	}
}

// Without a login the card is returned after a while, and opened
// again when it is needed.
func TestIdleConnectionIsClosed(t *testing.T) {
	service, _ := withCard(t, cardtest.Profile{})
	h := newModule(t, service, newStore())
	h.cfg.IdleTime = time.Millisecond
	closed := func() bool { return service.Usage().Open == 0 }
	wait := func() {
		t.Helper()
		for range 2000 {
			if closed() {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatal("the connection stays open")
	}
	s := h.session(false)
	wait()
	if len(h.slotList(true)) != 1 {
		t.Error("the token was removed with the connection")
	}
	h.login(s)
	time.Sleep(20 * time.Millisecond)
	if closed() {
		t.Fatal("the connection is closed during the login")
	}
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
	h.want("C_Logout", h.Logout(s), ck.CKR_OK)
	wait()
	// A wrong PIN is no login.
	h.want("wrong PIN", h.Login(s, ck.CKU_USER, wrongPIN), ck.CKR_PIN_INCORRECT)
	wait()
	h.login(s)
}

// The PIN of one card is never sent to another, neither in two readers nor when the cards
// are exchanged.
func TestPINIsNeverSentToAnotherCard(t *testing.T) {
	service := &cardtest.Service{}
	a := newCard(t, cardtest.Profile{NIS: "999900000001", PIN: []byte("13131313")})
	b := newCard(t, cardtest.Profile{NIS: "999900000002", PIN: []byte("24242424")})
	service.Insert("left", a)
	service.Insert("right", b)
	h := newModule(t, service, newStore())
	slots := h.slotList(true)
	sa, sb := h.sessionOn(slots[0], false), h.sessionOn(slots[1], false)
	pinA, pinB := ck.Bytes([]byte("13131313")), ck.Bytes([]byte("24242424"))
	h.want("a", h.Login(sa, ck.CKU_USER, pinA), ck.CKR_OK)
	if h.state(sb) != ck.CKS_RO_PUBLIC_SESSION {
		t.Error("a login to one card shows on the other")
	}
	ka := h.one(sa, ck.CKO_PRIVATE_KEY)
	h.want("key of the other card", h.SignInit(sb, mech(ck.CKM_RSA_PKCS), ka), ck.CKR_KEY_HANDLE_INVALID)
	h.want("b", h.Login(sb, ck.CKU_USER, pinB), ck.CKR_OK)
	h.sign(sa, ka, ck.CKM_RSA_PKCS, []byte("x"))
	h.sign(sb, h.one(sb, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))

	// Exchange the cards before the module is notified.
	a.Remove()
	b.Remove()
	a.Insert()
	b.Insert()
	service.Exchange("left", b)
	service.Exchange("right", a)
	_, rv := h.trySign(sa, ka, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature with the other card", rv, ck.CKR_DEVICE_REMOVED)
	h.want("session", h.GetSessionInfo(sa, &ck.SessionInfo{}), ck.CKR_SESSION_HANDLE_INVALID)
	h.waitTokens(2)
	for _, c := range []*cardtest.Card{a, b} {
		if st := c.Stats(); st.Verifies != 1 || st.TriesSpent != 0 {
			t.Errorf("%+v", st)
		}
	}
	s := h.sessionOn(slots[0], false)
	h.want("the card that is there now", h.Login(s, ck.CKU_USER, pinB), ck.CKR_OK)
}

// The connection was closed for idle time, and another card is in the reader when it is
// opened again.
func TestRemovedWhileIdle(t *testing.T) {
	service, a := &cardtest.Service{}, newCard(t, cardtest.Profile{NIS: "999900000001"})
	b := newCard(t, cardtest.Profile{NIS: "999900000002", PIN: []byte("24242424")})
	service.Insert("reader", a)
	h := newModule(t, service, nil)
	h.cfg.IdleTime = time.Nanosecond
	s := h.session(false)
	h.waitFor("the end of the connection", func() bool { return service.Usage().Open == 0 })
	service.Exchange("reader", b)
	h.want("C_Login", h.Login(s, ck.CKU_USER, pin()), ck.CKR_DEVICE_REMOVED)
	if n := b.Stats().Verifies; n != 0 {
		t.Error("a PIN went to another card")
	}
	h.waitTokens(1)
	s = h.session(false)
	h.want("C_Login", h.Login(s, ck.CKU_USER, ck.Bytes([]byte("24242424"))), ck.CKR_OK)
}

// Several modules, as several programs are, with several threads
// each on one card. No signature is lost, no try spent.
func TestProgramsShareACard(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	kept := newStore()
	var wg sync.WaitGroup
	for range 3 {
		service := &cardtest.Service{}
		service.Insert("reader", c)
		h := newModule(t, service, kept)
		s := h.session(false)
		h.login(s)
		public, key := h.publicKey(s), h.one(s, ck.CKO_PRIVATE_KEY)
		for range 3 {
			s := h.session(false)
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range 5 {
					sig, rv := h.trySign(s, key, ck.CKM_SHA256_RSA_PKCS, []byte{byte(i)})
					if rv != ck.CKR_OK {
						t.Errorf("signature: %v", rv)
						continue
					}
					if !validSHA256(public, []byte{byte(i)}, sig) {
						t.Error("wrong signature")
					}
				}
			}()
		}
	}
	wg.Wait()
	if st := c.Stats(); st.TriesSpent != 0 {
		t.Errorf("%+v", st)
	}
}

// The chip becomes mute at each command of a signature and of a login. The module resets the
// card once and restores the login without an error for the program.
func TestSilentChipRestoresLogin(t *testing.T) {
	for _, kind := range []cardtest.FaultKind{cardtest.MuteBefore, cardtest.MuteAfter} {
		t.Run(kind.String(), func(t *testing.T) {
			h, c, s, key := signer(t)
			for at := 1; ; at++ {
				before := c.Stats()
				c.SetFaults(cardtest.FaultAt(at, kind))
				h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, []byte("x"))
				cost := c.Stats().Sub(before)
				if c.Commands() < at {
					if at != 4 { // MSE, INTERNAL AUTHENTICATE, GET RESPONSE
						t.Errorf("a signature has %d commands", at-1)
					}
					break
				}
				if cost.Resets != 1 || cost.Verifies != 1 || cost.TriesSpent != 0 {
					t.Errorf("command %d: %+v", at, cost)
				}
				if st := h.state(s); st != ck.CKS_RO_USER_FUNCTIONS {
					t.Fatalf("command %d: state %d", at, st)
				}
			}
			c.SetFaults(cardtest.Faults{})
			h.want("C_Logout", h.Logout(s), ck.CKR_OK)
			for at := 1; at <= 10; at++ {
				c.SetFaults(cardtest.FaultAt(at, kind))
				h.login(s)
				h.want("C_Logout", h.Logout(s), ck.CKR_OK)
			}
			if st := c.Stats(); st.TriesSpent != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A chip that stays silent after the reset is an error of the
// device, and is not reset again and again.
func TestMuteChipEndsLogin(t *testing.T) {
	h, c, s, key := signer(t)
	h.service.Intercept(func([]byte) error { return apdu.ErrMute })
	before := c.Stats()
	_, rv := h.trySign(s, key, ck.CKM_SHA256_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_DEVICE_ERROR)
	if cost := c.Stats().Sub(before); cost.Resets > 2 {
		t.Errorf("%d resets", cost.Resets)
	}
}
