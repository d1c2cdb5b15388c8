package pkcs11mod

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// A temporary failure to reach a card does not remove the token, although no event reports
// the end of the failure.
func TestRecognisedInTheEnd(t *testing.T) {
	for _, err := range []error{apdu.ErrNoService, apdu.ErrNoReader, apdu.ErrNoCard, apdu.ErrRemoved, apdu.ErrMute, apdu.ErrTimeout} {
		t.Run(err.Error(), func(t *testing.T) {
			service, _ := withCard(t, cardtest.Profile{})
			service.RefuseConnections(err, err, err)
			h := newModule(t, service, nil)
			h.slot()
		})
	}
}

// Attempts to reach a card in the reader continue, whatever the failure and however many.
func TestPresentCardIsSeenInTheEnd(t *testing.T) {
	for _, err := range []error{apdu.ErrNoService, apdu.ErrNoReader, apdu.ErrNoCard, apdu.ErrRemoved, apdu.ErrReset, apdu.ErrMute, apdu.ErrTimeout, apdu.ErrBusy} {
		t.Run(err.Error(), func(t *testing.T) {
			t.Parallel()
			service, _ := withCard(t, cardtest.Profile{})
			service.RefuseConnections(slices.Repeat([]error{err}, 10)...)
			h := newModule(t, service, nil)
			if n := len(h.slotList(true)); n != 0 {
				t.Fatalf("%d tokens, but the card cannot be reached yet", n)
			}
			h.waitTokens(1)
		})
	}
}

// A card that could not be reached for a
// while is a token at most two seconds after it can be.
func TestPresentCardIsSeenWithinTwoSeconds(t *testing.T) {
	for _, away := range []time.Duration{5 * time.Second, 20 * time.Second, 50 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			service, _ := withCard(t, cardtest.Profile{})
			service.RefuseConnections(slices.Repeat([]error{apdu.ErrMute}, 1000)...)
			h := newModule(t, service, nil)
			h.slotList(true)
			time.Sleep(away)
			service.RefuseConnections()
			begin := time.Now()
			h.waitTokens(1)
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("after %v: seen after %v", away, took)
			}
		})
	}
}

// A card removed during an operation and inserted again becomes a token again, whether the
// events arrive before the operation fails, after it, as one event, or not at all.
func TestCardPutBackIsSeen(t *testing.T) {
	gone := func(service *cardtest.Service) {
		service.Emit(readers.Event{Kind: readers.CardRemoved, Reader: "reader"}, readers.Event{Kind: readers.CardInserted, Reader: "reader"})
	}
	merged := func(service *cardtest.Service) {
		service.Emit(readers.Event{Kind: readers.CardInserted, Reader: "reader"})
	}
	none := func(*cardtest.Service) {}
	for name, events := range map[string]struct{ before, during, after func(*cardtest.Service) }{
		"early":           {gone, none, none},
		"early and again": {gone, none, gone},
		"during":          {none, gone, none},
		"late":            {none, none, gone},
		"merged early":    {merged, none, none},
		"merged late":     {none, none, merged},
		"none":            {none, none, none},
	} {
		t.Run(name, func(t *testing.T) {
			h, c, s, key := signer(t)
			tell := func(f func(*cardtest.Service)) {
				f(h.service)
			}
			c.Remove()
			c.Insert()
			tell(events.before)
			told := false
			h.service.Intercept(func([]byte) error {
				if !told {
					told = true
					h.service.Intercept(nil)
					tell(events.during)
				}
				return nil
			})
			if _, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x")); rv == ck.CKR_OK {
				t.Fatal("signed with a card that was away")
			}
			h.service.Intercept(nil)
			tell(events.after)
			h.sync()
			h.waitTokens(1)
			h.login(h.session(false))
			if st := c.Stats(); st.TriesSpent != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// If the service ends a connection, the card was not removed: sessions and login continue.
func TestConnectionEndedByServiceKeepsLogin(t *testing.T) {
	h, c, s, key := signer(t)
	once := apdu.ErrNoService
	h.service.Intercept(func([]byte) error {
		err := once
		once = nil
		return err
	})
	_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_DEVICE_ERROR)
	h.service.RefuseConnections(apdu.ErrNoService)
	_, rv = h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_DEVICE_ERROR)
	if st := h.state(s); st != ck.CKS_RO_USER_FUNCTIONS {
		t.Errorf("state %d", st)
	}
	h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	if st := c.Stats(); st.TriesSpent != 0 {
		t.Errorf("%+v", st)
	}
}

// A card that was silent for a while and never left is the
// same token with the same sessions.
func TestSilentCardIsRecognisedAgain(t *testing.T) {
	h, _, s, key := signer(t)
	h.service.Emit(readers.Event{Kind: readers.CardInserted, Reader: "reader"})
	h.sync()
	if st := h.state(s); st != ck.CKS_RO_USER_FUNCTIONS {
		t.Errorf("state %d", st)
	}
	h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
}

// A card removed and inserted again during an operation is one removal: later events of it do
// not end the sessions opened since.
func TestLateEventsEndNoSession(t *testing.T) {
	h, c, s, key := signer(t)
	h.cfg.retry = time.Hour
	c.Remove()
	c.Insert()
	_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_DEVICE_REMOVED)
	h.want("session", h.GetSessionInfo(s, &ck.SessionInfo{}), ck.CKR_SESSION_HANDLE_INVALID)
	for range 20 {
		if n := len(h.slotList(true)); n != 0 {
			t.Fatal("the token appears before the reader reported the removal")
		}
		time.Sleep(time.Millisecond)
	}
	h.service.Emit(readers.Event{Kind: readers.CardRemoved, Reader: "reader"}, readers.Event{Kind: readers.CardInserted, Reader: "reader"})
	h.waitTokens(1)
	s = h.session(false)
	h.login(s)
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
}

// Without a word from the reader the card is found again, too.
func TestTokenReturnsWithoutEvent(t *testing.T) {
	h, c, s, key := signer(t)
	c.Remove()
	c.Insert()
	_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_DEVICE_REMOVED)
	h.waitTokens(1)
	h.login(h.session(false))
}

// An interrupted change of the PIN is not repeated for any reason, because the old PIN may be
// wrong already.
func TestChangeOfPINIsNotRepeated(t *testing.T) {
	h, c := oneCard(t, cardtest.Profile{}, newStore())
	s := h.session(true)
	h.login(s)
	if err := c.Reader().Reset(); err != nil { // another program is present
		t.Fatal(err)
	}
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
	before := c.Stats()
	h.service.Intercept(func(cmd []byte) error {
		if cmd[1] == 0x24 { // CHANGE REFERENCE DATA
			return apdu.ErrBusy
		}
		return nil
	})
	h.want("C_SetPIN", h.SetPIN(s, pin(), ck.Bytes([]byte("27182818"))), ck.CKR_FUNCTION_FAILED)
	if cost := c.Stats().Sub(before); cost.Verifies != 1 {
		t.Errorf("the PIN was presented %d times", cost.Verifies)
	}
}

// If the channel is lost right after the PIN was presented again, the signature fails and the
// login remains.
func TestSecondLossKeepsLogin(t *testing.T) {
	h, c, s, key := signer(t)
	if err := c.Reader().Reset(); err != nil {
		t.Fatal(err)
	}
	verified := false
	h.service.Intercept(func(cmd []byte) error {
		switch {
		case cmd[1] == 0x20: // VERIFY
			verified = true
		case verified && cmd[1] == 0x22: // MANAGE SECURITY ENVIRONMENT
			h.service.Intercept(nil)
			c.SetFaults(cardtest.FaultAt(1, cardtest.ResetBefore))
		}
		return nil
	})
	_, rv := h.trySign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	h.want("signature", rv, ck.CKR_DEVICE_ERROR)
	if st := h.state(s); st != ck.CKS_RO_USER_FUNCTIONS {
		t.Errorf("state %d", st)
	}
	h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	if st := c.Stats(); st.TriesSpent != 0 {
		t.Errorf("%+v", st)
	}
}

// Opening a card and the operation after it are one transaction, because with other programs
// each transaction is a wait.
func TestOperationIsOneTransaction(t *testing.T) {
	h, _, s, key := signer(t)
	counted := h.service.Usage().Transactions
	begins := func() int {
		all := h.service.Usage().Transactions
		n := all - counted
		counted = all
		return n
	}
	h.token().io.Lock()
	h.token().disconnectLocked() // as after an idle time
	h.token().io.Unlock()
	h.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	if n := begins(); n != 1 {
		t.Errorf("%d transactions for connection, PIN and signature", n)
	}
	h.service.Remove("reader")
	h.service.Insert("reader", newCard(t, cardtest.Profile{}))
	h.sync()
	h.waitTokens(1)
	if n := begins(); n != 1 {
		t.Errorf("%d transactions for the recognition of a card", n)
	}
}

// A card inserted just before the request is in the list, although its recognition needs a
// second attempt. A card that cannot be reached delays the list two seconds at most.
func TestSlotListWaitsForACardThatArrived(t *testing.T) {
	for _, tt := range []struct {
		failures, tokens int
	}{{0, 1}, {2, 1}, {1000, 0}} {
		synctest.Test(t, func(t *testing.T) {
			service := &cardtest.Service{}
			service.Attach("reader")
			h := newModule(t, service, nil)
			if n := len(h.slotList(true)); n != 0 {
				t.Fatalf("%d tokens in an empty reader", n)
			}
			service.RefuseConnections(slices.Repeat([]error{apdu.ErrMute}, tt.failures)...)
			service.Insert("reader", newCard(t, cardtest.Profile{}))
			synctest.Wait() // the event has arrived; the clock is stopped
			begin := time.Now()
			if n := len(h.slotList(true)); n != tt.tokens {
				t.Errorf("%d failures: %d tokens, want %d", tt.failures, n, tt.tokens)
			}
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("%d failures: the list took %v", tt.failures, took)
			}
		})
	}
}
