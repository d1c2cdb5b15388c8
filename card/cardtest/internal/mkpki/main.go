// Command mkpki makes the synthetic keys and certificates that package
// cardtest embeds. Every run makes new ones; nothing outside this repository
// may ever depend on their values.
//
//	go run ./internal/mkpki -dir pki
package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// sets is the number of different cards whose keys are in the pool.
const sets = 4

var (
	oidCN     = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSerial = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidC      = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidO      = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOU     = asn1.ObjectIdentifier{2, 5, 4, 11}
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "pki", "directory of the embedded files")
	flag.Parse()
	if err := run(*dir); err != nil {
		log.Fatal(err)
	}
}

func run(dir string) error {
	var keys, certs bytes.Buffer
	key := func(name string, bits int) (*rsa.PrivateKey, error) {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return nil, err
		}
		return k, pem.Encode(&keys, &pem.Block{
			Type:    "RSA PRIVATE KEY",
			Headers: map[string]string{"Name": name},
			Bytes:   x509.MarshalPKCS1PrivateKey(k),
		})
	}
	cert := func(name string, der []byte) error {
		return pem.Encode(&certs, &pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"Name": name}, Bytes: der})
	}

	for i := range sets {
		for _, use := range []string{"int", "services", "auth"} {
			if _, err := key(fmt.Sprintf("%s-%d", use, i), 2048); err != nil {
				return err
			}
		}
		root, err := cvRoot(filepath.Join(dir, "root-exponent.hex"))
		if err != nil {
			return err
		}
		if err := pem.Encode(&keys, &pem.Block{Type: "CV ROOT KEY", Headers: map[string]string{"Name": fmt.Sprintf("root-%d", i)}, Bytes: root}); err != nil {
			return err
		}
	}

	cscaName := name("SYNTHETIC Country Signer CA (no real document)", "Test PKI of the virtual card", "Nobody")
	// The second pair carries the names of the first, and no program trusts it:
	// what a forger would make.
	for _, kind := range []string{"", "rogue-"} {
		csca, err := key(kind+"csca", 4096)
		if err != nil {
			return err
		}
		cscaDER, err := authority(cscaName, csca, x509.SHA512WithRSAPSS)
		if err != nil {
			return err
		}
		if err := cert(kind+"csca", cscaDER); err != nil {
			return err
		}
		cscaCert, err := x509.ParseCertificate(cscaDER)
		if err != nil {
			return err
		}
		for gen, alg := range map[int]x509.SignatureAlgorithm{1: x509.SHA256WithRSA, 2: x509.SHA512WithRSAPSS} {
			ds, err := key(fmt.Sprintf("%sds-%d", kind, gen), 2048)
			if err != nil {
				return err
			}
			der, err := documentSigner(gen, alg, ds, cscaCert, csca)
			if err != nil {
				return err
			}
			if err := cert(fmt.Sprintf("%sds-%d", kind, gen), der); err != nil {
				return err
			}
		}
	}

	issuer, err := key("issuing", 4096)
	if err != nil {
		return err
	}
	issuerDER, err := authority(name("SYNTHETIC issuing CA for the virtual card - SUBCA000", "Test PKI of the virtual card", "Nobody"), issuer, x509.SHA256WithRSA)
	if err != nil {
		return err
	}
	if err := cert("issuing", issuerDER); err != nil {
		return err
	}

	if err := os.WriteFile(filepath.Join(dir, "keys.pem"), keys.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "certs.pem"), certs.Bytes(), 0o644)
}

// cvRoot makes a public key (modulus, exponent; 256 bytes each) whose private
// exponent is the published one of the real root.
func cvRoot(exponentFile string) ([]byte, error) {
	text, err := os.ReadFile(exponentFile)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
	if err != nil {
		return nil, err
	}
	d, one := new(big.Int).SetBytes(raw), big.NewInt(1)
	prime := func() (*big.Int, *big.Int, error) {
		for {
			p, err := rand.Prime(rand.Reader, 1024)
			if err != nil {
				return nil, nil, err
			}
			p1 := new(big.Int).Sub(p, one)
			if new(big.Int).GCD(nil, nil, d, p1).Cmp(one) == 0 {
				return p, p1, nil
			}
		}
	}
	for {
		p, p1, err := prime()
		if err != nil {
			return nil, err
		}
		q, q1, err := prime()
		if err != nil {
			return nil, err
		}
		n := new(big.Int).Mul(p, q)
		if p.Cmp(q) == 0 || n.BitLen() != 2048 {
			continue
		}
		gcd := new(big.Int).GCD(nil, nil, p1, q1)
		lambda := new(big.Int).Div(new(big.Int).Mul(p1, q1), gcd)
		e := new(big.Int).ModInverse(d, lambda)
		out := make([]byte, 512)
		n.FillBytes(out[:256])
		e.FillBytes(out[256:])
		return out, nil
	}
}

func rdn(oid asn1.ObjectIdentifier, tag int, s string) pkix.RelativeDistinguishedNameSET {
	return pkix.RelativeDistinguishedNameSET{{Type: oid, Value: asn1.RawValue{Tag: tag, Bytes: []byte(s)}}}
}

// name returns a distinguished name in the order the real certificates have.
func name(cn, ou, o string) []byte {
	der, err := asn1.Marshal(pkix.RDNSequence{
		rdn(oidCN, asn1.TagUTF8String, cn),
		rdn(oidOU, asn1.TagUTF8String, ou),
		rdn(oidO, asn1.TagUTF8String, o),
		rdn(oidC, asn1.TagPrintableString, "IT"),
	})
	if err != nil {
		log.Fatal(err)
	}
	return der
}

func keyID(k *rsa.PublicKey) []byte {
	sum := sha1.Sum(x509.MarshalPKCS1PublicKey(k))
	return sum[:]
}

func authority(subject []byte, k *rsa.PrivateKey, alg x509.SignatureAlgorithm) ([]byte, error) {
	t := &x509.Certificate{
		SerialNumber:          big.NewInt(0x5ca0),
		RawSubject:            subject,
		SignatureAlgorithm:    alg,
		NotBefore:             time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		SubjectKeyId:          keyID(&k.PublicKey),
	}
	return x509.CreateCertificate(rand.Reader, t, t, &k.PublicKey, k)
}

func documentSigner(gen int, alg x509.SignatureAlgorithm, k *rsa.PrivateKey, ca *x509.Certificate, caKey crypto.Signer) ([]byte, error) {
	subject, err := asn1.Marshal(pkix.RDNSequence{
		rdn(oidCN, asn1.TagUTF8String, "SYNTHETIC eIdentityCardSigner"),
		rdn(oidSerial, asn1.TagPrintableString, fmt.Sprintf("0000%d", gen)),
		rdn(oidOU, asn1.TagUTF8String, "Test PKI of the virtual card"),
		rdn(oidO, asn1.TagUTF8String, "Nobody"),
		rdn(oidC, asn1.TagPrintableString, "IT"),
	})
	if err != nil {
		return nil, err
	}
	from := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
	if gen == 2 {
		from = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	usage, err := asn1.Marshal(struct {
		NotBefore asn1.RawValue
		NotAfter  asn1.RawValue
	}{
		asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: []byte(from.Format("20060102150405Z"))},
		asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, Bytes: []byte(from.AddDate(0, 3, 0).Format("20060102150405Z"))},
	})
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber:       big.NewInt(int64(0x5cad00 + gen)),
		RawSubject:         subject,
		SignatureAlgorithm: alg,
		NotBefore:          from,
		NotAfter:           from.AddDate(15, 0, 0),
		KeyUsage:           x509.KeyUsageDigitalSignature,
		SubjectKeyId:       keyID(&k.PublicKey),
		ExtraExtensions:    []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 16}, Value: usage}},
	}
	return x509.CreateCertificate(rand.Reader, t, ca, &k.PublicKey, caKey)
}
