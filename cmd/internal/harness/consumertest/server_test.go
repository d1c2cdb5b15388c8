//go:build linux

package consumertest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// serverFiles are the paths of a TLS server's certificate, its key, and the
// root it is issued by.
type serverFiles struct{ cert, key, root string }

// serverCertificate makes a certificate for a server on loopback.
func (h *host) serverCertificate(t *testing.T) serverFiles {
	t.Helper()
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "Root of a test"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    root.NotBefore,
		NotAfter:     root.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, keys[0].Public(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, keys[1].Public(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(keys[1])
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, der []byte) string {
		return h.write(t, name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return serverFiles{
		cert: file("server.pem", "CERTIFICATE", leafDER),
		key:  file("server.key", "PRIVATE KEY", keyDER),
		root: file("server-root.pem", "CERTIFICATE", rootDER),
	}
}

// portal is a web server that requires a certificate of the card's issuer and
// shows whose certificate it received, as a public service does.
type portal struct {
	port  string
	files serverFiles
}

// portal starts one on loopback that offers TLS up to the given version.
func (h *host) portal(t *testing.T, max uint16) *portal {
	t.Helper()
	files := h.serverCertificate(t)
	pair, err := tls.LoadX509KeyPair(files.cert, files.key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(h.ca)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "welcome %s over %s\n", r.TLS.PeerCertificates[0].Subject, tls.VersionName(r.TLS.Version))
	}))
	server.Config.ErrorLog = log.New(testWriter{t}, "portal: ", 0)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    roots,
		MaxVersion:   max,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &portal{port: port, files: files}
}

// testWriter writes lines to the log of a test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

// request is what a browser asks a portal.
const request = "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"
