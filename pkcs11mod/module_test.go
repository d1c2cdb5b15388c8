package pkcs11mod

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// TestLoginAndSign is the main job, for a card never seen and for a known one.
func TestLoginAndSign(t *testing.T) {
	for _, family := range cardtest.Families() {
		t.Run(family.String(), func(t *testing.T) {
			kept := newStore()
			for _, known := range []bool{false, true} {
				h, c := oneCard(t, cardtest.Profile{Family: family}, kept)
				s := h.session(false)
				before := h.find(s)
				if known != (len(before) > 0) {
					t.Fatalf("known %v: %d objects before the login", known, len(before))
				}
				h.login(s)
				key := h.one(s, ck.CKO_PRIVATE_KEY)
				data := []byte("something to sign")
				sig := h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, data)
				login := c.Stats()
				hash := sha256.Sum256(data)
				cert, err := x509.ParseCertificate(h.value(s, h.one(s, ck.CKO_CERTIFICATE), ck.CKA_VALUE))
				if err != nil {
					t.Fatal(err)
				}
				if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, hash[:], sig); err != nil {
					t.Error(err)
				}
				h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, data)
				again := c.Stats()
				t.Logf("known %v: login and signature %d APDUs, another signature %d", known, login.APDUs, again.APDUs-login.APDUs)
				if again.APDUs-login.APDUs > 3 || known && login.APDUs > 22 {
					t.Error("too many APDUs")
				}
				if again.KeyAgreements != 1 || again.TriesSpent != 0 {
					t.Errorf("%+v", again)
				}
				h.want("C_Finalize", h.Finalize(false), ck.CKR_OK)
			}
		})
	}
}
