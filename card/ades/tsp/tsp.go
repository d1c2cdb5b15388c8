// Package tsp builds time stamp requests and verifies tokens (RFC 3161). It does not
// access the network: the caller sends the request to the authority.
package tsp

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/ades/cms"
	"cie/card/internal/rawcert"
)

// Media types of the HTTP transport (RFC 3161, 3.4).
const (
	RequestType  = "application/timestamp-query"
	ResponseType = "application/timestamp-reply"
)

// MaxResponse limits the length of an answer.
const MaxResponse = 1 << 20

var (
	// ErrRefused reports that the authority refused to issue a time stamp.
	ErrRefused = errors.New("the time stamp authority refused")
	// ErrWrong reports that the answer is not a time stamp for the request, or not
	// one of a time stamp authority.
	ErrWrong = errors.New("wrong time stamp")
)

func wrong(what string) error { return fmt.Errorf("%w: %s", ErrWrong, what) }

// Request is a question for a time stamp over the SHA-256 digest of something.
type Request struct {
	digest []byte
	nonce  *big.Int
}

// NewRequest returns a request with a fresh nonce.
func NewRequest(digest []byte) (*Request, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand.Reader, b[:]); err != nil {
		return nil, err
	}
	b[0] |= 0x40 // of full length
	b[0] &= 0x7F
	return &Request{digest: bytes.Clone(digest), nonce: new(big.Int).SetBytes(b[:])}, nil
}

var oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}

// Marshal returns the TimeStampReq in DER: nonce and certReq set (RFC 3161, 2.4.1).
func (r *Request) Marshal() []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidSHA256)
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(r.digest)
		})
		b.AddASN1BigInt(r.nonce)
		b.AddASN1Boolean(true)
	})
	return b.BytesOrPanic()
}

// Token returns the token of an answer after every check that needs no anchor:
// imprint, nonce, the signature, and the signer's right to stamp (critical
// extended key usage timeStamping alone). Errors match ErrRefused or ErrWrong.
func (r *Request) Token(response []byte) ([]byte, *Info, error) {
	b := cryptobyte.String(response)
	var outer, status, token cryptobyte.String
	var code int
	if !b.ReadASN1(&outer, cbasn1.SEQUENCE) || !b.Empty() || !outer.ReadASN1(&status, cbasn1.SEQUENCE) ||
		!status.ReadASN1Integer(&code) {
		return nil, nil, wrong("not an answer")
	}
	if code != 0 && code != 1 { // granted, grantedWithMods
		return nil, nil, fmt.Errorf("%w: status %d", ErrRefused, code)
	}
	if !outer.ReadASN1Element(&token, cbasn1.SEQUENCE) || !outer.Empty() {
		return nil, nil, wrong("no token")
	}
	info, err := Parse(token)
	if err != nil {
		return nil, nil, err
	}
	if info.nonce == nil || info.nonce.Cmp(r.nonce) != 0 {
		return nil, nil, wrong("nonce")
	}
	if info.Hash != crypto.SHA256 {
		return nil, nil, wrong("imprint of another algorithm")
	}
	if err := info.Check(r.digest); err != nil {
		return nil, nil, err
	}
	return bytes.Clone(token), info, nil
}

// Info is a parsed time stamp token (RFC 3161, 2.4.2). It is not verified before
// Check returns nil.
type Info struct {
	Time time.Time
	Hash crypto.Hash // of the imprint
	// Certificate is the authority's, set by Check; Certificates are all of the token.
	Certificate  *rawcert.Certificate
	Certificates []*rawcert.Certificate

	imprint []byte
	nonce   *big.Int
	content []byte
	message *cms.SignedData
}

// maxInfo bounds TSTInfo.
const maxInfo = 64 << 10

// Parse reads a token. Errors match ErrWrong.
func Parse(token []byte) (*Info, error) {
	m, err := cms.Parse(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	if !m.ContentType.Equal(cms.OIDTSTInfo) || m.Content == nil || m.Content.Size() > maxInfo || len(m.Signers) != 1 {
		return nil, wrong("not a token")
	}
	content, err := io.ReadAll(m.Content)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	info := &Info{content: content, message: m, Certificates: m.Certificates}
	if err := info.read(content); err != nil {
		return nil, err
	}
	return info, nil
}

// read reads TSTInfo.
func (i *Info) read(der []byte) error {
	b := cryptobyte.String(der)
	var tst, imprint, algorithm, sum, serial cryptobyte.String
	var version int
	var policy asn1.ObjectIdentifier
	if !b.ReadASN1(&tst, cbasn1.SEQUENCE) || !b.Empty() || !tst.ReadASN1Integer(&version) || version != 1 ||
		!tst.ReadASN1ObjectIdentifier(&policy) ||
		!tst.ReadASN1(&imprint, cbasn1.SEQUENCE) || !imprint.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) ||
		!imprint.ReadASN1(&sum, cbasn1.OCTET_STRING) || !imprint.Empty() ||
		!tst.ReadASN1(&serial, cbasn1.INTEGER) {
		return wrong("content of the token")
	}
	hash, err := rawcert.ReadHash(&algorithm)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	i.Hash, i.imprint = hash, sum
	var when cryptobyte.String
	if !tst.ReadASN1(&when, cbasn1.GeneralizedTime) {
		return wrong("time")
	}
	// Fractions of a second are allowed here (RFC 3161, 2.4.2).
	if i.Time, err = time.Parse("20060102150405Z0700", string(when)); err != nil {
		return wrong("time")
	}
	i.Time = i.Time.UTC()
	if !tst.SkipOptionalASN1(cbasn1.SEQUENCE) || !tst.SkipOptionalASN1(cbasn1.BOOLEAN) {
		return wrong("content of the token")
	}
	if tst.PeekASN1Tag(cbasn1.INTEGER) {
		i.nonce = new(big.Int)
		if !tst.ReadASN1Integer(i.nonce) {
			return wrong("nonce")
		}
	}
	return nil
}

// CheckMessage is like Check but takes the message itself.
func (i *Info) CheckMessage(message []byte) error {
	h := i.Hash.New()
	h.Write(message)
	return i.Check(h.Sum(nil))
}

// Check checks that the token is about a digest (made with i.Hash), that it is
// signed, and that the signer's certificate permits time stamps and was valid then.
// The caller decides whether to trust the authority. Errors match ErrWrong.
func (i *Info) Check(digest []byte) error {
	if !bytes.Equal(digest, i.imprint) {
		return wrong("imprint")
	}
	signer := i.message.Signers[0]
	sums, err := i.message.Digests(bytes.NewReader(i.content))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	// RFC 3161, 2.4.2: the signed attributes name the certificate.
	if !signer.HasAttributes() || !signer.Names() {
		return wrong("signed attributes")
	}
	if signer.Hash == crypto.SHA1 {
		return wrong("signed with SHA-1")
	}
	cert, err := signer.Verify(i.message.Certificates, sums[signer.Hash], cms.OIDTSTInfo)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	if err := mayStamp(cert); err != nil {
		return err
	}
	if i.Time.Before(cert.NotBefore) || i.Time.After(cert.NotAfter) {
		return wrong("outside of the validity of the authority's certificate")
	}
	i.Certificate = cert
	return nil
}

var (
	oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidStamping    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
)

// mayStamp checks that the extended key usage is critical and only timeStamping (RFC 3161, 2.3).
func mayStamp(c *rawcert.Certificate) error {
	e, ok := c.Extension(oidExtKeyUsage)
	value := cryptobyte.String(e.Value)
	var list cryptobyte.String
	var id asn1.ObjectIdentifier
	if !ok || !e.Critical || !value.ReadASN1(&list, cbasn1.SEQUENCE) || !value.Empty() ||
		!list.ReadASN1ObjectIdentifier(&id) || !list.Empty() || !id.Equal(oidStamping) {
		return wrong("the certificate is not one of a time stamp authority")
	}
	return nil
}
