package loopback

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
)

func start(t *testing.T, issuers *x509.CertPool) *Server {
	t.Helper()
	s, err := Start("test", issuers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, p cardtest.Profile) *card.Session {
	t.Helper()
	c, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	s, err := card.Open(t.Context(), c.Reader(), card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func clientCertificate(t *testing.T, p cardtest.Profile) tls.Certificate {
	t.Helper()
	s := open(t, p)
	if err := s.Verify(t.Context(), card.PIN, cardtest.DefaultPIN(), card.AcceptUnknownIssuer()); err != nil {
		t.Fatal(err)
	}
	cert, err := ClientCertificate(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func cardIssuers() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(cardtest.IssuingCA())
	return pool
}

func TestLoginNeedsCertificate(t *testing.T) {
	cert := clientCertificate(t, cardtest.Profile{Surname: "BIANCHI"})
	for name, issuers := range map[string]*x509.CertPool{"any issuer": nil, "the cards' issuer": cardIssuers()} {
		t.Run(name, func(t *testing.T) {
			server := start(t, issuers)
			if !strings.HasPrefix(server.URL, "https://127.0.0.1:") {
				t.Errorf("listens at %s", server.URL)
			}
			if _, err := server.Login(t.Context()); err == nil {
				t.Error("a client without a certificate was accepted")
			}
			seen, err := server.Login(t.Context(), cert)
			if err != nil || seen.Surname != "BIANCHI" || seen.NIS == "" || seen.TLS != "TLS 1.2" || !strings.HasPrefix(seen.Cipher, "TLS_ECDHE_") {
				t.Errorf("%+v, %v", seen, err)
			}
			stolen := cert
			stolen.Certificate = [][]byte{server.Certificate.Raw}
			if _, err := server.Login(t.Context(), stolen); err == nil {
				t.Error("a certificate that is not the key's got in")
			}
		})
	}
}

func TestForeignCertificateIsRefused(t *testing.T) {
	foreign, _, err := certificate("foreign")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := start(t, cardIssuers()).Login(t.Context(), foreign); err == nil {
		t.Error("a certificate of another issuer was accepted")
	}
}

func TestExpiredCertificateIsRefused(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	tests := []struct {
		name        string
		from, until time.Time
		refused     bool
	}{
		{"in force", now.Add(-day), now.Add(day), false},
		{"in the grace period", now.Add(-1000 * day), now.Add(-10 * day), false},
		{"expired", now.Add(-1000 * day), now.Add(-100 * day), true},
		{"not yet in force", now.Add(10 * day), now.Add(20 * day), true},
	}
	server := start(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cert := clientCertificate(t, cardtest.Profile{NotBefore: tt.from, NotAfter: tt.until})
			_, err := server.Login(t.Context(), cert)
			if errors.Is(err, ErrRefused) != tt.refused || !tt.refused && err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestClientCertificateNeedsPIN(t *testing.T) {
	if _, err := ClientCertificate(t.Context(), open(t, cardtest.Profile{})); !errors.Is(err, card.ErrPINRequired) {
		t.Errorf("without the PIN: %v", err)
	}
}
