package identity_test

import (
	"context"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/identity"
)

// The virtual card has several forms of the certificate.
func TestParseReadsCertificateOfVirtualCard(t *testing.T) {
	ctx := context.Background()
	notBefore := time.Date(2022, 2, 1, 0, 0, 0, 0, time.UTC)
	notAfter := time.Date(2032, 1, 31, 23, 59, 59, 0, time.UTC)
	for name, p := range map[string]cardtest.Profile{
		"plain":  {},
		"field":  {CommonNameSuffix: ".abc/d=", BareSubjectSerial: true},
		"padded": {Padding: map[uint16]int{0x1003: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			p.Surname, p.GivenName, p.FiscalCode = "D'ESEMPIO", "NICOLÒ", "DSMNCL85M41Z999X"
			p.NIS, p.DocumentNumber = "000000054321", "ZZ00000AA"
			p.NotBefore, p.NotAfter = notBefore, notAfter
			c, err := cardtest.New(p)
			if err != nil {
				t.Fatal(err)
			}
			s, err := card.Open(ctx, c.Reader(), card.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Verify(ctx, card.PIN, cardtest.DefaultPIN(), card.AcceptUnknownIssuer()); err != nil {
				t.Fatal(err)
			}
			der, err := s.Certificate(ctx)
			if err != nil {
				t.Fatal(err)
			}
			id, err := identity.Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			if id.Surname != p.Surname || id.GivenName != p.GivenName || id.FiscalCode != p.FiscalCode || id.NIS != p.NIS ||
				id.DocumentNumber != p.DocumentNumber || id.Country != "IT" ||
				id.CommonName != p.FiscalCode+"/"+p.NIS+p.CommonNameSuffix || id.Issuer != cardtest.IssuingCA().Subject.CommonName {
				t.Errorf("%+v", id)
			}
			if !id.NotBefore.Equal(notBefore) || !id.NotAfter.Equal(notAfter) {
				t.Errorf("%v to %v", id.NotBefore, id.NotAfter)
			}
			if id.Cert == nil || id.Cert.CheckSignatureFrom(cardtest.IssuingCA()) != nil {
				t.Error("not signed by the issuing CA")
			}
		})
	}
}
