package probe

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/miekg/pkcs11"
)

// login does what a browser does: it logs in to the card, finds certificate and key, and
// authenticates to a server that requests a client certificate.
func (m *module) login(l Login, pin []byte) (Outcome, error) {
	slot, err := m.slot(l.Reader)
	if err != nil {
		return Outcome{}, err
	}
	session, err := m.ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return Outcome{}, refused("C_OpenSession", err)
	}
	defer m.ctx.CloseSession(session)
	if err := m.ctx.Login(session, pkcs11.CKU_USER, string(pin)); err != nil {
		var rv pkcs11.Error
		if errors.As(err, &rv) && (rv == pkcs11.CKR_PIN_INCORRECT || rv == pkcs11.CKR_PIN_LOCKED) {
			return Outcome{}, failed(ReasonWrongPIN, "C_Login", "%v", err)
		}
		return Outcome{}, refused("C_Login", err)
	}
	key := &key{module: m, session: session}
	cert, err := key.find()
	if err != nil {
		return Outcome{}, err
	}
	var o Outcome
	state, err := handshake(l.Server, l.Certificate, cert)
	if err != nil {
		return Outcome{}, failed(ReasonHandshake, "", "%v", err)
	}
	o.Version, o.Cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	if l.TLS13 != "" {
		if _, err := handshake(l.TLS13, l.Certificate, cert); err != nil {
			o.TLS13 = err.Error()
		} else {
			o.TLS13OK = true
		}
	}
	return o, nil
}

// slot finds the card in a reader.
func (m *module) slot(reader string) (uint, error) {
	slots, err := m.ctx.GetSlotList(true)
	if err != nil {
		return 0, refused("C_GetSlotList", err)
	}
	var fit []uint
	for _, s := range slots {
		info, err := m.ctx.GetSlotInfo(s)
		if err != nil {
			continue
		}
		c := Card{Slot: strings.TrimSpace(info.SlotDescription)}
		if reader == "" || c.In(reader) {
			fit = append(fit, s)
		}
	}
	// A PIN must not be sent to a card that may be another one.
	if len(fit) != 1 {
		return 0, failed(ReasonNoToken, "C_GetSlotList", "%d cards, %d of them fit", len(slots), len(fit))
	}
	return fit[0], nil
}

// key is the private key of the card; it implements crypto.Signer.
type key struct {
	*module
	session pkcs11.SessionHandle
	object  pkcs11.ObjectHandle
	public  crypto.PublicKey
}

func (k *key) find() (tls.Certificate, error) {
	der, err := k.certificate()
	if err != nil {
		return tls.Certificate{}, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, none("certificate that can be read")
	}
	if k.object, err = k.first(pkcs11.CKO_PRIVATE_KEY); err != nil {
		return tls.Certificate{}, none("private key")
	}
	k.public = parsed.PublicKey
	return tls.Certificate{
		Certificate: [][]byte{parsed.Raw}, PrivateKey: k,
		// The chip pads as in PKCS #1 v1.5 only.
		SupportedSignatureAlgorithms: []tls.SignatureScheme{tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512},
	}, nil
}

func none(what string) error { return failed(ReasonNoCertificate, "C_FindObjects", "%s", what) }

// certificate reads the certificate of the card.
func (k *key) certificate() ([]byte, error) {
	cert, err := k.first(pkcs11.CKO_CERTIFICATE)
	if err != nil {
		return nil, none("certificate")
	}
	attributes, err := k.ctx.GetAttributeValue(k.session, cert, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
	if err != nil {
		return nil, refused("C_GetAttributeValue", err)
	}
	return attributes[0].Value, nil
}

// first finds the first object of a class.
func (k *key) first(class uint) (pkcs11.ObjectHandle, error) {
	if err := k.ctx.FindObjectsInit(k.session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}); err != nil {
		return 0, err
	}
	list, _, err := k.ctx.FindObjects(k.session, 1)
	_ = k.ctx.FindObjectsFinal(k.session)
	if err == nil && len(list) == 0 {
		err = errors.New("none")
	}
	if err != nil {
		return 0, err
	}
	return list[0], nil
}

// Public implements crypto.Signer.
func (k *key) Public() crypto.PublicKey { return k.public }

// prefixes are the beginnings of a DigestInfo (RFC 8017 9.2).
var prefixes = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// Sign implements crypto.Signer.
func (k *key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	prefix, ok := prefixes[opts.HashFunc()]
	if !ok {
		return nil, failed(ReasonHandshake, "C_Sign", "hash %v", opts.HashFunc())
	}
	if err := k.ctx.SignInit(k.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil)}, k.object); err != nil {
		return nil, refused("C_SignInit", err)
	}
	signature, err := k.ctx.Sign(k.session, append(append([]byte(nil), prefix...), digest...))
	if err != nil {
		return nil, refused("C_Sign", err)
	}
	return signature, nil
}

// handshakeTimeout limits one handshake with a service on this machine.
const handshakeTimeout = time.Minute

// handshake connects and reads the answer, because with TLS 1.3 the server's refusal
// arrives after the client's handshake.
func handshake(address string, server []byte, own tls.Certificate) (tls.ConnectionState, error) {
	cert, err := x509.ParseCertificate(server)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	host, _, _ := net.SplitHostPort(address)
	// Always return a certificate: without one crypto/tls would send none and continue.
	client := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: host, GetClientCertificate: func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if err := r.SupportsCertificate(&own); err != nil {
			return nil, err
		}
		return &own, nil
	}})
	if err := client.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, err
	}
	if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return client.ConnectionState(), nil
}
