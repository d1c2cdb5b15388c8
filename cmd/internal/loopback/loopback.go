// Package loopback implements a web service on the loopback interface that requests the
// certificate of a card, as public services do, and a client for it. It tests a login
// with the card without a connection to another computer.
package loopback

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
	"strings"
	"time"

	"cie/card"
	"cie/card/identity"
)

// ErrRefused reports that the service did not accept the client's certificate. Errors of
// the handshake itself do not wrap it.
var ErrRefused = errors.New("the service refused the certificate")

// Seen describes the client and the connection as the service saw them.
type Seen struct {
	Surname    string `json:"surname"`
	GivenName  string `json:"given_name"`
	FiscalCode string `json:"fiscal_code"`
	NIS        string `json:"nis"`
	TLS        string `json:"tls"`    // "TLS 1.2"
	Cipher     string `json:"cipher"` // its name in the IANA registry
}

// Server is the service. Close ends it.
type Server struct {
	// URL is its address, Certificate its own certificate.
	URL         string
	Certificate *x509.Certificate

	http *http.Server
}

// Start listens on a free port of the loopback interface, with a certificate
// for name made for the next hour. Clients must have a certificate of one of
// the issuers; with nil any that is an identity will do. It must be in force,
// or in the 90 days after.
func Start(name string, issuers *x509.CertPool) (*Server, error) {
	own, cert, err := certificate(name)
	if err != nil {
		return nil, fmt.Errorf("certificate of the service: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	if issuers != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, issuers
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return nil, err
	}
	s := &Server{
		URL:         "https://" + listener.Addr().String() + "/",
		Certificate: cert,
		http: &http.Server{
			Handler:           http.HandlerFunc(show),
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          log.New(io.Discard, "", 0), // the client reports what failed
		},
	}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Close ends the service at once.
func (s *Server) Close() { _ = s.http.Close() }

// show answers with the identity in the client certificate, whose key the
// handshake has proved.
func show(w http.ResponseWriter, r *http.Request) {
	id, err := identity.Parse(r.TLS.PeerCertificates[0].Raw)
	if err == nil && !id.ValidityAt(time.Now()).ForLogin() {
		err = errors.New("it is not in force")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Seen{
		Surname:    id.Surname,
		GivenName:  id.GivenName,
		FiscalCode: id.FiscalCode,
		NIS:        id.NIS,
		TLS:        tls.VersionName(r.TLS.Version),
		Cipher:     tls.CipherSuiteName(r.TLS.CipherSuite),
	})
}

// maxAnswer limits the length of an answer.
const maxAnswer = 1 << 16

// Login calls the service with the given client certificates over TLS 1.2. TLS 1.3
// requires PSS signatures of an RSA key, which the chip does not support.
func (s *Server) Login(ctx context.Context, certs ...tls.Certificate) (Seen, error) {
	var seen Seen
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs:      roots,
		Certificates: certs,
		MaxVersion:   tls.VersionTLS12,
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return seen, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return seen, err
	}
	defer response.Body.Close()
	body := io.LimitReader(response.Body, maxAnswer)
	if response.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(body)
		return seen, fmt.Errorf("%w: %s", ErrRefused, strings.TrimSpace(string(why)))
	}
	if err := json.NewDecoder(body).Decode(&seen); err != nil {
		return Seen{}, fmt.Errorf("answer of the service: %w", err)
	}
	return seen, nil
}

// ClientCertificate returns the card as a certificate for crypto/tls. The PIN must have
// been verified, because the certificate is unreadable before.
func ClientCertificate(ctx context.Context, s *card.Session) (tls.Certificate, error) {
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
		// By default crypto/tls would choose PSS if the server accepts it.
		SupportedSignatureAlgorithms: []tls.SignatureScheme{
			tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512,
		},
	}, nil
}

// certificate makes the certificate of a service on 127.0.0.1.
func certificate(name string) (tls.Certificate, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, cert, err
}
