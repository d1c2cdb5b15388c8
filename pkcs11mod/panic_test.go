package pkcs11mod

import (
	"sync/atomic"
	"testing"

	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// TestPanicInBackground: a bug in a goroutine of the module does not end the
// program that loaded it, nor the module.
func TestPanicInBackground(t *testing.T) {
	d := newDesk()
	d.plug("reader")
	d.insert("reader", newCard(t, cardtest.Profile{}))
	h := newModule(t, d, nil)
	var broken atomic.Bool
	broken.Store(true)
	h.cfg.Readers = func() (Readers, error) { return panicky{d, &broken}, nil }
	if s := h.slotList(true); len(s) != 0 {
		t.Errorf("slots %v", s)
	}
	broken.Store(false)
	d.remove("reader")
	d.insert("reader", newCard(t, cardtest.Profile{}))
	h.waitTokens(1)
	s := h.session(false)
	h.login(s)
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
}

type panicky struct {
	*desk
	broken *atomic.Bool
}

func (p panicky) Connect(reader string) (Conn, error) {
	if p.broken.Load() {
		panic("a bug")
	}
	return p.desk.Connect(reader)
}
