package sod

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// outcome returns the result of Parse and Verify in one word.
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

func TestVerifyAcceptsBothGenerations(t *testing.T) {
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

func TestCheckFileRefusesWrongContent(t *testing.T) {
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

// A signer may encode a SOD in many forms.
func TestVerifyJudgesEveryForm(t *testing.T) {
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
		"SHA-1 in the signature alone": {func(b *builder) {
			b.hash, b.announced, b.digest, b.pkcs1 = crypto.SHA256, crypto.SHA256, crypto.SHA1, true
		}, "unsupported"},
		"version 1":             {func(b *builder) { b.version = 1 }, "trusted"},
		"version 9":             {func(b *builder) { b.version = 9 }, "unsupported"},
		"list version 0":        {func(b *builder) { b.ldsVersion = 0 }, "trusted"},
		"list version 2":        {func(b *builder) { b.ldsVersion = 2 }, "unsupported"},
		"other content":         {func(b *builder) { b.contentOID = otherOID }, "unsupported"},
		"two signers":           {func(b *builder) { b.signers = 2 }, "unsupported"},
		"no certificate":        {func(b *builder) { b.certs = [][]byte{} }, "unsupported"},
		"another certificate":   {func(b *builder) { b.certs = [][]byte{root.Raw} }, "signer"},
		"two certificates":      {func(b *builder) { b.certs = [][]byte{root.Raw, b.signer.Raw} }, "trusted"},
		"too many certificates": {func(b *builder) { b.certs = slices.Repeat([][]byte{b.signer.Raw}, maxCerts+1) }, "unsupported"},
		"no certificate at all": {func(b *builder) { b.certs = [][]byte{{0x04, 0x01, 0xFF}} }, "unsupported"},
		"broken certificate":    {func(b *builder) { b.certs = [][]byte{{0x30, 0x01, 0xFF}} }, "malformed"},
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

func TestParseRefusesMalformed(t *testing.T) {
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
	// The SOD must not refer to the input.
	s, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	clear(der)
	if err := s.VerifySignature(); err != nil {
		t.Error(err)
	}
}

func TestVerifyErrorNamesCheckAndCause(t *testing.T) {
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
