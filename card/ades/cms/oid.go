package cms

import (
	"crypto"
	_ "crypto/sha1" // registered for documents signed before 2011
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/asn1"

	"cie/card/internal/rawcert"
)

// Content types (RFC 5652, 4 and 5.1; RFC 3161, 2.4.2).
var (
	OIDData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	OIDSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	OIDTSTInfo    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
)

// Attributes (RFC 5652, 11; RFC 5035, 3 and 5; RFC 3161, Appendix A; EN 319 122-1).
var (
	OIDContentType          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	OIDMessageDigest        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	OIDSigningTime          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	OIDCounterSignature     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 6}
	OIDSigningCertificate   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	OIDSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	OIDTimestamp            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	OIDCertificateValues    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 23}
	OIDRevocationValues     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 24}
	OIDArchiveTimestampV3   = asn1.ObjectIdentifier{0, 4, 0, 1733, 2, 4}
	// OIDRevocationInfo is the attribute that Adobe's products sign with revocation values.
	OIDRevocationInfo = asn1.ObjectIdentifier{1, 2, 840, 113583, 1, 1, 8}
)

var (
	oidSHA256    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA256RSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidOtherOCSP = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 16, 2} // RFC 5940, 2.1
)

// hashOf returns the hash function of a digest algorithm, 0 if it is not
// supported. SHA-1 is supported for old documents; package ades judges its value.
func hashOf(id asn1.ObjectIdentifier) crypto.Hash {
	if id.String() == "1.3.14.3.2.26" {
		return crypto.SHA1
	}
	return rawcert.Hashes[id.String()]
}
