package pkcs11mod

import (
	"bytes"
	"testing"
	"time"

	"cie/card/cardtest"
)

func TestCutReturnsParts(t *testing.T) {
	ca := cardtest.IssuingCA()
	p, err := cut(ca.Raw, ca.NotBefore, ca.NotAfter)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.subject, ca.RawSubject) || !bytes.Equal(p.issuer, ca.RawIssuer) ||
		!bytes.Equal(p.key, ca.RawSubjectPublicKeyInfo) || !bytes.Equal(p.serial[2:], ca.SerialNumber.Bytes()) {
		t.Errorf("serial %X, issuer %X, subject %X, key %X", p.serial, p.issuer, p.subject, p.key)
	}
	for n := range ca.Raw {
		if _, err := cut(ca.Raw[:n], time.Time{}, time.Time{}); err == nil {
			t.Fatalf("%d bytes of a certificate are one", n)
		}
	}
}

// FuzzObjects checks that any bytes in place of the certificate give objects that can be
// listed, or an error.
func FuzzObjects(f *testing.F) {
	f.Add(cardtest.IssuingCA().Raw)
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		o, err := newObjects(der, der)
		if err != nil {
			return
		}
		for _, obj := range o.list {
			if obj.handle == 0 {
				t.Error("an object without a handle")
			}
		}
		if o.key.Size() == 0 {
			t.Error("no key")
		}
	})
}
