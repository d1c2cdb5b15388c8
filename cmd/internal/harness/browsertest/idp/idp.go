// Package idp is a service on the loopback interface that behaves, for a
// browser, like the identity provider of "Entra con CIE": one path asks for a
// TLS client certificate over TLS 1.2, names the issuing CA as acceptable, and
// shows who logged in; a browser without a certificate lands on an error page.
//
// The real service asks for the certificate by renegotiation on the connection
// that is already open. crypto/tls has no renegotiation on the server's side,
// so that path lives on a listener (a port) of its own, to which the first page
// sends the browser; what the browser, the module and the card do after that is
// the same. A third listener speaks TLS 1.3 only, which this card cannot
// authenticate to: TLS 1.3 allows RSA keys with PSS only.
package idp

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
	"html/template"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// LoginPath is the one path that asks for a certificate, as at the real service.
const LoginPath = "/idp/Authn/SSL/Login2"

// EventKind is what happened at the service.
type EventKind string

const (
	// EventStart: the page with the button was fetched.
	EventStart EventKind = "start"
	// EventLogin: a certificate was presented, verified and its holder shown.
	EventLogin EventKind = "login"
	// EventNoCertificate: the browser connected without a certificate.
	EventNoCertificate EventKind = "no-certificate"
	// EventErrorPage: the error page was fetched.
	EventErrorPage EventKind = "error-page"
	// EventShown: the browser has rendered a page; Text is what it shows.
	EventShown EventKind = "shown"
	// EventPressed: the button of a page was pressed.
	EventPressed EventKind = "pressed"
	// EventHandshake: a handshake failed; Text is the error.
	EventHandshake EventKind = "handshake-failed"
)

// Event is one thing that happened.
type Event struct {
	At      time.Time
	Kind    EventKind
	Path    string
	Subject pkix.Name // EventLogin
	Scheme  string    // EventLogin: version and cipher suite
	Text    string
	Agent   string // User-Agent of the browser; empty for EventHandshake
}

func (e Event) String() string {
	s := e.At.Format("15:04:05.000 ") + string(e.Kind)
	if e.Path != "" {
		s += " " + e.Path
	}
	if e.Kind == EventLogin {
		s += " " + e.Subject.CommonName + " " + e.Scheme
	}
	if e.Text != "" {
		s += fmt.Sprintf(" %q", e.Text)
	}
	return s
}

// Server is the running service.
type Server struct {
	ca     *x509.Certificate
	leaf   tls.Certificate
	lns    []net.Listener
	srvs   []*http.Server
	issuer *x509.CertPool
	now    func() time.Time

	mu     sync.Mutex
	conns  map[net.Conn]bool // of the listeners that ask for a certificate
	events []Event
	wake   chan struct{}
}

// Options are what Start needs.
type Options struct {
	// Issuers are the CAs whose certificates are accepted and announced.
	Issuers []*x509.Certificate
	// Now is the time certificates are checked at; time.Now if nil.
	Now func() time.Time
}

// Start opens the listeners on 127.0.0.1. Close ends the service.
func Start(o Options) (*Server, error) {
	if len(o.Issuers) == 0 {
		return nil, errors.New("no issuer to accept")
	}
	s := &Server{issuer: x509.NewCertPool(), wake: make(chan struct{}), now: o.Now, conns: map[net.Conn]bool{}}
	if s.now == nil {
		s.now = time.Now
	}
	for _, c := range o.Issuers {
		s.issuer.AddCert(c)
	}
	if err := s.makeCertificate(); err != nil {
		return nil, err
	}
	open := &tls.Config{Certificates: []tls.Certificate{s.leaf}, MinVersion: tls.VersionTLS12}
	login := &tls.Config{
		Certificates: []tls.Certificate{s.leaf},
		MinVersion:   tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		// Asked for, not demanded: without one the browser gets the error page.
		ClientAuth: tls.RequestClientCert, ClientCAs: s.issuer,
		// Each login shall be a signature of the card.
		SessionTicketsDisabled: true,
		NextProtos:             []string{"http/1.1"},
	}
	tls13 := login.Clone()
	tls13.MinVersion, tls13.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
	for _, c := range []*tls.Config{open, login, tls13} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Close()
			return nil, err
		}
		s.lns = append(s.lns, ln)
		srv := &http.Server{
			Handler:           s.handler(c),
			TLSConfig:         c,
			ErrorLog:          log.New(handshakeLog{s}, "", 0),
			ReadHeaderTimeout: time.Minute,
		}
		if c != open {
			srv.ConnState = s.track
		}
		s.srvs = append(s.srvs, srv)
		go srv.Serve(tls.NewListener(ln, c))
	}
	return s, nil
}

// Close stops the listeners.
func (s *Server) Close() error {
	var errs []error
	for _, srv := range s.srvs {
		errs = append(errs, srv.Close())
	}
	for _, ln := range s.lns {
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Server) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, c)
	}
}

// Hangup closes the connections of the listeners that ask for a certificate.
// Browsers open more than they use, and a later login over one of those would
// need no signature.
func (s *Server) Hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// makeCertificate makes a CA for this run and a certificate for "localhost".
func (s *Server) makeCertificate() error {
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		return k
	}
	caKey, leafKey := key(), key()
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA of the loopback service"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	if s.ca, err = x509.ParseCertificate(caDER); err != nil {
		return err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, s.ca, leafKey.Public(), caKey)
	if err != nil {
		return err
	}
	s.leaf = tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}
	s.leaf.Leaf, err = x509.ParseCertificate(leafDER)
	return err
}

// CA returns the authority that issued the service's own certificate, for browsers to trust.
func (s *Server) CA() *x509.Certificate { return s.ca }

// Certificate returns the service's own certificate.
func (s *Server) Certificate() *x509.Certificate { return s.leaf.Leaf }

func (s *Server) at(i int, path string) string {
	return fmt.Sprintf("https://localhost:%d%s", s.lns[i].Addr().(*net.TCPAddr).Port, path)
}

// StartURL returns the page with the button "Entra con lettura carta CIE".
func (s *Server) StartURL() string { return s.at(0, "/idp/login") }

// StartTLS13URL returns the same page with the button leading to TLS13URL.
func (s *Server) StartTLS13URL() string { return s.StartURL() + "?tls13" }

// LoginURL returns the address that asks for the certificate, over TLS 1.2.
func (s *Server) LoginURL() string { return s.at(1, LoginPath) }

// TLS13URL returns the same path at a server that speaks TLS 1.3 only.
func (s *Server) TLS13URL() string { return s.at(2, LoginPath) }

func (s *Server) handler(c *tls.Config) http.Handler {
	mux := http.NewServeMux()
	// The page reports what it shows, so a test knows that a user would see it.
	mux.HandleFunc("POST /shown", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		s.add(Event{Kind: EventShown, Agent: r.UserAgent(), Path: r.URL.Query().Get("path"), Text: string(b)})
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /pressed", func(w http.ResponseWriter, r *http.Request) {
		s.add(Event{Kind: EventPressed, Agent: r.UserAgent(), Path: r.URL.Query().Get("path")})
		w.WriteHeader(http.StatusNoContent)
	})
	if c.ClientAuth == tls.NoClientCert {
		mux.HandleFunc("GET /idp/login", func(w http.ResponseWriter, r *http.Request) {
			s.add(Event{Kind: EventStart, Agent: r.UserAgent(), Path: r.URL.Path})
			link := s.LoginURL()
			if r.URL.Query().Has("tls13") {
				link = s.TLS13URL()
			}
			s.page(w, page{Title: "Entra con CIE", Heading: "Entra con CIE", Link: link, LinkText: "Entra con lettura carta CIE"})
		})
		mux.HandleFunc("GET /idp/errorcode.jsp", func(w http.ResponseWriter, r *http.Request) {
			s.add(Event{Kind: EventErrorPage, Agent: r.UserAgent(), Path: r.URL.RequestURI()})
			w.WriteHeader(http.StatusForbidden)
			s.page(w, page{Title: "Errore", Heading: "Errore di accesso", Text: r.URL.Query().Get("err"), Link: s.StartURL(), LinkText: "Riprova"})
		})
		return mux
	}
	mux.HandleFunc("GET "+LoginPath, s.login)
	return mux
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	// A further login is a further handshake.
	w.Header().Set("Connection", "close")
	w.Header().Set("Cache-Control", "no-store")
	fail := func(e Event, code string) {
		s.add(e)
		http.Redirect(w, r, s.at(0, "/idp/errorcode.jsp?err="+url.QueryEscape(code)), http.StatusFound)
	}
	if len(r.TLS.PeerCertificates) == 0 {
		fail(Event{Kind: EventNoCertificate, Agent: r.UserAgent(), Path: r.URL.Path}, "No_client_certificate")
		return
	}
	leaf := r.TLS.PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: s.issuer, CurrentTime: s.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		fail(Event{Kind: EventNoCertificate, Agent: r.UserAgent(), Path: r.URL.Path, Text: err.Error()}, "Invalid_client_certificate")
		return
	}
	s.add(Event{
		Kind: EventLogin, Agent: r.UserAgent(), Path: r.URL.Path, Subject: leaf.Subject,
		Scheme: tls.VersionName(r.TLS.Version) + " " + tls.CipherSuiteName(r.TLS.CipherSuite),
	})
	s.page(w, page{Title: "Accesso riuscito", Heading: "Accesso riuscito", Text: leaf.Subject.CommonName, Link: s.StartURL(), LinkText: "Esci"})
}

type page struct{ Title, Heading, Text, Link, LinkText string }

// The script sends what the page shows to the listener that asks for no
// certificate. The link has the focus, so a user may press Enter.
var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="it"><head><meta charset="utf-8"><meta name="google" content="notranslate"><title>{{.Title}}{{with .Text}}: {{.}}{{end}}</title>
<style>body{font:22px sans-serif;margin:4em;color:#17324d}h1{font-size:36px}a{background:#0a7d3c;color:#fff;padding:.6em 1em;text-decoration:none;border-radius:4px}</style></head>
<body><h1>{{.Heading}}</h1><p id="holder">{{.Text}}</p><p><a id="go" href="{{.Link}}">{{.LinkText}}</a></p>
<script>
addEventListener("pageshow", () => {
  const go = document.getElementById("go"), path = "?path=" + encodeURIComponent(location.pathname);
  go.addEventListener("click", () => navigator.sendBeacon("{{.Service}}/pressed" + path));
  go.focus();
  fetch("{{.Service}}/shown" + path, {method: "POST", mode: "no-cors", body: document.body.innerText.trim()});
});
</script></body></html>
`))

func (s *Server) page(w http.ResponseWriter, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pageTemplate.Execute(w, struct {
		page
		Service string
	}{p, s.at(0, "")})
}

// handshakeLog turns the server's log of failed handshakes into events.
type handshakeLog struct{ s *Server }

func (l handshakeLog) Write(b []byte) (int, error) {
	l.s.add(Event{Kind: EventHandshake, Text: string(b)})
	return len(b), nil
}

func (s *Server) add(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.At = time.Now()
	s.events = append(s.events, e)
	close(s.wake)
	s.wake = make(chan struct{})
}

// Events returns what happened so far.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Wait returns the first event at or after index from that match accepts, and
// the index after it. It waits until there is one or ctx ends.
func (s *Server) Wait(ctx context.Context, from int, match func(Event) bool) (Event, int, error) {
	for {
		s.mu.Lock()
		events, wake := s.events, s.wake
		s.mu.Unlock()
		for ; from < len(events); from++ {
			if match(events[from]) {
				return events[from], from + 1, nil
			}
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return Event{}, from, fmt.Errorf("%w; events: %v", ctx.Err(), events)
		}
	}
}
