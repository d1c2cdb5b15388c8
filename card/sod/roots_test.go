package sod

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cie/card/internal/rawcert"
)

func pemOf(blocks ...[]byte) []byte {
	var out []byte
	for _, b := range blocks {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b})...)
	}
	return out
}

// threeRoots returns roots of different keys: RSA, ECDSA, Ed25519.
func threeRoots(t testing.TB) [][]byte {
	t.Helper()
	var out [][]byte
	for i, c := range []*x509.Certificate{
		selfSign(t, rootTemplate(), rootKey()),
		selfSign(t, rootTemplate(), ecKey()),
		selfSign(t, rootTemplate(), edKey()),
	} {
		if c.CheckSignatureFrom(c) != nil {
			t.Fatalf("root %d", i)
		}
		out = append(out, c.Raw)
	}
	return out
}

func TestBuiltinRootsAreTheCountrySigners(t *testing.T) {
	want := []string{"Italian Country Signer CA (2016-2031)", "Italian Country Signer CA (2016-2031)",
		"Italian Country Signer CA (2020-2035)", "Italian Country Signer CA (2024-2039)"}
	r := BuiltinRoots()
	if got := r.Names(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if err := r.AddDER(threeRoots(t)[0]); err != nil {
		t.Fatal(err)
	}
	if r.Len() != len(want)+1 || BuiltinRoots().Len() != len(want) {
		t.Error("adding to one list changes the others")
	}
	c := r.list[2].certificate()
	if c.Subject.CommonName != "Italian Country Signer CA" || len(c.Subject.Organization) != 1 || c.PublicKey == nil ||
		c.NotAfter.Year() != 2035 || c.PublicKeyAlgorithm != x509.RSA {
		t.Errorf("%+v", c)
	}
}

// For each built-in root, a document signer that names it and whose key fits is
// accepted within its validity. The test replaces the keys of the roots, because
// only the ministry has the private keys.
func TestBuiltinRootsAcceptSigners(t *testing.T) {
	for i, b := range italianRoots {
		t.Run(b.keyID[:8], func(t *testing.T) {
			builtin := BuiltinRoots().list[i].certificate()
			builtin.PublicKey = rootKey().Public()
			// Names are compared in order. Names of the ministry start with CN.
			var name pkix.RDNSequence
			for _, rdn := range BuiltinRoots().list[i].subject {
				name = append(name, pkix.RelativeDistinguishedNameSET{{Type: rdn[0].Type, Value: rdn[0].Value}})
			}
			var err error
			if builtin.RawSubject, err = asn1.Marshal(name); err != nil {
				t.Fatal(err)
			}
			issued := builtin.NotBefore.AddDate(0, 3, 0)
			template := signerTemplate()
			template.NotBefore, template.NotAfter = builtin.NotBefore.AddDate(0, 2, 0), builtin.NotAfter
			signer := certificate(t, template, builtin, signerKey().Public(), rootKey())
			der := builder{signer: signer, key: signerKey(), time: issued}.build(t)

			replaced := BuiltinRoots()
			replaced.list[i].key = rawcert.PublicKey{Key: rootKey().Public()}
			s, err := Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Verify(replaced)
			if err != nil || !r.Trusted || r.RootName != replaced.list[i].name() || !r.SignedAt.Equal(issued) {
				t.Errorf("%+v, %v", r, err)
			}
			if r, err := s.Verify(BuiltinRoots()); err == nil && r.Trusted {
				t.Error("accepted with the key of the ministry")
			}
		})
	}
}

func TestCloneIsIndependent(t *testing.T) {
	var none *Roots
	if none.Clone().Len() != 0 {
		t.Error("clone of an empty list")
	}
	a := BuiltinRoots()
	b := a.Clone()
	roots := threeRoots(t)
	if err := errors.Join(a.AddDER(roots[0]), b.AddDER(roots[1]), b.AddDER(roots[2])); err != nil {
		t.Fatal(err)
	}
	if n := len(italianRoots); a.Len() != n+1 || b.Len() != n+2 || slices.Contains(b.list, a.list[n]) {
		t.Errorf("%q and %q", a.Names(), b.Names())
	}
}

func TestAddReportsUnusableCertificates(t *testing.T) {
	roots := threeRoots(t)
	leaf := certificate(t, signerTemplate(), selfSign(t, rootTemplate(), rootKey()), signerKey().Public(), rootKey()).Raw
	forged := slices.Clone(roots[0])
	forged[len(forged)-1] ^= 1
	odd := rootTemplate()
	odd.KeyUsage = x509.KeyUsageDigitalSignature
	noCA := rootTemplate()
	noCA.IsCA, noCA.MaxPathLenZero = false, false
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("not looked at")})

	for name, c := range map[string]struct {
		add  func(*Roots, []byte) error
		data []byte
		n    int
		want error
	}{
		"one":                    {(*Roots).AddPEM, pemOf(roots[0]), 1, nil},
		"three":                  {(*Roots).AddPEM, pemOf(roots...), 3, nil},
		"same twice":             {(*Roots).AddPEM, pemOf(roots[0], roots[1], roots[0]), 2, nil},
		"with text and a key":    {(*Roots).AddPEM, slices.Concat([]byte("subject=...\n"), key, pemOf(roots[0])), 1, nil},
		"key alone":              {(*Roots).AddPEM, key, 0, ErrNoCertificate},
		"no PEM":                 {(*Roots).AddPEM, []byte("hello"), 0, ErrNoCertificate},
		"no CA":                  {(*Roots).AddPEM, pemOf(leaf), 0, ErrNotCA},
		"no CA among others":     {(*Roots).AddPEM, pemOf(roots[0], leaf, roots[1]), 2, ErrNotCA},
		"key usage":              {(*Roots).AddPEM, pemOf(selfSign(t, odd, rootKey()).Raw), 0, ErrNotCA},
		"basic constraints":      {(*Roots).AddPEM, pemOf(selfSign(t, noCA, rootKey()).Raw), 0, ErrNotCA},
		"own signature wrong":    {(*Roots).AddPEM, pemOf(forged), 0, rawcert.ErrSignature},
		"DER":                    {(*Roots).AddDER, roots[0], 1, nil},
		"DER with padding":       {(*Roots).AddDER, append(slices.Clone(roots[0]), 0, 0, '\n'), 1, nil},
		"DER, several":           {(*Roots).AddDER, bytes.Join(roots, nil), 3, nil},
		"DER, something after":   {(*Roots).AddDER, append(slices.Clone(roots[0]), "..."...), 1, ErrNoCertificate},
		"DER, one in the middle": {(*Roots).AddDER, slices.Concat(roots[0], leaf, roots[1]), 2, ErrNotCA},
		"DER, nothing":           {(*Roots).AddDER, nil, 0, ErrNoCertificate},
		"DER, cut":               {(*Roots).AddDER, roots[0][:100], 0, ErrNoCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Roots{}
			data := bytes.Clone(c.data)
			err := c.add(r, data)
			if !errors.Is(err, c.want) || r.Len() != c.n {
				t.Errorf("%d roots, %v; want %d, %v", r.Len(), err, c.n, c.want)
			}
			clear(data) // the list does not refer to the input
			for _, a := range r.list {
				if a.certificate().Raw == nil {
					t.Error("certificate changed with the input")
				}
			}
		})
	}
}

func TestAddFileAndDirReportEachUnusableFile(t *testing.T) {
	roots := threeRoots(t)
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.pem", pemOf(roots[0], roots[1]))
	write("b.CER", roots[2])
	write("c.crt", []byte("nothing of use"))
	write("d.der", roots[1])
	write("e.txt", []byte("not looked at"))
	write("large.pem", make([]byte, maxFile+1))
	if err := os.Mkdir(filepath.Join(dir, "sub.pem"), 0o700); err != nil {
		t.Fatal(err)
	}

	r := &Roots{}
	err := r.AddDir(dir)
	if r.Len() != 3 {
		t.Errorf("%d roots: %v", r.Len(), err)
	}
	if err == nil || !errors.Is(err, ErrNoCertificate) || !strings.Contains(err.Error(), "c.crt") || !strings.Contains(err.Error(), "large.pem") {
		t.Errorf("error %v", err)
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 2 {
		t.Errorf("%d lines of errors: %v", lines, err)
	}
	if err := r.AddDir(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	if err := r.AddFile(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := r.AddFile(filepath.Join(dir, "sub.pem")); err == nil {
		t.Error("a directory in place of a file")
	}
	if err := r.AddDir(t.TempDir()); err != nil || r.Len() != 3 {
		t.Errorf("empty directory: %v", err)
	}
}

// Roots may have keys other than RSA, and may be renewed with the same key.
func TestVerifyAcceptsOtherKeysAndRenewedRoots(t *testing.T) {
	rsaRoot, ecRoot := selfSign(t, rootTemplate(), rootKey()), selfSign(t, rootTemplate(), ecKey())
	edRoot := selfSign(t, rootTemplate(), edKey())
	// All three roots have the same name and key identifier here, so the tests of
	// a wrong root list only the wrong one.
	for name, c := range map[string]struct {
		root  *x509.Certificate
		build func() []byte
	}{
		"RSA": {rsaRoot, func() []byte {
			return builder{signer: certificate(t, signerTemplate(), rsaRoot, signerKey().Public(), rootKey()), key: signerKey()}.build(t)
		}},
		"ECDSA": {ecRoot, func() []byte {
			return builder{signer: certificate(t, signerTemplate(), ecRoot, signerKey().Public(), ecKey()), key: signerKey()}.build(t)
		}},
		"Ed25519": {edRoot, func() []byte {
			return builder{signer: certificate(t, signerTemplate(), edRoot, signerKey().Public(), edKey()), key: signerKey()}.build(t)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			der := c.build()
			expect(t, der, rootsOf(t, c.root), "trusted")
			other := rsaRoot
			want := "unsupported" // no RSA key can have made the signature
			if c.root == rsaRoot {
				other = ecRoot
			}
			expect(t, der, rootsOf(t, other), want)
		})
	}

	renewed := rootTemplate()
	renewed.NotBefore, renewed.NotAfter = signed.AddDate(-9, 0, 0), signed.AddDate(-5, 0, 0)
	der := builder{signer: certificate(t, signerTemplate(), rsaRoot, signerKey().Public(), rootKey()), key: signerKey()}.build(t)
	old := selfSign(t, renewed, rootKey())
	expect(t, der, rootsOf(t, old), "untrusted")
	expect(t, der, rootsOf(t, old, rsaRoot), "trusted")
}
