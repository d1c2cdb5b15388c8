package cardtest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Authority is the issuer of the virtual cards as a service: it answers OCSP requests,
// publishes the CRL, and issues time stamps. Fetch answers within the process; package
// authority answers over HTTP.
type Authority struct {
	Now   func() time.Time // nil: time.Now
	Fault AuthorityFault   // what is wrong with its answers

	mu      sync.Mutex
	revoked map[string]time.Time // by serial number
	stamps  int64
}

// AuthorityFault is a way in which the answers of an authority deviate from correct ones.
type AuthorityFault string

// Wrong answers, of OCSP and of time stamps.
const (
	FaultUnsigned      AuthorityFault = "unsigned"       // the signature is not one of the key
	FaultForeign       AuthorityFault = "foreign"        // signed by a certificate of another authority
	FaultSelfAppointed AuthorityFault = "self-appointed" // OCSP: signed by a certificate of the issuer that may not answer
	FaultNonce         AuthorityFault = "nonce"          // another nonce
	FaultOther         AuthorityFault = "other"          // about another certificate, or another hash
	FaultOld           AuthorityFault = "old"            // OCSP and CRL: of last year
	FaultUsage         AuthorityFault = "usage"          // time stamp: the certificate has no extended key usage
	FaultUncritical    AuthorityFault = "uncritical"     // time stamp: its extended key usage is not critical
	FaultNothing       AuthorityFault = "nothing"        // no answer at all
	FaultNoise         AuthorityFault = "noise"          // arbitrary bytes
	FaultRefused       AuthorityFault = "refused"        // a refusal
)

// Addresses of the authority; those of revocation are in the cards' certificates.
const (
	OCSPAddress      = "http://ocsp.card.invalid"
	CRLAddress       = "http://crl.card.invalid/SUBCA000/synthetic.crl"
	TimestampAddress = "http://tsa.card.invalid/"
)

func (a *Authority) now() time.Time {
	if a.Now != nil {
		return a.Now().UTC().Truncate(time.Second)
	}
	return time.Now().UTC().Truncate(time.Second)
}

// Revoke revokes the certificate with this serial number.
func (a *Authority) Revoke(serial *big.Int, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.revoked == nil {
		a.revoked = make(map[string]time.Time)
	}
	a.revoked[serial.String()] = at.UTC()
}

func (a *Authority) revokedAt(serial *big.Int) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.revoked[serial.String()]
	return at, ok
}

// HolderKey returns the key and the certificate of the card that New makes of
// p, for tests that need a signature and no card.
func HolderKey(p Profile) (crypto.Signer, []byte, error) {
	full, err := p.withDefaults()
	if err != nil {
		return nil, nil, err
	}
	key := full.keys().auth
	cert, err := holderCertificate(full, &key.PublicKey)
	return key, cert, err
}

// CRL returns the list of revoked certificates, DER.
func (a *Authority) CRL() ([]byte, error) {
	a.mu.Lock()
	revoked := maps.Clone(a.revoked)
	a.mu.Unlock()
	now := a.now()
	if a.Fault == FaultOld {
		now = now.AddDate(-1, 0, 0)
	}
	list := &x509.RevocationList{Number: big.NewInt(now.Unix()), ThisUpdate: now, NextUpdate: now.Add(24 * time.Hour)}
	for _, s := range slices.Sorted(maps.Keys(revoked)) {
		serial, _ := new(big.Int).SetString(s, 10)
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: revoked[s]})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, IssuingCA(), loadPool().keys["issuing"])
	if err == nil && (a.Fault == FaultUnsigned || a.Fault == FaultForeign) {
		der[len(der)-1] ^= 1
	}
	return der, err
}

// Fetch answers for the addresses of the authority without a network.
func (a *Authority) Fetch(_ context.Context, url, _ string, body []byte, limit int64) ([]byte, error) {
	var answer []byte
	var err error
	switch {
	case a.Fault == FaultNothing:
		err = errors.New("connection refused")
	case a.Fault == FaultNoise:
		answer = []byte("<html>Sign in to this network</html>")
	case strings.HasPrefix(url, OCSPAddress):
		answer, err = a.OCSP(body)
	case url == CRLAddress:
		answer, err = a.CRL()
	case strings.HasPrefix(url, TimestampAddress):
		answer, err = a.Timestamp(body)
	default:
		err = fmt.Errorf("no such address: %s", url)
	}
	if err == nil && int64(len(answer)) > limit {
		err = fmt.Errorf("answer of %d bytes", len(answer))
	}
	return answer, err
}

func sequence(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(cbasn1.SEQUENCE, f) }

func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

func algorithm(b *cryptobyte.Builder, id asn1.ObjectIdentifier) {
	sequence(b, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		b.AddASN1NULL()
	})
}

var (
	oidBasicOCSP   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
	oidTSTInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCert = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

func signWith(key *rsa.PrivateKey, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
}

// OCSP answers a request (RFC 6960), signed by the issuing CA itself.
func (a *Authority) OCSP(request []byte) ([]byte, error) {
	b := cryptobyte.String(request)
	var outer, tbs, list, one, id, idHeader, name, key, rest, extensions cryptobyte.String
	var has bool
	serial := new(big.Int)
	if !b.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipOptionalASN1(explicit(0)) ||
		!tbs.SkipOptionalASN1(explicit(1)) || !tbs.ReadASN1(&list, cbasn1.SEQUENCE) || !list.ReadASN1(&one, cbasn1.SEQUENCE) {
		return nil, fmt.Errorf("malformed OCSP request")
	}
	rest = one
	if !rest.ReadASN1Element(&idHeader, cbasn1.SEQUENCE) || !one.ReadASN1(&id, cbasn1.SEQUENCE) || !id.SkipASN1(cbasn1.SEQUENCE) ||
		!id.ReadASN1(&name, cbasn1.OCTET_STRING) || !id.ReadASN1(&key, cbasn1.OCTET_STRING) || !id.ReadASN1Integer(serial) ||
		!tbs.ReadOptionalASN1(&extensions, &has, explicit(2)) {
		return nil, fmt.Errorf("malformed OCSP request")
	}
	known := sha1.Sum(IssuingCA().RawSubject)
	now := a.now()
	at, revoked := a.revokedAt(serial)
	switch a.Fault {
	case FaultOld:
		now = now.AddDate(-1, 0, 0)
	case FaultOther:
		idHeader = bytes.Clone(idHeader)
		idHeader[len(idHeader)-1] ^= 1
	case FaultNonce:
		extensions = bytes.Clone(extensions)
		extensions[len(extensions)-1] ^= 1
	case FaultRefused:
		return []byte{0x30, 0x03, 0x0A, 0x01, 0x06}, nil // unauthorized
	}
	var data cryptobyte.Builder
	sequence(&data, func(b *cryptobyte.Builder) {
		b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddBytes(IssuingCA().RawSubject) })
		b.AddASN1GeneralizedTime(now)
		sequence(b, func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddBytes(idHeader)
				switch {
				case string(name) != string(known[:]):
					b.AddASN1(cbasn1.Tag(2).ContextSpecific(), func(*cryptobyte.Builder) {}) // unknown
				case revoked:
					b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(at) })
				default:
					b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(*cryptobyte.Builder) {}) // good
				}
				b.AddASN1GeneralizedTime(now)
				b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(now.Add(time.Hour)) })
			})
		})
		if has {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddBytes(extensions) }) // the nonce, unchanged
		}
	})
	return a.signOCSP(data.BytesOrPanic())
}

// signOCSP makes an OCSPResponse of ResponseData.
func (a *Authority) signOCSP(data []byte) ([]byte, error) {
	key, responder := loadPool().keys["issuing"], []byte(nil)
	switch a.Fault {
	case FaultForeign:
		key, responder = loadPool().keys["csca"], CSCA().Raw
	case FaultSelfAppointed:
		cert, err := stamper()
		if err != nil {
			return nil, err
		}
		key, responder = loadPool().keys["ds-1"], cert.Raw
	}
	signature, err := signWith(key, data)
	if err != nil {
		return nil, err
	}
	if a.Fault == FaultUnsigned {
		signature[0] ^= 1
	}
	var out cryptobyte.Builder
	sequence(&out, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidBasicOCSP)
				b.AddASN1(cbasn1.OCTET_STRING, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddBytes(data)
						algorithm(b, oidSHA256RSA)
						b.AddASN1BitString(signature)
						if responder != nil {
							b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
								sequence(b, func(b *cryptobyte.Builder) { b.AddBytes(responder) })
							})
						}
					})
				})
			})
		})
	})
	return out.Bytes()
}

// TimestampCA returns the certificate to which the time stamps of the authority chain.
func TimestampCA() *x509.Certificate { return IssuingCA() }

// stamper is the certificate of the time stamp authority, with the key of the
// first document signer.
var stamper = sync.OnceValues(func() (*x509.Certificate, error) { return stamperWith(true, true) })

// stamperWith makes that certificate with or without its extended key usage.
func stamperWith(usage, critical bool) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0x754A),
		Subject:      pkix.Name{CommonName: "SYNTHETIC time stamp authority", Country: []string{"IT"}},
		NotBefore:    time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if usage {
		value, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
		if err != nil {
			return nil, err
		}
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: value}}
	}
	der, err := x509.CreateCertificate(nil, template, IssuingCA(), &loadPool().keys["ds-1"].PublicKey, loadPool().keys["issuing"])
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Timestamp answers a TimeStampReq (RFC 3161).
func (a *Authority) Timestamp(request []byte) ([]byte, error) {
	b := cryptobyte.String(request)
	var outer, imprint cryptobyte.String
	var version int
	nonce := (*big.Int)(nil)
	if !b.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1Integer(&version) || !outer.ReadASN1Element(&imprint, cbasn1.SEQUENCE) ||
		!outer.SkipOptionalASN1(cbasn1.OBJECT_IDENTIFIER) {
		return nil, fmt.Errorf("malformed time stamp request")
	}
	if outer.PeekASN1Tag(cbasn1.INTEGER) {
		nonce = new(big.Int)
		if !outer.ReadASN1Integer(nonce) {
			return nil, fmt.Errorf("malformed time stamp request")
		}
	}
	switch a.Fault {
	case FaultRefused:
		return []byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02}, nil // rejection
	case FaultNonce:
		if nonce != nil {
			nonce.Add(nonce, big.NewInt(1))
		}
	case FaultOther:
		imprint = bytes.Clone(imprint)
		imprint[len(imprint)-1] ^= 1
	}
	a.mu.Lock()
	a.stamps++
	serial := a.stamps
	a.mu.Unlock()
	var info cryptobyte.Builder
	sequence(&info, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 76, 47, 999})
		b.AddBytes(imprint)
		b.AddASN1Int64(serial)
		b.AddASN1GeneralizedTime(a.now())
		if nonce != nil {
			b.AddASN1BigInt(nonce)
		}
	})
	content, err := info.Bytes()
	if err != nil {
		return nil, err
	}
	cert, err := stamper()
	if a.Fault == FaultUsage || a.Fault == FaultUncritical {
		cert, err = stamperWith(a.Fault == FaultUncritical, false)
	}
	if err != nil {
		return nil, err
	}
	key := loadPool().keys["ds-1"]
	if a.Fault == FaultUnsigned {
		key = loadPool().keys["ds-2"]
	}
	token, err := signToken(content, cert, key)
	if err != nil {
		return nil, err
	}
	var out cryptobyte.Builder
	sequence(&out, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) { b.AddASN1Int64(0) })
		b.AddBytes(token)
	})
	return out.Bytes()
}

// signToken makes a TimeStampToken: a SignedData around TSTInfo.
func signToken(content []byte, cert *x509.Certificate, key *rsa.PrivateKey) ([]byte, error) {
	attribute := func(id asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) []byte {
		var b cryptobyte.Builder
		sequence(&b, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(id)
			b.AddASN1(cbasn1.SET, value)
		})
		return b.BytesOrPanic()
	}
	sum, certSum := sha256.Sum256(content), sha256.Sum256(cert.Raw)
	attributes := slices.Concat( // in the order of DER: by length, here
		attribute(oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidTSTInfo) }),
		attribute(oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum[:]) }),
		attribute(oidSigningCert, func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) { b.AddASN1OctetString(certSum[:]) })
				})
			})
		}),
	)
	var set cryptobyte.Builder
	set.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
	signature, err := signWith(key, set.BytesOrPanic())
	if err != nil {
		return nil, err
	}
	var out cryptobyte.Builder
	sequence(&out, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(3)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { algorithm(b, oidSHA256) })
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidTSTInfo)
					b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
				})
				b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddBytes(cert.Raw) })
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(1)
						sequence(b, func(b *cryptobyte.Builder) {
							b.AddBytes(cert.RawIssuer)
							b.AddASN1BigInt(cert.SerialNumber)
						})
						algorithm(b, oidSHA256)
						b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
						algorithm(b, oidSHA256RSA)
						b.AddASN1OctetString(signature)
					})
				})
			})
		})
	})
	return out.Bytes()
}
