package cardtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"time"
)

// Issuer is a country signer with a document signer and the keys of one card. It generates
// its keys and stores them in no file, so that no other program has them: the issuer of an
// attacker, or a country signer that is not known yet.
type Issuer struct {
	keys               [4]*rsa.PrivateKey
	root               *x509.Certificate
	signer             documentSigner
	internal, services *rsa.PrivateKey
}

// NewIssuer returns an issuer whose country signer has the given common name. Its
// certificates have the validity of those of the pool. It takes about a second.
func NewIssuer(name string) (*Issuer, error) {
	var keys [4]*rsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, fmt.Errorf("cardtest: %w", err)
		}
	}
	return newIssuer(name, keys)
}

// LoadIssuer is NewIssuer with the keys in a file, which it creates if it does not exist,
// for cards that must be the same in several processes.
func LoadIssuer(path, name string) (*Issuer, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		issuer, err := NewIssuer(name)
		if err != nil {
			return nil, err
		}
		var out []byte
		for _, k := range issuer.keys {
			out = append(out, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})...)
		}
		return issuer, os.WriteFile(path, out, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("cardtest: %w", err)
	}
	var keys [4]*rsa.PrivateKey
	for i := range keys {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			return nil, fmt.Errorf("cardtest: %s: not the keys of an issuer", path)
		}
		if keys[i], err = x509.ParsePKCS1PrivateKey(b.Bytes); err != nil {
			return nil, fmt.Errorf("cardtest: %s: %w", path, err)
		}
	}
	return newIssuer(name, keys)
}

func newIssuer(name string, keys [4]*rsa.PrivateKey) (*Issuer, error) {
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name, Country: []string{"IT"}},
		NotBefore:             time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	ds := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "eIdentityCardSigner", Country: []string{"IT"}},
		NotBefore:    time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2039, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	issuer := &Issuer{keys: keys, internal: keys[2], services: keys[3]}
	var err error
	if issuer.root, err = certify(ca, ca, keys[0], keys[0]); err != nil {
		return nil, fmt.Errorf("cardtest: %w", err)
	}
	issuer.signer.key = keys[1]
	if issuer.signer.cert, err = certify(ds, issuer.root, keys[1], keys[0]); err != nil {
		return nil, fmt.Errorf("cardtest: %w", err)
	}
	return issuer, nil
}

func certify(template, parent *x509.Certificate, key, by *rsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Root returns the certificate of the country signer.
func (i *Issuer) Root() *x509.Certificate { return i.root }
