package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"cie/apdu/apdutest/testvector"
	"cie/apdu/printable"
)

var issuerKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
})

var holderKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

var (
	notBefore = time.Date(2021, 5, 3, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(2031, 4, 17, 23, 59, 59, 0, time.UTC)
)

type attribute struct {
	id    asn1.ObjectIdentifier
	tag   int
	value string
}

var (
	oidCN      = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSurname = asn1.ObjectIdentifier{2, 5, 4, 4}
	oidSerial  = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidCountry = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidGiven   = asn1.ObjectIdentifier{2, 5, 4, 42}
)

const (
	fiscalCode = "RSSNNA85M41Z999X"
	nis        = "000000054321"
)

// subject returns the subject of CIE 6.12.3.
func subject() []attribute {
	return []attribute{
		{oidSerial, asn1.TagPrintableString, "IDCIT-ZZ00000AA"},
		{oidSurname, asn1.TagUTF8String, "ROSSÌ"},
		{oidGiven, asn1.TagUTF8String, "ANNA MARIA"},
		{oidCN, asn1.TagUTF8String, fiscalCode + "/" + nis},
		{oidCountry, asn1.TagPrintableString, "IT"},
	}
}

func rawName(t testing.TB, attributes []attribute) []byte {
	t.Helper()
	var n pkix.RDNSequence
	for _, a := range attributes {
		n = append(n, pkix.RelativeDistinguishedNameSET{{Type: a.id, Value: asn1.RawValue{Tag: a.tag, Bytes: []byte(a.value)}}})
	}
	der, err := asn1.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// certificate returns a certificate of the holder, self-signed to save a second key.
func certificate(t testing.TB, attributes []attribute) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(77),
		RawSubject:   rawName(t, attributes),
		NotBefore:    notBefore,
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "Synthetic issuing CA"}}, &holderKey().PublicKey, issuerKey())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// with returns the usual subject with one attribute replaced.
func with(id asn1.ObjectIdentifier, tag int, value string) []attribute {
	s := subject()
	for i := range s {
		if s[i].id.Equal(id) {
			s[i].tag, s[i].value = tag, value
		}
	}
	return s
}

func TestParseReadsHolder(t *testing.T) {
	der := certificate(t, subject())
	want := Identity{
		Surname: "ROSSÌ", GivenName: "ANNA MARIA", FiscalCode: fiscalCode, NIS: nis, DocumentNumber: "ZZ00000AA",
		Country: "IT", CommonName: fiscalCode + "/" + nis, Issuer: "Synthetic issuing CA",
		NotBefore: notBefore, NotAfter: notAfter,
	}
	for name, input := range map[string][]byte{
		"exact":  der,
		"padded": append(bytes.Clone(der), make([]byte, 300)...),
		"FF":     append(bytes.Clone(der), 0xFF, 0xFF),
	} {
		t.Run(name, func(t *testing.T) {
			id, err := Parse(input)
			if err != nil {
				t.Fatal(err)
			}
			clear(input[len(der):])
			same(t, id, want)
			if !bytes.Equal(id.Raw, der) || id.Cert == nil || !id.Cert.NotAfter.Equal(id.NotAfter) {
				t.Error("certificate")
			}
			if key, ok := id.PublicKey.(*rsa.PublicKey); !ok || !key.Equal(&holderKey().PublicKey) {
				t.Errorf("key %T", id.PublicKey)
			}
		})
	}
}

// same compares the fields of id with those of want.
func same(t *testing.T, id *Identity, want Identity) {
	t.Helper()
	for _, f := range [][3]string{
		{"surname", id.Surname, want.Surname}, {"given name", id.GivenName, want.GivenName},
		{"fiscal code", id.FiscalCode, want.FiscalCode}, {"NIS", id.NIS, want.NIS},
		{"document", id.DocumentNumber, want.DocumentNumber}, {"country", id.Country, want.Country},
		{"common name", id.CommonName, want.CommonName}, {"issuer", id.Issuer, want.Issuer},
	} {
		if f[1] != f[2] {
			t.Errorf("%s %q, want %q", f[0], f[1], f[2])
		}
	}
	if !id.NotBefore.Equal(want.NotBefore) || !id.NotAfter.Equal(want.NotAfter) ||
		!id.GraceUntil.Equal(want.NotAfter.AddDate(0, 0, 90)) {
		t.Errorf("dates %v, %v, %v", id.NotBefore, id.NotAfter, id.GraceUntil)
	}
}

// Subjects of cards in the field and hostile ones.
func TestParseReadsSubjects(t *testing.T) {
	const bmp, universal, t61 = 30, 28, asn1.TagT61String
	for name, c := range map[string]struct {
		subject                            []attribute
		surname, fiscal, nis, number, full string
	}{
		"bare number":        {subject: with(oidSerial, asn1.TagPrintableString, "ZZ00000AA"), number: "ZZ00000AA"},
		"small prefix":       {subject: with(oidSerial, asn1.TagUTF8String, "idcit-ZZ00000AA"), number: "ZZ00000AA"},
		"number with spaces": {subject: with(oidSerial, asn1.TagPrintableString, " IDCIT-ZZ00000AA "), number: "ZZ00000AA"},
		"number with dash":   {subject: with(oidSerial, asn1.TagPrintableString, "ZZ-00000"), number: "ZZ-00000"},
		"dot and more":       {subject: with(oidCN, asn1.TagUTF8String, fiscalCode+"/"+nis+".MBKChu+/Wa=F4"), fiscal: fiscalCode, nis: nis},
		"spaces":             {subject: with(oidCN, asn1.TagUTF8String, " "+fiscalCode+" / "+nis+" "), fiscal: fiscalCode, nis: nis},
		"no NIS":             {subject: with(oidCN, asn1.TagUTF8String, fiscalCode), fiscal: fiscalCode, nis: "-"},
		"no NIS but slash":   {subject: with(oidCN, asn1.TagUTF8String, fiscalCode+"/"), fiscal: fiscalCode, nis: "-"},
		"provisional code":   {subject: with(oidCN, asn1.TagUTF8String, "12345678901/"+nis), fiscal: "12345678901", nis: nis},
		"odd code":           {subject: with(oidCN, asn1.TagUTF8String, "RSS/"+nis), fiscal: "RSS", nis: nis},
		"only a name":        {subject: with(oidCN, asn1.TagUTF8String, "ANNA MARIA ROSSÌ"), fiscal: "-", nis: "-"},
		"empty common name":  {subject: with(oidCN, asn1.TagUTF8String, ""), fiscal: "-", nis: "-"},
		"Latin-1":            {subject: with(oidSurname, t61, "ROSS\xCC"), surname: "ROSSÌ"},
		"Latin-1 as UTF-8":   {subject: with(oidSurname, asn1.TagUTF8String, "ROSS\xCC"), surname: "ROSSÌ"},
		"two bytes":          {subject: with(oidSurname, bmp, "\x00R\x00\xCC"), surname: "RÌ"},
		"four bytes":         {subject: with(oidSurname, universal, "\x00\x00\x00R\x00\x00\x00\xCC"), surname: "RÌ"},
		"unknown string":     {subject: with(oidSurname, 0x4F&0x1F, "ROSSÌ"), surname: "ROSSÌ"},
		"empty surname":      {subject: append([]attribute{{oidSurname, asn1.TagUTF8String, ""}}, subject()...), surname: "ROSSÌ"},
		"two surnames":       {subject: append(subject(), attribute{oidSurname, asn1.TagUTF8String, "BIANCHI "}), surname: "ROSSÌ BIANCHI"},
		"escape sequence":    {subject: with(oidSurname, asn1.TagUTF8String, "\x1b[2J\u009b31mROSSÌ\r\n"), surname: "[2J 31mROSSÌ"},
		"bidirectional":      {subject: with(oidSurname, asn1.TagUTF8String, "\u202eÌSSOR\u202c"), surname: "ÌSSOR"},
		"nothing":            {subject: nil, surname: "-", fiscal: "-", nis: "-", number: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := Parse(certificate(t, c.subject))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range []struct{ what, got, want, usual string }{
				{"surname", id.Surname, c.surname, "ROSSÌ"},
				{"fiscal code", id.FiscalCode, c.fiscal, fiscalCode},
				{"NIS", id.NIS, c.nis, nis},
				{"document", id.DocumentNumber, c.number, "ZZ00000AA"},
			} {
				switch f.want {
				case "":
					f.want = f.usual
				case "-":
					f.want = ""
				}
				if f.got != f.want {
					t.Errorf("%s %q, want %q", f.what, f.got, f.want)
				}
			}
		})
	}
}

// Parse accepts certificates that crypto/x509 refuses.
func TestParseAcceptsCertificatesThatX509Refuses(t *testing.T) {
	usual := parts{
		serial:     []byte{0x01},
		algorithm:  []byte{0x30, 0x03, 0x06, 0x01, 0x2A},
		issuer:     rawName(t, []attribute{{oidCN, asn1.TagUTF8String, "Synthetic issuing CA"}}),
		validity:   utcTimes("210503000000Z", "310417235959Z"),
		subject:    rawName(t, subject()),
		spki:       spki(t),
		extensions: nil,
	}
	refused := 0
	defer func() {
		if refused < 5 {
			t.Errorf("crypto/x509 refuses only %d of these", refused)
		}
	}()
	for name, c := range map[string]struct {
		change func(*parts)
		noKey  bool
	}{
		"unknown algorithm": {change: func(*parts) {}},
		"negative serial":   {change: func(p *parts) { p.serial = []byte{0x80, 1} }},
		"empty serial":      {change: func(p *parts) { p.serial = nil }},
		"no seconds":        {change: func(p *parts) { p.validity = utcTimes("2105030000Z", "310417235959Z") }},
		"time zone":         {change: func(p *parts) { p.validity = utcTimes("210503020000+0200", "310417235959Z") }},
		"generalized": {change: func(p *parts) {
			p.validity = times(asn1.TagGeneralizedTime, "20210503000000Z", "20310417235959Z")
		}},
		"broken extensions": {change: func(p *parts) { p.extensions = []byte{0x30, 0x03, 0x01, 0x01, 0xFF} }},
		"extension twice": {change: func(p *parts) {
			e := []byte{0x30, 0x07, 0x06, 0x03, 0x55, 0x1D, 0x0F, 0x04, 0x00}
			p.extensions = append([]byte{0x30, 0x12}, append(e, e...)...)
		}},
		"trailing data": {change: func(p *parts) { p.trailing = []byte{0x05, 0x00} }},
		"unknown key":   {change: func(p *parts) { p.spki = []byte{0x30, 0x07, 0x30, 0x03, 0x06, 0x01, 0x2A, 0x03, 0x00} }, noKey: true},
		"no key":        {change: func(p *parts) { p.spki = []byte{0x04, 0x00} }, noKey: true},
		"PSS key": {change: func(p *parts) {
			p.spki = bytes.Replace(p.spki, []byte("\x01\x01\x01\x05\x00"), []byte("\x01\x01\x0A\x05\x00"), 1)
		}},
		"without signature":     {change: func(p *parts) { p.signature = []byte{} }},
		"garbage for signature": {change: func(p *parts) { p.signature = []byte{0x04, 0x01, 0xAA} }},
	} {
		t.Run(name, func(t *testing.T) {
			p := usual
			c.change(&p)
			der := p.encode()
			if _, err := x509.ParseCertificate(der); err != nil {
				refused++
			}
			id, err := Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			same(t, id, Identity{
				Surname: "ROSSÌ", GivenName: "ANNA MARIA", FiscalCode: fiscalCode, NIS: nis, DocumentNumber: "ZZ00000AA",
				Country: "IT", CommonName: fiscalCode + "/" + nis, Issuer: "Synthetic issuing CA",
				NotBefore: notBefore, NotAfter: notAfter,
			})
			if key, ok := id.PublicKey.(*rsa.PublicKey); c.noKey == ok || ok && !key.Equal(&holderKey().PublicKey) {
				t.Errorf("key %v", id.PublicKey)
			}
		})
	}
}

// Every string of an Identity is printable and at most a line long.
func TestHostileNamesArePrintable(t *testing.T) {
	hostile := "\x1b[31m\u202eNAME\u2066\r\n\u2028\ufeff\x00" + strings.Repeat("è\u0335\u0335\u0335", 2500) + "\U000e0041"
	for name, value := range map[string]string{"plain": hostile, "not UTF-8": hostile + "\xff"} {
		t.Run(name, func(t *testing.T) {
			var attributes []attribute
			for _, a := range subject() {
				for range 3 {
					attributes = append(attributes, attribute{a.id, asn1.TagUTF8String, value})
				}
			}
			der := parts{serial: []byte{1}, algorithm: []byte{0x30, 0}, issuer: rawName(t, attributes),
				validity: utcTimes("210503000000Z", "310417235959Z"), subject: rawName(t, attributes), spki: spki(t)}.encode()
			id, err := Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range texts(id) {
				if !printable.IsClean(s) || len(s) > 256 {
					t.Errorf("%d bytes: %.80q", len(s), s)
				}
			}
			if !strings.Contains(id.Surname, "NAME") || !strings.Contains(id.Issuer, "NAME") {
				t.Errorf("%q, %q", id.Surname, id.Issuer)
			}
		})
	}
}

// texts returns the strings of an Identity.
func texts(id *Identity) []string {
	return []string{id.Surname, id.GivenName, id.FiscalCode, id.NIS, id.DocumentNumber, id.Country, id.CommonName, id.Issuer}
}

// parts are the fields of a certificate, which are assembled without any check.
type parts struct {
	serial, algorithm, issuer, validity, subject, spki []byte
	extensions, trailing, signature                    []byte
}

func (p parts) encode() []byte {
	sequence := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(cbasn1.SEQUENCE, f) }
	var b cryptobyte.Builder
	sequence(&b, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddBytes([]byte{0xA0, 0x03, 0x02, 0x01, 0x02})
			b.AddASN1(cbasn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(p.serial) })
			for _, part := range [][]byte{p.algorithm, p.issuer, p.validity, p.subject, p.spki} {
				b.AddBytes(part)
			}
			if p.extensions != nil {
				b.AddASN1(cbasn1.Tag(3).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(p.extensions) })
			}
			b.AddBytes(p.trailing)
		})
		b.AddBytes(p.algorithm)
		if p.signature != nil {
			b.AddBytes(p.signature)
		} else {
			b.AddASN1BitString(make([]byte, 64))
		}
	})
	return b.BytesOrPanic()
}

func times(tag int, from, to string) []byte {
	der, _ := asn1.Marshal([]asn1.RawValue{{Tag: tag, Bytes: []byte(from)}, {Tag: tag, Bytes: []byte(to)}})
	return der
}

func utcTimes(from, to string) []byte { return times(asn1.TagUTCTime, from, to) }

func spki(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&holderKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParseRefusesMalformed(t *testing.T) {
	der := certificate(t, subject())
	for name, input := range map[string][]byte{
		"nothing":   nil,
		"zeros":     make([]byte, 1600),
		"FF":        bytes.Repeat([]byte{0xFF}, 1600),
		"other tag": append([]byte{0x31}, der[1:]...),
		"empty":     {0x30, 0x00},
		"text":      []byte("-----BEGIN CERTIFICATE-----"),
		"no dates":  parts{serial: []byte{1}, algorithm: []byte{0x30, 0}, issuer: []byte{0x30, 0}, validity: []byte{0x30, 0}, subject: []byte{0x30, 0}}.encode(),
		"dates of no kind": parts{serial: []byte{1}, algorithm: []byte{0x30, 0}, issuer: []byte{0x30, 0},
			validity: utcTimes("yesterday", "tomorrow"), subject: []byte{0x30, 0}}.encode(),
	} {
		t.Run(name, func(t *testing.T) {
			if id, err := Parse(input); id != nil || !errors.Is(err, ErrMalformed) {
				t.Errorf("%v, %v", id, err)
			}
		})
	}
	for n := range der {
		if _, err := Parse(der[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("first %d bytes: %v", n, err)
		}
	}
}

func TestValidityFollowsDates(t *testing.T) {
	id := &Identity{NotBefore: notBefore, NotAfter: notAfter}
	seen := map[Validity]bool{}
	for _, c := range []struct {
		at       time.Time
		want     Validity
		forLogin bool
	}{
		{notBefore.Add(-time.Second), NotYetValid, false},
		{notBefore, Valid, true},
		{notAfter.Add(-RenewWithin - time.Second), Valid, true},
		{notAfter.Add(-RenewWithin), ExpiresSoon, true},
		{notAfter, ExpiresSoon, true},
		{notAfter.Add(time.Second), InGrace, true},
		{notAfter.AddDate(0, 0, 90), InGrace, true},
		{notAfter.AddDate(0, 0, 90).Add(time.Second), Expired, false},
	} {
		v := id.ValidityAt(c.at)
		if seen[v] = true; v != c.want || v.ForLogin() != c.forLogin {
			t.Errorf("%v: %d, want %d; for login %v", c.at, v, c.want, v.ForLogin())
		}
	}
	for _, v := range Validities() {
		if !seen[v] {
			t.Errorf("no date with validity %d is tested", v)
		}
	}
}

// The certificate is that of the recorded traces.
func TestParseReadsCertificateOfTraces(t *testing.T) {
	var v struct {
		Card struct {
			NIS    string
			Number string `json:"document_number"`
			Holder []string
			Files  map[string]string
		}
	}
	if err := json.Unmarshal(testvector.Read(t, "field-client-traces.json"), &v); err != nil {
		t.Fatal(err)
	}
	der, err := hex.DecodeString(v.Card.Files["1003"])
	if err != nil {
		t.Fatal(err)
	}
	id, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	same(t, id, Identity{
		Surname: v.Card.Holder[0], GivenName: v.Card.Holder[1], FiscalCode: v.Card.Holder[2], NIS: v.Card.NIS,
		DocumentNumber: v.Card.Number, Country: "IT",
		CommonName: id.CommonName, Issuer: "Issuing sub CA for the Italian Electronic Identity Card - SUBCA999",
		NotBefore: time.Date(2025, 1, 15, 9, 0, 0, 0, time.UTC), NotAfter: time.Date(2035, 1, 15, 9, 0, 0, 0, time.UTC),
	})
}

// FuzzParseIdentity checks that Parse returns a documented error or printable
// texts and consistent dates.
func FuzzParseIdentity(f *testing.F) {
	f.Add(certificate(f, subject()))
	f.Add(certificate(f, with(oidSurname, 30, "\x00R\x00\xCC")))
	f.Add(parts{serial: []byte{0x80}, algorithm: []byte{0x30, 0}, issuer: []byte{0x30, 0},
		validity: utcTimes("210503000000Z", "310417235959Z"), subject: rawName(f, subject()), spki: []byte{0x30, 0}}.encode())
	f.Fuzz(func(t *testing.T, der []byte) {
		id, err := Parse(der)
		if err != nil {
			if id != nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v, %v", id, err)
			}
			return
		}
		for _, s := range texts(id) {
			if !printable.IsClean(s) || len(s) > 256 {
				t.Fatalf("%q is not printable", s)
			}
		}
		for _, c := range id.NIS {
			if c < '0' || c > '9' {
				t.Fatalf("NIS %q", id.NIS)
			}
		}
		if id.GraceUntil.Sub(id.NotAfter) != Grace || !bytes.HasPrefix(der, id.Raw) {
			t.Fatal("grace or raw")
		}
		if id.Cert != nil && (!id.Cert.NotAfter.Equal(id.NotAfter) || !id.Cert.NotBefore.Equal(id.NotBefore)) {
			t.Fatalf("%v to %v, crypto/x509: %v to %v", id.NotBefore, id.NotAfter, id.Cert.NotBefore, id.Cert.NotAfter)
		}
		again, err := Parse(id.Raw)
		if err != nil || again.CommonName != id.CommonName {
			t.Fatalf("%v without padding", err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	der := certificate(b, subject())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(der); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleIdentity_ValidityAt() {
	id := &Identity{NotAfter: time.Date(2031, 4, 17, 0, 0, 0, 0, time.UTC)}
	v := id.ValidityAt(time.Date(2031, 6, 1, 12, 0, 0, 0, time.UTC))
	fmt.Println(v == InGrace, v.ForLogin())
	// Output: true true
}
