package idp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"
)

func issue(t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, usage x509.ExtKeyUsage) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
	}
	if parent == nil {
		c.IsCA, c.KeyUsage, parent, parentKey = true, x509.KeyUsageCertSign, c, key
	} else {
		c.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, key
}

func TestServerAsksForCertificatesOfIssuers(t *testing.T) {
	ca, caKey := issue(t, "Issuer", nil, nil, 0)
	other, otherKey := issue(t, "Other issuer", nil, nil, 0)
	s, err := Start(Options{Issuers: []*x509.Certificate{ca}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	pool := x509.NewCertPool()
	pool.AddCert(s.CA())

	var asked *tls.CertificateRequestInfo
	get := func(url string, cert *x509.Certificate, key *ecdsa.PrivateKey) (string, error) {
		asked = nil
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, GetClientCertificate: func(i *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = i
			if cert == nil {
				return &tls.Certificate{}, nil
			}
			return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, nil
		}}}
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Get(url)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}

	holder, holderKey := issue(t, "ROSSI/MARIO", ca, caKey, x509.ExtKeyUsageClientAuth)
	server, serverKey := issue(t, "not a person", ca, caKey, x509.ExtKeyUsageServerAuth)
	stranger, strangerKey := issue(t, "STRANGER", other, otherKey, x509.ExtKeyUsageClientAuth)
	tests := []struct {
		name, url string
		cert      *x509.Certificate
		key       *ecdsa.PrivateKey
		shows     string
		event     EventKind
	}{
		{"start", s.StartURL(), nil, nil, "Entra con lettura carta CIE", EventStart},
		{"login", s.LoginURL(), holder, holderKey, "ROSSI/MARIO", EventLogin},
		{"no certificate", s.LoginURL(), nil, nil, "No_client_certificate", EventNoCertificate},
		{"not for clients", s.LoginURL(), server, serverKey, "Invalid_client_certificate", EventNoCertificate},
		{"issuer unknown", s.LoginURL(), stranger, strangerKey, "Invalid_client_certificate", EventNoCertificate},
		{"TLS 1.3", s.TLS13URL(), holder, holderKey, "ROSSI/MARIO", EventLogin},
	}
	from := 0
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, err := get(tt.url, tt.cert, tt.key)
			if err != nil || !strings.Contains(body, tt.shows) {
				t.Errorf("%v: %s", err, body)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			e, next, err := s.Wait(ctx, from, func(e Event) bool { return e.Kind == tt.event })
			if err != nil {
				t.Fatal(err)
			}
			from = next
			if tt.event == EventLogin && e.Subject.CommonName != tt.cert.Subject.CommonName {
				t.Errorf("event %v", e)
			}
			switch {
			case tt.name == "start" && asked != nil:
				t.Error("the first page asks for a certificate")
			case tt.name == "login":
				if asked.Version != tls.VersionTLS12 || len(asked.AcceptableCAs) != 1 || string(asked.AcceptableCAs[0]) != string(ca.RawSubject) {
					t.Errorf("asked for %+v", asked)
				}
			case tt.name == "TLS 1.3" && asked.Version != tls.VersionTLS13:
				t.Errorf("version %x", asked.Version)
			}
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	ca, _ := issue(t, "Issuer", nil, nil, 0)
	s, err := Start(Options{Issuers: []*x509.Certificate{ca}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Wait(ctx, 0, func(Event) bool { return true }); err == nil {
		t.Error("an event out of nothing")
	}
}

func TestStartFailsWithoutIssuer(t *testing.T) {
	if s, err := Start(Options{}); err == nil {
		s.Close()
		t.Error("started without an issuer")
	}
}
