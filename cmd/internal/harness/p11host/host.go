// Package p11host is a program that uses the PKCS #11 module in this process, and
// performs the calls of a browser.
package p11host

import (
	"errors"
	"fmt"

	"cie/pkcs11mod"
	"cie/pkcs11mod/ck"
)

// Host is a program with the module loaded.
type Host struct {
	*pkcs11mod.Module
	// Err is the first call that failed. Further calls are made all the same.
	Err error
}

// New returns a program that has loaded a module with this configuration.
func New(cfg pkcs11mod.Config) *Host { return &Host{Module: pkcs11mod.New(cfg)} }

// Want keeps the first code that is not CKR_OK.
func (h *Host) Want(what string, rv ck.RV) {
	if rv != ck.CKR_OK && h.Err == nil {
		h.Err = fmt.Errorf("%s: %w", what, rv)
	}
}

// Tokens returns the slots with a token.
func (h *Host) Tokens() []uint {
	var n uint
	h.Want("C_GetSlotList", h.GetSlotList(true, nil, &n))
	slots := make([]uint, n)
	h.Want("C_GetSlotList", h.GetSlotList(true, slots, &n))
	return slots[:n]
}

// Login opens a session on the one token and logs in.
func (h *Host) Login(pin []byte) (session uint) {
	slots := h.Tokens()
	if len(slots) != 1 {
		h.Err = errors.Join(h.Err, fmt.Errorf("%d slots with a token", len(slots)))
		return 0
	}
	h.Want("C_OpenSession", h.OpenSession(slots[0], ck.CKF_SERIAL_SESSION, &session))
	h.Want("C_Login", h.Module.Login(session, ck.CKU_USER, ck.Bytes(pin)))
	return session
}

// Object returns the first object of a class.
func (h *Host) Object(session, class uint) uint {
	template := []ck.Attribute{ck.Attr(ck.CKA_CLASS, ck.ULong(class))}
	found, n := make([]uint, 1), uint(0)
	h.Want("C_FindObjectsInit", h.FindObjectsInit(session, template, 1))
	h.Want("C_FindObjects", h.FindObjects(session, found, &n))
	h.Want("C_FindObjectsFinal", h.FindObjectsFinal(session))
	if n != 1 && h.Err == nil {
		h.Err = fmt.Errorf("no object of class %d", class)
	}
	return found[0]
}

// Certificate returns the DER of the certificate of the card.
func (h *Host) Certificate(session uint) []byte {
	a := []ck.Attribute{{Type: ck.CKA_VALUE, Value: make([]byte, 4096)}}
	a[0].Len = uint(len(a[0].Value))
	h.Want("C_GetAttributeValue", h.GetAttributeValue(session, h.Object(session, ck.CKO_CERTIFICATE), a))
	if h.Err != nil {
		return nil
	}
	return a[0].Value[:a[0].Len]
}

// Sign signs data (CKM_SHA256_RSA_PKCS) with the key of the card.
func (h *Host) Sign(session uint, data []byte) []byte {
	key := h.Object(session, ck.CKO_PRIVATE_KEY)
	sig := make([]byte, 256)
	n := uint(len(sig))
	h.Want("C_SignInit", h.SignInit(session, &ck.Mechanism{Type: ck.CKM_SHA256_RSA_PKCS}, key))
	h.Want("C_Sign", h.Module.Sign(session, ck.Bytes(data), ck.Output{Data: sig, Len: &n}))
	if h.Err != nil {
		return nil
	}
	return sig[:n]
}
