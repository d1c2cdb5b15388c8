//go:build unix

package pkcs11mod

import (
	"os"
	"runtime/debug"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// A bug in a goroutine of the module does not end the
// program that loaded it, nor the module.
func TestPanicInBackground(t *testing.T) {
	service, _ := withCard(t, cardtest.Profile{})
	h := newModule(t, service, nil)
	var broken atomic.Bool
	broken.Store(true)
	h.cfg.Readers = func() (readers.Service, error) { return panicky{service, &broken}, nil }
	if s := h.slotList(true); len(s) != 0 {
		t.Errorf("slots %v", s)
	}
	broken.Store(false)
	service.Remove("reader")
	service.Insert("reader", newCard(t, cardtest.Profile{}))
	h.waitTokens(1)
	s := h.session(false)
	h.login(s)
	h.sign(s, h.one(s, ck.CKO_PRIVATE_KEY), ck.CKM_RSA_PKCS, []byte("x"))
}

type panicky struct {
	*cardtest.Service
	broken *atomic.Bool
}

func (p panicky) Connect(reader string) (apdu.Card, error) {
	if p.broken.Load() {
		panic("a bug")
	}
	return p.Service.Connect(reader)
}

// Unreadable data end the operation. The data read before are in no signature.
func TestUnreadableDataEndOperation(t *testing.T) {
	h, _, s, key := signer(t)
	bad := unreadable(t)
	call := func(f func() ck.RV) (rv ck.RV) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		defer func() {
			if recover() != nil {
				rv = ck.CKR_GENERAL_ERROR // as the C ABI does
			}
		}()
		return f()
	}
	out, n := make([]byte, 256), uint(256)
	sha := mech(ck.CKM_SHA256)
	sign := mech(ck.CKM_SHA256_RSA_PKCS)
	public := h.one(s, ck.CKO_PUBLIC_KEY)
	for name, f := range map[string]struct{ begin, use, end func() ck.RV }{
		"C_Sign": {
			func() ck.RV { return h.SignInit(s, sign, key) },
			func() ck.RV { return h.Sign(s, bad, ck.Output{Data: out, Len: &n}) },
			func() ck.RV { return h.SignFinal(s, ck.Output{Data: out, Len: &n}) },
		},
		"C_SignUpdate": {
			func() ck.RV { return h.SignInit(s, sign, key) },
			func() ck.RV { return h.SignUpdate(s, bad) },
			func() ck.RV { return h.SignFinal(s, ck.Output{Data: out, Len: &n}) },
		},
		"C_VerifyUpdate": {
			func() ck.RV { return h.VerifyInit(s, sign, public) },
			func() ck.RV { return h.VerifyUpdate(s, bad) },
			func() ck.RV { return h.VerifyFinal(s, ck.Bytes(out)) },
		},
		"C_DigestUpdate": {
			func() ck.RV { return h.DigestInit(s, sha) },
			func() ck.RV { return h.DigestUpdate(s, bad) },
			func() ck.RV { return h.DigestFinal(s, ck.Output{Data: out, Len: &n}) },
		},
	} {
		h.want(name+": begin", f.begin(), ck.CKR_OK)
		h.want(name, call(f.use), ck.CKR_GENERAL_ERROR)
		h.want(name+": end", f.end(), ck.CKR_OPERATION_NOT_INITIALIZED)
	}
	h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, []byte("x"))
}

// unreadable returns a block whose second half is unreadable.
func unreadable(t *testing.T) ck.Input {
	t.Helper()
	page := os.Getpagesize()
	block, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(block) })
	if err := unix.Mprotect(block[page:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return ck.Bytes(block)
}
