package ades

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
)

// Limits on the work that a hostile message can cause.
const (
	maxChain = 8 // certificates between a signer and an anchor, both included
	// maxChecks limits the signatures on certificates that are verified for one message.
	maxChecks = 1000
	// maxSteps limits the search itself: certificates that sign one another in
	// circles could make it long.
	maxSteps = 2000
)

// Extensions (RFC 5280, 4.2.1).
var (
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidExtKeyUsage      = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// understood lists the extensions that may be critical: those that this package
// checks, and those that do not restrict what a holder may sign.
var understood = map[string]bool{
	rawcert.OIDSubjectKeyID.String():   true,
	rawcert.OIDAuthorityKeyID.String(): true,
	oidKeyUsage.String():               true,
	oidBasicConstraints.String():       true,
	oidExtKeyUsage.String():            true,
	"2.5.29.17":                        true, // subjectAltName
	"2.5.29.18":                        true, // issuerAltName
	"2.5.29.31":                        true, // cRLDistributionPoints
	"2.5.29.32":                        true, // certificatePolicies
	"1.3.6.1.5.5.7.1.1":                true, // authorityInfoAccess
	"1.3.6.1.5.5.7.1.3":                true, // qcStatements
}

// Bits of KeyUsage, from the first byte on (RFC 5280, 4.2.1.3).
const (
	usageSign       = 0x80 // digitalSignature
	usageCommitment = 0x40 // nonRepudiation
	usageSignCert   = 0x04 // keyCertSign
)

// keyUsage returns the first byte of KeyUsage, all bits if there is no extension.
func keyUsage(c *rawcert.Certificate) (byte, error) {
	e, ok := c.Extension(oidKeyUsage)
	if !ok {
		return 0xFF, nil
	}
	value := cryptobyte.String(e.Value)
	var bits asn1.BitString
	if !value.ReadASN1BitString(&bits) || !value.Empty() || len(bits.Bytes) == 0 {
		return 0, errors.New("key usage")
	}
	return bits.Bytes[0], nil
}

// basicConstraints returns whether c is an authority, and the number of authorities
// that may follow below it (-1: any number).
func basicConstraints(c *rawcert.Certificate) (ca bool, pathLen int, err error) {
	e, ok := c.Extension(oidBasicConstraints)
	if !ok {
		return false, -1, nil
	}
	value := cryptobyte.String(e.Value)
	var constraints cryptobyte.String
	pathLen = -1
	if !value.ReadASN1(&constraints, cbasn1.SEQUENCE) || !value.Empty() ||
		constraints.PeekASN1Tag(cbasn1.BOOLEAN) && !constraints.ReadASN1Boolean(&ca) ||
		!constraints.Empty() && (!constraints.ReadASN1Integer(&pathLen) || pathLen < 0) || !constraints.Empty() {
		return false, -1, errors.New("basic constraints")
	}
	return ca, pathLen, nil
}

func checkExtensions(c *rawcert.Certificate, usage byte) error {
	for _, e := range c.Extensions {
		if e.Critical && !understood[e.ID.String()] {
			return fmt.Errorf("critical extension %s", e.ID)
		}
	}
	if bits, err := keyUsage(c); err != nil || bits&usage == 0 {
		return errors.New("key usage")
	}
	return nil
}

// checkCA checks that c may sign certificates (RFC 5280, 6.1.4 (k) to (n)).
func checkCA(c *rawcert.Certificate) error {
	if err := checkExtensions(c, usageSignCert); err != nil {
		return err
	}
	if ca, _, err := basicConstraints(c); err != nil || !ca {
		return errors.New("basic constraints")
	}
	return nil
}

// path is a chain that was found.
type path struct {
	chain   []*rawcert.Certificate // from the signer on
	issuer  *authority             // of the signer
	trusted bool                   // the last one is an anchor
	reasons []Reason               // why it is not accepted
}

// effort counts the work of all searches for one message.
type effort struct{ checks, steps int }

// finder finds chains among the certificates of one message.
type finder struct {
	anchors *Anchors
	pool    []*rawcert.Certificate
	spent   *effort
	known   map[[2]*rawcert.Certificate]error // issuer and subject: whether the signature is right
	keys    map[*rawcert.Certificate]*authority
}

func newFinder(anchors *Anchors, pool []*rawcert.Certificate, spent *effort) *finder {
	return &finder{anchors: anchors, pool: pool, spent: spent,
		known: make(map[[2]*rawcert.Certificate]error), keys: make(map[*rawcert.Certificate]*authority)}
}

var errTooMany = errors.New("too many certificates to check")

// signed verifies the signature of issuer on c and caches the result.
func (f *finder) signed(c *rawcert.Certificate, issuer *authority) error {
	pair := [2]*rawcert.Certificate{issuer.cert, c}
	if err, ok := f.known[pair]; ok {
		return err
	}
	if f.spent.checks++; f.spent.checks > maxChecks {
		return errTooMany
	}
	err := c.VerifySignature(issuer.key)
	f.known[pair] = err
	return err
}

// names reports whether c may have been issued by an authority of this name and
// key identifier. Both national roots have the same name and differ in the identifier.
func names(c, issuer *rawcert.Certificate) bool {
	want, have := c.AuthorityKeyID(), issuer.SubjectKeyID()
	return issuer.Subject.Equal(c.Issuer) && (want == nil || have == nil || bytes.Equal(want, have))
}

// find returns the best chain from c: one to an anchor without reasons against it,
// otherwise one to an anchor, otherwise the longest one.
func (f *finder) find(c *rawcert.Certificate, at time.Time) path {
	best := f.walk(c, at, nil)
	if !best.trusted {
		best.reasons = []Reason{UnknownIssuer}
	}
	return best
}

func (f *finder) walk(c *rawcert.Certificate, at time.Time, below []*rawcert.Certificate) path {
	chain := append(append([]*rawcert.Certificate(nil), below...), c)
	best := path{chain: chain}
	for _, a := range f.anchors.list {
		if bytes.Equal(a.cert.Raw, c.Raw) {
			return path{chain: chain, issuer: a, trusted: true, reasons: against(chain, at)}
		}
	}
	if f.spent.steps++; len(chain) >= maxChain || f.spent.steps > maxSteps {
		return best
	}
	better := func(p path) {
		switch {
		case p.trusted && (!best.trusted || len(p.reasons) < len(best.reasons)):
			best = p
		case !best.trusted && len(p.chain) > len(best.chain):
			best = p
		}
	}
	for _, a := range f.anchors.list {
		if names(c, a.cert) && f.signed(c, a) == nil {
			whole := append(append([]*rawcert.Certificate(nil), chain...), a.cert)
			better(path{chain: whole, issuer: a, trusted: true, reasons: against(whole, at)})
		}
		if best.trusted && len(best.reasons) == 0 {
			return best
		}
	}
	for _, issuer := range f.pool {
		if within(chain, issuer) || !names(c, issuer) {
			continue
		}
		a := f.authority(issuer)
		if a == nil || f.signed(c, a) != nil {
			continue
		}
		p := f.walk(issuer, at, chain)
		p.issuer = a
		better(p)
		if best.trusted && len(best.reasons) == 0 {
			return best
		}
	}
	return best
}

func within(chain []*rawcert.Certificate, c *rawcert.Certificate) bool {
	for _, had := range chain {
		if bytes.Equal(had.Raw, c.Raw) {
			return true
		}
	}
	return false
}

// authority parses the key of a certificate that is not an anchor and caches it. It
// returns nil for a certificate that may not sign others.
func (f *finder) authority(c *rawcert.Certificate) *authority {
	a, ok := f.keys[c]
	if !ok {
		a, _ = newAuthority(c)
		f.keys[c] = a
	}
	return a
}

// against returns the reasons against a chain to an anchor at a time.
func against(chain []*rawcert.Certificate, at time.Time) []Reason {
	var reasons []Reason
	for i, c := range chain {
		switch {
		case at.Before(c.NotBefore) && i == 0:
			reasons = append(reasons, NotYetValid)
		case at.After(c.NotAfter) && i == 0:
			reasons = append(reasons, Expired)
		case at.Before(c.NotBefore), at.After(c.NotAfter):
			reasons = append(reasons, UnfitCertificate)
		}
		if weakCertificate(c, i == len(chain)-1) {
			reasons = append(reasons, WeakAlgorithm)
		}
		if i == 0 {
			continue
		}
		// RFC 5280, 6.1.4: each authority has at most pathLen others below it.
		if _, pathLen, err := basicConstraints(c); err != nil || pathLen >= 0 && i-1 > pathLen {
			reasons = append(reasons, UnfitCertificate)
		}
	}
	return reasons
}

// minRSABits is the smallest RSA key of a signature that can be Valid.
const minRSABits = 2048

// weakCertificate reports whether the key or the signature of c is too weak. The
// signature of an anchor on itself does not matter.
func weakCertificate(c *rawcert.Certificate, anchor bool) bool {
	key, err := rawcert.ReadKey(c.SPKI)
	if err != nil {
		return true
	}
	if weakKey(key) {
		return true
	}
	scheme, err := rawcert.ReadScheme(c.Algorithm)
	return !anchor && (err != nil || weakHash(scheme.Hash()))
}

func weakKey(k rawcert.PublicKey) bool {
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() < minRSABits
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize < 256
	}
	return false
}
