// Package authority serves the issuer of the virtual cards over HTTP on the
// loopback interface: OCSP, CRL and time stamps, for tests and demonstrations.
package authority

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"cie/card/cardtest"
)

// Server is a running authority.
type Server struct {
	*cardtest.Authority
	// URL is the base address; the paths are /ocsp, /crl and /tsa. The server
	// is a proxy too: used as one, it answers for the addresses that the
	// certificates of virtual cards have.
	URL string

	http *http.Server
	mu   sync.Mutex // locked during an answer and by Change
}

const maxRequest = 1 << 20

// Start serves a on a free port of the loopback interface.
func Start(a *cardtest.Authority) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Authority: a, URL: "http://" + l.Addr().String()}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }()
	return s, nil
}

// Change changes the authority between two answers.
func (s *Server) Change(f func(*cardtest.Authority)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.Authority)
}

// Close stops the server.
func (s *Server) Close() error { return s.http.Close() }

// address returns the URL under which the authority publishes the service that r requests.
func address(r *http.Request) (url, contentType string, ok bool) {
	whole := "http://" + r.Host + r.URL.Path
	switch {
	case r.URL.Path == "/ocsp" || strings.HasPrefix(whole, cardtest.OCSPAddress):
		return cardtest.OCSPAddress, "application/ocsp-response", true
	case r.URL.Path == "/crl" || whole == cardtest.CRLAddress:
		return cardtest.CRLAddress, "application/pkix-crl", true
	case r.URL.Path == "/tsa" || strings.HasPrefix(whole, cardtest.TimestampAddress):
		return cardtest.TimestampAddress, "application/timestamp-reply", true
	}
	return "", "", false
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	url, contentType, ok := address(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err == nil {
		var answer []byte
		s.mu.Lock()
		answer, err = s.Fetch(context.Background(), url, "", body, 1<<30)
		s.mu.Unlock()
		if err == nil {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(answer)
			return
		}
	}
	if !errors.Is(err, context.Canceled) {
		http.Error(w, "bad request", http.StatusBadRequest)
	}
}
