package cms

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/ades/internal/ber"
	"cie/card/internal/rawcert"
)

// SignerInfo is one signature of a message (RFC 5652, 5.3).
type SignerInfo struct {
	// Raw is the element as it was encoded.
	Raw []byte
	// Hash is the digest algorithm, 0 when it is not supported.
	Hash crypto.Hash
	// Signed and Unsigned are the attributes in the order of the encoding.
	Signed, Unsigned []Attribute
	Signature        []byte
	// SigningTime is the time that the signer claims, zero without one.
	SigningTime time.Time
	// Timestamps are the tokens of signature-time-stamp attributes.
	Timestamps [][]byte
	// Counter are the counter-signatures over Signature.
	Counter []*SignerInfo

	issuer    rawcert.Name // nil when the signer is named by keyID
	serial    []byte
	keyID     []byte
	algorithm []byte
	hasSigned bool
	signedRaw []byte // [0] signedAttrs as encoded
	counter   bool   // this is a counter-signature
}

// Attribute is one attribute; its values are DER elements.
type Attribute struct {
	ID     asn1.ObjectIdentifier
	Values [][]byte
}

const (
	maxAttributes   = 128
	maxCounterDepth = 8
	maxTimestamps   = 32
)

// readSigner reads a SignerInfo. count is over all signers of the message.
func readSigner(raw []byte, depth int, count *int) (*SignerInfo, error) {
	if *count++; *count > maxSigners || depth > maxCounterDepth {
		return nil, fmt.Errorf("%w: counter-signatures", ErrLimit)
	}
	bad := func(what string) (*SignerInfo, error) {
		return nil, fmt.Errorf("%w: signer: %s", ErrMalformed, what)
	}
	s := &SignerInfo{Raw: raw, counter: depth > 0}
	outer, rest, err := ber.Read(raw)
	if err != nil || len(rest) > 0 || outer.Tag != 0x30 {
		return bad("sequence")
	}
	parts, err := ber.Children(outer.Content, 7)
	if err != nil || len(parts) < 5 || parts[0].Tag != 0x02 {
		return bad("sequence")
	}
	parts = parts[1:]
	if err := s.readIdentifier(parts[0]); err != nil {
		return nil, err
	}
	der := func(e ber.Element) []byte {
		b, err := ber.DER(e.Raw)
		if err != nil {
			return nil
		}
		return b
	}
	digest := cryptobyte.String(der(parts[1]))
	var id asn1.ObjectIdentifier
	var sequence cryptobyte.String
	if !digest.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.ReadASN1ObjectIdentifier(&id) {
		return bad("digest algorithm")
	}
	s.Hash = hashOf(id)
	parts = parts[2:]
	if parts[0].Tag == 0xA0 {
		s.hasSigned, s.signedRaw = true, parts[0].Raw
		if s.Signed, err = readAttributes(der(parts[0])); err != nil {
			return nil, err
		}
		parts = parts[1:]
	}
	if len(parts) < 2 {
		return bad("signature")
	}
	s.algorithm = der(parts[0])
	signature := cryptobyte.String(der(parts[1]))
	if !signature.ReadASN1((*cryptobyte.String)(&s.Signature), cbasn1.OCTET_STRING) {
		return bad("signature")
	}
	if parts = parts[2:]; len(parts) > 0 {
		if len(parts) > 1 || parts[0].Tag != 0xA1 {
			return bad("unsigned attributes")
		}
		if s.Unsigned, err = readAttributes(der(parts[0])); err != nil {
			return nil, err
		}
	}
	return s, s.readKnown(depth, count)
}

// readIdentifier reads SignerIdentifier.
func (s *SignerInfo) readIdentifier(e ber.Element) error {
	raw, err := ber.DER(e.Raw)
	if err != nil {
		return fmt.Errorf("%w: signer identifier", ErrMalformed)
	}
	b := cryptobyte.String(raw)
	var pair, name, serial, id cryptobyte.String
	switch {
	case b.PeekASN1Tag(cbasn1.SEQUENCE):
		if !b.ReadASN1(&pair, cbasn1.SEQUENCE) || !pair.ReadASN1Element(&name, cbasn1.SEQUENCE) || !pair.ReadASN1(&serial, cbasn1.INTEGER) {
			return fmt.Errorf("%w: signer identifier", ErrMalformed)
		}
		s.serial = serial
		if s.issuer, err = rawcert.ParseName(name); err != nil {
			return fmt.Errorf("%w: signer identifier", ErrMalformed)
		}
	case b.PeekASN1Tag(cbasn1.Tag(0).ContextSpecific()) && b.ReadASN1(&id, cbasn1.Tag(0).ContextSpecific()):
		s.keyID = id
	case b.PeekASN1Tag(tag(0)) && b.ReadASN1(&pair, tag(0)) && pair.ReadASN1(&id, cbasn1.OCTET_STRING): // explicit, against the standard
		s.keyID = id
	default:
		return fmt.Errorf("%w: signer identifier", ErrMalformed)
	}
	return nil
}

// readAttributes reads a set of attributes in DER under any tag.
func readAttributes(der []byte) ([]Attribute, error) {
	bad := fmt.Errorf("%w: attributes", ErrMalformed)
	b := cryptobyte.String(der)
	var set cryptobyte.String
	var any cbasn1.Tag
	if !b.ReadAnyASN1(&set, &any) {
		return nil, bad
	}
	var all []Attribute
	for !set.Empty() {
		var one, values cryptobyte.String
		var a Attribute
		if len(all) == maxAttributes {
			return nil, fmt.Errorf("%w: attributes", ErrLimit)
		}
		if !set.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&a.ID) ||
			!one.ReadASN1(&values, cbasn1.SET) {
			return nil, bad
		}
		for !values.Empty() {
			var value cryptobyte.String
			if len(a.Values) == maxAttributes {
				return nil, fmt.Errorf("%w: attribute values", ErrLimit)
			}
			if !values.ReadAnyASN1Element(&value, &any) {
				return nil, bad
			}
			a.Values = append(a.Values, value)
		}
		all = append(all, a)
	}
	return all, nil
}

// readKnown reads the attributes that this package interprets.
func (s *SignerInfo) readKnown(depth int, count *int) error {
	if v, err := s.one(OIDSigningTime); err == nil && v != nil {
		b := cryptobyte.String(v)
		s.SigningTime, _ = rawcert.ReadTime(&b)
	}
	for _, a := range s.Unsigned {
		switch {
		case a.ID.Equal(OIDTimestamp):
			s.Timestamps = append(s.Timestamps, a.Values...)
			if len(s.Timestamps) > maxTimestamps {
				return fmt.Errorf("%w: time stamps", ErrLimit)
			}
		case a.ID.Equal(OIDCounterSignature):
			for _, v := range a.Values {
				c, err := readSigner(v, depth+1, count)
				if err != nil {
					return err
				}
				s.Counter = append(s.Counter, c)
			}
		}
	}
	return nil
}

var errAttributes = errors.New("an attribute with several values")

// one returns the value of a signed attribute that may occur once, nil if it is
// absent.
func (s *SignerInfo) one(id asn1.ObjectIdentifier) ([]byte, error) {
	var value []byte
	for _, a := range s.Signed {
		if !a.ID.Equal(id) {
			continue
		}
		if value != nil || len(a.Values) != 1 {
			return nil, errAttributes
		}
		value = a.Values[0]
	}
	return value, nil
}

// IsSigner reports whether the message names c as the signer's certificate.
func (s *SignerInfo) IsSigner(c *rawcert.Certificate) bool {
	if s.issuer != nil {
		return bytes.Equal(s.serial, c.Serial) && s.issuer.Equal(c.Issuer)
	}
	if id := c.SubjectKeyID(); id != nil {
		return bytes.Equal(id, s.keyID)
	}
	// RFC 5280, 4.2.1.2, method 1: SHA-1 over the bits of the key.
	spki := cryptobyte.String(c.SPKI)
	var sequence cryptobyte.String
	var bits []byte
	if !spki.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.SkipASN1(cbasn1.SEQUENCE) || !sequence.ReadASN1BitStringAsBytes(&bits) {
		return false
	}
	sum := sha1.Sum(bits)
	return bytes.Equal(sum[:], s.keyID)
}

// Errors of Verify.
var (
	// ErrNoCertificate reports that no certificate is the signer's.
	ErrNoCertificate = errors.New("the signer's certificate is not there")
	// ErrDigest reports that the content differs from the signed one.
	ErrDigest = errors.New("the content is not the one that was signed")
	// ErrSignature reports that the signature does not verify with the certificate's key.
	ErrSignature = errors.New("the signature does not match")
	// ErrAttributes reports that the signed attributes contradict the message.
	ErrAttributes = errors.New("the signed attributes contradict the message")
	// ErrOtherCertificate reports that the signed attributes name another certificate.
	ErrOtherCertificate = errors.New("the signed attributes name another certificate")
)

// maxCandidates limits the certificates tried for one signer: in a forged message
// several can have its issuer and serial number.
const maxCandidates = 4

// Verify verifies the signature: the content's digest, the signed attributes and
// the signature over them (RFC 5652, 5.4 to 5.6). digest is that of the content
// with s.Hash; contentType is that of the message, nil for counter-signatures. It
// returns the signer's certificate if it finds one, even with an error, and does
// not verify that certificate. Errors match one of the Err variables of this
// package.
func (s *SignerInfo) Verify(certificates []*rawcert.Certificate, digest []byte, contentType asn1.ObjectIdentifier) (*rawcert.Certificate, error) {
	var found []*rawcert.Certificate
	for _, c := range certificates {
		if s.IsSigner(c) && !slices.ContainsFunc(found, func(o *rawcert.Certificate) bool { return bytes.Equal(o.Raw, c.Raw) }) {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		// The content can be checked without the certificate.
		if s.Hash != 0 && s.hasSigned {
			if err := s.checkAttributes(digest, contentType); err != nil {
				return nil, err
			}
		}
		return nil, ErrNoCertificate
	}
	// The certificate named by the signed attributes comes first.
	slices.SortStableFunc(found, func(a, b *rawcert.Certificate) int {
		return boolInt(s.names(b) == nil) - boolInt(s.names(a) == nil)
	})
	var first error
	for _, c := range found[:min(len(found), maxCandidates)] {
		err := s.verifyWith(c, digest, contentType)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return found[0], first
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *SignerInfo) verifyWith(c *rawcert.Certificate, digest []byte, contentType asn1.ObjectIdentifier) error {
	if s.Hash == 0 {
		return fmt.Errorf("%w: digest algorithm", ErrUnsupported)
	}
	scheme, err := rawcert.ReadScheme(s.algorithm)
	if err != nil {
		return unsupported(err)
	}
	key, err := rawcert.ReadKey(c.SPKI)
	if err != nil {
		return unsupported(err)
	}
	if !s.hasSigned {
		// Only id-data may be signed without attributes (RFC 5652, 5.3).
		if contentType != nil && !contentType.Equal(OIDData) {
			return fmt.Errorf("%w: none are there", ErrAttributes)
		}
		return signatureError(scheme.VerifyDigest(key, s.Hash, digest, s.Signature), ErrDigest)
	}
	if err := s.checkAttributes(digest, contentType); err != nil {
		return err
	}
	if err := s.names(c); err != nil {
		return err
	}
	for _, form := range s.signedForms() {
		if err = scheme.Verify(key, s.Hash, form, s.Signature); !errors.Is(err, rawcert.ErrSignature) {
			break
		}
	}
	return signatureError(err, ErrSignature)
}

// HasAttributes reports whether the signature has signed attributes.
func (s *SignerInfo) HasAttributes() bool { return s.hasSigned }

func unsupported(err error) error { return fmt.Errorf("%w: %w", ErrUnsupported, err) }

func signatureError(err, wrong error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, rawcert.ErrSignature):
		return wrong
	}
	return unsupported(err)
}

// checkAttributes compares content-type and message-digest (RFC 5652, 5.6).
func (s *SignerInfo) checkAttributes(digest []byte, contentType asn1.ObjectIdentifier) error {
	raw, err := s.one(OIDMessageDigest)
	if err != nil || raw == nil {
		return fmt.Errorf("%w: message-digest", ErrAttributes)
	}
	b := cryptobyte.String(raw)
	var want cryptobyte.String
	if !b.ReadASN1(&want, cbasn1.OCTET_STRING) || !b.Empty() {
		return fmt.Errorf("%w: message-digest", ErrAttributes)
	}
	if subtle.ConstantTimeCompare(want, digest) != 1 {
		return ErrDigest
	}
	if raw, err = s.one(OIDContentType); err != nil {
		return fmt.Errorf("%w: content-type", ErrAttributes)
	}
	if contentType == nil {
		return nil // RFC 5652, 11.4: not in a counter-signature; some have it
	}
	var have asn1.ObjectIdentifier
	b = cryptobyte.String(raw)
	if raw == nil || !b.ReadASN1ObjectIdentifier(&have) || !have.Equal(contentType) {
		return fmt.Errorf("%w: content-type", ErrAttributes)
	}
	return nil
}

// signedForms returns the encodings of the signed attributes that the signature
// may cover (RFC 5652, 5.4): the original one, the one with definite lengths, and
// the one in the order of DER.
func (s *SignerInfo) signedForms() [][]byte {
	forms := [][]byte{slices.Concat([]byte{0x31}, s.signedRaw[1:])}
	add := func(form []byte) {
		if !slices.ContainsFunc(forms, func(f []byte) bool { return bytes.Equal(f, form) }) {
			forms = append(forms, form)
		}
	}
	der, err := ber.DER(s.signedRaw)
	if err != nil {
		return forms
	}
	add(slices.Concat([]byte{0x31}, der[1:]))
	e, _, err := ber.Read(der)
	if err != nil {
		return forms
	}
	children, err := ber.Children(e.Content, maxAttributes)
	if err != nil {
		return forms
	}
	var elements [][]byte
	for _, c := range children {
		elements = append(elements, c.Raw)
	}
	slices.SortFunc(elements, bytes.Compare)
	add(ber.Append(nil, 0x31, bytes.Join(elements, nil)))
	return forms
}

// names compares the certificate with signing-certificate-v2 or
// signing-certificate (RFC 5035, 3 and 4). It returns nil if both are absent.
func (s *SignerInfo) names(c *rawcert.Certificate) error {
	for _, id := range []asn1.ObjectIdentifier{OIDSigningCertificateV2, OIDSigningCertificate} {
		raw, err := s.one(id)
		if err != nil {
			return fmt.Errorf("%w: signing-certificate", ErrAttributes)
		}
		if raw == nil {
			continue
		}
		b := cryptobyte.String(raw)
		var sequence, list, first, sum cryptobyte.String
		if !b.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.ReadASN1(&list, cbasn1.SEQUENCE) ||
			!list.ReadASN1(&first, cbasn1.SEQUENCE) {
			return fmt.Errorf("%w: signing-certificate", ErrAttributes)
		}
		hash := crypto.SHA1
		if id.Equal(OIDSigningCertificateV2) {
			hash = crypto.SHA256
			var algorithm cryptobyte.String
			if first.PeekASN1Tag(cbasn1.SEQUENCE) && first.ReadASN1(&algorithm, cbasn1.SEQUENCE) {
				var digest asn1.ObjectIdentifier
				if !algorithm.ReadASN1ObjectIdentifier(&digest) {
					return fmt.Errorf("%w: signing-certificate", ErrAttributes)
				}
				if hash = hashOf(digest); hash == 0 {
					return fmt.Errorf("%w: digest in signing-certificate", ErrUnsupported)
				}
			}
		}
		if !first.ReadASN1(&sum, cbasn1.OCTET_STRING) {
			return fmt.Errorf("%w: signing-certificate", ErrAttributes)
		}
		h := hash.New()
		h.Write(c.Raw)
		if !bytes.Equal(h.Sum(nil), sum) {
			return ErrOtherCertificate
		}
	}
	return nil
}

// Names reports whether the signed attributes name the certificate of the signer.
func (s *SignerInfo) Names() bool {
	return slices.ContainsFunc(s.Signed, func(a Attribute) bool {
		return a.ID.Equal(OIDSigningCertificateV2) || a.ID.Equal(OIDSigningCertificate)
	})
}
