package sod

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// outcome is what Parse and Verify make of a SOD, in one word.
func outcome(der []byte, roots *Roots) string {
	s, err := Parse(der)
	if (s == nil) != (err != nil) {
		return fmt.Sprintf("contradictory %v", err)
	}
	if err == nil {
		var r Result
		r, err = s.Verify(roots)
		switch {
		case err == nil && r.Trusted && r.Reason == nil && r.Root != nil && r.RootName != "":
			return "trusted"
		case err == nil && !r.Trusted && r.Reason != nil && r.Root == nil && r.RootName == "":
			return "untrusted"
		case err == nil:
			return fmt.Sprintf("contradictory %+v", r)
		}
	}
	var wrong *VerifyError
	switch {
	case errors.As(err, &wrong):
		return string(wrong.Check)
	case errors.Is(err, ErrUnsupported):
		return "unsupported"
	case errors.Is(err, ErrMalformed):
		return "malformed"
	}
	return "other: " + err.Error()
}

func expect(t *testing.T, der []byte, roots *Roots, want string) {
	t.Helper()
	if got := outcome(der, roots); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	roots := rootsOf(t, selfSign(t, rootTemplate(), rootKey()))
	for name, b := range generations(t) {
		t.Run(name, func(t *testing.T) {
			der := b.build(t)
			s, err := Parse(append(slices.Clone(der), make([]byte, 100)...))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.VerifySignature(); err != nil {
				t.Error(err)
			}
			r, err := s.Verify(roots)
			if err != nil || !r.Trusted || r.Reason != nil {
				t.Fatalf("%+v, %v", r, err)
			}
			if r.Root.Subject.CommonName != rootName.CommonName || r.RootName != "Synthetic Country Signer (2020-2035)" {
				t.Errorf("root %v, %q", r.Root.Subject, r.RootName)
			}
			if !r.SignedAt.Equal(signed.AddDate(0, -1, 0)) || r.Signer != signerName.CommonName {
				t.Errorf("signed at %v by %s", r.SignedAt, r.Signer)
			}
			for fid, content := range files() {
				if err := s.CheckFile(fid, content); err != nil {
					t.Error(err)
				}
				if err := s.CheckFile(fid, append(content, make([]byte, 40)...)); err != nil {
					t.Errorf("padded: %v", err)
				}
				if err := s.CheckFile(fid, append(content, "more"...)); err != nil {
					t.Errorf("followed by other data: %v", err)
				}
			}
			for _, unknown := range []*Roots{nil, {}, BuiltinRoots()} {
				if r, err := s.Verify(unknown); err != nil || r.Trusted || !errors.Is(r.Reason, errUnknownRoot) {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
}

func TestCheckFileWrong(t *testing.T) {
	b := generations(t)["second"]
	b.files = files()
	delete(b.files, FileDH)
	s, err := Parse(b.build(t))
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, fid uint16, content []byte) {
		t.Helper()
		var wrong *VerifyError
		if err := s.CheckFile(fid, content); !errors.As(err, &wrong) || wrong.Check != CheckHash || wrong.FID != fid {
			t.Errorf("%s of %04X: %v", what, fid, err)
		}
	}
	for fid, content := range b.files {
		for i := range content {
			flipped := bytes.Clone(content)
			flipped[i] ^= 0x01
			refused("flipped byte", fid, flipped)
		}
		refused("missing end", fid, content[:len(content)-1])
		refused("nothing", fid, nil)
	}
	refused("hash not listed", FileDH, files()[FileDH])
	refused("file unknown to the list", 0x1006, []byte{0x30, 0})
	if got, want := s.Files(), []uint16{FileNIS, FileSerial, FileCertificate, FileIntKey, FileServicesKey}; !slices.Equal(got, want) {
		t.Errorf("Files: %04X", got)
	}
	hash, digest, ok := s.Digest(FileNIS)
	if hash != crypto.SHA512 || !ok || !bytes.Equal(digest, sum(hash, b.files[FileNIS])) {
		t.Errorf("Digest: %v %x %v", hash, digest, ok)
	}
	if _, _, ok := s.Digest(FileDH); ok {
		t.Error("a hash that is not listed")
	}
}

// TestForms: everything a signer may do differently, and what comes of it.
func TestForms(t *testing.T) {
	root := selfSign(t, rootTemplate(), rootKey())
	roots := rootsOf(t, root)
	base := generations(t)["second"]
	ecSigner := certificate(t, signerTemplate(), root, ecKey().Public(), rootKey())
	edSigner := certificate(t, signerTemplate(), root, edKey().Public(), rootKey())
	otherOID := asn1.ObjectIdentifier{2, 5, 4, 3}
	replace := func(id asn1.ObjectIdentifier, with ...[]byte) func([][]byte) [][]byte {
		return func(in [][]byte) [][]byte {
			prefix := attribute(id, func(*cryptobyte.Builder) {})
			out := slices.DeleteFunc(slices.Clone(in), func(a []byte) bool { return bytes.Contains(a, prefix[2:len(prefix)-2]) })
			return append(out, with...)
		}
	}
	octets := func(v []byte) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) { b.AddASN1OctetString(v) }
	}
	for name, c := range map[string]struct {
		change func(*builder)
		want   string
	}{
		"positive numbers":              {func(b *builder) { b.positive = true }, "trusted"},
		"signer by key":                 {func(b *builder) { b.bySKI = true }, "trusted"},
		"signing time":                  {func(b *builder) { b.time = signed }, "trusted"},
		"signed too early":              {func(b *builder) { b.time = signed.AddDate(-1, 0, 0) }, "untrusted"},
		"signed too late":               {func(b *builder) { b.time = signed.AddDate(10, 0, 1) }, "untrusted"},
		"PSS SHA-256":                   {func(b *builder) { b.hash = crypto.SHA256 }, "trusted"},
		"PSS SHA-384":                   {func(b *builder) { b.hash = crypto.SHA384 }, "trusted"},
		"PSS short salt":                {func(b *builder) { b.salt = 20 }, "trusted"},
		"two hash functions":            {func(b *builder) { b.digest = crypto.SHA256 }, "trusted"},
		"PSS, another digest beside it": {func(b *builder) { b.announced = crypto.SHA256 }, "unsupported"},
		"PKCS1 SHA-224":                 {func(b *builder) { b.hash, b.pkcs1 = crypto.SHA224, true }, "trusted"},
		"PKCS1 SHA-384":                 {func(b *builder) { b.hash, b.pkcs1 = crypto.SHA384, true }, "trusted"},
		"PKCS1 SHA-512":                 {func(b *builder) { b.pkcs1 = true }, "trusted"},
		"rsaEncryption":                 {func(b *builder) { b.pkcs1, b.bareRSA = true, true }, "trusted"},
		"ECDSA":                         {func(b *builder) { b.signer, b.key, b.hash = ecSigner, ecKey(), crypto.SHA384 }, "trusted"},
		"Ed25519":                       {func(b *builder) { b.signer, b.key = edSigner, edKey() }, "trusted"},
		"SHA-1":                         {func(b *builder) { b.hash = crypto.SHA1 }, "unsupported"},
		"version 1":                     {func(b *builder) { b.version = 1 }, "trusted"},
		"version 9":                     {func(b *builder) { b.version = 9 }, "unsupported"},
		"list version 0":                {func(b *builder) { b.ldsVersion = 0 }, "trusted"},
		"list version 2":                {func(b *builder) { b.ldsVersion = 2 }, "unsupported"},
		"other content":                 {func(b *builder) { b.contentOID = otherOID }, "unsupported"},
		"two signers":                   {func(b *builder) { b.signers = 2 }, "unsupported"},
		"no certificate":                {func(b *builder) { b.certs = [][]byte{} }, "unsupported"},
		"another certificate":           {func(b *builder) { b.certs = [][]byte{root.Raw} }, "signer"},
		"two certificates":              {func(b *builder) { b.certs = [][]byte{root.Raw, b.signer.Raw} }, "trusted"},
		"too many certificates":         {func(b *builder) { b.certs = slices.Repeat([][]byte{b.signer.Raw}, maxCerts+1) }, "unsupported"},
		"no certificate at all":         {func(b *builder) { b.certs = [][]byte{{0x04, 0x01, 0xFF}} }, "unsupported"},
		"broken certificate":            {func(b *builder) { b.certs = [][]byte{{0x30, 0x01, 0xFF}} }, "malformed"},
		"key of another": {func(b *builder) {
			b.signer = certificate(t, signerTemplate(), root, strangerKey().Public(), rootKey())
		}, "signature"},
		"signature cut":  {func(b *builder) { b.signature = func(s []byte) []byte { return s[1:] } }, "signature"},
		"signature long": {func(b *builder) { b.signature = func(s []byte) []byte { return append([]byte{0}, s...) } }, "signature"},
		"ECDSA signature of garbage": {func(b *builder) {
			b.signer, b.key, b.hash = ecSigner, ecKey(), crypto.SHA384
			b.signature = func([]byte) []byte { return []byte{0x30, 0} }
		}, "signature"},
		"Ed25519 signature of garbage": {func(b *builder) {
			b.signer, b.key = edSigner, edKey()
			b.signature = func([]byte) []byte { return make([]byte, 64) }
		}, "signature"},
		"kind of key and algorithm differ": {func(b *builder) { b.signer = ecSigner }, "unsupported"},

		"no attributes":   {func(b *builder) { b.encode = func([][]byte) [][]byte { return nil } }, "signature"},
		"one is gone":     {func(b *builder) { b.encode = func(a [][]byte) [][]byte { return a[1:] } }, "content-type"},
		"no content type": {func(b *builder) { b.attributes = replace(oidContentType) }, "content-type"},
		"no digest":       {func(b *builder) { b.attributes = replace(oidMessageDigest) }, "message-digest"},
		"attribute twice": {func(b *builder) { b.attributes = func(a [][]byte) [][]byte { return append(a, a[0]) } }, "malformed"},
		"unknown is fine": {func(b *builder) { b.attributes = replace(otherOID, attribute(otherOID, octets(nil))) }, "trusted"},
		"empty attribute": {func(b *builder) {
			b.attributes = replace(oidMessageDigest, attribute(oidMessageDigest, func(*cryptobyte.Builder) {}))
		}, "malformed"},
		"wrong digest": {func(b *builder) {
			b.attributes = replace(oidMessageDigest, attribute(oidMessageDigest, octets(make([]byte, 64))))
		}, "message-digest"},
		"no order":         {func(b *builder) { b.time, b.encode = signed, reversed }, "trusted"},
		"odd signing time": {func(b *builder) { b.attributes = replace(oidSigningTime, attribute(oidSigningTime, octets(nil))) }, "malformed"},
		"other content type": {func(b *builder) {
			b.attributes = replace(oidContentType, attribute(oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(otherOID) }))
		}, "content-type"},

		"number of three bytes": {func(b *builder) { b.number = func(n byte) []byte { return []byte{0, 0, n} } }, "malformed"},
		"number too large":      {func(b *builder) { b.number = func(n byte) []byte { return []byte{1, n} } }, "malformed"},
		"file twice":            {func(b *builder) { b.number = func(byte) []byte { return []byte{0xA1} } }, "malformed"},
		"short hash": {func(b *builder) {
			b.content = func(l []byte) []byte { return bytes.Replace(l, []byte{4, 64}, []byte{4, 63}, 1) }
		}, "malformed"},
		"hashes of another kind": {func(b *builder) {
			b.content = func(l []byte) []byte { return bytes.Replace(l, []byte{3, 4, 2, 3}, []byte{3, 4, 2, 1}, 1) }
		}, "malformed"},
		"data after the list": {func(b *builder) { b.content = func(l []byte) []byte { return append(l, 0) } }, "malformed"},
		"empty list":          {func(b *builder) { b.content = func([]byte) []byte { return nil } }, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := base
			c.change(&b)
			expect(t, b.build(t), roots, c.want)
		})
	}
}

func reversed(a [][]byte) [][]byte {
	a = slices.Clone(a)
	slices.Reverse(a)
	return a
}

func TestParseWrong(t *testing.T) {
	der := generations(t)["second"].build(t)
	inner := der[4:]
	wrap := func(b []byte) []byte {
		return marshal(func(c *cryptobyte.Builder) { c.AddASN1(tagEFSOD, func(c *cryptobyte.Builder) { c.AddBytes(b) }) })
	}
	for name, c := range map[string]struct {
		der  []byte
		want error
	}{
		"nothing":           {nil, ErrMalformed},
		"zeros":             {make([]byte, 500), ErrMalformed},
		"no tag 77":         {inner, ErrMalformed},
		"something after":   {append(slices.Clone(der), 0, 0, 1), ErrMalformed},
		"too long":          {append(slices.Clone(der), make([]byte, maxSOD)...), ErrMalformed},
		"indefinite length": {wrap([]byte{0x30, 0x80, 0x06, 0x00, 0x00, 0x00}), ErrUnsupported},
		"not signed data":   {wrap([]byte{0x30, 0x05, 0x06, 0x03, 0x55, 0x04, 0x03}), ErrUnsupported},
		"two objects":       {wrap(append(slices.Clone(inner), inner...)), ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(c.der); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	for n := range der {
		if _, err := Parse(der[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("first %d bytes: %v", n, err)
		}
	}
	// The SOD is of its own: what happens to the buffer later changes nothing.
	s, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	clear(der)
	if err := s.VerifySignature(); err != nil {
		t.Error(err)
	}
}

// TestSigners: what the document signer's certificate may look like.
func TestSigners(t *testing.T) {
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
		parent *x509.Certificate // whose names are used, default root
		byKey  crypto.Signer     // who signs, default the root
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

// TestOwnCertificates: certificates that crypto/x509 neither makes nor takes.
func TestOwnCertificates(t *testing.T) {
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
					b.AddASN1ObjectIdentifier(oid(t, pkcs1Algorithms, crypto.SHA1))
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

// rebuild makes a certificate like model with parts replaced.
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

// TestLinks: a new root that only a certificate signed by the old one vouches for.
func TestLinks(t *testing.T) {
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

func TestErrors(t *testing.T) {
	cause := errors.New("cause")
	for _, c := range []struct {
		err  *VerifyError
		want string
	}{
		{&VerifyError{Check: CheckSignature}, "EF.SOD: signature is wrong"},
		{&VerifyError{Check: CheckChain, Err: cause}, "EF.SOD: chain is wrong: cause"},
		{&VerifyError{Check: CheckHash, FID: FileDH}, "EF.SOD: file D004 is not the signed one"},
		{&VerifyError{Check: CheckHash, FID: FileNIS, Err: cause}, "EF.SOD: file 1001 is not the signed one: cause"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if errors.Is(c.err, cause) != (c.err.Err != nil) {
			t.Errorf("%v: cause", c.err)
		}
	}
}
