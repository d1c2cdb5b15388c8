package ades_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/cardtest"
)

// indefinite encodes DER again as other programs do: indefinite lengths, and
// octet strings above one chunk in pieces.
func indefinite(t testing.TB, der []byte, chunk int) []byte {
	t.Helper()
	var out []byte
	for rest := cryptobyte.String(der); !rest.Empty(); {
		var content, element cryptobyte.String
		var tag cbasn1.Tag
		whole := rest
		if !rest.ReadAnyASN1(&content, &tag) || !whole.ReadAnyASN1Element(&element, &tag) {
			t.Fatal("not DER")
		}
		switch {
		case tag == cbasn1.OCTET_STRING && len(content) > chunk:
			out = append(out, 0x24, 0x80)
			for i := 0; len(content) > 0; i++ {
				n := min(chunk, len(content))
				piece := encode(cbasn1.OCTET_STRING, content[:n])
				if i%3 == 2 { // pieces of pieces, and empty ones
					piece = slices.Concat([]byte{0x24, 0x80, 4, 0}, piece, []byte{0, 0})
				}
				out = append(out, piece...)
				content = content[n:]
			}
			out = append(out, 0, 0)
		case tag&0x20 != 0:
			out = append(append(out, byte(tag), 0x80), indefinite(t, content, chunk)...)
			out = append(out, 0, 0)
		default:
			out = append(out, element...)
		}
	}
	return out
}

func encode(tag cbasn1.Tag, content []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(content) })
	return b.BytesOrPanic()
}

// chunked encodes only the content and its headers in BER, as most programs do.
func chunked(t testing.TB, content []byte, m *cms.Message, chunk int) []byte {
	t.Helper()
	der := written(t, m, content)
	inner := encode(cbasn1.OCTET_STRING, content)
	eContent := encode(cbasn1.Tag(0).ContextSpecific().Constructed(), inner)
	at := bytes.Index(der, eContent)
	if at < 0 {
		t.Fatal("the content is not found")
	}
	pieces := indefinite(t, eContent, chunk)
	// The lengths around it become indefinite: ContentInfo, [0], SignedData, encapContentInfo.
	head, tail := der[:at], der[at+len(eContent):]
	var out []byte
	for rest := head; len(rest) > 0; {
		h := 2
		if rest[1] > 0x80 {
			h += int(rest[1] & 0x7F)
		}
		if rest[0]&0x20 == 0 || rest[0] == 0x31 { // whole elements
			h += int(rest[1])
			out = append(out, rest[:h]...)
		} else {
			out = append(out, rest[0], 0x80)
		}
		rest = rest[h:]
	}
	out = append(append(out, pieces...), 0, 0) // ends encapContentInfo
	return append(append(out, tail...), 0, 0, 0, 0, 0, 0)
}

// The encodings of signing.md's list, with content smaller
// and larger than every buffer.
func TestFormsInTheWild(t *testing.T) {
	s := holder(t, cardtest.Profile{})
	for _, size := range []int{0, 1, 100, 5000, 300_001} {
		content := make([]byte, size)
		_, _ = rand.Read(content)
		m, err := cms.Sign(s, digest(content), cms.Options{Time: signedAt})
		if err != nil {
			t.Fatal(err)
		}
		der := written(t, m, content)
		text := base64.StdEncoding.EncodeToString(der)
		lines := func(width int, end string) string {
			var b strings.Builder
			for rest := text; rest != ""; {
				n := min(width, len(rest))
				b.WriteString(rest[:n] + end)
				rest = rest[n:]
			}
			return b.String()
		}
		forms := map[string][]byte{
			"DER":                         der,
			"DER with zeros after it":     append(bytes.Clone(der), make([]byte, 100)...),
			"BER everywhere":              indefinite(t, der, 4096),
			"BER in small chunks":         indefinite(t, der, 33),
			"BER content only":            chunked(t, content, m, 1000),
			"PEM":                         pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: der}),
			"PEM of BER":                  pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: indefinite(t, der, 1024)}),
			"PEM after text":              append([]byte("Message follows\r\n\r\n"), pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: der})...),
			"base64 in one line":          []byte(text),
			"base64 of 64":                []byte(lines(64, "\n")),
			"base64 of 76 with CR LF":     []byte(lines(76, "\r\n")),
			"base64 of odd lines":         []byte(lines(77, "\n")),
			"base64 with a mark in front": append([]byte{0xEF, 0xBB, 0xBF}, lines(64, "\r\n")...),
		}
		for name, form := range forms {
			v := &ades.Verifier{Anchors: virtual(t), Now: now}
			r, err := try(v, form, nil)
			if err != nil {
				t.Errorf("%s, %d bytes: %v", name, size, err)
				continue
			}
			want(t, r.Results[0], ades.Unknown, ades.NotAsked)
			if got, err := readAll(r); !bytes.Equal(got, content) || err != nil && size > 0 {
				t.Errorf("%s, %d bytes: %d bytes of content, %v", name, size, len(got), err)
			}
			// Cut off anywhere it is no message.
			if end := len(bytes.TrimRight(form, "\x00\r\n")); !strings.HasPrefix(name, "PEM") && !strings.HasPrefix(name, "base64") {
				for _, n := range []int{1, 10, end / 2, end - 1} {
					if r, err := try(v, form[:n], nil); err == nil && r.State() != ades.Invalid && n < len(der)-2 {
						t.Errorf("%s, %d bytes, cut at %d: %v", name, size, n, r.State())
					}
				}
			}
			// Add a further signature to each of them; the rest remains unchanged. OpenSSL
			// refuses attributes in BER that were signed in DER.
			add(t, form, content, !strings.Contains(name, "everywhere") && !strings.Contains(name, "small") && name != "PEM of BER")
		}
	}
}

// add adds a parallel signature and verifies it with OpenSSL.
func add(t testing.TB, p7m, content []byte, judge bool) {
	t.Helper()
	d, err := cms.Parse(p7m)
	if err != nil {
		t.Fatal(err)
	}
	m, err := cms.Add(d, holder(t, cardtest.Profile{NIS: "999900000002", KeySet: 2}), digest(content), cms.Options{Time: signedAt})
	if err != nil {
		t.Fatal(err)
	}
	both := written(t, m, content)
	r := verify(t, &ades.Verifier{Anchors: virtual(t), Now: now}, both, nil)
	if len(r.Results) != len(d.Signers)+1 {
		t.Fatalf("%d signatures", len(r.Results))
	}
	for _, x := range r.Results {
		if !x.Intact {
			t.Errorf("%v", x.Reasons)
		}
	}
	if judge && len(content) == 5000 {
		openssl(t, both, nil)
	}
}

// rebuildSigner rebuilds a SignerInfo in DER with changed parts.
func rebuildSigner(t testing.TB, info []byte, change func(parts [][]byte) [][]byte) []byte {
	t.Helper()
	b := cryptobyte.String(info)
	var sequence cryptobyte.String
	if !b.ReadASN1(&sequence, cbasn1.SEQUENCE) {
		t.Fatal("no sequence")
	}
	var parts [][]byte
	for !sequence.Empty() {
		var one cryptobyte.String
		var tag cbasn1.Tag
		if !sequence.ReadAnyASN1Element(&one, &tag) {
			t.Fatal("no element")
		}
		parts = append(parts, one)
	}
	return encode(cbasn1.SEQUENCE, bytes.Join(change(parts), nil))
}

// reversed reverses the order of the signed attributes.
func reversed(t testing.TB, attributes []byte) []byte {
	b := cryptobyte.String(attributes)
	var set cryptobyte.String
	var tag cbasn1.Tag
	if !b.ReadAnyASN1(&set, &tag) {
		t.Fatal("no set")
	}
	var all [][]byte
	for !set.Empty() {
		var one cryptobyte.String
		if !set.ReadASN1Element(&one, cbasn1.SEQUENCE) {
			t.Fatal("no attribute")
		}
		all = append(all, one)
	}
	slices.Reverse(all)
	return encode(cbasn1.Tag(0).ContextSpecific().Constructed(), bytes.Join(all, nil))
}

// Attributes may be signed as encoded, or in the order of DER.
func TestAttributesOutOfOrderVerify(t *testing.T) {
	s := holder(t, cardtest.Profile{})
	content := []byte("content")
	for name, resign := range map[string]bool{"signed in the order of DER": false, "signed as encoded": true} {
		m, err := cms.Sign(s, digest(content), cms.Options{Time: signedAt})
		if err != nil {
			t.Fatal(err)
		}
		m.Signers[0] = rebuildSigner(t, m.Signers[0], func(parts [][]byte) [][]byte {
			parts[3] = reversed(t, parts[3])
			if resign {
				sum := sha256.Sum256(slices.Concat([]byte{0x31}, parts[3][1:]))
				signature, err := s.Key.Sign(rand.Reader, sum[:], crypto256)
				if err != nil {
					t.Fatal(err)
				}
				parts[5] = encode(cbasn1.OCTET_STRING, signature)
			}
			return parts
		})
		r := verify(t, &ades.Verifier{Anchors: virtual(t), Now: now}, written(t, m, content), nil)
		if want(t, r.Results[0], ades.Unknown, ades.NotAsked); t.Failed() {
			t.Log(name)
		}
	}
}

// Counter-signatures are read, judged and reported separately.
func TestCounterSignaturesAreJudgedSeparately(t *testing.T) {
	s, other := holder(t, cardtest.Profile{}), holder(t, cardtest.Profile{NIS: "999900000002", KeySet: 2, Surname: "SECONDA"})
	content := []byte("content")
	build := func(over []byte) []byte {
		m, err := cms.Sign(s, digest(content), cms.Options{Time: signedAt})
		if err != nil {
			t.Fatal(err)
		}
		m.Certificates = append(m.Certificates, other.Certificate)
		m.Signers[0] = rebuildSigner(t, m.Signers[0], func(parts [][]byte) [][]byte {
			signature := parts[5]
			value := cryptobyte.String(signature)
			var inner cryptobyte.String
			value.ReadASN1(&inner, cbasn1.OCTET_STRING)
			if over == nil {
				over = inner
			}
			c, err := cms.Sign(other, digest(over), cms.Options{Time: signedAt})
			if err != nil {
				t.Fatal(err)
			}
			var id cryptobyte.Builder
			id.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 6})
			attribute := encode(cbasn1.SEQUENCE, append(id.BytesOrPanic(), encode(cbasn1.SET, c.Signers[0])...))
			return append(parts, encode(cbasn1.Tag(1).ContextSpecific().Constructed(), attribute))
		})
		return written(t, m, content)
	}
	v := &ades.Verifier{Anchors: virtual(t), Now: now, Fetcher: &cardtest.Authority{}}
	v.Fetcher.(*cardtest.Authority).Now = clock
	r := verify(t, v, build(nil), nil)
	if len(r.Results) != 1 || len(r.Results[0].Counter) != 1 {
		t.Fatalf("%+v", r.Results)
	}
	want(t, r.Results[0], ades.Valid)
	want(t, r.Results[0].Counter[0], ades.Valid)
	if got := r.Results[0].Counter[0].Signer.Name; got != "MARIA SECONDA" {
		t.Error(got)
	}
	r = verify(t, v, build([]byte("another signature")), nil)
	want(t, r.Results[0], ades.Valid)
	want(t, r.Results[0].Counter[0], ades.Invalid, ades.Altered)
	if r.State() != ades.Invalid {
		t.Error(r.State())
	}
}

// Messages within messages, in every encoding, to the document.
func TestNestedMessagesAreOpened(t *testing.T) {
	content := []byte("the document")
	p7m := content
	for layer := range 6 {
		p7m = attached(t, holder(t, cardtest.Profile{KeySet: layer%2 + 1}), p7m, cms.Options{Time: signedAt})
		switch layer {
		case 1:
			p7m = []byte(base64.StdEncoding.EncodeToString(p7m))
		case 2:
			p7m = pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: p7m})
		case 3:
			p7m = indefinite(t, p7m, 500)
		}
	}
	r := verify(t, &ades.Verifier{Anchors: virtual(t), Now: now}, p7m, nil)
	layers := 0
	for x := r; x != nil; x = x.Inner {
		layers++
		want(t, x.Results[0], ades.Unknown, ades.NotAsked)
	}
	if got, _ := readAll(r); layers != 6 || !bytes.Equal(got, content) {
		t.Errorf("%d layers, %q", layers, got)
	}
}

// The certificate is read, and a further signature does not change it.
func TestCertificateThatX509Refuses(t *testing.T) {
	rootKey, key := keyPool[0](), keyPool[1]()
	root := issue(t, caTemplate("Old authority"), caTemplate("Old authority"), rootKey, rootKey)
	modern := issue(t, leafTemplate("Old holder"), root, key, rootKey)
	der := negativeSerial(t, modern.Raw, rootKey)
	if _, err := x509.ParseCertificate(der); err == nil {
		t.Skip("crypto/x509 takes it")
	}
	content := []byte("content")
	p7m := attached(t, cms.Signer{Key: key, Certificate: der}, content, cms.Options{Time: signedAt})
	r := verify(t, &ades.Verifier{Anchors: anchorsOf(t, root), Now: now}, p7m, nil)
	want(t, r.Results[0], ades.Unknown, ades.NotAsked)
	if !r.Results[0].Trusted || r.Results[0].Signer.Name != "Old holder" {
		t.Errorf("%+v", r.Results[0])
	}
	add(t, p7m, content, false)
}

// negativeSerial makes the serial number of a certificate negative and signs again.
func negativeSerial(t testing.TB, der []byte, issuer *rsa.PrivateKey) []byte {
	b := cryptobyte.String(der)
	var outer, tbs, version, rest, serial cryptobyte.String
	if !b.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&version, cbasn1.Tag(0).ContextSpecific().Constructed()) || !tbs.ReadASN1(&serial, cbasn1.INTEGER) {
		t.Fatal("not a certificate")
	}
	rest = tbs
	newTBS := encode(cbasn1.SEQUENCE, slices.Concat(version, encode(cbasn1.INTEGER, []byte{0x80 | serial[0]}), rest))
	sum := sha256.Sum256(newTBS)
	signature, err := rsa.SignPKCS1v15(nil, issuer, crypto256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	var algorithm cryptobyte.String
	if !outer.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) {
		t.Fatal("not a certificate")
	}
	var out cryptobyte.Builder
	out.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(newTBS)
		b.AddBytes(algorithm)
		b.AddASN1BitString(signature)
	})
	return out.BytesOrPanic()
}

// OpenSSL creates these messages.
func TestOpenSSLMessagesVerify(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	rootKey, key, key2 := keyPool[0](), keyPool[1](), keyPool[2]()
	root := issue(t, caTemplate("Authority"), caTemplate("Authority"), rootKey, rootKey)
	identified := leafTemplate("First")
	identified.SubjectKeyId = []byte{1, 2, 3}
	first := issue(t, identified, root, key, rootKey)
	second := leafTemplate("Second")
	second.SubjectKeyId = []byte{4, 5, 6}
	secondCert := issue(t, second, root, key2, rootKey)
	dir := t.TempDir()
	file := func(name string, blocks ...*pem.Block) string {
		var b []byte
		for _, x := range blocks {
			b = append(b, pem.EncodeToMemory(x)...)
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	private := func(k *rsa.PrivateKey) *pem.Block {
		return &pem.Block{Type: "RSA PRIVATE " + "KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}
	}
	one := file("one.pem", &pem.Block{Type: "CERTIFICATE", Bytes: first.Raw}, private(key))
	two := file("two.pem", &pem.Block{Type: "CERTIFICATE", Bytes: secondCert.Raw}, private(key2))
	content := bytes.Repeat([]byte("Dear municipality,\r\n"), 1000)
	plain := filepath.Join(dir, "content")
	if err := os.WriteFile(plain, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args     []string
		detached bool
		reasons  []ades.Reason
		signers  int
		form     string
	}{
		"DER":            {[]string{"-nodetach"}, false, nil, 1, "DER"},
		"BER stream":     {[]string{"-nodetach", "-stream"}, false, nil, 1, "DER"},
		"PEM":            {[]string{"-nodetach"}, false, nil, 1, "PEM"},
		"key identifier": {[]string{"-nodetach", "-keyid"}, false, nil, 1, "DER"},
		"CAdES":          {[]string{"-nodetach", "-cades"}, false, nil, 1, "DER"},
		"SHA-512":        {[]string{"-nodetach", "-md", "sha512"}, false, nil, 1, "DER"},
		"PSS":            {[]string{"-nodetach", "-keyopt", "rsa_padding_mode:pss"}, false, nil, 1, "DER"},
		"no attributes":  {[]string{"-nodetach", "-noattr"}, false, nil, 1, "DER"},
		"SHA-1":          {[]string{"-nodetach", "-md", "sha1"}, false, []ades.Reason{ades.WeakAlgorithm}, 1, "DER"},
		"detached":       {nil, true, nil, 1, "DER"},
		"two signers":    {[]string{"-nodetach", "-signer", two}, false, nil, 2, "DER"},
		"no certificate": {[]string{"-nodetach", "-nocerts"}, false, []ades.Reason{ades.NoCertificate}, 1, "DER"},
		"two, detached":  {[]string{"-signer", two}, true, nil, 2, "DER"},
	} {
		out := filepath.Join(dir, "out")
		args := append([]string{"cms", "-sign", "-binary", "-in", plain, "-signer", one, "-outform", c.form, "-out", out}, c.args...)
		if b, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
			continue
		}
		p7m, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var beside []byte
		if c.detached {
			beside = content
		}
		r, err := try(&ades.Verifier{Anchors: anchorsOf(t, root), Now: now, At: now}, p7m, beside)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(r.Results) != c.signers || r.Detached != c.detached {
			t.Errorf("%s: %d signers, detached %v", name, len(r.Results), r.Detached)
		}
		for _, x := range r.Results {
			got := slices.DeleteFunc(x.Reasons, func(r ades.Reason) bool { return r == ades.NotAsked })
			if !slices.Equal(got, c.reasons) {
				t.Errorf("%s: %v, want %v", name, got, c.reasons)
			}
		}
		if !c.detached && c.reasons == nil {
			add(t, p7m, content, false)
		}
	}
}
