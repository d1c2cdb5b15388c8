// Package revocation parses OCSP responses (RFC 6960) and CRLs (RFC 5280, 5) and
// builds OCSP requests. It does not access the network: the caller sends requests.
// An answer counts only if it is about the certificate and its signer is authorised.
package revocation

import (
	"bytes"
	"crypto"
	"crypto/rand"
	_ "crypto/sha1" // registered for CertID
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
)

// Media types of OCSP over HTTP (RFC 6960, Appendix A).
const (
	RequestType  = "application/ocsp-request"
	ResponseType = "application/ocsp-response"
)

// Limits of what is read of an answer.
const (
	MaxOCSP = 1 << 20
	MaxCRL  = 32 << 20
)

var (
	// ErrNotBelieved reports an answer that proves nothing about the certificate.
	ErrNotBelieved = errors.New("revocation answer cannot be believed")
	// ErrNoAnswer reports that the responder gave no answer about the certificate.
	ErrNoAnswer = errors.New("no revocation answer")
)

func not(what string) error { return fmt.Errorf("%w: %s", ErrNotBelieved, what) }

// Status is the status of a certificate according to a verified answer.
type Status struct {
	Source    string // "ocsp" or "crl"
	Revoked   bool
	RevokedAt time.Time
	// ThisUpdate is the time at which the status was correct, NextUpdate the time of
	// newer information, zero if it is always available.
	ThisUpdate, NextUpdate time.Time
}

// skew is what clocks may differ, maxAge how old an answer without nextUpdate may be.
const (
	skew   = 5 * time.Minute
	maxAge = 24 * time.Hour
)

// Fresh reports whether the status is one of now.
func (s Status) Fresh(now time.Time) bool {
	if s.ThisUpdate.After(now.Add(skew)) {
		return false
	}
	if s.NextUpdate.IsZero() {
		return !now.After(s.ThisUpdate.Add(maxAge))
	}
	return !now.After(s.NextUpdate.Add(skew))
}

var (
	oidSHA1        = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidOCSPBasic   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
	oidNonce       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	oidOCSP        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1}
	oidOCSPSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 9}
	oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidAIA         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}
	oidCDP         = asn1.ObjectIdentifier{2, 5, 29, 31}
)

func tag(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// uriTag is uniformResourceIdentifier of GeneralName.
var uriTag = cbasn1.Tag(6).ContextSpecific()

// web reports whether a URL may be fetched.
func web(url string) bool {
	return strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://")
}

// maxURLs limits the addresses that are taken from a certificate.
const maxURLs = 4

// OCSPServers returns the web addresses of a certificate's OCSP responders.
func OCSPServers(c *rawcert.Certificate) []string {
	e, _ := c.Extension(oidAIA)
	value := cryptobyte.String(e.Value)
	var list []string
	var all cryptobyte.String
	if !value.ReadASN1(&all, cbasn1.SEQUENCE) {
		return nil
	}
	for !all.Empty() && len(list) < maxURLs {
		var one, url cryptobyte.String
		var method asn1.ObjectIdentifier
		if !all.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&method) {
			return list
		}
		if method.Equal(oidOCSP) && one.ReadASN1(&url, uriTag) && web(string(url)) {
			list = append(list, string(url))
		}
	}
	return list
}

// CRLs returns the web addresses of a certificate's CRLs.
func CRLs(c *rawcert.Certificate) []string {
	e, _ := c.Extension(oidCDP)
	value := cryptobyte.String(e.Value)
	var list []string
	var all cryptobyte.String
	if !value.ReadASN1(&all, cbasn1.SEQUENCE) {
		return nil
	}
	for !all.Empty() && len(list) < maxURLs {
		var point, name cryptobyte.String
		if !all.ReadASN1(&point, cbasn1.SEQUENCE) {
			return list
		}
		if point.ReadASN1(&name, tag(0)) {
			for _, url := range fullName(name) {
				if web(url) && len(list) < maxURLs {
					list = append(list, url)
				}
			}
		}
	}
	return list
}

// fullName returns the addresses in a DistributionPointName.
func fullName(name cryptobyte.String) []string {
	var names cryptobyte.String
	var list []string
	if !name.ReadASN1(&names, tag(0)) {
		return nil
	}
	for !names.Empty() {
		var one cryptobyte.String
		var any cbasn1.Tag
		if !names.ReadAnyASN1(&one, &any) {
			return list
		}
		if any == uriTag {
			list = append(list, string(one))
		}
	}
	return list
}

// Request is an OCSP request about one certificate.
type Request struct {
	cert, issuer *rawcert.Certificate
	nonce        []byte
}

// NewRequest returns a request with a fresh nonce.
func NewRequest(cert, issuer *rawcert.Certificate) (*Request, error) {
	r := &Request{cert: cert, issuer: issuer, nonce: make([]byte, 16)}
	_, err := io.ReadFull(rand.Reader, r.nonce)
	return r, err
}

// Marshal returns the OCSPRequest in DER (RFC 6960, 4.1.1). It names the certificate
// with SHA-1, which every responder supports. Security does not depend on that hash.
func (r *Request) Marshal() []byte {
	name, key, ok := issuerHashes(r.issuer, crypto.SHA1)
	if !ok {
		return nil
	}
	var b cryptobyte.Builder
	sequence := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(cbasn1.SEQUENCE, f) }
	sequence(&b, func(b *cryptobyte.Builder) { // OCSPRequest
		sequence(b, func(b *cryptobyte.Builder) { // TBSRequest
			sequence(b, func(b *cryptobyte.Builder) { // requestList
				sequence(b, func(b *cryptobyte.Builder) { // Request
					sequence(b, func(b *cryptobyte.Builder) { // CertID
						sequence(b, func(b *cryptobyte.Builder) {
							b.AddASN1ObjectIdentifier(oidSHA1)
							b.AddASN1NULL()
						})
						b.AddASN1OctetString(name)
						b.AddASN1OctetString(key)
						b.AddASN1(cbasn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(r.cert.Serial) })
					})
				})
			})
			b.AddASN1(tag(2), func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oidNonce)
						b.AddASN1(cbasn1.OCTET_STRING, func(b *cryptobyte.Builder) { b.AddASN1OctetString(r.nonce) })
					})
				})
			})
		})
	})
	return b.BytesOrPanic()
}

// Check checks the answer to the request, which must be fresh. A responder may
// leave the nonce out (RFC 6960, 4.4.1), but not send another.
func (r *Request) Check(response []byte, now time.Time) (Status, error) {
	s, nonce, err := readOCSP(response, r.cert, r.issuer)
	switch {
	case err != nil:
		return Status{}, err
	case nonce != nil && !bytes.Equal(nonce, r.nonce):
		return Status{}, not("nonce")
	case !s.Fresh(now):
		return Status{}, not("not of today")
	}
	return s, nil
}

// OCSP verifies an answer from another source, such as a file. The caller checks
// whether it is recent enough.
func OCSP(response []byte, cert, issuer *rawcert.Certificate) (Status, error) {
	s, _, err := readOCSP(response, cert, issuer)
	return s, err
}

// issuerHashes returns issuerNameHash and issuerKeyHash.
func issuerHashes(issuer *rawcert.Certificate, h crypto.Hash) (name, key []byte, ok bool) {
	spki := cryptobyte.String(issuer.SPKI)
	var sequence cryptobyte.String
	var bits []byte
	if !spki.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.SkipASN1(cbasn1.SEQUENCE) || !sequence.ReadASN1BitStringAsBytes(&bits) {
		return nil, nil, false
	}
	sum := func(b []byte) []byte {
		d := h.New()
		d.Write(b)
		return d.Sum(nil)
	}
	return sum(issuer.RawSubject), sum(bits), true
}

// maxAnswers limits the certificates that one answer is about, and those in it.
const (
	maxAnswers      = 256
	maxCertificates = 16
)

func readOCSP(response []byte, cert, issuer *rawcert.Certificate) (s Status, nonce []byte, err error) {
	bad := func(what string) (Status, []byte, error) { return Status{}, nil, not(what) }
	b := cryptobyte.String(response)
	var outer, wrapped, bytesSeq, content cryptobyte.String
	var status int
	var kind asn1.ObjectIdentifier
	if !b.ReadASN1(&outer, cbasn1.SEQUENCE) || !b.Empty() || !outer.ReadASN1Enum(&status) {
		return bad("not an OCSP answer")
	}
	if status != 0 {
		return Status{}, nil, fmt.Errorf("%w: OCSP status %d", ErrNoAnswer, status)
	}
	if !outer.ReadASN1(&wrapped, tag(0)) || !wrapped.ReadASN1(&bytesSeq, cbasn1.SEQUENCE) ||
		!bytesSeq.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidOCSPBasic) || !bytesSeq.ReadASN1(&content, cbasn1.OCTET_STRING) {
		return bad("not a basic OCSP answer")
	}
	var basic, data, algorithm cryptobyte.String
	var signature []byte
	if !content.ReadASN1(&basic, cbasn1.SEQUENCE) || !content.Empty() || !basic.ReadASN1Element(&data, cbasn1.SEQUENCE) ||
		!basic.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) || !basic.ReadASN1BitStringAsBytes(&signature) {
		return bad("not a basic OCSP answer")
	}
	var certs []*rawcert.Certificate
	var list, all cryptobyte.String
	var has bool
	if !basic.ReadOptionalASN1(&list, &has, tag(0)) || has && !list.ReadASN1(&all, cbasn1.SEQUENCE) {
		return bad("certificates")
	}
	for !all.Empty() && len(certs) < maxCertificates {
		var one cryptobyte.String
		if !all.ReadASN1Element(&one, cbasn1.SEQUENCE) {
			return bad("certificates")
		}
		if c, err := rawcert.Parse(one); err == nil {
			certs = append(certs, c)
		}
	}
	produced, s, nonce, err := readData(data, cert, issuer)
	if err != nil {
		return Status{}, nil, err
	}
	scheme, err := rawcert.ReadScheme(algorithm)
	if err != nil || scheme.Hash() == crypto.SHA1 {
		return bad("signature algorithm")
	}
	// The signer is the issuer or a responder that it named (RFC 6960, 4.2.2.2).
	key, err := rawcert.ReadKey(issuer.SPKI)
	if err != nil {
		return bad("key of the issuer")
	}
	if scheme.Verify(key, 0, data, signature) == nil {
		return s, nonce, nil
	}
	for _, c := range certs {
		if !c.Issuer.Equal(issuer.Subject) || !mayAnswer(c) || produced.Before(c.NotBefore) || produced.After(c.NotAfter) ||
			c.VerifySignature(key) != nil {
			continue
		}
		if responder, err := rawcert.ReadKey(c.SPKI); err == nil && scheme.Verify(responder, 0, data, signature) == nil {
			return s, nonce, nil
		}
	}
	return bad("not signed by a responder of the issuer")
}

// mayAnswer reports whether c has the extended key usage OCSPSigning.
func mayAnswer(c *rawcert.Certificate) bool {
	e, _ := c.Extension(oidExtKeyUsage)
	value := cryptobyte.String(e.Value)
	var list cryptobyte.String
	if !value.ReadASN1(&list, cbasn1.SEQUENCE) {
		return false
	}
	for !list.Empty() {
		var id asn1.ObjectIdentifier
		if !list.ReadASN1ObjectIdentifier(&id) {
			return false
		}
		if id.Equal(oidOCSPSigning) {
			return true
		}
	}
	return false
}

// readTime reads a GeneralizedTime, the only form in OCSP.
func readTime(b *cryptobyte.String) (time.Time, bool) {
	var content cryptobyte.String
	if !b.ReadASN1(&content, cbasn1.GeneralizedTime) {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102150405Z0700", string(content))
	return t.UTC(), err == nil
}

// readData reads ResponseData and finds the answer about cert.
func readData(element cryptobyte.String, cert, issuer *rawcert.Certificate) (produced time.Time, s Status, nonce []byte, err error) {
	bad := not("content of the OCSP answer")
	var data, responder, answers cryptobyte.String
	var any cbasn1.Tag
	var ok bool
	if !element.ReadASN1(&data, cbasn1.SEQUENCE) || !data.SkipOptionalASN1(tag(0)) || !data.ReadAnyASN1(&responder, &any) {
		return produced, s, nil, bad
	}
	if produced, ok = readTime(&data); !ok || !data.ReadASN1(&answers, cbasn1.SEQUENCE) {
		return produced, s, nil, bad
	}
	if nonce, ok = readNonce(data); !ok {
		return produced, s, nil, bad
	}
	for n := 0; !answers.Empty(); n++ {
		var one, id cryptobyte.String
		if n == maxAnswers || !answers.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1(&id, cbasn1.SEQUENCE) {
			return produced, s, nil, bad
		}
		if !about(id, cert, issuer) {
			continue
		}
		s, err = readSingle(one)
		return produced, s, nonce, err
	}
	return produced, s, nil, not("about another certificate")
}

// readNonce reads the nonce among the response extensions; false if they are broken.
func readNonce(data cryptobyte.String) ([]byte, bool) {
	var wrapped, list cryptobyte.String
	var has bool
	if !data.ReadOptionalASN1(&wrapped, &has, tag(1)) {
		return nil, false
	}
	if !has {
		return nil, true
	}
	if !wrapped.ReadASN1(&list, cbasn1.SEQUENCE) {
		return nil, false
	}
	for !list.Empty() {
		var one, value, inner cryptobyte.String
		var id asn1.ObjectIdentifier
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&id) ||
			!one.SkipOptionalASN1(cbasn1.BOOLEAN) || !one.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return nil, false
		}
		if !id.Equal(oidNonce) {
			continue
		}
		whole := value
		if value.ReadASN1(&inner, cbasn1.OCTET_STRING) && value.Empty() {
			return inner, true
		}
		return whole, true // older responders: without the inner string
	}
	return nil, true
}

// about reports whether a CertID names cert.
func about(id cryptobyte.String, cert, issuer *rawcert.Certificate) bool {
	var algorithm, name, key, serial cryptobyte.String
	var hashID asn1.ObjectIdentifier
	if !id.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&hashID) ||
		!id.ReadASN1(&name, cbasn1.OCTET_STRING) || !id.ReadASN1(&key, cbasn1.OCTET_STRING) || !id.ReadASN1(&serial, cbasn1.INTEGER) {
		return false
	}
	hash := rawcert.Hashes[hashID.String()]
	if hashID.Equal(oidSHA1) {
		hash = crypto.SHA1
	}
	if hash == 0 {
		return false
	}
	wantName, wantKey, ok := issuerHashes(issuer, hash)
	return ok && bytes.Equal(name, wantName) && bytes.Equal(key, wantKey) && bytes.Equal(serial, cert.Serial)
}

// readSingle reads a SingleResponse after its CertID.
func readSingle(one cryptobyte.String) (Status, error) {
	s := Status{Source: "ocsp"}
	bad := not("answer about the certificate")
	var content cryptobyte.String
	var kind cbasn1.Tag
	if !one.ReadAnyASN1(&content, &kind) {
		return s, bad
	}
	var ok bool
	switch kind {
	case cbasn1.Tag(0).ContextSpecific(): // good
	case tag(1):
		s.Revoked = true
		if s.RevokedAt, ok = readTime(&content); !ok {
			return s, bad
		}
	default:
		return s, fmt.Errorf("%w: the responder does not know the certificate", ErrNoAnswer)
	}
	if s.ThisUpdate, ok = readTime(&one); !ok {
		return s, bad
	}
	var next cryptobyte.String
	var has bool
	if !one.ReadOptionalASN1(&next, &has, tag(0)) {
		return s, bad
	}
	if has {
		if s.NextUpdate, ok = readTime(&next); !ok {
			return s, bad
		}
	}
	return s, nil
}

// contains reports whether two lists have an element in common.
func contains(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
