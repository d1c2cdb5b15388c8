package pkcs11mod

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"testing"

	"cie/card/cardtest"
	"cie/pkcs11mod/ck"
)

// Login and signature with a card that was never seen and with a known one, within the
// limits of their costs.
func TestLoginAndSignStayWithinTheirCosts(t *testing.T) {
	for _, family := range cardtest.Families() {
		for generation := 1; generation <= 2; generation++ {
			t.Run(fmt.Sprintf("%v/%d", family, generation), func(t *testing.T) {
				kept := newStore()
				p := cardtest.Profile{Family: family, SODGeneration: generation}
				loginAndSign(t, p, kept, false)
				loginAndSign(t, p, kept, true)
			})
		}
	}
}

func loginAndSign(t *testing.T, p cardtest.Profile, kept *store, known bool) {
	h, c := oneCard(t, p, kept)
	defer h.Finalize(false)
	s := h.session(false)
	listed := c.Stats()
	if n := len(h.find(s)); known != (n > 0) {
		t.Fatalf("known %v: %d objects before the login", known, n)
	}
	h.login(s)
	key := h.one(s, ck.CKO_PRIVATE_KEY)
	cert, err := x509.ParseCertificate(h.value(s, h.one(s, ck.CKO_CERTIFICATE), ck.CKA_VALUE))
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("something to sign")
	sig := h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, data)
	hash := sha256.Sum256(data)
	if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, hash[:], sig); err != nil {
		t.Error(err)
	}
	first := c.Stats().Sub(listed)
	h.sign(s, key, ck.CKM_SHA256_RSA_PKCS, data)
	again := c.Stats().Sub(listed).Sub(first)
	t.Logf("known %v: recognised %d, login and signature %d, another signature %d APDUs",
		known, listed.APDUs, first.APDUs, again.APDUs)
	if again.APDUs > 3 || known && (first.APDUs > 22 || listed.APDUs > 8) {
		t.Error("too many APDUs")
	}
	if first.KeyAgreements != 1 || again.KeyAgreements != 0 || first.Verifies != 1 || again.Verifies != 0 || first.TriesSpent != 0 {
		t.Errorf("first %+v, again %+v", first, again)
	}
}
