package sod

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
)

// Result describes the issuer of a SOD whose signature is correct.
type Result struct {
	// Trusted reports whether the signer's certificate chains to one of the roots
	// and was valid at the time of signing.
	Trusted bool
	// Root is the root, nil if not Trusted. For a built-in root only subject, key,
	// key identifier and validity are set.
	Root *x509.Certificate
	// RootName is the root's common name and years, "" if not Trusted.
	RootName string
	// SignedAt is the signing time if the SOD has one, otherwise the start of the
	// signer's certificate, which is at most some months earlier.
	SignedAt time.Time
	// Signer is the common name of the document signer.
	Signer string
	// SignerKey is the public key of the document signer.
	SignerKey crypto.PublicKey
	// IssuerName is the common name of the CA that the signer's certificate names
	// as its issuer, known or not.
	IssuerName string
	// Reason is the reason why the issuer is not Trusted, nil if it is.
	Reason error
}

// errUnknownRoot is the most frequent Reason.
var errUnknownRoot = errors.New("the issuer is not among the known roots")

// VerifySignature verifies the signed attributes and the signature over them
// (RFC 5652, 5.4 to 5.6), but not the document signer's certificate. The error
// is a *VerifyError or matches ErrUnsupported or ErrMalformed (the key or the
// algorithm is not valid ASN.1).
func (s *SOD) VerifySignature() error {
	_, err := s.verifySignature()
	return err
}

func (s *SOD) verifySignature() (*rawcert.Certificate, error) {
	wrong := func(check Check, err error) (*rawcert.Certificate, error) {
		return nil, &VerifyError{Check: check, Err: err}
	}
	signer := &s.signer
	// RFC 5652, 5.3: this content type requires signed attributes.
	if signer.attributes == nil {
		return wrong(CheckSignature, errors.New("no signed attributes"))
	}
	if !signer.contentType.Equal(s.contentType) {
		return wrong(CheckContentType, nil)
	}
	if subtle.ConstantTimeCompare(sum(signer.digest, s.content), signer.messageDigest) != 1 {
		return wrong(CheckDigest, nil)
	}
	if len(s.certs) == 0 {
		return nil, unsupported("no certificate of the signer")
	}
	i := slices.IndexFunc(s.certs, signer.isSigner)
	if i < 0 {
		return wrong(CheckSigner, nil)
	}
	cert := s.certs[i]
	algorithm, err := readScheme(signer.algorithm)
	if err != nil {
		return nil, err
	}
	key, err := readKey(cert.SPKI)
	if err != nil {
		return nil, err
	}
	for _, content := range setForms(signer.attributes) {
		if err = algorithm.Verify(key, signer.digest, content, signer.signature); !errors.Is(err, rawcert.ErrSignature) {
			break
		}
	}
	if errors.Is(err, rawcert.ErrSignature) {
		return wrong(CheckSignature, nil)
	}
	if err != nil {
		return nil, algorithmError(err)
	}
	return cert, nil
}

// isSigner reports whether SignerIdentifier names c (RFC 5652, 5.3).
func (s *signerInfo) isSigner(c *rawcert.Certificate) bool {
	if s.issuer == nil {
		id := c.SubjectKeyID()
		return id != nil && bytes.Equal(id, s.keyID)
	}
	return s.issuer.Equal(c.Issuer) && bytes.Equal(s.serial, c.Serial)
}

// setForms returns the encodings of the signed attributes that the signature may
// cover, each as SET OF (RFC 5652, 5.4): in the order of the message, and in the
// order of DER if that differs.
func setForms(attributes []byte) [][]byte {
	encode := func(parts ...[]byte) []byte {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(parts, nil)) })
		return b.BytesOrPanic()
	}
	var elements [][]byte
	for rest := cryptobyte.String(attributes); !rest.Empty(); {
		var one cryptobyte.String
		var tag cbasn1.Tag
		if !rest.ReadAnyASN1Element(&one, &tag) {
			break
		}
		elements = append(elements, one)
	}
	forms := [][]byte{encode(attributes)}
	if !slices.IsSortedFunc(elements, bytes.Compare) {
		slices.SortFunc(elements, bytes.Compare)
		forms = append(forms, encode(elements...))
	}
	return forms
}

// Verify verifies the signature. It also verifies that the document signer's
// certificate was valid at the signing time and is signed by a root, directly or
// through link certificates (CIE 6.10.5; ICAO Doc 9303 part 11, 5.1).
//
// A wrong signature anywhere gives a *VerifyError. This includes a certificate
// that names a known root by name and key identifier but is not signed by it. For
// an unknown algorithm the error matches ErrUnsupported, and the Result has the
// fields that are known. An unknown root, or a certificate that may not be used
// this way, gives no error but a Result with Trusted false and the Reason. A nil
// roots is an empty list.
func (s *SOD) Verify(roots *Roots) (Result, error) {
	cert, err := s.verifySignature()
	if err != nil {
		return Result{}, err
	}
	result := Result{SignedAt: s.signer.signingTime, Signer: cert.Subject.String(), IssuerName: cert.Issuer.String()}
	if key, err := readKey(cert.SPKI); err == nil {
		result.SignerKey = key.Key
	}
	if result.SignedAt.IsZero() {
		result.SignedAt = cert.NotBefore
	}
	if roots == nil {
		roots = &Roots{}
	}
	anchor, reason := s.findRoot(cert, roots, result.SignedAt, maxLinks)
	if reason == nil {
		reason = checkSigner(cert, result.SignedAt)
	}
	// Without a signing time, SignedAt cannot prove that the key was out of use.
	if reason == nil && !s.signer.signingTime.IsZero() {
		reason = checkUsagePeriod(cert, result.SignedAt)
	}
	var wrong *VerifyError
	if errors.As(reason, &wrong) {
		return Result{}, wrong
	}
	if errors.Is(reason, ErrUnsupported) {
		return result, reason
	}
	if reason != nil {
		result.Reason = reason
		return result, nil
	}
	result.Trusted, result.Root, result.RootName = true, anchor.certificate(), anchor.name()
	return result, nil
}

// maxLinks limits the number of link certificates between a signer and a root.
const maxLinks = 3

// findRoot returns the root that cert chains to. Otherwise the error is a
// *VerifyError, matches ErrUnsupported, or states why the issuer is not usable.
func (s *SOD) findRoot(cert *rawcert.Certificate, roots *Roots, at time.Time, links int) (*root, error) {
	reason := errUnknownRoot
	issuerID := cert.AuthorityKeyID()
	for _, a := range roots.list {
		named := issuerID != nil && a.keyID != nil
		if !a.subject.Equal(cert.Issuer) || named && !bytes.Equal(a.keyID, issuerID) {
			continue
		}
		err := verifyCertificate(cert, a.key)
		switch {
		case err == nil:
			if err = checkValidity(a.subject, a.notBefore, a.notAfter, at); err == nil {
				return a, nil
			}
			reason = err // the same root may be listed with other dates
		case !errors.Is(err, rawcert.ErrSignature):
			reason = err
		case named:
			// A matching key identifier identifies this root. A matching name alone
			// does not: successive roots share it.
			return nil, &VerifyError{Check: CheckChain, Err: fmt.Errorf("not signed by %s", a.name())}
		}
	}
	if links == 0 {
		return nil, reason
	}
	// The old root introduces a new one by signing a link certificate (ICAO Doc
	// 9303 part 12, 4.4), which is self-issued. There are no other intermediates.
	for _, link := range s.certs {
		if link == cert || !link.Subject.Equal(cert.Issuer) || !link.Subject.Equal(link.Issuer) {
			continue
		}
		if id := link.SubjectKeyID(); id != nil && issuerID != nil && !bytes.Equal(id, issuerID) {
			continue
		}
		key, err := readKey(link.SPKI)
		if err != nil || verifyCertificate(cert, key) != nil || link.SelfSigned() {
			continue
		}
		a, err := s.findRoot(link, roots, at, links-1)
		if err != nil {
			reason = err
			continue
		}
		if err := checkCA(link); err != nil {
			return nil, fmt.Errorf("%s: %w", link.Subject, err)
		}
		return a, checkValidity(link.Subject, link.NotBefore, link.NotAfter, at)
	}
	return nil, reason
}

// verifyCertificate verifies the signature on c with the issuer's key.
func verifyCertificate(c *rawcert.Certificate, issuer rawcert.PublicKey) error {
	return algorithmError(c.VerifySignature(issuer))
}

// Certificate extensions (RFC 5280, 4.2.1; ICAO Doc 9303 part 12, 7.1).
var (
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidKeyUsagePeriod   = asn1.ObjectIdentifier{2, 5, 29, 16}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidAuthorityKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// understood lists the extensions that may be critical: those that this package
// checks, and those that do not restrict what a signer may sign.
var understood = map[string]bool{
	oidSubjectKeyID.String():     true,
	oidKeyUsage.String():         true,
	oidKeyUsagePeriod.String():   true,
	"2.5.29.17":                  true, // subjectAltName
	"2.5.29.18":                  true, // issuerAltName
	oidBasicConstraints.String(): true,
	"2.5.29.31":                  true, // cRLDistributionPoints
	"2.5.29.32":                  true, // certificatePolicies
	oidAuthorityKeyID.String():   true,
	"2.23.136.1.1.6.1":           true, // nameChange
	"2.23.136.1.1.6.2":           true, // documentTypeList
}

// Bits of the first byte of KeyUsage.
const (
	usageSign     = 0x80 // digitalSignature
	usageSignCert = 0x04 // keyCertSign
)

// checkSigner checks the extensions and dates of a document signer's certificate.
func checkSigner(c *rawcert.Certificate, at time.Time) error {
	if err := checkExtensions(c, usageSign); err != nil {
		return err
	}
	return checkValidity(c.Subject, c.NotBefore, c.NotAfter, at)
}

// checkUsagePeriod checks that the signer's key was in use. Keys are used for a
// few months, while their certificates are valid as long as the documents.
func checkUsagePeriod(c *rawcert.Certificate, at time.Time) error {
	from, to, err := keyUsagePeriod(c)
	if err != nil {
		return err
	}
	if !from.IsZero() && at.Before(from) || !to.IsZero() && at.After(to) {
		return fmt.Errorf("%s: its key was not in use on %s", c.Subject, at.Format(time.DateOnly))
	}
	return nil
}

// checkCA checks that c may sign certificates.
func checkCA(c *rawcert.Certificate) error {
	if err := checkExtensions(c, usageSignCert); err != nil {
		return err
	}
	e, ok := c.Extension(oidBasicConstraints)
	value := cryptobyte.String(e.Value)
	var constraints cryptobyte.String
	var isCA bool
	if !ok || !value.ReadASN1(&constraints, cbasn1.SEQUENCE) || !value.Empty() ||
		!constraints.ReadASN1Boolean(&isCA) || !isCA {
		return errors.New("basic constraints")
	}
	return nil
}

func checkExtensions(c *rawcert.Certificate, usage byte) error {
	for _, e := range c.Extensions {
		if e.Critical && !understood[e.ID.String()] {
			return fmt.Errorf("critical extension %s is not known", e.ID)
		}
	}
	e, ok := c.Extension(oidKeyUsage)
	if !ok {
		return nil
	}
	value := cryptobyte.String(e.Value)
	var bits asn1.BitString
	if !value.ReadASN1BitString(&bits) || !value.Empty() || len(bits.Bytes) == 0 || bits.Bytes[0]&usage == 0 {
		return errors.New("key usage")
	}
	return nil
}

func checkValidity(name rawcert.Name, notBefore, notAfter, at time.Time) error {
	if at.Before(notBefore) || at.After(notAfter) {
		return fmt.Errorf("%s: not valid on %s", name, at.Format(time.DateOnly))
	}
	return nil
}

// keyUsagePeriod parses PrivateKeyUsagePeriod (RFC 3280, 4.2.1.4). Absent times
// are zero.
func keyUsagePeriod(c *rawcert.Certificate) (from, to time.Time, err error) {
	e, ok := c.Extension(oidKeyUsagePeriod)
	if !ok {
		return from, to, nil
	}
	value := cryptobyte.String(e.Value)
	var period cryptobyte.String
	bad := errors.New("private key usage period")
	if !value.ReadASN1(&period, cbasn1.SEQUENCE) || !value.Empty() {
		return from, to, bad
	}
	for tag, out := range []*time.Time{&from, &to} {
		var content cryptobyte.String
		var present bool
		if !period.ReadOptionalASN1(&content, &present, cbasn1.Tag(tag).ContextSpecific()) {
			return from, to, bad
		}
		if present {
			if *out, err = time.Parse("20060102150405Z0700", string(content)); err != nil {
				return from, to, bad
			}
		}
	}
	if !period.Empty() {
		return from, to, bad
	}
	return from, to, nil
}
