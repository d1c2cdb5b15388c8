package revocation

import (
	"bytes"
	"crypto"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
)

var (
	oidCRLNumber   = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidIssuingDP   = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidAuthorityID = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidReason      = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidInvalidity  = asn1.ObjectIdentifier{2, 5, 29, 24}
)

const reasonRemove = 8 // removeFromCRL, in delta CRLs only

// CRL verifies a CertificateList of the issuer and looks up cert. The caller checks
// whether it is recent enough. Delta and indirect lists, and lists restricted to
// some reasons or other certificates, prove nothing.
func CRL(der []byte, cert, issuer *rawcert.Certificate) (Status, error) {
	bad := not("not a CRL")
	b := cryptobyte.String(der)
	var outer, tbs, algorithm cryptobyte.String
	var signature []byte
	if !b.ReadASN1(&outer, cbasn1.SEQUENCE) || !b.Empty() || !outer.ReadASN1Element(&tbs, cbasn1.SEQUENCE) ||
		!outer.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) || !outer.ReadASN1BitStringAsBytes(&signature) || !outer.Empty() {
		return Status{}, bad
	}
	signed := tbs
	var list, inner, name, revoked cryptobyte.String
	if !tbs.ReadASN1(&list, cbasn1.SEQUENCE) || !list.SkipOptionalASN1(cbasn1.INTEGER) ||
		!list.ReadASN1Element(&inner, cbasn1.SEQUENCE) || !bytes.Equal(inner, algorithm) ||
		!list.ReadASN1Element(&name, cbasn1.SEQUENCE) {
		return Status{}, bad
	}
	issuerName, err := rawcert.ParseName(name)
	if err != nil || !issuerName.Equal(issuer.Subject) || !issuerName.Equal(cert.Issuer) {
		return Status{}, not("CRL of another issuer")
	}
	s := Status{Source: "crl"}
	var ok bool
	if s.ThisUpdate, ok = rawcert.ReadTime(&list); !ok {
		return Status{}, bad
	}
	if list.PeekASN1Tag(cbasn1.UTCTime) || list.PeekASN1Tag(cbasn1.GeneralizedTime) {
		if s.NextUpdate, ok = rawcert.ReadTime(&list); !ok {
			return Status{}, bad
		}
	}
	if list.PeekASN1Tag(cbasn1.SEQUENCE) && !list.ReadASN1(&revoked, cbasn1.SEQUENCE) {
		return Status{}, bad
	}
	var extensions cryptobyte.String
	var has bool
	if !list.ReadOptionalASN1(&extensions, &has, tag(0)) || !list.Empty() {
		return Status{}, bad
	}
	if has && !covers(extensions, cert) {
		return Status{}, not("CRL for other certificates or with unknown rules")
	}
	scheme, err := rawcert.ReadScheme(algorithm)
	if err != nil || scheme.Hash() == crypto.SHA1 {
		return Status{}, not("signature algorithm of the CRL")
	}
	key, err := rawcert.ReadKey(issuer.SPKI)
	if err != nil || !maySignCRL(issuer) || scheme.Verify(key, 0, signed, signature) != nil {
		return Status{}, not("signature of the CRL")
	}
	for !revoked.Empty() {
		var entry, serial cryptobyte.String
		if !revoked.ReadASN1(&entry, cbasn1.SEQUENCE) || !entry.ReadASN1(&serial, cbasn1.INTEGER) {
			return Status{}, bad
		}
		at, ok := rawcert.ReadTime(&entry)
		if !ok {
			return Status{}, bad
		}
		removed, ok := readEntry(entry)
		if !ok {
			return Status{}, not("entry with unknown rules")
		}
		if bytes.Equal(serial, cert.Serial) && !removed {
			s.Revoked, s.RevokedAt = true, at
		}
	}
	return s, nil
}

// maySignCRL reports whether the key usage allows cRLSign.
func maySignCRL(c *rawcert.Certificate) bool {
	e, ok := c.Extension(asn1.ObjectIdentifier{2, 5, 29, 15})
	if !ok {
		return true
	}
	value := cryptobyte.String(e.Value)
	var bits asn1.BitString
	return value.ReadASN1BitString(&bits) && len(bits.Bytes) > 0 && bits.Bytes[0]&0x02 != 0
}

// extension reads one Extension.
func extension(list *cryptobyte.String) (id asn1.ObjectIdentifier, critical bool, value cryptobyte.String, ok bool) {
	var one cryptobyte.String
	ok = list.ReadASN1(&one, cbasn1.SEQUENCE) && one.ReadASN1ObjectIdentifier(&id) &&
		(!one.PeekASN1Tag(cbasn1.BOOLEAN) || one.ReadASN1Boolean(&critical)) &&
		one.ReadASN1(&value, cbasn1.OCTET_STRING) && one.Empty()
	return id, critical, value, ok
}

// covers reports whether a CRL with these extensions is complete for cert.
func covers(wrapped cryptobyte.String, cert *rawcert.Certificate) bool {
	var list cryptobyte.String
	if !wrapped.ReadASN1(&list, cbasn1.SEQUENCE) || !wrapped.Empty() {
		return false
	}
	for !list.Empty() {
		id, critical, value, ok := extension(&list)
		if !ok {
			return false
		}
		switch {
		case id.Equal(oidCRLNumber), id.Equal(oidAuthorityID):
		case id.Equal(oidIssuingDP):
			if !pointCovers(value, cert) {
				return false
			}
		case critical: // the delta indicator among them
			return false
		}
	}
	return true
}

// pointCovers reads IssuingDistributionPoint (RFC 5280, 5.2.5): only its name
// and onlyContainsUserCerts may be there.
func pointCovers(value cryptobyte.String, cert *rawcert.Certificate) bool {
	var point, name, flag cryptobyte.String
	var has bool
	if !value.ReadASN1(&point, cbasn1.SEQUENCE) || !value.Empty() || !point.ReadOptionalASN1(&name, &has, tag(0)) {
		return false
	}
	if has && !contains(fullName(name), CRLs(cert)) {
		return false
	}
	if !point.ReadOptionalASN1(&flag, &has, cbasn1.Tag(1).ContextSpecific()) || !point.Empty() {
		return false
	}
	return true
}

// readEntry reads crlEntryExtensions. removed reports that the entry removes the
// certificate from the list; ok is false for an unknown critical extension.
func readEntry(entry cryptobyte.String) (removed, ok bool) {
	if entry.Empty() {
		return false, true
	}
	var list cryptobyte.String
	if !entry.ReadASN1(&list, cbasn1.SEQUENCE) || !entry.Empty() {
		return false, false
	}
	for !list.Empty() {
		id, critical, value, ok := extension(&list)
		if !ok {
			return false, false
		}
		switch {
		case id.Equal(oidReason):
			var reason int
			removed = value.ReadASN1Enum(&reason) && reason == reasonRemove
		case id.Equal(oidInvalidity):
		case critical:
			return false, false
		}
	}
	return removed, true
}
