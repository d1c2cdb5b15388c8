package pkcs11mod

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// settle waits until no channel is being opened in the background.
func (h *host) settle() {
	h.t.Helper()
	in, rv := h.enter()
	h.want("enter", rv, ck.CKR_OK)
	defer in.leave()
	for range 60000 {
		if in.background.Load() == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	h.t.Fatal("a channel is still being opened")
}

// ahead returns a module that opens the channel before a login, with one card in one reader.
func ahead(t testing.TB, p cardtest.Profile, s *store) (*host, *cardtest.Card) {
	t.Helper()
	h, c := oneCard(t, p, s)
	h.cfg.OpenAhead = true
	return h, c
}

// knownCard returns a store in which the card of a profile was used before.
func knownCard(t testing.TB, p cardtest.Profile) *store {
	t.Helper()
	s := newStore()
	h, _ := oneCard(t, p, s)
	h.find(loggedIn(h))
	h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
	return s
}

func loggedIn(h *host) uint {
	s := h.session(false)
	h.login(s)
	return s
}

// prompts are what programs call before they ask for the PIN, after slots and a session, as
// far as the module takes it for the sign of a login.
var prompts = map[string]func(h *host, s uint){
	"browser": func(h *host, s uint) {
		browse(h, s)
		h.find(s, ck.Attr(ck.CKA_ID, []byte{1}), class(ck.CKO_PUBLIC_KEY))
	},
	"ssh":     func(h *host, s uint) { h.find(s, class(ck.CKO_PUBLIC_KEY)); h.find(s, class(ck.CKO_CERTIFICATE)) },
	"openssl": func(h *host, s uint) { h.find(s, class(ck.CKO_PRIVATE_KEY)) },
	"gnutls": func(h *host, s uint) {
		h.find(s, class(ck.CKO_CERTIFICATE), ck.Attr(ck.CKA_ID, []byte{1}))
	},
	"java": func(h *host, s uint) { h.state(s); h.state(s) },
}

// browse is what NSS calls when it starts and for every page.
func browse(h *host, s uint) {
	h.tokenInfo(h.slot())
	h.find(s, ck.Attr(ck.CKA_TOKEN, []byte{1}), class(ck.CKO_PROFILE))
	h.find(s, class(0xCE534358)) // CKO_NSS_BUILTIN_ROOT_LIST
	for range 4 {
		h.state(s)
	}
	h.find(s, ck.Attr(ck.CKA_TOKEN, []byte{1}), class(ck.CKO_CERTIFICATE))
	h.find(s, ck.Attr(ck.CKA_TOKEN, []byte{1}), class(0xCE534353)) // CKO_NSS_TRUST
	h.state(s)
}

func TestChannelIsOpenWhenThePINArrives(t *testing.T) {
	for _, strict := range []cardtest.Strict{0, cardtest.StrictAll} {
		p := cardtest.Profile{Strict: strict}
		for name, prompt := range prompts {
			for _, seen := range []bool{true, false} {
				what := name + "/never seen/" + strict.String()
				if seen {
					what = name + "/known/" + strict.String()
				}
				t.Run(what, func(t *testing.T) {
					store := newStore()
					if seen {
						store = knownCard(t, p)
					}
					h, c := ahead(t, p, store)
					s := h.session(false)
					prompt(h, s)
					h.settle()
					prompt(h, s)
					h.settle()
					arrived := c.Stats()
					if arrived.Verifies != 0 {
						t.Fatal("a code was sent before a login")
					}
					h.login(s)
					cost := c.Stats().Sub(arrived)
					if cost.DeviceAuthentications != 0 || cost.APDUs > 2 {
						t.Errorf("C_Login costs %+v", cost)
					}
					h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
					limit := 900 * time.Millisecond
					if !seen {
						limit = 1200 * time.Millisecond // with the certificate
					}
					if d := c.Stats().Sub(arrived).Modelled; d > limit {
						t.Errorf("%v from the PIN to the signature, at most %v", d, limit)
					}
					if st := c.Stats(); st.TriesSpent != 0 || st.Verifies != 1 {
						t.Errorf("%+v", st)
					}
				})
			}
		}
	}
}

// Loading, listing and browsing send nothing to the card.
func TestNoChannelIsOpenedWithoutTheSignOfALogin(t *testing.T) {
	for _, seen := range []bool{true, false} {
		store := newStore()
		if seen {
			store = knownCard(t, cardtest.Profile{})
		}
		h, c := ahead(t, cardtest.Profile{}, store)
		h.slot()
		before := c.Stats()
		for range 3 {
			slot := h.slot()
			h.tokenInfo(slot)
			var info ck.SlotInfo
			h.want("C_GetSlotInfo", h.GetSlotInfo(slot, &info), ck.CKR_OK)
			s := h.session(false)
			browse(h, s)
			h.settle()
		}
		if st := c.Stats().Sub(before); st.APDUs != 0 {
			t.Errorf("known %v: %+v", seen, st)
		}
	}
}

func TestChannelIsOpenedOnceAndDroppedAfterIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, c := ahead(t, cardtest.Profile{}, newStore())
		h.cfg.IdleTime = 15 * time.Second
		s := h.session(false)
		sign := func() { h.find(s, class(ck.CKO_PRIVATE_KEY)); synctest.Wait() }
		open := func() int { return h.service.Usage().Open }
		before := c.Stats()
		sign()
		time.Sleep(10 * time.Second)
		sign() // a later sign keeps it
		time.Sleep(10 * time.Second)
		if open() != 1 || c.Stats().Sub(before).DeviceAuthentications != 1 {
			t.Errorf("%d connections, %+v", open(), c.Stats().Sub(before))
		}
		time.Sleep(10 * time.Second)
		if open() != 0 {
			t.Error("the connection outlives the idle time")
		}
		sign()
		if n := c.Stats().Sub(before).DeviceAuthentications; n != 1 || open() != 0 {
			t.Errorf("%d device authentications in one stay, %d connections", n, open())
		}
		h.login(s)
		h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
	})
}

// Where another program is logged in, the card gets no command, and that login keeps its
// channel.
func TestNothingIsOpenedWhileAnotherProgramIsLoggedIn(t *testing.T) {
	store := knownCard(t, cardtest.Profile{})
	user, c := oneCard(t, cardtest.Profile{}, store)
	s := loggedIn(user)
	other := newModule(t, user.service, store)
	other.cfg.OpenAhead = true
	o := other.session(false)
	key := user.one(s, ck.CKO_PRIVATE_KEY)
	user.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	before := c.Stats()
	for range 3 {
		other.find(o, class(ck.CKO_PRIVATE_KEY))
		other.settle()
	}
	if st := c.Stats().Sub(before); st.APDUs != 0 {
		t.Errorf("%+v", st)
	}
	user.sign(s, key, ck.CKM_RSA_PKCS, []byte("x"))
	if n := c.Stats().Sub(before).DeviceAuthentications; n != 0 {
		t.Errorf("%d device authentications", n)
	}
	user.want("C_Logout", user.Logout(s), ck.CKR_OK)
	other.find(o, class(ck.CKO_PRIVATE_KEY))
	other.settle()
	if n := c.Stats().Sub(before).DeviceAuthentications; n != 1 {
		t.Errorf("%d device authentications after the logout", n)
	}
}

func TestNoChannelIsOpenedToACardThatGetsNoCode(t *testing.T) {
	for name, f := range map[string]cardtest.Forgery{
		"issuer": {SOD: cardtest.SODForeignSigner}, "hash": {SOD: cardtest.SODTamperedHash}, "chip": {InternalAuthentication: true},
	} {
		h, c := ahead(t, cardtest.Profile{Forgery: f}, newStore())
		s := h.session(false)
		h.find(s, class(ck.CKO_PRIVATE_KEY))
		h.settle()
		if st := c.Stats(); name != "chip" && st.KeyAgreements != 0 {
			t.Errorf("%s: %+v", name, st)
		}
		h.want(name, h.Login(s, ck.CKU_USER, pin()), ck.CKR_FUNCTION_REJECTED, ck.CKR_DEVICE_ERROR)
		if st := c.Stats(); st.Verifies != 0 {
			t.Errorf("%s: a code was sent", name)
		}
	}
}

// C_Finalize does not wait for a command that the module sent on its own account.
func TestFinalizeDoesNotWaitForTheBackground(t *testing.T) {
	h, c := ahead(t, cardtest.Profile{}, newStore())
	s := h.session(false)
	before := c.Stats()
	sent, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.service.Intercept(func([]byte) error {
		once.Do(func() { close(sent); <-goOn })
		return nil
	})
	h.find(s, class(ck.CKO_PRIVATE_KEY))
	<-sent
	done := make(chan ck.RV)
	go func() { done <- h.Finalize(false) }()
	select {
	case rv := <-done:
		h.want("C_Finalize", rv, ck.CKR_OK)
	case <-time.After(finalizeTime / 2):
		t.Error("C_Finalize waits for the background")
	}
	close(goOn)
	for range 60000 {
		if h.service.Usage().Open == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n := h.service.Usage().Open; n != 0 {
		t.Errorf("%d connections", n)
	}
	if n := c.Stats().Sub(before).DeviceAuthentications; n != 0 {
		t.Error("the background went on after C_Finalize")
	}
}

// A fault at any command of the background leaves a login that works, or that reports the
// fault; no try is lost.
func TestFaultInTheBackgroundIsNoFaultOfTheLogin(t *testing.T) {
	store := knownCard(t, cardtest.Profile{})
	for _, fault := range []error{errors.New("broken"), card.ErrNotCIE} {
		for at := 1; ; at++ {
			h, c := ahead(quiet{t}, cardtest.Profile{}, store)
			s := h.session(false)
			count := 0
			h.service.Intercept(func([]byte) error {
				if count++; count == at {
					return fault
				}
				return nil
			})
			h.find(s, class(ck.CKO_PRIVATE_KEY))
			h.settle()
			h.service.Intercept(nil)
			h.login(s)
			if st := c.Stats(); st.TriesSpent != 0 {
				t.Errorf("command %d: %+v", at, st)
			}
			h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
			if count < at {
				if at < 10 {
					t.Errorf("%d commands, too few", at)
				}
				break
			}
		}
	}
}

// Signs, logins, logouts, removals and C_Finalize in any order.
func TestBackgroundRunsBesideEverything(t *testing.T) {
	store := knownCard(t, cardtest.Profile{})
	for range 10 {
		h, c := ahead(t, cardtest.Profile{}, store)
		slot := h.slot()
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Go(func() {
				for i := range 5 {
					var s uint
					if h.OpenSession(slot, ck.CKF_SERIAL_SESSION, &s) != ck.CKR_OK {
						return
					}
					template := []ck.Attribute{class(ck.CKO_PRIVATE_KEY)}
					_ = h.FindObjectsInit(s, template, 1)
					_ = h.FindObjectsFinal(s)
					switch (n + i) % 3 {
					case 0:
						_ = h.Login(s, ck.CKU_USER, pin())
					case 1:
						_ = h.Logout(s)
					}
					_ = h.CloseSession(s)
				}
			})
		}
		wg.Go(func() { time.Sleep(5 * time.Millisecond); h.Finalize(false) })
		wg.Wait()
		if st := c.Stats(); st.TriesSpent != 0 {
			t.Errorf("%+v", st)
		}
		for range 60000 {
			if h.service.Usage().Open == 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}
