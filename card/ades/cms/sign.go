package cms

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
)

// Signer is the signing key with its certificates.
type Signer struct {
	// Key signs SHA-256 digests with RSASSA-PKCS1-v1_5. card.Session.Signer
	// returns one.
	Key crypto.Signer
	// Certificate is the certificate of Key, DER.
	Certificate []byte
	// Chain are further certificates that go into the message, DER.
	Chain [][]byte
}

// Options configure one signature.
type Options struct {
	// Time is the signing-time attribute, which CAdES demands. The zero Time
	// leaves it out, as PAdES demands (EN 319 142-1, 5.2).
	Time time.Time
	// Timestamp returns the RFC 3161 token for a signature value (B-T). Nil:
	// no time stamp (B-B). It returns a token that was checked (see package tsp).
	Timestamp func(signature []byte) (token []byte, err error)
}

// TimestampReserve is the number of bytes that MaxSize reserves for a time stamp.
// SignDigest refuses a larger token.
const TimestampReserve = 8 << 10

// maxSignature is the signature of the largest RSA key that is used to sign.
const maxSignature = 512

// ErrCertificate reports that the signer's certificate is unreadable or has another key.
var ErrCertificate = errors.New("the certificate does not belong to the signing key")

// ErrTimestampSize reports a time stamp token larger than TimestampReserve.
var ErrTimestampSize = fmt.Errorf("the time stamp is larger than %d bytes", TimestampReserve)

// SignDigest returns the DER of a detached SignedData with one signer over the
// SHA-256 digest of a content: ContentInfo without eContent. It uses the key once.
// If Timestamp fails, SignDigest fails.
func SignDigest(s Signer, digest []byte, o Options) ([]byte, error) {
	if stamp := o.Timestamp; stamp != nil {
		o.Timestamp = func(signature []byte) ([]byte, error) {
			token, err := stamp(signature)
			if err == nil && len(token) > TimestampReserve {
				err = ErrTimestampSize
			}
			return token, err
		}
	}
	m, err := Sign(s, digest, o)
	if err != nil {
		return nil, err
	}
	return m.Detached()
}

// MaxSize returns an upper limit for the length of the result of SignDigest. It
// needs neither the key nor the time stamp, so that the caller can reserve space
// before it prompts for the PIN.
func MaxSize(s Signer, o Options) int {
	size := 1024 + maxSignature // headers, attributes and algorithms
	for _, c := range s.certificates() {
		size += len(c)
	}
	if cert, err := rawcert.ParseFront(s.Certificate); err == nil {
		size += len(cert.RawIssuer)*2 + len(cert.Serial)*2 // in the identifier and in signing-certificate-v2
	}
	if o.Timestamp != nil {
		size += TimestampReserve + 64
	}
	return size
}

// certificates returns the signer's certificate and the chain without duplicates.
func (s Signer) certificates() [][]byte { return union([][]byte{s.Certificate}, s.Chain) }

// union returns the elements of all lists in order without duplicates.
func union(lists ...[][]byte) [][]byte {
	var all [][]byte
	seen := make(map[[32]byte]bool)
	for _, list := range lists {
		for _, c := range list {
			if id := sha256.Sum256(c); !seen[id] {
				seen[id] = true
				all = append(all, c)
			}
		}
	}
	return all
}

// check returns the certificate if it belongs to the key.
func (s Signer) check() (*rawcert.Certificate, error) {
	cert, err := rawcert.ParseFront(s.Certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	key, err := rawcert.ReadKey(cert.SPKI)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	public, ok := s.Key.Public().(*rsa.PublicKey)
	if !ok || !public.Equal(key.Key) || public.Size() > maxSignature {
		return nil, ErrCertificate
	}
	return cert, nil
}

// signerInfo builds and signs one SignerInfo (RFC 5652, 5.3).
func signerInfo(s Signer, digest []byte, o Options) ([]byte, error) {
	cert, err := s.check()
	if err != nil {
		return nil, err
	}
	if len(digest) != sha256.Size {
		return nil, fmt.Errorf("a SHA-256 digest has %d bytes, not %d", sha256.Size, len(digest))
	}
	attributes := [][]byte{
		attribute(OIDContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(OIDData) }),
		attribute(OIDMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest) }),
		attribute(OIDSigningCertificateV2, func(b *cryptobyte.Builder) { signingCertificate(b, cert) }),
	}
	if !o.Time.IsZero() {
		attributes = append(attributes, attribute(OIDSigningTime, func(b *cryptobyte.Builder) { addTime(b, o.Time) }))
	}
	slices.SortFunc(attributes, bytes.Compare) // SET OF in DER (X.690, 11.6)
	signed := bytes.Join(attributes, nil)

	// The signature covers the encoding with the tag of a SET (RFC 5652, 5.4).
	sum := sha256.Sum256(build(cbasn1.SET, signed))
	signature, err := s.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	if err := rsa.VerifyPKCS1v15(s.Key.Public().(*rsa.PublicKey), crypto.SHA256, sum[:], signature); err != nil {
		return nil, fmt.Errorf("the key returned a wrong signature: %w", err)
	}
	var unsigned []byte
	if o.Timestamp != nil {
		token, err := o.Timestamp(signature)
		if err != nil {
			return nil, err
		}
		unsigned = attribute(OIDTimestamp, func(b *cryptobyte.Builder) { b.AddBytes(token) })
	}

	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // issuerAndSerialNumber
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(cert.RawIssuer)
			b.AddASN1(cbasn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(cert.Serial) })
		})
		addAlgorithm(b, oidSHA256, false)
		b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddBytes(signed) })
		addAlgorithm(b, oidSHA256RSA, true)
		b.AddASN1OctetString(signature)
		if unsigned != nil {
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) { b.AddBytes(unsigned) })
		}
	})
	return b.Bytes()
}

// signingCertificate writes SigningCertificateV2 with one ESSCertIDv2 and no
// policies. It omits the algorithm, because SHA-256 is the default (RFC 5035, 3).
func signingCertificate(b *cryptobyte.Builder, cert *rawcert.Certificate) {
	sum := sha256.Sum256(cert.Raw)
	sequence := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(cbasn1.SEQUENCE, f) }
	sequence(b, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(sum[:])
				sequence(b, func(b *cryptobyte.Builder) { // IssuerSerial
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1(tag(4), func(b *cryptobyte.Builder) { b.AddBytes(cert.RawIssuer) })
					})
					b.AddASN1(cbasn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(cert.Serial) })
				})
			})
		})
	})
}

// addTime writes a Time: UTCTime for the years 1950 to 2049 (RFC 5652, 11.3).
func addTime(b *cryptobyte.Builder, t time.Time) {
	t = t.UTC().Truncate(time.Second)
	if t.Year() < 1950 || t.Year() > 2049 {
		b.AddASN1GeneralizedTime(t)
		return
	}
	b.AddASN1UTCTime(t)
}

func addAlgorithm(b *cryptobyte.Builder, id asn1.ObjectIdentifier, null bool) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		if null { // RFC 5754, 3.2; the digest algorithm omits it (2.2)
			b.AddASN1NULL()
		}
	})
}

// attribute encodes an Attribute with one value.
func attribute(id asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		b.AddASN1(cbasn1.SET, value)
	})
	return b.BytesOrPanic()
}

func tag(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// build encodes one element.
func build(t cbasn1.Tag, content []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(t, func(b *cryptobyte.Builder) { b.AddBytes(content) })
	return b.BytesOrPanic()
}

// Sign returns a message with one signer over the SHA-256 digest of a content.
// Write writes it with its content, Detached without.
func Sign(s Signer, digest []byte, o Options) (*Message, error) {
	info, err := signerInfo(s, digest, o)
	if err != nil {
		return nil, err
	}
	return &Message{Certificates: s.certificates(), Signers: [][]byte{info}}, nil
}

// Add returns the message d with a further signer, parallel to the existing ones
// (RFC 5652, 5.1). digest is the SHA-256 digest of its content. Every part of d
// keeps its encoding; content in chunks becomes one piece.
func Add(d *SignedData, s Signer, digest []byte, o Options) (*Message, error) {
	if !d.ContentType.Equal(OIDData) {
		return nil, fmt.Errorf("%w: content type %v", ErrUnsupported, d.ContentType)
	}
	info, err := signerInfo(s, digest, o)
	if err != nil {
		return nil, err
	}
	m := &Message{
		Version: d.Version, Digests: d.rawDigests,
		Certificates: union(d.rawCertificates, s.certificates()), CRLs: d.rawCRLs,
	}
	for _, had := range d.Signers {
		m.Signers = append(m.Signers, had.Raw)
	}
	m.Signers = append(m.Signers, info)
	return m, nil
}
