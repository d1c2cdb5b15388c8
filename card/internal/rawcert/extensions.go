package rawcert

import (
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Certificate extensions (RFC 5280, 4.2.1).
var (
	OIDSubjectKeyID   = asn1.ObjectIdentifier{2, 5, 29, 14}
	OIDAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// SubjectKeyID returns the key identifier of a certificate, nil if it has none.
func (c *Certificate) SubjectKeyID() []byte {
	e, ok := c.Extension(OIDSubjectKeyID)
	value := cryptobyte.String(e.Value)
	var id cryptobyte.String
	if !ok || !value.ReadASN1(&id, cbasn1.OCTET_STRING) || !value.Empty() || id.Empty() {
		return nil
	}
	return id
}

// AuthorityKeyID returns the key identifier of the issuer, nil if c has none.
func (c *Certificate) AuthorityKeyID() []byte {
	e, ok := c.Extension(OIDAuthorityKeyID)
	value := cryptobyte.String(e.Value)
	var sequence, id cryptobyte.String
	if !ok || !value.ReadASN1(&sequence, cbasn1.SEQUENCE) ||
		!sequence.ReadASN1(&id, cbasn1.Tag(0).ContextSpecific()) || id.Empty() {
		return nil
	}
	return id
}

// SelfSigned reports whether c names its own key as its issuer's. Without key
// identifiers it compares the names of subject and issuer.
func (c *Certificate) SelfSigned() bool {
	issuer, subject := c.AuthorityKeyID(), c.SubjectKeyID()
	return c.Subject.Equal(c.Issuer) && (issuer == nil || subject == nil || string(issuer) == string(subject))
}

// VerifySignature verifies the signature on c with the issuer's key. The error
// is ErrSignature or matches ErrMalformed or ErrUnsupported.
func (c *Certificate) VerifySignature(issuer PublicKey) error {
	algorithm, err := ReadScheme(c.Algorithm)
	if err != nil {
		return err
	}
	return algorithm.Verify(issuer, 0, c.RawTBS, c.Signature)
}
