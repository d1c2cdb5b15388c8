package cardtest

import (
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"fmt"
	"math/big"
	"sync"
)

//go:embed pki/keys.pem
var keysPEM []byte

//go:embed pki/certs.pem
var certsPEM []byte

// KeySets is the number of different key sets in the committed pool: that many
// cards can exist at once without sharing a key.
const KeySets = 4

// pool contains the parsed embedded files.
type pool struct {
	keys  map[string]*rsa.PrivateKey
	roots map[string]publicKey
	certs map[string]*x509.Certificate
}

// loadPool parses the pool once; the first call takes a few milliseconds.
var loadPool = sync.OnceValue(func() *pool {
	p := &pool{
		keys:  make(map[string]*rsa.PrivateKey),
		roots: make(map[string]publicKey),
		certs: make(map[string]*x509.Certificate),
	}
	for rest := append(append([]byte(nil), keysPEM...), certsPEM...); ; {
		var b *pem.Block
		b, rest = pem.Decode(rest)
		if b == nil {
			return p
		}
		name := b.Headers["Name"]
		var err error
		switch b.Type {
		case "RSA PRIVATE KEY":
			p.keys[name], err = x509.ParsePKCS1PrivateKey(b.Bytes)
		case "CERTIFICATE":
			p.certs[name], err = x509.ParseCertificate(b.Bytes)
		case "CV ROOT KEY":
			p.roots[name] = publicKey{
				n: new(big.Int).SetBytes(b.Bytes[:256]),
				e: new(big.Int).SetBytes(b.Bytes[256:]),
			}
		}
		if err != nil {
			panic(fmt.Sprintf("cardtest: embedded %s %q: %v", b.Type, name, err))
		}
	}
})

// CSCA returns the synthetic country signing CA: the root of the document signers of both
// SOD generations.
func CSCA() *x509.Certificate { return loadPool().certs["csca"] }

// CSCAPEM returns [CSCA] in PEM.
func CSCAPEM() []byte { return certPEM("csca") }

// DocumentSigner returns the certificate inside the EF.SOD of the given generation (1 or
// 2). It chains to [CSCA].
func DocumentSigner(generation int) *x509.Certificate {
	return loadPool().certs[fmt.Sprintf("ds-%d", generation)]
}

// IssuingCA returns the synthetic CA that issues the authentication certificates of the
// cards. It is its own root.
func IssuingCA() *x509.Certificate { return loadPool().certs["issuing"] }

// IssuingCAPEM returns [IssuingCA] in PEM. A server that requests client certificates of
// virtual cards trusts it.
func IssuingCAPEM() []byte { return certPEM("issuing") }

func certPEM(name string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: loadPool().certs[name].Raw})
}

// PublicKeys returns the RSA keys of the committed pool. Their private keys are public, so
// a card or a signer with one of them proves nothing.
func PublicKeys() []*rsa.PublicKey {
	var list []*rsa.PublicKey
	for _, key := range loadPool().keys {
		list = append(list, &key.PublicKey)
	}
	return list
}
