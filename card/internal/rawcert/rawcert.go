// Package rawcert parses X.509 certificates with fewer requirements than
// crypto/x509: it checks the structure (RFC 5280, 4.1), but not serial numbers,
// names, dates, key types or extensions. It makes no decision of trust.
//
// crypto/x509 refuses a whole certificate for details on which neither the chain
// of a security object nor the holder's name depends.
package rawcert

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ErrMalformed reports bytes that are not the DER of a certificate.
var ErrMalformed = errors.New("malformed certificate")

// Certificate contains the parts of a certificate. The byte slices refer to the
// input of Parse.
type Certificate struct {
	// Raw is the whole certificate, RawTBS its signed part.
	Raw, RawTBS []byte
	// Serial is the content of the INTEGER, sign byte included.
	Serial []byte
	// Algorithm is the AlgorithmIdentifier of the signature, header included.
	Algorithm []byte
	// Signature is the content of the BIT STRING without the count of unused bits.
	Signature []byte

	Issuer, Subject       Name
	RawIssuer, RawSubject []byte
	NotBefore, NotAfter   time.Time
	// SPKI is the SubjectPublicKeyInfo, header included.
	SPKI []byte
	// Extensions lists the extensions, regardless of the certificate's version.
	Extensions []Extension
}

// Extension is an extension of a certificate. Value is the content of the OCTET
// STRING.
type Extension struct {
	ID       asn1.ObjectIdentifier
	Critical bool
	Value    []byte
}

// Extension returns the extension with this identifier and whether it is present.
func (c *Certificate) Extension(id asn1.ObjectIdentifier) (Extension, bool) {
	for _, e := range c.Extensions {
		if e.ID.Equal(id) {
			return e, true
		}
	}
	return Extension{}, false
}

// Context-specific constructed tags.
var (
	tag0 = cbasn1.Tag(0).ContextSpecific().Constructed()
	tag3 = cbasn1.Tag(3).ContextSpecific().Constructed()
)

// Parse parses a certificate that fills der. Extensions must be well formed and
// none may appear twice. Errors match ErrMalformed.
func Parse(der []byte) (*Certificate, error) {
	c, err := parse(der)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ParseFront parses as much as possible. It fails only if the certificate is
// malformed before the end of its subject. It leaves the fields empty that it
// cannot read.
func ParseFront(der []byte) (*Certificate, error) {
	c, err := parse(der)
	if err != nil && c.RawSubject == nil {
		return nil, err
	}
	return c, nil
}

// parse also returns the parts that it read before an error.
func parse(der []byte) (*Certificate, error) {
	c := &Certificate{}
	bad := func(what string) (*Certificate, error) { return c, fmt.Errorf("%w: %s", ErrMalformed, what) }

	input := cryptobyte.String(der)
	var outer, element, tbs cryptobyte.String
	if !input.ReadASN1Element(&element, cbasn1.SEQUENCE) || !input.Empty() {
		return bad("outer sequence")
	}
	c.Raw = element
	if !element.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1Element(&tbs, cbasn1.SEQUENCE) {
		return bad("outer sequence")
	}
	c.RawTBS = tbs
	tbs.ReadASN1(&tbs, cbasn1.SEQUENCE)

	var serial, inner cryptobyte.String
	if !tbs.SkipOptionalASN1(tag0) || !tbs.ReadASN1(&serial, cbasn1.INTEGER) {
		return bad("version or serial number")
	}
	c.Serial = serial
	if !tbs.ReadASN1Element(&inner, cbasn1.SEQUENCE) {
		return bad("signature algorithm")
	}
	var name cryptobyte.String
	if !tbs.ReadASN1Element(&name, cbasn1.SEQUENCE) {
		return bad("issuer")
	}
	var err error
	if c.Issuer, err = ParseName(name); err != nil {
		return c, err
	}
	c.RawIssuer = name
	var validity cryptobyte.String
	if !tbs.ReadASN1(&validity, cbasn1.SEQUENCE) {
		return bad("validity")
	}
	var okTime bool
	if c.NotBefore, okTime = ReadTime(&validity); !okTime {
		return bad("notBefore")
	}
	if c.NotAfter, okTime = ReadTime(&validity); !okTime || !validity.Empty() {
		return bad("notAfter")
	}
	if !tbs.ReadASN1Element(&name, cbasn1.SEQUENCE) {
		return bad("subject")
	}
	if c.Subject, err = ParseName(name); err != nil {
		return c, err
	}
	c.RawSubject = name
	var spki cryptobyte.String
	if !tbs.ReadASN1Element(&spki, cbasn1.SEQUENCE) {
		return bad("public key")
	}
	c.SPKI = spki
	if !tbs.SkipOptionalASN1(cbasn1.Tag(1).ContextSpecific()) || !tbs.SkipOptionalASN1(cbasn1.Tag(2).ContextSpecific()) {
		return bad("unique identifiers")
	}
	if c.Extensions, err = readExtensions(&tbs); err != nil {
		return c, err
	}
	if !tbs.Empty() {
		return bad("data after the extensions")
	}

	var algorithm cryptobyte.String
	if !outer.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) {
		return bad("signature algorithm")
	}
	// RFC 5280, 4.1.1.2: both algorithm fields are equal, and only the inner one is signed.
	if !bytes.Equal(algorithm, inner) {
		return bad("two signature algorithms")
	}
	c.Algorithm = algorithm
	if !outer.ReadASN1BitStringAsBytes(&c.Signature) || !outer.Empty() {
		return bad("signature")
	}
	return c, nil
}

func readExtensions(tbs *cryptobyte.String) ([]Extension, error) {
	bad := fmt.Errorf("%w: extensions", ErrMalformed)
	var wrapped, list cryptobyte.String
	var present bool
	if !tbs.ReadOptionalASN1(&wrapped, &present, tag3) {
		return nil, bad
	}
	if !present {
		return nil, nil
	}
	if !wrapped.ReadASN1(&list, cbasn1.SEQUENCE) || !wrapped.Empty() {
		return nil, bad
	}
	var all []Extension
	seen := make(map[string]bool)
	for !list.Empty() {
		var one, value cryptobyte.String
		var e Extension
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) ||
			!one.ReadASN1ObjectIdentifier(&e.ID) ||
			one.PeekASN1Tag(cbasn1.BOOLEAN) && !one.ReadASN1Boolean(&e.Critical) ||
			!one.ReadASN1(&value, cbasn1.OCTET_STRING) || !one.Empty() {
			return nil, bad
		}
		e.Value = value
		if id := e.ID.String(); seen[id] {
			return nil, fmt.Errorf("%w: extension %s twice", ErrMalformed, id)
		} else {
			seen[id] = true
		}
		all = append(all, e)
	}
	return all, nil
}

// ReadTime reads a UTCTime or a GeneralizedTime. It accepts the forms of DER and
// two incorrect ones that occur: without seconds, and with an offset.
func ReadTime(s *cryptobyte.String) (time.Time, bool) {
	var content cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&content, &tag) {
		return time.Time{}, false
	}
	layouts := []string{"20060102150405Z0700", "200601021504Z0700"}
	switch tag {
	case cbasn1.UTCTime:
		layouts = []string{"060102150405Z0700", "0601021504Z0700"}
	case cbasn1.GeneralizedTime:
	default:
		return time.Time{}, false
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, string(content))
		if err != nil {
			continue
		}
		// RFC 5280, 4.1.2.5.1: 50 to 99 are of the 20th century. Go uses 69 to 99.
		if tag == cbasn1.UTCTime && t.Year() >= 2050 {
			t = t.AddDate(-100, 0, 0)
		}
		return t.UTC(), true
	}
	return time.Time{}, false
}
