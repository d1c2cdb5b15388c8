package rawcert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

func sample(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber:          big.NewInt(0x80),
		Subject:               pkix.Name{CommonName: "Holder", Country: []string{"IT"}, SerialNumber: "7"},
		NotBefore:             time.Date(2049, 12, 31, 23, 59, 58, 0, time.UTC),
		NotAfter:              time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		SubjectKeyId:          []byte("id"),
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "Issuer"}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParseReadsFieldsLikeX509(t *testing.T) {
	der := sample(t)
	want, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for name, parse := range map[string]func([]byte) (*Certificate, error){"Parse": Parse, "ParseFront": ParseFront} {
		c, err := parse(der)
		if err != nil {
			t.Fatal(name, err)
		}
		for _, f := range []struct {
			what      string
			got, want []byte
		}{
			{"raw", c.Raw, want.Raw}, {"TBS", c.RawTBS, want.RawTBSCertificate}, {"signature", c.Signature, want.Signature},
			{"issuer", c.RawIssuer, want.RawIssuer}, {"subject", c.RawSubject, want.RawSubject},
			{"SPKI", c.SPKI, want.RawSubjectPublicKeyInfo}, {"serial", c.Serial, []byte{0, 0x80}},
		} {
			if !bytes.Equal(f.got, f.want) {
				t.Errorf("%s: %s %x, want %x", name, f.what, f.got, f.want)
			}
		}
		if !c.NotBefore.Equal(want.NotBefore) || !c.NotAfter.Equal(want.NotAfter) {
			t.Errorf("%s: %v to %v", name, c.NotBefore, c.NotAfter)
		}
		if c.Subject.String() != "Holder" || c.Subject.Get(SerialNumber) != "7" || c.Issuer.String() != "Issuer" || c.Issuer.Get(Country) != "" {
			t.Errorf("%s: %v from %v", name, c.Subject, c.Issuer)
		}
		if len(c.Extensions) != len(want.Extensions) {
			t.Fatalf("%s: %d extensions", name, len(c.Extensions))
		}
		for i, e := range want.Extensions {
			g := c.Extensions[i]
			if !g.ID.Equal(e.Id) || g.Critical != e.Critical || !bytes.Equal(g.Value, e.Value) {
				t.Errorf("%s: extension %v", name, e.Id)
			}
			if found, ok := c.Extension(e.Id); !ok || !bytes.Equal(found.Value, e.Value) {
				t.Errorf("%s: extension %v is not found", name, e.Id)
			}
		}
		if _, ok := c.Extension(asn1.ObjectIdentifier{1, 2, 3}); ok {
			t.Error("Extension returned an absent extension")
		}
	}
}

func TestParseRefusesMalformed(t *testing.T) {
	der := sample(t)
	if _, err := Parse(append(bytes.Clone(der), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("trailing byte: %v", err)
	}
	for n := range der {
		if _, err := Parse(der[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("first %d bytes: %v", n, err)
		}
	}
	c, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	// Both algorithm fields must be equal, because the outer one is not signed.
	other := bytes.Clone(der)
	i := bytes.LastIndex(other, c.Algorithm)
	other[i+len(c.Algorithm)-1] ^= 1
	if _, err := Parse(other); !errors.Is(err, ErrMalformed) {
		t.Errorf("two algorithms: %v", err)
	}
	if front, err := ParseFront(other); err != nil || front.Subject.String() != "Holder" {
		t.Errorf("two algorithms, ParseFront: %v", err)
	}
	// An extension must not occur twice.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}}
	for n := 1; n <= 2; n++ {
		twice, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber: big.NewInt(1), ExtraExtensions: slices.Repeat([]pkix.Extension{one}, n),
		}, &x509.Certificate{}, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(twice); errors.Is(err, ErrMalformed) != (n > 1) {
			t.Errorf("extension %d times: %v", n, err)
		}
	}
	// After flipping any bit, Parse and ParseFront read the same fields.
	for i := range der {
		flipped := bytes.Clone(der)
		flipped[i] ^= 0x20
		c, err := Parse(flipped)
		front, frontErr := ParseFront(flipped)
		if err == nil && (frontErr != nil || !bytes.Equal(front.RawSubject, c.RawSubject)) {
			t.Errorf("byte %d: front %v", i, frontErr)
		}
	}
}

func TestReadTimeAcceptsFieldForms(t *testing.T) {
	at := func(y int, m time.Month, d, h, min, s int) time.Time {
		return time.Date(y, m, d, h, min, s, 0, time.UTC)
	}
	for _, c := range []struct {
		tag  byte
		text string
		want time.Time
	}{
		{asn1.TagUTCTime, "491231235959Z", at(2049, 12, 31, 23, 59, 59)},
		{asn1.TagUTCTime, "500101000000Z", at(1950, 1, 1, 0, 0, 0)},
		{asn1.TagUTCTime, "680229000000Z", at(1968, 2, 29, 0, 0, 0)},
		{asn1.TagUTCTime, "690101000000Z", at(1969, 1, 1, 0, 0, 0)},
		{asn1.TagUTCTime, "2105031200Z", at(2021, 5, 3, 12, 0, 0)},
		{asn1.TagUTCTime, "210503120000+0200", at(2021, 5, 3, 10, 0, 0)},
		{asn1.TagGeneralizedTime, "20500101000000Z", at(2050, 1, 1, 0, 0, 0)},
		{asn1.TagGeneralizedTime, "202105031200Z", at(2021, 5, 3, 12, 0, 0)},
		{asn1.TagGeneralizedTime, "20210503120000-0100", at(2021, 5, 3, 13, 0, 0)},
		{asn1.TagUTCTime, "20210503120000Z", time.Time{}},
		{asn1.TagUTCTime, "210231000000Z", time.Time{}},
		{asn1.TagUTCTime, "210503120000", time.Time{}},
		{asn1.TagUTCTime, "", time.Time{}},
		{asn1.TagOctetString, "210503120000Z", time.Time{}},
	} {
		s := cryptobyte.String(append([]byte{c.tag, byte(len(c.text))}, c.text...))
		got, ok := ReadTime(&s)
		if ok != !c.want.IsZero() || !got.Equal(c.want) {
			t.Errorf("%d %s: %v, %v", c.tag, c.text, got, ok)
		}
	}
	empty := cryptobyte.String(nil)
	if _, ok := ReadTime(&empty); ok {
		t.Error("ReadTime accepted empty input")
	}
}

func name(t testing.TB, rdns ...[]asn1.RawValue) Name {
	t.Helper()
	var n pkix.RDNSequence
	for _, rdn := range rdns {
		var set pkix.RelativeDistinguishedNameSET
		for i, v := range rdn {
			set = append(set, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3 + i}, Value: v})
		}
		n = append(n, set)
	}
	der, err := asn1.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseName(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestNameEqualIgnoresCaseAndStringType(t *testing.T) {
	utf8 := func(s string) asn1.RawValue { return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)} }
	printable := func(s string) asn1.RawValue { return asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte(s)} }
	type rdn = []asn1.RawValue
	base := name(t, rdn{utf8("Country Signer")}, rdn{utf8("IT"), utf8("x")})
	for what, c := range map[string]struct {
		other Name
		want  bool
	}{
		"itself":        {base, true},
		"string type":   {name(t, rdn{printable("Country Signer")}, rdn{printable("IT"), utf8("x")}), true},
		"letters":       {name(t, rdn{utf8("COUNTRY signer")}, rdn{utf8("it"), utf8("X")}), true},
		"spaces":        {name(t, rdn{utf8(" Country   Signer ")}, rdn{utf8("IT"), utf8("x")}), true},
		"order":         {name(t, rdn{utf8("IT"), utf8("x")}, rdn{utf8("Country Signer")}), false},
		"less":          {name(t, rdn{utf8("Country Signer")}), false},
		"more":          {name(t, rdn{utf8("Country Signer")}, rdn{utf8("IT"), utf8("x")}, rdn{utf8("")}), false},
		"other text":    {name(t, rdn{utf8("Country Signers")}, rdn{utf8("IT"), utf8("x")}), false},
		"no space":      {name(t, rdn{utf8("CountrySigner")}, rdn{utf8("IT"), utf8("x")}), false},
		"another type":  {Name{{{SerialNumber, "Country Signer"}}, base[1]}, false},
		"within an RDN": {Name{base[0], {base[1][1], base[1][0]}}, true},
		"split RDN":     {name(t, rdn{utf8("Country Signer")}, rdn{utf8("IT")}, rdn{utf8("x")}), false},
	} {
		if base.Equal(c.other) != c.want || c.other.Equal(base) != c.want {
			t.Errorf("%s: equal is %v", what, !c.want)
		}
	}
	if s := (Name{{{SerialNumber, "7"}}}).String(); s != "7" {
		t.Errorf("without a common name: %q", s)
	}
	if s := (Name{}).String(); s != "" {
		t.Errorf("empty name: %q", s)
	}
	for _, der := range [][]byte{nil, {0x31, 0}, {0x30, 0, 0}, {0x30, 2, 0x30, 0}, {0x30, 4, 0x31, 2, 0x30, 0}} {
		if _, err := ParseName(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%x: %v", der, err)
		}
	}
}

// FuzzParse compares the fields with those of crypto/x509 where both accept the input.
func FuzzParse(f *testing.F) {
	f.Add(sample(f))
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := Parse(der)
		front, frontErr := ParseFront(der)
		if err == nil && frontErr != nil || frontErr == nil && front == nil {
			t.Fatalf("%v, ParseFront: %v", err, frontErr)
		}
		want, x509Err := x509.ParseCertificate(der)
		if err != nil || x509Err != nil {
			return
		}
		if !bytes.Equal(c.RawTBS, want.RawTBSCertificate) || !bytes.Equal(c.Signature, want.Signature) ||
			!bytes.Equal(c.SPKI, want.RawSubjectPublicKeyInfo) || !bytes.Equal(c.RawSubject, want.RawSubject) ||
			!c.NotBefore.Equal(want.NotBefore) || !c.NotAfter.Equal(want.NotAfter) ||
			want.Version == 3 && len(c.Extensions) != len(want.Extensions) { // crypto/x509 ignores those of other versions
			t.Fatal("fields differ from those of crypto/x509")
		}
	})
}
