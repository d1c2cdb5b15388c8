package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/card/identity"
	"cie/cmd/cie/internal/msg"
)

// seenJSON is what the demonstration's server answers: whom it saw.
type seenJSON struct {
	Surname    string `json:"surname"`
	GivenName  string `json:"given_name"`
	FiscalCode string `json:"fiscal_code"`
	NIS        string `json:"nis"`
	TLS        string `json:"tls"`
	Cipher     string `json:"cipher"`
}

// loginServer is a service as the public ones are: it asks for a client
// certificate of the authority that issues the cards.
type loginServer struct {
	server *http.Server
	url    string
	cert   *x509.Certificate
}

// newLoginServer listens on a free port of the loopback interface.
func newLoginServer() (*loginServer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "cie demo"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	issuers := x509.NewCertPool()
	issuers.AddCert(cardtest.IssuingCA())
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    issuers,
		MinVersion:   tls.VersionTLS12,
	})
	if err != nil {
		return nil, err
	}
	s := &loginServer{
		url:  "https://" + listener.Addr().String() + "/",
		cert: cert,
		server: &http.Server{
			Handler:           http.HandlerFunc(showIdentity),
			ReadHeaderTimeout: 10 * time.Second,
			// Refused connections belong to the demonstration.
			ErrorLog: log.New(io.Discard, "", 0),
		},
	}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

func (s *loginServer) close() { _ = s.server.Close() }

// showIdentity answers with the identity in the client certificate, which TLS
// has verified.
func showIdentity(w http.ResponseWriter, r *http.Request) {
	id, err := identity.Parse(r.TLS.PeerCertificates[0].Raw)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(seenJSON{
		Surname:    id.Surname,
		GivenName:  id.GivenName,
		FiscalCode: id.FiscalCode,
		NIS:        id.NIS,
		TLS:        tls.VersionName(r.TLS.Version),
		Cipher:     tls.CipherSuiteName(r.TLS.CipherSuite),
	})
}

// login calls the server with the given client certificates.
func (s *loginServer) login(ctx context.Context, certs ...tls.Certificate) (seenJSON, error) {
	var seen seenJSON
	roots := x509.NewCertPool()
	roots.AddCert(s.cert)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{
			RootCAs:      roots,
			Certificates: certs,
			// TLS 1.3 takes only PSS signatures from an RSA key, and the chip
			// has none.
			MaxVersion: tls.VersionTLS12,
		},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return seen, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return seen, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return seen, fmt.Errorf("the server answered %s", response.Status)
	}
	return seen, json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&seen)
}

// clientCertificate is the card as crypto/tls wants it.
func clientCertificate(ctx context.Context, s *card.Session) (tls.Certificate, error) {
	der, err := s.Certificate(ctx)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := s.Signer(ctx)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{
		Certificate: [][]byte{der},
		PrivateKey:  key,
		// Left alone, crypto/tls would choose PSS where the server takes it.
		SupportedSignatureAlgorithms: []tls.SignatureScheme{
			tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512,
		},
	}, nil
}

func (d *demo) stepLogin(ctx context.Context) error {
	server, err := newLoginServer()
	if err != nil {
		return err
	}
	defer server.close()
	if _, err := server.login(ctx); err == nil {
		return errors.New("the server let somebody in without a card")
	}
	d.shown(msg.DemoLoginRefused)

	if _, err := d.wantAccepted(ctx); err != nil {
		return err
	}
	cert, err := clientCertificate(ctx, d.session)
	if err != nil {
		return err
	}
	seen, err := server.login(ctx, cert)
	if err != nil {
		return err
	}
	if seen.NIS != d.original.NIS() {
		return unexpected("the server saw", seen.NIS)
	}
	if seen.TLS != tls.VersionName(tls.VersionTLS12) {
		return unexpected("version of TLS", seen.TLS)
	}
	d.shown(msg.DemoLoginTLS, seen.TLS, seen.Cipher)
	d.shown(msg.DemoLoginSaw, seen.GivenName, seen.Surname, seen.FiscalCode, seen.NIS)
	d.fact("seen", seen)
	return nil
}
