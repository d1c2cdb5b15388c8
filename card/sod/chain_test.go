package sod

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/internal/rawcert"
)

// TestVerifyChecksSignerCertificate tries the forms of a document signer's certificate.
func TestVerifyChecksSignerCertificate(t *testing.T) {
	root := selfSign(t, rootTemplate(), rootKey())
	roots := rootsOf(t, root)
	nameless := *root
	nameless.SubjectKeyId = nil // issues certificates without authority key identifier
	stranger := *root
	stranger.SubjectKeyId = []byte("other key")
	renamed := *root
	renamed.RawSubject = nil
	renamed.Subject.CommonName = "SYNTHETIC  country SIGNER"
	misnamed := renamed
	misnamed.Subject.CommonName = "Synthetic Country Signed"

	extension := func(critical bool, value string, id ...int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: id, Critical: critical, Value: []byte(value)}}
		}
	}
	period := "\x30\x22\x80\x0f20240201100000Z\x81\x0f20240501100000Z"
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		parent *x509.Certificate // provides the issuer name, default root
		byKey  crypto.Signer     // signs the certificate, default the root's key
		time   time.Time
		want   string
	}{
		"plain":                         {want: "trusted"},
		"no key identifiers":            {parent: &nameless, want: "trusted"},
		"unknown root of the same name": {parent: &stranger, byKey: strangerKey(), want: "untrusted"},
		"and without key identifier":    {parent: &nameless, byKey: strangerKey(), want: "untrusted"},
		"forged under the root's name":  {byKey: strangerKey(), want: "chain"},
		"another name":                  {parent: &misnamed, want: "untrusted"},
		"name in other letters":         {parent: &renamed, want: "trusted"},
		"PKCS1 with SHA-512":            {change: func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA512WithRSA }, want: "trusted"},
		"no key usage":                  {change: func(c *x509.Certificate) { c.KeyUsage = 0 }, want: "trusted"},
		"wrong key usage":               {change: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, want: "untrusted"},
		"unknown extension":             {change: extension(false, "?", 1, 2, 3), want: "trusted"},
		"unknown critical":              {change: extension(true, "?", 1, 2, 3), want: "untrusted"},
		"critical usage period":         {change: extension(true, period, 2, 5, 29, 16), time: signed, want: "trusted"},
		"before the usage period":       {change: extension(false, period, 2, 5, 29, 16), time: signed.AddDate(0, 0, -30), want: "untrusted"},
		"after the usage period":        {change: extension(false, period, 2, 5, 29, 16), time: signed.AddDate(0, 3, 0), want: "untrusted"},
		"usage period without a time":   {change: extension(false, "\x30\x11\x80\x0f20240301100000Z", 2, 5, 29, 16), want: "trusted"},
		"odd usage period":              {change: extension(false, "\x30\x03\x80\x01?", 2, 5, 29, 16), time: signed, want: "untrusted"},
		"document types critical":       {change: extension(true, "\x30\x08\x02\x01\x00\x31\x03\x13\x01C", 2, 23, 136, 1, 1, 6, 2), want: "trusted"},
		"older than the root":           {change: func(c *x509.Certificate) { c.NotBefore = signed.AddDate(-5, 0, 0) }, want: "untrusted"},
		"older, but signed later":       {change: func(c *x509.Certificate) { c.NotBefore = signed.AddDate(-5, 0, 0) }, time: signed, want: "trusted"},
		"year 2060":                     {change: func(c *x509.Certificate) { c.NotAfter = time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC) }, want: "trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			template := signerTemplate()
			if c.change != nil {
				c.change(template)
			}
			parent, by := root, crypto.Signer(rootKey())
			if c.parent != nil {
				parent = c.parent
			}
			if c.byKey != nil {
				by = c.byKey
				// CreateCertificate compares the parent's key with the signer's.
				p := *parent
				p.PublicKey = by.Public()
				parent = &p
			}
			cert := certificate(t, template, parent, signerKey().Public(), by)
			expect(t, builder{signer: cert, key: signerKey(), time: c.time}.build(t), roots, c.want)
		})
	}
}

// The certificates of this test cannot be created or parsed by crypto/x509.
func TestVerifyAcceptsCertificatesUnknownToX509(t *testing.T) {
	root := selfSign(t, rootTemplate(), rootKey())
	roots := rootsOf(t, root)
	model := certificate(t, signerTemplate(), root, signerKey().Public(), rootKey())
	for name, c := range map[string]struct {
		algorithm []byte
		sign      func([]byte) ([]byte, error)
		spki      func([]byte) []byte
		serial    []byte
		pkcs1     bool
		want      string
	}{
		"SHA-1": {
			algorithm: marshal(func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oid(t, rawcert.PKCS1Algorithms, crypto.SHA1))
					b.AddASN1NULL()
				})
			}),
			sign: func(m []byte) ([]byte, error) { return rootKey().Sign(rand.Reader, sum(crypto.SHA1, m), crypto.SHA1) },
			want: "trusted",
		},
		"PSS with a salt crypto/x509 refuses": {
			algorithm: marshal(func(b *cryptobyte.Builder) { pssAlgorithm(b, crypto.SHA512, crypto.SHA512, 17) }),
			sign:      pssWith(crypto.SHA512, 17),
			want:      "trusted",
		},
		"PSS with another salt than it says": {
			algorithm: marshal(func(b *cryptobyte.Builder) { pssAlgorithm(b, crypto.SHA512, crypto.SHA512, 64) }),
			sign:      pssWith(crypto.SHA512, 17),
			want:      "chain",
		},
		"PSS with two hash functions": {
			algorithm: marshal(func(b *cryptobyte.Builder) { pssAlgorithm(b, crypto.SHA512, crypto.SHA256, 64) }),
			sign:      pssWith(crypto.SHA512, 64),
			want:      "unsupported",
		},
		"PSS without salt": {
			algorithm: marshal(func(b *cryptobyte.Builder) { pssAlgorithm(b, crypto.SHA512, crypto.SHA512, 0) }),
			sign:      pssWith(crypto.SHA512, 64),
			want:      "unsupported",
		},
		"PSS defaults": {
			algorithm: marshal(func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10})
					sequence(b, func(*cryptobyte.Builder) {})
				})
			}),
			sign: pssWith(crypto.SHA512, 64),
			want: "unsupported",
		},
		"unknown algorithm": {
			algorithm: marshal(func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 3}) })
			}),
			sign: pssWith(crypto.SHA512, 64),
			want: "unsupported",
		},
		"key for PSS only": {
			algorithm: marshal(func(b *cryptobyte.Builder) { pssAlgorithm(b, crypto.SHA512, crypto.SHA512, 64) }),
			sign:      pssWith(crypto.SHA512, 64),
			spki: func(spki []byte) []byte {
				return bytes.Replace(spki, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), 1)
			},
			want: "trusted",
		},
		"key for PSS only, used otherwise": {
			algorithm: marshal(func(b *cryptobyte.Builder) { pssAlgorithm(b, crypto.SHA512, crypto.SHA512, 64) }),
			sign:      pssWith(crypto.SHA512, 64),
			spki: func(spki []byte) []byte {
				return bytes.Replace(spki, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), 1)
			},
			pkcs1: true,
			want:  "unsupported",
		},
		"unknown kind of key": {
			algorithm: marshal(func(b *cryptobyte.Builder) { pssAlgorithm(b, crypto.SHA512, crypto.SHA512, 64) }),
			sign:      pssWith(crypto.SHA512, 64),
			spki: func(spki []byte) []byte {
				return bytes.Replace(spki, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x7f"), 1)
			},
			want: "unsupported",
		},
		"negative serial number": {
			algorithm: marshal(func(b *cryptobyte.Builder) { pssAlgorithm(b, crypto.SHA512, crypto.SHA512, 64) }),
			sign:      pssWith(crypto.SHA512, 64),
			serial:    []byte{0xCE, 0x01},
			want:      "trusted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cert := *model
			cert.Raw, cert.SerialNumber = rebuild(t, model, c.algorithm, c.sign, c.spki, c.serial)
			expect(t, builder{signer: &cert, key: signerKey(), pkcs1: c.pkcs1}.build(t), roots, c.want)
		})
	}
}

func pssWith(hash crypto.Hash, salt int) func([]byte) ([]byte, error) {
	return func(m []byte) ([]byte, error) {
		return rootKey().Sign(rand.Reader, sum(hash, m), &rsa.PSSOptions{SaltLength: salt, Hash: hash})
	}
}

// rebuild returns a certificate like model with parts replaced.
func rebuild(t testing.TB, model *x509.Certificate, algorithm []byte, sign func([]byte) ([]byte, error), spki func([]byte) []byte, serial []byte) (der []byte, number *big.Int) {
	t.Helper()
	in := cryptobyte.String(model.RawTBSCertificate)
	var tbs, version, issuer, rest, key, tail cryptobyte.String
	number = model.SerialNumber
	if !in.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&version, tag0) || !tbs.SkipASN1(cbasn1.INTEGER) ||
		!tbs.SkipASN1(cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&rest, cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&key, cbasn1.SEQUENCE) {
		t.Fatal("model")
	}
	validity, subject := rest, key
	if !tbs.ReadASN1Element(&key, cbasn1.SEQUENCE) {
		t.Fatal("model")
	}
	tail = tbs
	if spki != nil {
		key = spki(key)
	}
	if serial != nil {
		number = new(big.Int).Sub(new(big.Int).SetBytes(serial), new(big.Int).Lsh(big.NewInt(1), uint(8*len(serial))))
	}
	newTBS := marshal(func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddBytes(version)
			b.AddASN1BigInt(number)
			b.AddBytes(algorithm)
			for _, part := range [][]byte{issuer, validity, subject, key, tail} {
				b.AddBytes(part)
			}
		})
	})
	signature, err := sign(newTBS)
	if err != nil {
		t.Fatal(err)
	}
	return marshal(func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddBytes(newTBS)
			b.AddBytes(algorithm)
			b.AddASN1BitString(signature)
		})
	}), number
}

// A new root is accepted only by a link certificate that the old root signed.
func TestVerifyFollowsLinkCertificates(t *testing.T) {
	root := selfSign(t, rootTemplate(), rootKey())
	roots := rootsOf(t, root)
	template := rootTemplate()
	template.SubjectKeyId = []byte("next key")
	next := selfSign(t, template, strangerKey())
	link := func(change func(*x509.Certificate)) *x509.Certificate {
		c := rootTemplate()
		c.SubjectKeyId, c.AuthorityKeyId = []byte("next key"), root.SubjectKeyId
		if change != nil {
			change(c)
		}
		return certificate(t, c, root, strangerKey().Public(), rootKey())
	}
	signer := certificate(t, signerTemplate(), next, signerKey().Public(), strangerKey())
	for name, c := range map[string]struct {
		certs []*x509.Certificate
		want  string
	}{
		"link":           {[]*x509.Certificate{signer, link(nil)}, "trusted"},
		"link and root":  {[]*x509.Certificate{next, root, link(nil), signer}, "trusted"},
		"root alone":     {[]*x509.Certificate{signer, next}, "untrusted"},
		"nothing":        {[]*x509.Certificate{signer}, "untrusted"},
		"not a CA":       {[]*x509.Certificate{signer, link(func(c *x509.Certificate) { c.IsCA, c.MaxPathLenZero = false, false })}, "untrusted"},
		"key usage":      {[]*x509.Certificate{signer, link(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })}, "untrusted"},
		"other subject":  {[]*x509.Certificate{signer, link(func(c *x509.Certificate) { c.Subject.CommonName = "Another" })}, "untrusted"},
		"expired link":   {[]*x509.Certificate{signer, link(func(c *x509.Certificate) { c.NotAfter = signed.AddDate(-1, 0, 0) })}, "untrusted"},
		"same link many": {[]*x509.Certificate{link(nil), link(nil), link(nil), signer}, "trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			b := builder{signer: signer, key: signerKey()}
			for _, cert := range c.certs {
				b.certs = append(b.certs, cert.Raw)
			}
			expect(t, b.build(t), roots, c.want)
		})
	}
	// A CA below the root is no link: a CSCA signs document signers itself (ICAO
	// Doc 9303 part 12, 4.1).
	below := rootTemplate()
	below.Subject.CommonName, below.SubjectKeyId = "Synthetic CA below", []byte("below")
	sub := certificate(t, below, root, strangerKey().Public(), rootKey())
	leaf := certificate(t, signerTemplate(), sub, signerKey().Public(), strangerKey())
	expect(t, builder{signer: leaf, key: signerKey(), certs: [][]byte{leaf.Raw, sub.Raw}}.build(t), roots, "untrusted")

	// Once added as a root itself, the new one needs no link.
	more := roots.Clone()
	if err := more.AddDER(next.Raw); err != nil {
		t.Fatal(err)
	}
	der := builder{signer: signer, key: signerKey()}.build(t)
	expect(t, der, more, "trusted")
	expect(t, der, roots, "untrusted")
}
