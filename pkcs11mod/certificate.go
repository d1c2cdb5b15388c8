package pkcs11mod

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/identity"
)

// errCertificate reports a certificate that does not have the form of every CIE.
var errCertificate = errors.New("certificate cannot be used")

// parts are the pieces of a certificate that attributes repeat, as DER. They
// are cut out here because crypto/x509 refuses a certificate as a whole for
// details that do not matter for the key in it.
type parts struct {
	raw, serial, issuer, subject, key []byte
	notBefore, notAfter               time.Time
}

// cut returns the parts of a certificate (RFC 5280, 4.1); der ends with it.
func cut(der []byte, notBefore, notAfter time.Time) (parts, error) {
	p := parts{raw: der, notBefore: notBefore, notAfter: notAfter}
	input := cryptobyte.String(der)
	var cert, tbs, serial, issuer, subject, key cryptobyte.String
	if !input.ReadASN1(&cert, asn1.SEQUENCE) || !input.Empty() ||
		!cert.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) || // version
		!tbs.ReadASN1Element(&serial, asn1.INTEGER) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature algorithm
		!tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || // validity
		!tbs.ReadASN1Element(&subject, asn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&key, asn1.SEQUENCE) {
		return parts{}, errCertificate
	}
	p.serial, p.issuer, p.subject, p.key = serial, issuer, subject, key
	return p, nil
}

// holder parses the certificate of the card: its parts, its key, and the name of the
// holder, which distinguishes the cards of a family.
func holder(der []byte) (p parts, key *rsa.PublicKey, label string, err error) {
	id, err := identity.Parse(der)
	if err != nil {
		return parts{}, nil, "", fmt.Errorf("%w: %w", errCertificate, err)
	}
	key, ok := id.PublicKey.(*rsa.PublicKey)
	if !ok {
		return parts{}, nil, "", fmt.Errorf("%w: no RSA key in it", errCertificate)
	}
	if label = id.Name(); label == "" {
		label = "CIE"
	}
	p, err = cut(id.Raw, id.NotBefore, id.NotAfter)
	return p, key, label, err
}
