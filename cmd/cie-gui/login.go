//go:build x11 || wayland || !linux

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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
	"cie/gui"
)

// login logs in with the card to a service on the loopback interface that
// lives for this one call. It speaks TLS 1.2, as the public service does: TLS
// 1.3 takes only PSS signatures from an RSA key, and the chip has none. The
// handshake proves that the card signs with the key of its certificate, and
// the service refuses a certificate that is not in force.
func login(ctx context.Context, s *card.Session) (gui.Login, error) {
	der, err := s.Certificate(ctx)
	if err != nil {
		return gui.Login{}, err
	}
	signer, err := s.Signer(ctx)
	if err != nil {
		return gui.Login{}, err
	}
	own, cert, err := serviceCertificate()
	if err != nil {
		return gui.Login{}, err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAnyClientCert,
		MinVersion:   tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
	})
	if err != nil {
		return gui.Login{}, err
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(greet),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()

	roots := x509.NewCertPool()
	roots.AddCert(cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs:    roots,
		MaxVersion: tls.VersionTLS12,
		Certificates: []tls.Certificate{{
			Certificate: [][]byte{der}, PrivateKey: signer,
			SupportedSignatureAlgorithms: []tls.SignatureScheme{tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512},
		}},
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+listener.Addr().String()+"/", nil)
	if err != nil {
		return gui.Login{}, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return gui.Login{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return gui.Login{}, err
	}
	if response.StatusCode != http.StatusOK {
		return gui.Login{}, fmt.Errorf("%w: %s", gui.ErrUntrusted, strings.TrimSpace(string(body)))
	}
	return gui.Login{Name: string(body), Protocol: tls.VersionName(response.TLS.Version)}, nil
}

// greet answers with the name in the client certificate.
func greet(w http.ResponseWriter, r *http.Request) {
	id, err := identity.Parse(r.TLS.PeerCertificates[0].Raw)
	if err == nil && !id.ValidAt(time.Now()) && !id.InGrace(time.Now()) {
		err = errors.New("the certificate has expired")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	fmt.Fprint(w, strings.TrimSpace(id.GivenName+" "+id.Surname))
}

// serviceCertificate makes the certificate of the service, for an hour.
func serviceCertificate() (tls.Certificate, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "cie-gui test login"},
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
