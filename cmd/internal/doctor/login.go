package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"time"

	"cie/cmd/internal/probe"
)

// login logs in to a service on the loopback interface, through the module in
// a child process. Like the public service it requires TLS 1.2 and a client
// certificate. A second service accepts TLS 1.3 only, where RSA keys sign with PSS
// (RFC 8446 4.2.3), which the chip cannot do.
func (r *run) login() {
	if r.pin == nil || !r.loads {
		if r.loads && r.reader != "" && r.pin == nil {
			r.report(Check{ID: Login, Status: Skipped, Finding: LoginNeedsPIN, Remedy: GivePIN})
		} else {
			r.wait(Login)
		}
		r.report(Check{ID: TLS13, Status: OK, Finding: TLS13Impossible})
		return
	}
	outcome, err := r.loginOnce()
	if err != nil {
		r.report(Check{ID: Login, Status: Fail, Finding: LoginFails, Remedy: ReportIt, Detail: detail(err)})
		r.report(Check{ID: TLS13, Status: OK, Finding: TLS13Impossible})
		return
	}
	r.report(Check{ID: Login, Status: OK, Finding: LoginWorks, Values: []Value{{Name: "version", Text: outcome.Version}}, Detail: outcome.Cipher})
	c := Check{ID: TLS13, Status: OK, Finding: TLS13Refused, Detail: outcome.TLS13}
	if outcome.TLS13OK {
		c.Finding = TLS13Works
	}
	r.report(c)
}

func (r *run) loginOnce() (probe.Outcome, error) {
	own, der, err := serverCertificate(r.Now())
	if err != nil {
		return probe.Outcome{}, err
	}
	old, err := listen(own, tls.VersionTLS12, tls.VersionTLS12)
	if err != nil {
		return probe.Outcome{}, err
	}
	defer old.close()
	strict, err := listen(own, tls.VersionTLS13, tls.VersionTLS13)
	if err != nil {
		return probe.Outcome{}, err
	}
	defer strict.close()
	var outcome probe.Outcome
	err = r.Guard(func() (err error) {
		outcome, err = r.Prober.Login(r.ctx, r.Machine.Module, probe.Login{
			Reader: r.reader, Server: old.addr(), TLS13: strict.addr(), Certificate: der,
		}, r.pin)
		return err
	})
	return outcome, err
}

// server sends one byte to every client that proves possession of its key.
type server struct {
	listener net.Listener
	clients  sync.WaitGroup
}

func listen(own tls.Certificate, low, high uint16) (*server, error) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAnyClientCert, // any certificate will do
		MinVersion:   low, MaxVersion: high,
	})
	if err != nil {
		return nil, err
	}
	s := &server{listener: l}
	s.clients.Go(s.serve)
	return s, nil
}

func (s *server) addr() string { return s.listener.Addr().String() }

func (s *server) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.clients.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
			_, _ = conn.Write([]byte{'.'}) // executes the handshake first
		})
	}
}

func (s *server) close() {
	_ = s.listener.Close()
	s.clients.Wait()
}

// serverCertificate returns a certificate for the services, valid for an hour.
func serverCertificate(now time.Time) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "cie doctor"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, der, err
}
