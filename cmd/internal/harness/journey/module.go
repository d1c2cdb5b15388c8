package journey

import (
	"bytes"
	"cie/apdu/readers"
	"cie/pkcs11mod"
	"cie/pkcs11mod/ck"
	"crypto/sha256"
	"errors"
	"fmt"
)

// program is a program that uses the module.
type program struct {
	*pkcs11mod.Module
	err error // the first
}

// withModule does the journey in a program that loads the module for it.
func (j Journey) withModule(p Place, pin []byte) error {
	m := &program{Module: pkcs11mod.New(pkcs11mod.Config{
		Readers:         func() (readers.Service, error) { return p.Service, nil },
		Card:            p.options,
		RecognitionTime: Patience,
	})}
	m.want("C_Initialize", m.Initialize(nil))
	err := j.module(m, pin)
	m.want("C_Finalize", m.Finalize(false))
	return errors.Join(err, m.err)
}

// want keeps the first code that is not CKR_OK.
func (m *program) want(what string, rv ck.RV) {
	if rv != ck.CKR_OK && m.err == nil {
		m.err = fmt.Errorf("%s: %v", what, rv)
	}
}

// login opens a session on the one token and logs in.
func (m *program) login(pin []byte) (session uint) {
	var n uint
	m.want("C_GetSlotList", m.GetSlotList(true, nil, &n))
	slots := make([]uint, n)
	m.want("C_GetSlotList", m.GetSlotList(true, slots, &n))
	if len(slots) != 1 {
		m.err = errors.Join(m.err, fmt.Errorf("%d slots with a token", len(slots)))
		return 0
	}
	m.want("C_OpenSession", m.OpenSession(slots[0], ck.CKF_SERIAL_SESSION, &session))
	m.want("C_Login", m.Login(session, ck.CKU_USER, ck.Bytes(pin)))
	return session
}

// object returns the first object of a class.
func (m *program) object(session, class uint) uint {
	template := []ck.Attribute{ck.Attr(ck.CKA_CLASS, ck.ULong(class))}
	found, n := make([]uint, 1), uint(0)
	m.want("C_FindObjectsInit", m.FindObjectsInit(session, template, 1))
	m.want("C_FindObjects", m.FindObjects(session, found, &n))
	m.want("C_FindObjectsFinal", m.FindObjectsFinal(session))
	if n != 1 && m.err == nil {
		m.err = fmt.Errorf("no object of class %d", class)
	}
	return found[0]
}

func (m *program) sign(session uint) error {
	key := m.object(session, ck.CKO_PRIVATE_KEY)
	data := []byte("to be signed")
	sig := make([]byte, 256)
	n := uint(len(sig))
	m.want("C_SignInit", m.SignInit(session, &ck.Mechanism{Type: ck.CKM_SHA256_RSA_PKCS}, key))
	m.want("C_Sign", m.Sign(session, ck.Bytes(data), ck.Output{Data: sig, Len: &n}))
	if m.err != nil {
		return nil // kept already
	}
	digest := sha256.Sum256(data)
	return checkSignature(digest[:], sig[:n])
}

// loginCertificateAndSign executes the operations of a browser for a login.
func (m *program) loginCertificateAndSign(pin []byte) error {
	session := m.login(pin)
	if m.err != nil {
		return nil
	}
	a := []ck.Attribute{{Type: ck.CKA_VALUE, Value: make([]byte, 4096)}}
	a[0].Len = uint(len(a[0].Value))
	m.want("C_GetAttributeValue", m.GetAttributeValue(session, m.object(session, ck.CKO_CERTIFICATE), a))
	if m.err != nil {
		return nil
	}
	if !bytes.Equal(a[0].Value[:a[0].Len], holder().Raw) {
		return errors.New("the certificate is not the holder's")
	}
	return m.sign(session)
}
