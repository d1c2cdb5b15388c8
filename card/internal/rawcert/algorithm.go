package rawcert

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha1" // required for the signature of the first root
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Algorithms by object identifier (RFC 4055, RFC 5754, RFC 5758).
const (
	oidRSA  = "1.2.840.113549.1.1.1"
	oidMGF1 = "1.2.840.113549.1.1.8"
	oidPSS  = "1.2.840.113549.1.1.10"
)

// Hashes maps the digest algorithms of new signatures (RFC 5754, 2). SHA-1 is not among them.
var Hashes = map[string]crypto.Hash{
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// PKCS1Algorithms maps the signature algorithms RSASSA-PKCS1-v1_5 with a hash (RFC 8017, A.2.4).
var PKCS1Algorithms = map[string]crypto.Hash{
	// The root of 2016 signs itself with SHA-1. A collision is of no use to a
	// forger in a certificate whose content the authority alone chooses.
	"1.2.840.113549.1.1.5":  crypto.SHA1,
	"1.2.840.113549.1.1.14": crypto.SHA224,
	"1.2.840.113549.1.1.11": crypto.SHA256,
	"1.2.840.113549.1.1.12": crypto.SHA384,
	"1.2.840.113549.1.1.13": crypto.SHA512,
}

// ECDSAAlgorithms maps the signature algorithms ECDSA with a hash (RFC 5758, 3.2).
var ECDSAAlgorithms = map[string]crypto.Hash{
	"1.2.840.10045.4.3.1": crypto.SHA224,
	"1.2.840.10045.4.3.2": crypto.SHA256,
	"1.2.840.10045.4.3.3": crypto.SHA384,
	"1.2.840.10045.4.3.4": crypto.SHA512,
}

const oidEd25519 = "1.3.101.112"

// ErrUnsupported reports an algorithm or a key that this package does not implement.
var ErrUnsupported = errors.New("unsupported algorithm")

func malformed(what string) error   { return fmt.Errorf("%w: %s", ErrMalformed, what) }
func unsupported(what string) error { return fmt.Errorf("%w: %s", ErrUnsupported, what) }

// ErrSignature reports that a signature does not verify with the key.
var ErrSignature = errors.New("signature does not match")

// ReadAlgorithm reads an AlgorithmIdentifier. It returns empty parameters both if
// they are NULL and if they are absent.
func ReadAlgorithm(b *cryptobyte.String) (id string, parameters cryptobyte.String, ok bool) {
	var sequence cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !b.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.ReadASN1ObjectIdentifier(&oid) {
		return "", nil, false
	}
	if sequence.PeekASN1Tag(cbasn1.NULL) {
		var null cryptobyte.String
		if !sequence.ReadASN1(&null, cbasn1.NULL) || !null.Empty() || !sequence.Empty() {
			return "", nil, false
		}
	}
	return oid.String(), sequence, true
}

// ReadHash reads the AlgorithmIdentifier of a hash function.
func ReadHash(b *cryptobyte.String) (crypto.Hash, error) {
	id, parameters, ok := ReadAlgorithm(b)
	if !ok || !parameters.Empty() {
		return 0, malformed("digest algorithm")
	}
	if h, ok := Hashes[id]; ok {
		return h, nil
	}
	return 0, unsupported("digest algorithm " + id)
}

// Scheme is a signature algorithm with its parameters.
type Scheme struct {
	id   string
	hash crypto.Hash // 0: given by the digest algorithm beside it, or none (Ed25519)
	salt int         // PSS only
}

// ReadScheme reads the AlgorithmIdentifier of a signature; it must fill der. Errors
// match ErrMalformed or ErrUnsupported.
func ReadScheme(der []byte) (Scheme, error) {
	b := cryptobyte.String(der)
	id, parameters, ok := ReadAlgorithm(&b)
	if !ok || !b.Empty() {
		return Scheme{}, malformed("signature algorithm")
	}
	s := Scheme{id: id}
	if id == oidPSS {
		return readPSS(parameters)
	}
	if !parameters.Empty() {
		return s, unsupported("parameters of signature algorithm " + id)
	}
	if id == oidRSA || id == oidEd25519 {
		return s, nil
	}
	if s.hash, ok = PKCS1Algorithms[id]; ok {
		return s, nil
	}
	if s.hash, ok = ECDSAAlgorithms[id]; ok {
		return s, nil
	}
	return s, unsupported("signature algorithm " + id)
}

// readPSS reads the parameters of PSS (RFC 4055, 3.1). Their defaults (SHA-1) are not in use.
func readPSS(b cryptobyte.String) (Scheme, error) {
	s := Scheme{id: oidPSS}
	bad := malformed("parameters of RSASSA-PSS")
	var parameters, hash, mask, mgf, salt, trailer cryptobyte.String
	var hasHash, hasMask, hasSalt, hasTrailer bool
	if b.Empty() {
		return s, unsupported("RSASSA-PSS without parameters")
	}
	if !b.ReadASN1(&parameters, cbasn1.SEQUENCE) || !b.Empty() ||
		!parameters.ReadOptionalASN1(&hash, &hasHash, tag0) ||
		!parameters.ReadOptionalASN1(&mask, &hasMask, cbasn1.Tag(1).ContextSpecific().Constructed()) ||
		!parameters.ReadOptionalASN1(&salt, &hasSalt, cbasn1.Tag(2).ContextSpecific().Constructed()) ||
		!parameters.ReadOptionalASN1(&trailer, &hasTrailer, cbasn1.Tag(3).ContextSpecific().Constructed()) ||
		!parameters.Empty() {
		return s, bad
	}
	if !hasHash || !hasMask {
		return s, unsupported("RSASSA-PSS with SHA-1")
	}
	var err error
	if s.hash, err = ReadHash(&hash); err != nil {
		return s, err
	}
	var id asn1.ObjectIdentifier
	if !hash.Empty() || !mask.ReadASN1(&mgf, cbasn1.SEQUENCE) || !mask.Empty() || !mgf.ReadASN1ObjectIdentifier(&id) {
		return s, bad
	}
	if id.String() != oidMGF1 {
		return s, unsupported("mask generation " + id.String())
	}
	maskHash, err := ReadHash(&mgf)
	if err != nil {
		return s, err
	}
	if !mgf.Empty() {
		return s, bad
	}
	if maskHash != s.hash {
		return s, unsupported("RSASSA-PSS with two hash functions")
	}
	s.salt = 20
	if hasSalt && (!salt.ReadASN1Integer(&s.salt) || !salt.Empty()) {
		return s, bad
	}
	// In crypto/rsa a salt length of 0 means any length.
	if s.salt <= 0 || s.salt > 512 {
		return s, unsupported(fmt.Sprintf("RSASSA-PSS with a salt of %d bytes", s.salt))
	}
	var field int
	if hasTrailer && (!trailer.ReadASN1Integer(&field) || !trailer.Empty() || field != 1) {
		return s, unsupported("trailer of RSASSA-PSS")
	}
	return s, nil
}

// PublicKey is the key of a certificate. PSSOnly is set if its identifier permits PSS only.
type PublicKey struct {
	Key     crypto.PublicKey
	PSSOnly bool
}

// Sizes of RSA keys, in bits, that are accepted, to limit the work.
const (
	minRSABits = 1024
	maxRSABits = 8192
)

// ReadKey reads a SubjectPublicKeyInfo. Keys that crypto/x509 does not implement,
// brainpool curves among them, give ErrUnsupported.
func ReadKey(spki []byte) (PublicKey, error) {
	b := cryptobyte.String(spki)
	var sequence cryptobyte.String
	var bits []byte
	if !b.ReadASN1(&sequence, cbasn1.SEQUENCE) || !b.Empty() {
		return PublicKey{}, malformed("public key")
	}
	id, _, ok := ReadAlgorithm(&sequence)
	if !ok || !sequence.ReadASN1BitStringAsBytes(&bits) || !sequence.Empty() {
		return PublicKey{}, malformed("public key")
	}
	if id != oidRSA && id != oidPSS {
		key, err := x509.ParsePKIXPublicKey(spki)
		if err != nil {
			return PublicKey{}, unsupported("public key: " + err.Error())
		}
		return PublicKey{Key: key}, nil
	}
	var pair cryptobyte.String
	var n, e big.Int
	inner := cryptobyte.String(bits)
	if !inner.ReadASN1(&pair, cbasn1.SEQUENCE) || !inner.Empty() ||
		!pair.ReadASN1Integer(&n) || !pair.ReadASN1Integer(&e) || !pair.Empty() {
		return PublicKey{}, malformed("RSA public key")
	}
	if size := n.BitLen(); n.Sign() <= 0 || size < minRSABits || size > maxRSABits || n.Bit(0) == 0 ||
		e.Sign() <= 0 || e.BitLen() > 31 || e.Bit(0) == 0 || e.Int64() == 1 {
		return PublicKey{}, unsupported("RSA public key")
	}
	return PublicKey{Key: &rsa.PublicKey{N: &n, E: int(e.Int64())}, PSSOnly: id == oidPSS}, nil
}

// Verify verifies a signature. digest is the algorithm given beside the
// signature in CMS, 0 in certificates. The error is ErrSignature or matches
// ErrUnsupported.
func (s Scheme) Verify(k PublicKey, digest crypto.Hash, message, signature []byte) error {
	if key, ok := k.Key.(ed25519.PublicKey); ok && s.id == oidEd25519 {
		if !ed25519.Verify(key, message, signature) {
			return ErrSignature
		}
		return nil
	}
	hash, err := s.hashWith(digest)
	if err != nil {
		return err
	}
	if hash == 0 {
		return unsupported("signature algorithm " + s.id + " without a digest algorithm")
	}
	return s.verifyDigest(k, hash, sum(hash, message), signature)
}

// VerifyDigest verifies a signature over a message of which only the digest is
// available. It returns the errors of Verify.
func (s Scheme) VerifyDigest(k PublicKey, digest crypto.Hash, digested, signature []byte) error {
	hash, err := s.hashWith(digest)
	if err != nil {
		return err
	}
	if hash == 0 || len(digested) != hash.Size() {
		return unsupported("signature algorithm " + s.id + " over a digest")
	}
	return s.verifyDigest(k, hash, digested, signature)
}

// Hash returns the hash function that the algorithm names, 0 if it names none.
func (s Scheme) Hash() crypto.Hash { return s.hash }

// hashWith returns the hash function of the signature, 0 if none is named.
func (s Scheme) hashWith(digest crypto.Hash) (crypto.Hash, error) {
	// RFC 4056, 3: the two must be equal.
	if s.hash != 0 && digest != 0 && digest != s.hash {
		return 0, unsupported("two digest algorithms")
	}
	return cmp.Or(s.hash, digest), nil
}

func (s Scheme) verifyDigest(k PublicKey, hash crypto.Hash, digest, signature []byte) error {
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		_, pkcs1 := PKCS1Algorithms[s.id]
		switch {
		case s.id == oidPSS:
			options := &rsa.PSSOptions{SaltLength: s.salt, Hash: hash}
			return signatureError(rsa.VerifyPSS(key, hash, digest, signature, options))
		case (pkcs1 || s.id == oidRSA) && !k.PSSOnly:
			return signatureError(rsa.VerifyPKCS1v15(key, hash, digest, signature))
		}
	case *ecdsa.PublicKey:
		if _, ok := ECDSAAlgorithms[s.id]; ok {
			if !ecdsa.VerifyASN1(key, digest, signature) {
				return ErrSignature
			}
			return nil
		}
	}
	return unsupported("signature algorithm " + s.id + " with this kind of key")
}

func sum(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// signatureError distinguishes a wrong signature from a key or parameters that
// crypto/rsa does not accept.
func signatureError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, rsa.ErrVerification) {
		return ErrSignature
	}
	return unsupported(err.Error())
}
