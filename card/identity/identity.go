// Package identity parses the holder's authentication certificate, EF.Cert_CIE
// (CIE 6.12). It accepts incorrect encodings and returns what it can read. It
// verifies neither the certificate's signature nor its revocation.
package identity

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/apdu"
	"cie/card/internal/rawcert"
)

// ErrMalformed reports bytes that are not a certificate with a readable subject and validity.
var ErrMalformed = errors.New("malformed certificate of the holder")

// Identity contains the certificate's statements about its holder. Strings are
// as issued, but printable and of limited length (package printable), and "" if
// the certificate lacks them.
type Identity struct {
	// Surname and GivenName include every value of a repeated attribute.
	Surname, GivenName string
	// FiscalCode is the codice fiscale, 16 characters (11 when provisional).
	FiscalCode string
	// NIS is the "numero identificativo per i servizi": digits only, normally 12;
	// the number of digits is not checked.
	NIS string
	// DocumentNumber is the number printed on the card, without the prefix IDCIT-.
	DocumentNumber string
	// Country is the holder's country of citizenship, two letters.
	Country string
	// CommonName is the complete common name, with fiscal code and NIS.
	CommonName string
	// Issuer is the common name of the issuing CA.
	Issuer string

	// NotBefore and NotAfter are the validity of certificate and document.
	NotBefore, NotAfter time.Time
	// GraceUntil is NotAfter plus Grace.
	GraceUntil time.Time

	// PublicKey is an *rsa.PublicKey on every known card, nil if the key is
	// unreadable.
	PublicKey crypto.PublicKey
	// Raw is the certificate without padding.
	Raw []byte
	// Cert is the certificate as parsed by crypto/x509, nil if that fails.
	Cert *x509.Certificate
}

// Parse parses EF.Cert_CIE and ignores padding after the DER. It fails only if
// subject or validity is unreadable; the error matches ErrMalformed. The Identity
// keeps no reference to der.
func Parse(der []byte) (*Identity, error) {
	_, header, value, err := apdu.HeaderTLV(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(der) < header+value {
		return nil, fmt.Errorf("%w: %d of %d bytes", ErrMalformed, len(der), header+value)
	}
	raw := bytes.Clone(der[:header+value])
	c, err := rawcert.ParseFront(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	id := &Identity{
		Surname:        c.Subject.All(rawcert.Surname),
		GivenName:      c.Subject.All(rawcert.GivenName),
		DocumentNumber: documentNumber(c.Subject.Get(rawcert.SerialNumber)),
		Country:        c.Subject.Get(rawcert.Country),
		CommonName:     c.Subject.Get(rawcert.CommonName),
		Issuer:         c.Issuer.String(),
		NotBefore:      c.NotBefore,
		NotAfter:       c.NotAfter,
		GraceUntil:     c.NotAfter.Add(Grace),
		Raw:            raw,
	}
	id.FiscalCode, id.NIS = splitCommonName(id.CommonName)
	if cert, err := x509.ParseCertificate(raw); err == nil {
		id.Cert, id.PublicKey = cert, cert.PublicKey
	}
	if id.PublicKey == nil { // also if crypto/x509 parses everything but the key
		id.PublicKey = publicKey(c.SPKI)
	}
	return id, nil
}

// Name returns the holder's given name and surname, "" if the certificate has
// neither.
func (id *Identity) Name() string {
	return strings.TrimSpace(id.GivenName + " " + id.Surname)
}

// documentNumber drops the prefix of the semantics identifier: IDC and the
// country (CIE 6.12.3). Some cards in the field have the number without prefix.
func documentNumber(s string) string {
	s = strings.TrimSpace(s)
	if prefix, number, ok := strings.Cut(s, "-"); ok && len(prefix) == 5 && strings.EqualFold(prefix[:3], "IDC") {
		return strings.TrimSpace(number)
	}
	return s
}

// splitCommonName splits "<codice fiscale>/<NIS>" (CIE 6.12.3). On cards in the
// field a dot and more text follow the NIS.
func splitCommonName(cn string) (fiscalCode, nis string) {
	fiscalCode, rest, slash := strings.Cut(cn, "/")
	fiscalCode = strings.TrimSpace(fiscalCode)
	if !slash && !isFiscalCode(fiscalCode) {
		fiscalCode = ""
	}
	rest = strings.TrimSpace(rest)
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		rest = rest[:end]
	}
	return fiscalCode, rest
}

// isFiscalCode reports whether s has 16 letters and digits, or the 11 digits of a
// provisional code.
func isFiscalCode(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(s) == 16 || len(s) == 11
}

// publicKey parses a key. It accepts an RSA key under any algorithm identifier.
func publicKey(spki []byte) crypto.PublicKey {
	if key, err := x509.ParsePKIXPublicKey(spki); err == nil {
		return key
	}
	outer := cryptobyte.String(spki)
	var sequence, pair cryptobyte.String
	var bits []byte
	var n, e big.Int
	if !outer.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.SkipASN1(cbasn1.SEQUENCE) ||
		!sequence.ReadASN1BitStringAsBytes(&bits) {
		return nil
	}
	inner := cryptobyte.String(bits)
	if !inner.ReadASN1(&pair, cbasn1.SEQUENCE) || !pair.ReadASN1Integer(&n) || !pair.ReadASN1Integer(&e) ||
		n.Sign() <= 0 || e.Sign() <= 0 || e.BitLen() > 31 {
		return nil
	}
	return &rsa.PublicKey{N: &n, E: int(e.Int64())}
}
