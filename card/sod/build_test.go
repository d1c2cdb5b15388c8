package sod

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
)

// keyPair generates each key once per test run, because RSA key generation
// dominates the run time of these tests.
func keyPair(bits int) func() *rsa.PrivateKey {
	return sync.OnceValue(func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		return k
	})
}

var (
	rootKey     = keyPair(2048)
	signerKey   = keyPair(2048)
	strangerKey = keyPair(2048)
	ecKey       = sync.OnceValue(func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
	edKey = sync.OnceValue(func() ed25519.PrivateKey {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
)

var (
	signed     = time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)
	rootName   = pkix.Name{CommonName: "Synthetic Country Signer", Organization: []string{"Example"}, Country: []string{"IT"}}
	signerName = pkix.Name{CommonName: "Synthetic Document Signer", Country: []string{"IT"}}
)

// certificate signs template with the issuer's key. parent provides the
// issuer's name and key identifier.
func certificate(t testing.TB, template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rootTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               rootName,
		NotBefore:             signed.AddDate(-4, 0, 0),
		NotAfter:              signed.AddDate(11, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId:          []byte("root key"),
	}
}

func signerTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(bytes.Repeat([]byte{0x4E}, 8)),
		Subject:      signerName,
		NotBefore:    signed.AddDate(0, -1, 0),
		NotAfter:     signed.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		SubjectKeyId: []byte("signer key"),
	}
}

// selfSign returns a self-signed root.
func selfSign(t testing.TB, template *x509.Certificate, key crypto.Signer) *x509.Certificate {
	t.Helper()
	return certificate(t, template, template, key.Public(), key)
}

// rootsOf returns Roots with the given certificates.
func rootsOf(t testing.TB, certs ...*x509.Certificate) *Roots {
	t.Helper()
	r := &Roots{}
	for _, c := range certs {
		if err := r.AddDER(c.Raw); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// files returns the contents that the synthetic SODs cover.
func files() map[uint16][]byte {
	return map[uint16][]byte{
		FileNIS:         []byte("000000012345"),
		FileSerial:      []byte("XX00000YY"),
		FileCertificate: append([]byte{0x30, 0x82, 0x01, 0x00}, bytes.Repeat([]byte{0x11}, 256)...),
		FileIntKey:      {0x30, 0x03, 1, 2, 3},
		FileServicesKey: {0x30, 0x03, 4, 5, 6},
		FileDH:          append([]byte{0x7F, 0x49, 0x81, 0x80}, bytes.Repeat([]byte{0x22}, 128)...),
	}
}

// builder builds a SOD. With only signer and key set, the SOD has the form of the
// second generation. The functions modify the encoding.
type builder struct {
	signer *x509.Certificate
	key    crypto.Signer
	files  map[uint16][]byte

	hash       crypto.Hash // default SHA-512
	digest     crypto.Hash // of the signature, default hash
	announced  crypto.Hash // the digest algorithm named beside the signature, default digest
	pkcs1      bool        // RSASSA-PKCS1-v1_5 in place of PSS
	bareRSA    bool        // with the algorithm rsaEncryption
	salt       int         // PSS, default the size of the hash
	ldsVersion int64       // default 1
	positive   bool        // file numbers as positive INTEGERs
	bySKI      bool        // signer named by its key identifier
	time       time.Time   // signing time
	version    int64       // of SignedData, default 3
	certs      [][]byte    // in place of the signer's certificate
	attributes func([][]byte) [][]byte
	encode     func([][]byte) [][]byte // order in the message, after signing
	content    func([]byte) []byte     // changes the list of hashes before signing
	signature  func([]byte) []byte
	number     func(byte) []byte // encoding of a file number
	contentOID asn1.ObjectIdentifier
	signers    int // number of SignerInfos in the set, default 1
}

var hashOIDs = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.SHA1:   {1, 3, 14, 3, 2, 26},
	crypto.SHA224: {2, 16, 840, 1, 101, 3, 4, 2, 4},
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
	crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
	crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
}

func oid(t testing.TB, table map[string]crypto.Hash, h crypto.Hash) asn1.ObjectIdentifier {
	t.Helper()
	for id, hash := range table {
		if hash == h {
			var out asn1.ObjectIdentifier
			for _, part := range bytes.Split([]byte(id), []byte{'.'}) {
				n, _ := new(big.Int).SetString(string(part), 10)
				out = append(out, int(n.Int64()))
			}
			return out
		}
	}
	t.Fatalf("no algorithm with %v", h)
	return nil
}

func sequence(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(cbasn1.SEQUENCE, f) }

func marshal(f func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	f(&b)
	return b.BytesOrPanic()
}

// pssAlgorithm encodes RSASSA-PSS with its parameters. maskHash may differ from hash.
func pssAlgorithm(b *cryptobyte.Builder, hash, maskHash crypto.Hash, salt int) {
	addHash := func(h crypto.Hash) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(hashOIDs[h])
				b.AddASN1NULL()
			})
		}
	}
	sequence(b, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10})
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1(tag0, addHash(hash))
			b.AddASN1(tag1, func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8})
					addHash(maskHash)(b)
				})
			})
			b.AddASN1(cbasn1.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(salt)) })
		})
	})
}

func (o builder) lds() []byte {
	lds := marshal(func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(o.ldsVersion)
			sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(hashOIDs[o.hash]) })
			sequence(b, func(b *cryptobyte.Builder) {
				for _, number := range []byte{0x1B, 0xA5, 0xA4, 0xA3, 0xA2, 0xA1} {
					content, ok := o.files[groups[number]]
					if !ok {
						continue
					}
					sequence(b, func(b *cryptobyte.Builder) {
						encoded := []byte{number}
						if o.positive && number >= 0x80 {
							encoded = []byte{0, number}
						}
						if o.number != nil {
							encoded = o.number(number)
						}
						b.AddASN1(cbasn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(encoded) })
						b.AddASN1OctetString(sum(o.hash, content))
					})
				}
			})
			if o.ldsVersion == 1 {
				sequence(b, func(b *cryptobyte.Builder) {
					for _, v := range []string{"0108", "040000"} {
						b.AddASN1(cbasn1.PrintableString, func(b *cryptobyte.Builder) { b.AddBytes([]byte(v)) })
					}
				})
			}
		})
	})
	if o.content != nil {
		lds = o.content(lds)
	}
	return lds
}

func attribute(id asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) []byte {
	return marshal(func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(id)
			b.AddASN1(cbasn1.SET, value)
		})
	})
}

// sign returns the AlgorithmIdentifier and the signature over message.
func (o builder) sign(t testing.TB, message []byte) (algorithm, signature []byte) {
	t.Helper()
	var opts crypto.SignerOpts = o.digest
	digest := message
	algorithm = marshal(func(b *cryptobyte.Builder) {
		switch o.key.(type) {
		case *rsa.PrivateKey:
			digest = sum(o.digest, message)
			if !o.pkcs1 {
				opts = &rsa.PSSOptions{SaltLength: o.salt, Hash: o.digest}
				pssAlgorithm(b, o.digest, o.digest, o.salt)
				return
			}
			sequence(b, func(b *cryptobyte.Builder) {
				if o.bareRSA {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1})
				} else {
					b.AddASN1ObjectIdentifier(oid(t, rawcert.PKCS1Algorithms, o.digest))
				}
				b.AddASN1NULL()
			})
		case *ecdsa.PrivateKey:
			digest = sum(o.digest, message)
			sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid(t, rawcert.ECDSAAlgorithms, o.digest)) })
		case ed25519.PrivateKey:
			opts = crypto.Hash(0)
			sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 101, 112}) })
		}
	})
	signature, err := o.key.Sign(rand.Reader, digest, opts)
	if err != nil {
		t.Fatal(err)
	}
	return algorithm, signature
}

func (o builder) build(t testing.TB) []byte {
	t.Helper()
	if o.files == nil {
		o.files = files()
	}
	if o.hash == 0 {
		o.hash = crypto.SHA512
	}
	if o.digest == 0 {
		o.digest = o.hash
	}
	if o.announced == 0 {
		o.announced = o.digest
	}
	if o.salt == 0 {
		o.salt = o.digest.Size()
	}
	if o.version == 0 {
		o.version = 3
	}
	if o.certs == nil {
		o.certs = [][]byte{o.signer.Raw}
	}
	if o.contentOID == nil {
		o.contentOID = oidLDSObject
	}
	content := o.lds()

	attributes := [][]byte{
		attribute(oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidLDSObject) }),
		attribute(oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum(o.announced, content)) }),
	}
	if !o.time.IsZero() {
		attributes = append(attributes, attribute(oidSigningTime, func(b *cryptobyte.Builder) { b.AddASN1UTCTime(o.time) }))
	}
	if o.attributes != nil {
		attributes = o.attributes(attributes)
	}
	slices.SortFunc(attributes, bytes.Compare)
	set := marshal(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(attributes, nil)) })
	})
	algorithm, signature := o.sign(t, set)
	if o.signature != nil {
		signature = o.signature(signature)
	}
	if o.encode != nil {
		attributes = o.encode(attributes)
	}

	digestAlgorithm := func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(hashOIDs[o.announced]) })
	}
	signerInfo := func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			if o.bySKI {
				b.AddASN1Int64(3)
				b.AddASN1(tag0Key, func(b *cryptobyte.Builder) { b.AddBytes(o.signer.SubjectKeyId) })
			} else {
				b.AddASN1Int64(1)
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddBytes(o.signer.RawIssuer)
					b.AddASN1BigInt(o.signer.SerialNumber)
				})
			}
			digestAlgorithm(b)
			if len(attributes) > 0 {
				b.AddASN1(tag0, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(attributes, nil)) })
			}
			b.AddBytes(algorithm)
			b.AddASN1OctetString(signature)
		})
	}
	return marshal(func(b *cryptobyte.Builder) {
		b.AddASN1(tagEFSOD, func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidSignedData)
				b.AddASN1(tag0, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(o.version)
						b.AddASN1(cbasn1.SET, digestAlgorithm)
						sequence(b, func(b *cryptobyte.Builder) {
							b.AddASN1ObjectIdentifier(o.contentOID)
							b.AddASN1(tag0, func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
						})
						if len(o.certs) > 0 {
							b.AddASN1(tag0, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(o.certs, nil)) })
						}
						b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
							for range max(o.signers, 1) {
								signerInfo(b)
							}
						})
					})
				})
			})
		})
	})
}

// generations returns the two forms of SOD in the field.
func generations(t testing.TB) map[string]builder {
	t.Helper()
	root := selfSign(t, rootTemplate(), rootKey())
	old := signerTemplate()
	old.SignatureAlgorithm = x509.SHA256WithRSA
	recent := signerTemplate()
	recent.SignatureAlgorithm = x509.SHA512WithRSAPSS
	return map[string]builder{
		"first":  {signer: certificate(t, old, root, signerKey().Public(), rootKey()), key: signerKey(), hash: crypto.SHA256, pkcs1: true},
		"second": {signer: certificate(t, recent, root, signerKey().Public(), rootKey()), key: signerKey(), ldsVersion: 1},
	}
}
