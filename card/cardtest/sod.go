package cardtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidLDSObject     = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA512        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	oidSHA256RSA     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidPSS           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	// A type that no reader of security objects implements.
	oidNobodys = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 99}
)

// sodFiles are the files an EF.SOD covers, with their data group numbers, in
// the order of the real ones (CIE 6.6, 6.10.5).
var sodFiles = []struct {
	number byte
	fid    uint16
}{
	{0xA5, 0x1005}, {0x1B, 0xD004}, {0xA4, 0x1004}, {0xA3, 0x1003}, {0xA2, 0x1002}, {0xA1, 0x1001},
}

// sodForm is what differs between the generations of EF.SOD.
type sodForm struct {
	hash        crypto.Hash
	newHash     func() hash.Hash
	digest      asn1.ObjectIdentifier
	pss         bool
	ldsVersion  int64
	contentType asn1.ObjectIdentifier
}

func sodGeneration(generation int) (sodForm, error) {
	switch generation {
	case 1:
		return sodForm{hash: crypto.SHA256, newHash: sha256.New, digest: oidSHA256, contentType: oidLDSObject}, nil
	case 2:
		return sodForm{hash: crypto.SHA512, newHash: sha512.New, digest: oidSHA512, pss: true, ldsVersion: 1, contentType: oidLDSObject}, nil
	}
	return sodForm{}, fmt.Errorf("no SOD generation %d", generation)
}

// addDigestAlgorithm adds AlgorithmIdentifier without parameters, as the real
// ones have it.
func addDigestAlgorithm(b *cryptobyte.Builder, oid asn1.ObjectIdentifier) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) })
}

func addSignatureAlgorithm(b *cryptobyte.Builder, form sodForm) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if !form.pss {
			b.AddASN1ObjectIdentifier(oidSHA256RSA)
			b.AddASN1NULL()
			return
		}
		withNull := func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(form.digest)
				b.AddASN1NULL()
			})
		}
		b.AddASN1ObjectIdentifier(oidPSS)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), withNull)
			b.AddASN1(cbasn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidMGF1)
					withNull(b)
				})
			})
			b.AddASN1(cbasn1.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1Int64(int64(form.hash.Size()))
			})
		})
	})
}

// ldsObject makes the LDS security object: the hashes of the files.
func ldsObject(form sodForm, files map[uint16][]byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(form.ldsVersion)
		addDigestAlgorithm(b, form.digest)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, f := range sodFiles {
				h := form.newHash()
				h.Write(files[f.fid])
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					// One content byte even above 7F: negative in DER, and
					// that is how the real ones are.
					b.AddASN1(cbasn1.INTEGER, func(b *cryptobyte.Builder) { b.AddUint8(f.number) })
					b.AddASN1OctetString(h.Sum(nil))
				})
			}
		})
		if form.ldsVersion > 0 {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, s := range []string{"0108", "040000"} {
					b.AddASN1(cbasn1.PrintableString, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
				}
			})
		}
	})
	return b.Bytes()
}

// documentSigner is the signer of an EF.SOD.
type documentSigner struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// poolSigner returns a document signer of the pool by its name.
func poolSigner(name string) documentSigner {
	p := loadPool()
	return documentSigner{p.certs[name], p.keys[name]}
}

// buildSOD returns the content of EF.SOD over the given file contents (without padding).
func buildSOD(form sodForm, signer documentSigner, files map[uint16][]byte) ([]byte, error) {
	cert, key := signer.cert, signer.key
	if cert == nil || key == nil {
		return nil, errors.New("no document signer")
	}
	content, err := ldsObject(form, files)
	if err != nil {
		return nil, err
	}

	attributes := func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidContentType)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(form.contentType) })
		})
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			h := form.newHash()
			h.Write(content)
			b.AddASN1ObjectIdentifier(oidMessageDigest)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(h.Sum(nil)) })
		})
	}
	var signed cryptobyte.Builder
	signed.AddASN1(cbasn1.SET, attributes) // RFC 5652, 5.4: signed as SET OF
	tbs, err := signed.Bytes()
	if err != nil {
		return nil, err
	}
	signature, err := signSOD(form, key, tbs)
	if err != nil {
		return nil, err
	}

	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(3)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { addDigestAlgorithm(b, form.digest) })
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(form.contentType)
					b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
						b.AddASN1OctetString(content)
					})
				})
				b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
					b.AddBytes(cert.Raw)
				})
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(1)
						b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddBytes(cert.RawIssuer)
							b.AddASN1BigInt(cert.SerialNumber)
						})
						addDigestAlgorithm(b, form.digest)
						b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), attributes)
						addSignatureAlgorithm(b, form)
						b.AddASN1OctetString(signature)
					})
				})
			})
		})
	})
	cms, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	return object(0x77, cms), nil
}

func signSOD(form sodForm, key *rsa.PrivateKey, tbs []byte) ([]byte, error) {
	h := form.newHash()
	h.Write(tbs)
	if !form.pss {
		return rsa.SignPKCS1v15(nil, key, form.hash, h.Sum(nil))
	}
	return pssSign(form, key, h.Sum(nil)), nil
}

// pssSign computes RSASSA-PSS with a salt derived from the message, so that the same profile
// always gives the same card (RFC 8017, 9.1.1).
func pssSign(form sodForm, key *rsa.PrivateKey, digest []byte) []byte {
	sum := func(parts ...[]byte) []byte {
		h := form.newHash()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	salt := sum([]byte("salt of a synthetic card"), digest)
	seed := sum(make([]byte, 8), digest, salt)
	em := make([]byte, key.Size())
	db := em[:len(em)-len(seed)-1]
	db[len(db)-len(salt)-1] = 0x01
	copy(db[len(db)-len(salt):], salt)
	for i, counter := 0, byte(0); i < len(db); counter++ {
		for _, m := range sum(seed, []byte{0, 0, 0, counter}) {
			if i < len(db) {
				db[i] ^= m
				i++
			}
		}
	}
	db[0] &= 0x7F // the modulus has 2048 bits, the message 2047
	copy(em[len(db):], seed)
	em[len(em)-1] = 0xBC
	return privateOp(key, em)
}
