package pkcs11mod

import (
	"sync"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

var stranger = sync.OnceValue(func() *cardtest.Issuer {
	i, err := cardtest.NewIssuer("Unknown Country Signer CA")
	if err != nil {
		panic(err)
	}
	return i
})

// wantNoCode checks that a program can neither be made to ask for a PIN of the
// card nor send one.
func wantNoCode(t *testing.T, c *cardtest.Card, kept *store, level card.Level) {
	t.Helper()
	service := &cardtest.Service{}
	service.Insert("reader", c)
	h := newModule(t, service, kept)
	told := make(chan card.Level, 16)
	h.cfg.NotAccepted = func(l card.Level) { told <- l }
	before := c.Stats()
	s, slot := h.session(true), h.slot()
	var info ck.TokenInfo
	h.want("C_GetTokenInfo", h.GetTokenInfo(slot, &info), ck.CKR_OK)
	if info.Flags&ck.CKF_LOGIN_REQUIRED != 0 {
		t.Errorf("%s: programs ask for a PIN", level)
	}
	if n := len(h.find(s)); n != 0 {
		t.Errorf("%d objects", n)
	}
	for range 2 {
		h.want("PIN", h.Login(s, ck.CKU_USER, pin()), ck.CKR_FUNCTION_REJECTED)
		h.want("PUK", h.Login(s, ck.CKU_SO, puk()), ck.CKR_FUNCTION_REJECTED)
		h.want("C_SetPIN", h.SetPIN(s, pin(), ck.Bytes([]byte("27182818"))), ck.CKR_FUNCTION_REJECTED)
		h.want("C_InitPIN", h.InitPIN(s, ck.Bytes([]byte("27182818"))), ck.CKR_USER_NOT_LOGGED_IN)
	}
	if d := c.Stats().Sub(before); d.Verifies != 0 || d.Changes != 0 || d.Unblocks != 0 {
		t.Errorf("%s: codes reached the card: %+v", level, d)
	}
	select {
	case l := <-told:
		if l != level {
			t.Errorf("notified of %s, want %s", l, level)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("%s: no notification", level)
	}
	h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
}

func TestNoCodeReachesACardNobodyVouchesFor(t *testing.T) {
	own := cardtest.Forgery{Issuer: stranger()}
	form := cardtest.Forgery{Issuer: stranger(), SOD: cardtest.SODUnknownForm}
	const nis = "999900000001"
	for name, lies := range map[string]cardtest.Forgery{"SOD of its own": own, "unknown form of SOD": form} {
		t.Run(name, func(t *testing.T) {
			// An invented NIS.
			rogue := newCard(t, cardtest.Profile{NIS: nis, Forgery: lies})
			wantNoCode(t, rogue, newStore(), card.IssuerUnknown)
			// A known one; then the public data of the true card replayed; then again.
			kept := newStore()
			genuine := newCard(t, cardtest.Profile{NIS: nis})
			service := &cardtest.Service{}
			service.Insert("reader", genuine)
			h := newModule(t, service, kept)
			s := h.session(false)
			h.login(s)
			h.one(s, ck.CKO_PRIVATE_KEY)
			h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
			replay := newCard(t, cardtest.Profile{NIS: nis, Forgery: cardtest.Forgery{InternalAuthentication: true, AntiClone: true}})
			for _, c := range []*cardtest.Card{rogue, replay, rogue} {
				wantNoCode(t, c, kept, card.NotGenuine)
			}
			clear(kept.entries) // the cache is lost
			wantNoCode(t, rogue, kept, card.NotGenuine)
		})
	}
}

func TestAcceptedCardIsUsedAsAGenuineOne(t *testing.T) {
	c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{Issuer: stranger()}})
	kept := newStore()
	s, err := card.Open(t.Context(), c.Reader(), card.Options{Roots: roots(), State: kept.state})
	must(t, err)
	if recorded, err := s.Accept(t.Context()); !recorded || err != nil {
		t.Fatal(recorded, err)
	}
	p := logIn(t, 2, c, kept.state)
	p.loseChannels()
	for i, rv := range p.useAll() {
		if rv != ck.CKR_OK {
			t.Errorf("use %d: %v", i, rv)
		}
	}
}
