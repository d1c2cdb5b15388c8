package cardtest_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
)

// holder reads the certificate of a card.
func holder(t *testing.T, p cardtest.Profile) *x509.Certificate {
	t.Helper()
	_, c := newCard(t, p)
	c.authenticate()
	pin := p.PIN
	if pin == nil {
		pin = cardtest.DefaultPIN()
	}
	c.verify(0x9000, 0x81, pin)
	cert, err := x509.ParseCertificate(bytes.TrimRight(c.readFile(0x1003), "\x00"))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// The certificate of a holder without a given name lacks the attribute, instead of an
// empty one or the name of the examples.
func TestCertificateOfHolderWithoutGivenName(t *testing.T) {
	cert := holder(t, cardtest.Profile{GivenName: "ANNA", NoGivenName: true, PIN: []byte("20304050")})
	for _, n := range cert.Subject.Names {
		if n.Type.String() == "2.5.4.42" {
			t.Errorf("given name %q", n.Value)
		}
	}
	if len(cert.Subject.Names) != 4 {
		t.Errorf("subject %v", cert.Subject)
	}
}

// CIE 6.12.
func TestCertificateConformsToSpecification(t *testing.T) {
	from, to := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2035, 6, 30, 23, 59, 59, 0, time.UTC)
	cert := holder(t, cardtest.Profile{
		Surname: "D'ANGELO", GivenName: "NICOLÒ", FiscalCode: "DNGNCL70A01Z999X", NIS: "888800000017",
		DocumentNumber: "ZZ99999ZZ", NotBefore: from, NotAfter: to, PIN: []byte("20304050"), Country: "FR",
	})
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(cardtest.IssuingCAPEM()) {
		t.Fatal("IssuingCAPEM")
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: from.AddDate(1, 0, 0), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(cert.RawIssuer, cardtest.IssuingCA().RawSubject) || !bytes.Equal(cert.AuthorityKeyId, cardtest.IssuingCA().SubjectKeyId) {
		t.Error("issuer and key identifier are not the issuing CA's")
	}
	if !cert.NotBefore.Equal(from) || !cert.NotAfter.Equal(to) {
		t.Errorf("valid from %v to %v", cert.NotBefore, cert.NotAfter)
	}
	if cert.Version != 3 || cert.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Errorf("version %d, %v", cert.Version, cert.SignatureAlgorithm)
	}
	type attribute struct {
		arc   int
		value string
		tag   byte
	}
	want := []attribute{
		{3, "DNGNCL70A01Z999X/888800000017", asn1.TagUTF8String},
		{5, "IDCIT-ZZ99999ZZ", asn1.TagPrintableString},
		{4, "D'ANGELO", asn1.TagUTF8String},
		{42, "NICOLÒ", asn1.TagUTF8String},
		{6, "FR", asn1.TagPrintableString},
	}
	var names []attribute
	var sequence asn1.RawValue
	if _, err := asn1.Unmarshal(cert.RawSubject, &sequence); err != nil {
		t.Fatal(err)
	}
	for rest := sequence.Bytes; len(rest) > 0; {
		var set []struct {
			ID    asn1.ObjectIdentifier
			Value asn1.RawValue
		}
		var err error
		if rest, err = asn1.UnmarshalWithParams(rest, &set, "set"); err != nil {
			t.Fatal(err)
		}
		names = append(names, attribute{set[0].ID[3], string(set[0].Value.Bytes), byte(set[0].Value.Tag)})
	}
	if !slices.Equal(names, want) {
		t.Errorf("subject %v", names)
	}

	spki := struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}{}
	if _, err := asn1.Unmarshal(cert.RawSubjectPublicKeyInfo, &spki); err != nil {
		t.Fatal(err)
	}
	if sum := sha1.Sum(spki.Key.Bytes); !bytes.Equal(cert.SubjectKeyId, sum[:]) {
		t.Error("subjectKeyIdentifier")
	}
	if cert.KeyUsage != x509.KeyUsageDigitalSignature || !slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || len(cert.UnknownExtKeyUsage) > 0 {
		t.Errorf("key usage %v, %v", cert.KeyUsage, cert.ExtKeyUsage)
	}
	for _, e := range cert.Extensions {
		if e.Critical != e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 15}) {
			t.Errorf("extension %v critical: %v", e.Id, e.Critical)
		}
	}
	if len(cert.PolicyIdentifiers) != 1 || cert.PolicyIdentifiers[0].String() != "1.3.76.47.4" {
		t.Errorf("policies %v", cert.PolicyIdentifiers)
	}
	for _, url := range append(cert.CRLDistributionPoints, cert.OCSPServer...) {
		host, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
		if !strings.HasPrefix(url, "http://") || !strings.HasSuffix(host, ".invalid") {
			t.Errorf("%s may exist", url)
		}
	}
	if len(cert.CRLDistributionPoints) != 1 || len(cert.OCSPServer) == 0 {
		t.Errorf("CRL %v, OCSP %v", cert.CRLDistributionPoints, cert.OCSPServer)
	}
}

func TestCertificateFollowsProfile(t *testing.T) {
	cert := holder(t, cardtest.Profile{CommonNameSuffix: ".abcd=", BareSubjectSerial: true})
	if cn := cert.Subject.CommonName; cn != "PRVMRA70A41Z999S/999900000001.abcd=" {
		t.Errorf("CN %q", cn)
	}
	if cert.Subject.SerialNumber != "ZZ00000ZZ" {
		t.Errorf("serialNumber %q", cert.Subject.SerialNumber)
	}
}

func TestAuthoritiesAreValidPEM(t *testing.T) {
	for name, b := range map[string][]byte{"CSCA": cardtest.CSCAPEM(), "issuing CA": cardtest.IssuingCAPEM()} {
		block, rest := pem.Decode(b)
		if block == nil || len(rest) != 0 || len(block.Headers) != 0 {
			t.Fatalf("%s: %s", name, b)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !cert.IsCA || !strings.Contains(cert.Subject.CommonName, "SYNTHETIC") || cert.CheckSignatureFrom(cert) != nil {
			t.Errorf("%s: %v", name, cert.Subject)
		}
	}
}

// sodParts is as much of a CMS SignedData as the test needs.
type sodParts struct {
	Version int
	Digests asn1.RawValue
	Content struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}
	Certificates asn1.RawValue `asn1:"tag:0"`
	Signers      []struct {
		Version    int
		Issuer     asn1.RawValue
		Digest     asn1.RawValue
		Attributes asn1.RawValue `asn1:"tag:0"`
		Algorithm  struct {
			ID     asn1.ObjectIdentifier
			Params asn1.RawValue `asn1:"optional"`
		}
		Signature []byte
	} `asn1:"set"`
}

type ldsParts struct {
	Version   int
	Algorithm asn1.RawValue
	Hashes    []struct {
		Number int
		Hash   []byte
	}
	Info []string `asn1:"optional"`
}

// openSOD parses EF.SOD, verifies its signature with the standard library only and returns
// the signer and the LDS object.
func openSOD(t *testing.T, sod []byte, hash crypto.Hash, pss bool) (*x509.Certificate, ldsParts, error) {
	t.Helper()
	var wrapper asn1.RawValue
	if _, err := asn1.Unmarshal(sod, &wrapper); err != nil || sod[0] != 0x77 {
		t.Fatalf("wrapper %X: %v", sod[:4], err)
	}
	var info struct {
		Type asn1.ObjectIdentifier
		Data sodParts `asn1:"explicit,tag:0"`
	}
	if rest, err := asn1.Unmarshal(wrapper.Bytes, &info); err != nil || len(rest) != 0 {
		t.Fatalf("CMS: %v, %d bytes left", err, len(rest))
	}
	cert, err := x509.ParseCertificate(info.Data.Certificates.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var lds ldsParts
	if rest, err := asn1.Unmarshal(info.Data.Content.Content, &lds); err != nil || len(rest) != 0 {
		t.Fatalf("LDS: %v", err)
	}
	signer := info.Data.Signers[0]
	sum := func(b []byte) []byte {
		h := hash.New()
		h.Write(b)
		return h.Sum(nil)
	}
	if !bytes.Contains(signer.Attributes.Bytes, append([]byte{4, byte(hash.Size())}, sum(info.Data.Content.Content)...)) {
		return cert, lds, fmt.Errorf("the message digest is not that of the content")
	}
	attributes := bytes.Clone(signer.Attributes.FullBytes)
	attributes[0] = 0x31
	key := cert.PublicKey.(*rsa.PublicKey)
	if pss {
		err = rsa.VerifyPSS(key, hash, sum(attributes), signer.Signature, &rsa.PSSOptions{SaltLength: 64})
	} else {
		err = rsa.VerifyPKCS1v15(key, hash, sum(attributes), signer.Signature)
	}
	return cert, lds, err
}

func readSOD(t *testing.T, p cardtest.Profile) ([]byte, *client) {
	t.Helper()
	_, c := newCard(t, p)
	c.enterCIE()
	return c.readFile(0x1006), c
}

func TestSODMatchesItsGeneration(t *testing.T) {
	for generation, form := range map[int]struct {
		hash crypto.Hash
		pss  bool
		lds  int
		info []string
	}{
		1: {crypto.SHA256, false, 0, nil},
		2: {crypto.SHA512, true, 1, []string{"0108", "040000"}},
	} {
		t.Run(fmt.Sprint(generation), func(t *testing.T) {
			sod, c := readSOD(t, cardtest.Profile{SODGeneration: generation})
			if !bytes.HasSuffix(sod, make([]byte, 12)) {
				t.Error("EF.SOD is not padded")
			}
			cert, lds, err := openSOD(t, sod, form.hash, form.pss)
			if err != nil {
				t.Fatal(err)
			}
			if !cert.Equal(cardtest.DocumentSigner(generation)) {
				t.Error("the certificate inside is not the document signer")
			}
			if err := cert.CheckSignatureFrom(cardtest.CSCA()); err != nil {
				t.Error(err)
			}
			if lds.Version != form.lds || !slices.Equal(lds.Info, form.info) {
				t.Errorf("LDS version %d, %v", lds.Version, lds.Info)
			}
			c.authenticate()
			c.verify(0x9000, 0x81, cardtest.DefaultPIN())
			cert1003 := bytes.TrimRight(c.readFile(0x1003), "\x00")
			want := map[int][]byte{ // DG numbers above 7F are negative
				-0x5F: c.readFile(0x1001), -0x5E: c.readFile(0x1002), -0x5D: cert1003,
				-0x5C: c.readFile(0x1004), -0x5B: c.readFile(0x1005),
			}
			c.secure = false
			c.must(0x9000, 0xA4, 0, 0x0C, nil, -1)
			want[0x1B] = c.readFile(0xD004)
			if len(lds.Hashes) != len(want) {
				t.Errorf("%d hashes", len(lds.Hashes))
			}
			for _, h := range lds.Hashes {
				var sum []byte
				if form.hash == crypto.SHA256 {
					s := sha256.Sum256(want[h.Number])
					sum = s[:]
				} else {
					s := sha512.Sum512(want[h.Number])
					sum = s[:]
				}
				if !bytes.Equal(sum, h.Hash) {
					t.Errorf("hash of DG %d differs", h.Number)
				}
			}
		})
	}
}

func TestForgedSODDeviatesAsAsked(t *testing.T) {
	honest, _ := readSOD(t, cardtest.Profile{})
	for generation, form := range map[int]struct {
		hash crypto.Hash
		pss  bool
	}{1: {crypto.SHA256, false}, 2: {crypto.SHA512, true}} {
		of := func(forged cardtest.SODForgery) ([]byte, *client) {
			return readSOD(t, cardtest.Profile{SODGeneration: generation, Forgery: cardtest.Forgery{SOD: forged}})
		}
		for _, forged := range []cardtest.SODForgery{cardtest.SODTamperedHash, cardtest.SODTamperedSignature} {
			sod, _ := of(forged)
			if _, _, err := openSOD(t, sod, form.hash, form.pss); err == nil {
				t.Errorf("generation %d, forged %d: the signature is right", generation, forged)
			}
		}
		sod, _ := of(cardtest.SODForeignSigner)
		cert, _, err := openSOD(t, sod, form.hash, form.pss)
		if err != nil {
			t.Error(err)
		}
		if !bytes.Equal(cert.RawIssuer, cardtest.CSCA().RawSubject) || cert.CheckSignatureFrom(cardtest.CSCA()) == nil {
			t.Error("the foreign signer is not foreign, or does not look like the true one")
		}
		sod, _ = of(cardtest.SODUnknownForm)
		if _, lds, err := openSOD(t, sod, form.hash, form.pss); err != nil || lds.Version != 9 {
			t.Errorf("unknown form: %v, version %d", err, lds.Version)
		}
		if sod, _ = of(cardtest.SODGarbage); bytes.Equal(sod, honest) || sod[0] != 0x77 {
			t.Errorf("garbage %X", sod)
		}
	}
	_, c := newCard(t, cardtest.Profile{Forgery: cardtest.Forgery{SOD: cardtest.SODEmpty}})
	c.enterCIE()
	c.must(0x6A82, 0xA4, 2, 0x0C, []byte{0x10, 0x06}, -1)
}

func TestBadProfilesAreRefused(t *testing.T) {
	for name, p := range map[string]cardtest.Profile{
		"family":           {Family: 99},
		"NIS letters":      {NIS: "12345678901A"},
		"NIS short":        {NIS: "12345"},
		"PIN":              {PIN: []byte("1234")},
		"PUK":              {PUK: []byte("123456789")},
		"generation":       {SODGeneration: 3},
		"key set":          {KeySet: cardtest.KeySets + 1},
		"dates":            {NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(1e8, 0)},
		"padding":          {Padding: map[uint16]int{0x1003: -1}},
		"EF.DH":            {DH: 7},
		"serial printable": {NIS: "+12345678901"},
	} {
		if _, err := cardtest.New(p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
