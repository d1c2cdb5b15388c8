package journey

import (
	"bytes"
	"cie/apdu/readers"
	"cie/cmd/internal/harness/p11host"
	"cie/pkcs11mod"
	"crypto/sha256"
	"errors"
)

// withModule does the journey in a program that loads the module for it.
func (j Journey) withModule(p Place, pin []byte) error {
	h := p11host.New(pkcs11mod.Config{
		Readers:         func() (readers.Service, error) { return p.Service, nil },
		Card:            p.options,
		RecognitionTime: Patience,
	})
	h.Want("C_Initialize", h.Initialize(nil))
	err := j.module(h, pin)
	h.Want("C_Finalize", h.Finalize(false))
	return errors.Join(err, h.Err)
}

// loginCertificateAndSign executes the operations of a browser for a login. It returns
// what the calls do not report as an error.
func loginCertificateAndSign(h *p11host.Host, pin []byte) error {
	session := h.Login(pin)
	if h.Err != nil {
		return nil
	}
	certificate := h.Certificate(session)
	if h.Err != nil {
		return nil
	}
	if !bytes.Equal(certificate, holder().Raw) {
		return errors.New("the certificate is not the holder's")
	}
	data := []byte("to be signed")
	sig := h.Sign(session, data)
	if h.Err != nil {
		return nil
	}
	digest := sha256.Sum256(data)
	return checkSignature(digest[:], sig)
}
