package revocation_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"cie/card/ades/revocation"
	"cie/card/cardtest"
	"cie/card/internal/rawcert"
)

// now is the time of this machine, with which x/crypto/ocsp stamps its answers.
var now = time.Now().UTC().Truncate(time.Second)

func parse(t testing.TB, der []byte) *rawcert.Certificate {
	t.Helper()
	c, err := rawcert.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func subjects(t testing.TB) (cert, issuer *rawcert.Certificate) {
	t.Helper()
	_, der, err := cardtest.HolderKey(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, der), parse(t, cardtest.IssuingCA().Raw)
}

func TestAddressesOfCertificate(t *testing.T) {
	cert, _ := subjects(t)
	if got := revocation.OCSPServers(cert); len(got) != 1 || got[0] != cardtest.OCSPAddress {
		t.Errorf("%q", got)
	}
	if got := revocation.CRLs(cert); len(got) != 1 || got[0] != cardtest.CRLAddress {
		t.Errorf("%q", got)
	}
}

// authority is an issuer of this test with a delegated responder.
type authority struct {
	key, leafKey   *rsa.PrivateKey
	ca, leaf       *x509.Certificate
	rawCA, rawLeaf *rawcert.Certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{}
	var err error
	for _, k := range []**rsa.PrivateKey{&a.key, &a.leafKey} {
		if *k, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Issuer"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a.ca = a.issue(t, ca, ca, &a.key.PublicKey)
	a.leaf = a.issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "Leaf"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		CRLDistributionPoints: []string{"http://crl.example/a.crl"}, OCSPServer: []string{"ldap://x", "http://ocsp.example"},
	}, a.ca, &a.leafKey.PublicKey)
	a.rawCA, a.rawLeaf = parse(t, a.ca.Raw), parse(t, a.leaf.Raw)
	return a
}

func (a *authority) issue(t testing.TB, template, parent *x509.Certificate, key *rsa.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, a.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Responders other than the issuer need its authorisation.
func TestDelegatedRespondersNeedAuthorisation(t *testing.T) {
	a := newAuthority(t)
	responder := func(change func(*x509.Certificate)) *x509.Certificate {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "Responder"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
		}
		change(c)
		return a.issue(t, c, a.ca, &a.leafKey.PublicKey)
	}
	for name, c := range map[string]struct {
		responder *x509.Certificate
		ok        bool
	}{
		"with the usage":    {responder(func(*x509.Certificate) {}), true},
		"without the usage": {responder(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), false},
		"another usage":     {responder(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), false},
		"any usage":         {responder(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), false},
		"expired":           {responder(func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -1) }), false},
	} {
		answer, err := ocsp.CreateResponse(a.ca, c.responder, ocsp.Response{
			Status: ocsp.Good, SerialNumber: a.leaf.SerialNumber, ThisUpdate: now, NextUpdate: now.Add(time.Hour), ProducedAt: now, Certificate: c.responder,
		}, a.leafKey)
		if err != nil {
			t.Fatal(err)
		}
		s, err := revocation.OCSP(answer, a.rawLeaf, a.rawCA)
		if (err == nil) != c.ok || c.ok && s.Revoked {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if got := revocation.OCSPServers(a.rawLeaf); len(got) != 1 || got[0] != "http://ocsp.example" {
		t.Errorf("%q", got)
	}
}

func TestCRLIsAcceptedByTheRules(t *testing.T) {
	a := newAuthority(t)
	point := func(der ...byte) pkix.Extension {
		return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: append([]byte{0x30, byte(len(der))}, der...)}
	}
	url := func(u string) []byte {
		name := append([]byte{0x86, byte(len(u))}, u...)
		full := append([]byte{0xA0, byte(len(name))}, name...)
		return append([]byte{0xA0, byte(len(full))}, full...)
	}
	for name, c := range map[string]struct {
		extensions []pkix.Extension
		ok         bool
	}{
		"plain":                 {nil, true},
		"own point":             {[]pkix.Extension{point(url("http://crl.example/a.crl")...)}, true},
		"another point":         {[]pkix.Extension{point(url("http://crl.example/b.crl")...)}, false},
		"user certificates":     {[]pkix.Extension{point(0x81, 1, 0xFF)}, true},
		"authorities only":      {[]pkix.Extension{point(0x82, 1, 0xFF)}, false},
		"some reasons":          {[]pkix.Extension{point(0x83, 2, 1, 0x40)}, false},
		"indirect":              {[]pkix.Extension{point(0x84, 1, 0xFF)}, false},
		"delta":                 {[]pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}, false},
		"unknown critical":      {[]pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}, false},
		"unknown, not critical": {[]pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}}}, true},
	} {
		for _, revoked := range []bool{false, true} {
			list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour), ExtraExtensions: c.extensions}
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(5), RevocationTime: now})
			if revoked {
				list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
					x509.RevocationListEntry{SerialNumber: a.leaf.SerialNumber, RevocationTime: now.Add(-time.Hour), ReasonCode: 1})
			}
			der, err := x509.CreateRevocationList(rand.Reader, list, a.ca, a.key)
			if err != nil {
				t.Fatal(err)
			}
			s, err := revocation.CRL(der, a.rawLeaf, a.rawCA)
			if (err == nil) != c.ok || c.ok && s.Revoked != revoked || err != nil && !errors.Is(err, revocation.ErrNotBelieved) {
				t.Errorf("%s, revoked %v: %+v, %v", name, revoked, s, err)
			}
			der[len(der)-1] ^= 1
			if _, err := revocation.CRL(der, a.rawLeaf, a.rawCA); err == nil {
				t.Errorf("%s: a wrong signature is taken", name)
			}
		}
	}
}

// OpenSSL accepts our requests and the answers of the virtual cards' authority.
func TestOpenSSLAcceptsRequestAndAnswer(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	cert, issuer := subjects(t)
	q, err := revocation.NewRequest(cert, issuer)
	if err != nil {
		t.Fatal(err)
	}
	a := &cardtest.Authority{}
	answer, err := a.OCSP(q.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	crl, err := a.CRL()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"q": q.Marshal(), "a": answer, "crl": crl, "ca.pem": cardtest.IssuingCAPEM(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want, args := range map[string][]string{
		"Response verify OK": {"ocsp", "-issuer", "ca.pem", "-resp_text", "-reqin", "q", "-respin", "a", "-CAfile", "ca.pem"},
		"verify OK":          {"crl", "-inform", "DER", "-in", "crl", "-CAfile", "ca.pem", "-noout"},
	} {
		c := exec.Command(program, args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "WARNING") || args[0] == "ocsp" && !strings.Contains(string(out), "Cert Status: good") {
			t.Errorf("openssl %s: %v\n%s", args[0], err, out)
		}
	}
}

func TestFreshFollowsUpdates(t *testing.T) {
	for _, c := range []struct {
		from, to time.Duration
		want     bool
	}{
		{-time.Hour, time.Hour, true}, {-2 * time.Hour, -time.Hour, false}, {time.Hour, 2 * time.Hour, false},
		{time.Minute, time.Hour, true}, {-time.Hour, -time.Minute, true},
	} {
		s := revocation.Status{ThisUpdate: now.Add(c.from), NextUpdate: now.Add(c.to)}
		if s.Fresh(now) != c.want {
			t.Errorf("%v to %v", c.from, c.to)
		}
	}
	if !(revocation.Status{ThisUpdate: now.Add(-time.Hour)}).Fresh(now) || (revocation.Status{ThisUpdate: now.AddDate(0, 0, -2)}).Fresh(now) {
		t.Error("without nextUpdate")
	}
}

// fixed returns the time of the seeds, which is constant so that they do not change.
func fixed() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

func FuzzOCSP(f *testing.F) {
	cert, issuer := subjects(f)
	q, err := revocation.NewRequest(cert, issuer)
	if err != nil {
		f.Fatal(err)
	}
	a := &cardtest.Authority{Now: fixed}
	good, err := a.OCSP(q.Marshal())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	other := &cardtest.Authority{Now: a.Now, Fault: cardtest.FaultForeign}
	foreign, err := other.OCSP(q.Marshal())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(foreign)
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := revocation.OCSP(in, cert, issuer)
		switch {
		// The authority never revoked the certificate.
		case err == nil && (s.Revoked || s.ThisUpdate.IsZero()):
			t.Fatalf("a forged answer is believed: %+v", s)
		case err != nil && !errors.Is(err, revocation.ErrNotBelieved) && !errors.Is(err, revocation.ErrNoAnswer):
			t.Fatalf("error of another kind: %v", err)
		}
		_, _ = q.Check(in, now)
	})
}

func FuzzCRL(f *testing.F) {
	cert, issuer := subjects(f)
	a := &cardtest.Authority{Now: fixed}
	a.Revoke(big.NewInt(4711), fixed())
	crl, err := a.CRL()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(crl)
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := revocation.CRL(in, cert, issuer)
		switch {
		case err == nil && (s.Revoked || s.ThisUpdate.IsZero()):
			t.Fatalf("a forged list is believed: %+v", s)
		case err != nil && !errors.Is(err, revocation.ErrNotBelieved):
			t.Fatalf("error of another kind: %v", err)
		}
	})
}

// FuzzAddresses checks that extensions give web addresses only.
func FuzzAddresses(f *testing.F) {
	cert, _ := subjects(f)
	f.Add(cert.Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := rawcert.ParseFront(der)
		if err != nil {
			return
		}
		for _, url := range append(revocation.OCSPServers(c), revocation.CRLs(c)...) {
			if len(url) < 7 || url[:4] != "http" {
				t.Fatalf("%q", url)
			}
		}
	})
}
