package pkcs11mod

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// attempt performs the steps of a user: card recognised, PIN, certificate, signature. It
// returns the first code that is not CKR_OK, with the step.
func (h *host) attempt() (string, ck.RV) {
	h.t.Helper()
	ids := h.slotList(true)
	if len(ids) == 0 {
		return "no token", ck.CKR_TOKEN_NOT_PRESENT
	}
	var s uint
	if rv := h.OpenSession(ids[0], ck.CKF_SERIAL_SESSION, &s); rv != ck.CKR_OK {
		return "C_OpenSession", rv
	}
	defer h.CloseSession(s)
	if rv := h.Login(s, ck.CKU_USER, pin()); rv != ck.CKR_OK {
		return "C_Login", rv
	}
	template := []ck.Attribute{class(ck.CKO_PRIVATE_KEY)}
	if rv := h.FindObjectsInit(s, template, 1); rv != ck.CKR_OK {
		return "C_FindObjectsInit", rv
	}
	found, n := make([]uint, 1), uint(0)
	if rv := h.FindObjects(s, found, &n); rv != ck.CKR_OK {
		return "C_FindObjects", rv
	}
	if rv := h.FindObjectsFinal(s); rv != ck.CKR_OK {
		return "C_FindObjectsFinal", rv
	}
	if n != 1 {
		return "no key", ck.CKR_KEY_HANDLE_INVALID
	}
	sig, rv := h.trySign(s, found[0], ck.CKM_SHA256_RSA_PKCS, []byte("x"))
	if rv != ck.CKR_OK {
		return "C_Sign", rv
	}
	if !validSHA256(h.token().objects.key, []byte("x"), sig) {
		return "wrong signature", ck.CKR_GENERAL_ERROR
	}
	return "", ck.CKR_OK
}

// lossy lists the codes that a fault may give.
var lossy = []ck.RV{
	ck.CKR_OK, ck.CKR_DEVICE_REMOVED, ck.CKR_DEVICE_ERROR, ck.CKR_SESSION_HANDLE_INVALID,
	ck.CKR_TOKEN_NOT_PRESENT, ck.CKR_USER_NOT_LOGGED_IN, ck.CKR_OPERATION_NOT_INITIALIZED,
}

// worst lists the faults tried with a card that was never seen, which needs three times as
// many commands as a known one.
var worst = []cardtest.FaultKind{
	cardtest.RemoveBefore, cardtest.RemoveAfter, cardtest.MuteAfter, cardtest.ResetBefore, cardtest.IdleReset, cardtest.WrongMAC, cardtest.SelectOther,
}

// Each fault occurs between the recognition of the card and the signature, at every other
// command: the faults take turns, and package faultinjection tries all commands. The codes
// must be defined ones, no try may be used, and the next attempt must succeed, if necessary
// after the card was inserted again.
func TestFaultsAtEveryCommandAreSurvived(t *testing.T) {
	kinds := cardtest.FaultKinds()
	if testing.Short() {
		kinds = []cardtest.FaultKind{cardtest.RemoveAfter, cardtest.ResetBefore}
	}
	// A card seen once, for the runs with a known one.
	seen := newStore()
	h, c := oneCard(t, cardtest.Profile{}, seen)
	c.SetFaults(cardtest.Faults{})
	if what, rv := h.attempt(); rv != ck.CKR_OK {
		t.Fatal(what, rv)
	}
	unknown := c.Commands()
	h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
	h.want("C_Initialize", h.Initialize(nil), ck.CKR_OK)
	c.SetFaults(cardtest.Faults{})
	if what, rv := h.attempt(); rv != ck.CKR_OK {
		t.Fatal(what, rv)
	}
	for known, positions := range map[bool]int{false: unknown, true: c.Commands()} {
		for k, kind := range kinds {
			if !known && !slices.Contains(worst, kind) {
				continue
			}
			t.Run(fmt.Sprintf("known=%v/%v", known, kind), func(t *testing.T) {
				for at := 1 + k%2; at <= positions; at += 2 {
					faultAt(t, seen, known, at, kind)
				}
			})
		}
	}
}

func faultAt(t *testing.T, seen *store, known bool, at int, kind cardtest.FaultKind) {
	t.Helper()
	kept := newStore()
	if known {
		maps.Copy(kept.entries, seen.entries)
	}
	service, c := withCard(t, cardtest.Profile{})
	c.SetFaults(cardtest.FaultAt(at, kind))
	h := newModule(quiet{t}, service, kept)
	defer h.Finalize(false)
	what, rv := h.attempt()
	if !slices.Contains(lossy, rv) {
		t.Errorf("command %d: %s: %v", at, what, rv)
	}
	c.SetFaults(cardtest.Faults{})
	switch kind {
	case cardtest.RemoveBefore, cardtest.RemoveAfter, cardtest.MuteBefore, cardtest.MuteAfter:
		service.Remove("reader")
		service.Insert("reader", c)
		h.sync()
		h.waitTokens(1)
	}
	if what, rv := h.attempt(); rv != ck.CKR_OK {
		t.Errorf("command %d: afterwards %s: %v", at, what, rv)
	}
	if pin, _ := c.Tries(); pin != 3 || c.Stats().TriesSpent != 0 {
		t.Errorf("command %d: %d tries left", at, pin)
	}
}

// quiet discards the log lines of a thousand modules.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}
