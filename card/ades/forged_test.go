package ades_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/tsp"
	"cie/card/cardtest"
)

// keys of test authorities, made once.
var keyPool = [4]func() *rsa.PrivateKey{newKey(), newKey(), newKey(), newKey()}

func newKey() func() *rsa.PrivateKey {
	return sync.OnceValue(func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return k
	})
}

func caTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func leafTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: name},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage:   x509.KeyUsageDigitalSignature,
		OCSPServer: []string{"http://ocsp.example"}, CRLDistributionPoints: []string{"http://crl.example/x.crl"},
	}
}

// issue makes a certificate for key.
func issue(t testing.TB, template, parent *x509.Certificate, key, issuer *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, issuer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func anchorsOf(t testing.TB, certs ...*x509.Certificate) *ades.Anchors {
	t.Helper()
	a := &ades.Anchors{}
	for _, c := range certs {
		if err := a.Add(c.Raw); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// fetcher answers every request with the same function and counts them.
type fetcher struct {
	calls  []string
	answer func(url string, body []byte) ([]byte, error)
}

func (f *fetcher) Fetch(_ context.Context, url, _ string, body []byte, _ int64) ([]byte, error) {
	f.calls = append(f.calls, url)
	return f.answer(url, body)
}

// A forged certificate of a CIE with an OCSP
// service of its own, in every way in which it may name the issuer.
func TestSelfMadeCertificateIsNeverValid(t *testing.T) {
	content := []byte("I owe you a million.")
	forgerKey, leafKey := keyPool[0](), keyPool[1]()
	real := cardtest.IssuingCA()
	forger := caTemplate("x")
	forger.RawSubject, forger.SubjectKeyId = real.RawSubject, real.SubjectKeyId
	fakeCA := issue(t, forger, forger, forgerKey, forgerKey)
	leaf := issue(t, leafTemplate("MARIO ROSSI"), fakeCA, leafKey, forgerKey)
	self := leafTemplate("MARIO ROSSI")
	selfSigned := issue(t, self, self, leafKey, leafKey)
	good := &fetcher{answer: func(url string, body []byte) ([]byte, error) {
		q, err := ocsp.ParseRequest(body)
		if err != nil {
			return nil, err
		}
		return ocsp.CreateResponse(fakeCA, fakeCA, ocsp.Response{
			Status: ocsp.Good, SerialNumber: q.SerialNumber, ThisUpdate: now, NextUpdate: now.Add(time.Hour),
		}, forgerKey)
	}}
	for name, c := range map[string]*x509.Certificate{"issued": leaf, "self-signed": selfSigned} {
		p7m := attached(t, cms.Signer{Key: leafKey, Certificate: c.Raw, Chain: [][]byte{fakeCA.Raw, real.Raw}}, content, cms.Options{Time: signedAt})
		for anchors, list := range map[string]*ades.Anchors{"virtual": virtual(t), "built-in": nil} {
			v := &ades.Verifier{Anchors: list, Now: now, Fetcher: good}
			r := verify(t, v, p7m, nil).Results[0]
			if r.State == ades.Valid || r.Trusted || !slices.Contains(r.Reasons, ades.UnknownIssuer) {
				t.Errorf("%s, %s: %v %v", name, anchors, r.State, r.Reasons)
			}
		}
	}
	if len(good.calls) > 0 {
		t.Errorf("the forger's service was asked: %q", good.calls)
	}
}

// No false statement of an authority about a good or a revoked certificate is
// accepted.
func TestWrongRevocationAnswersAreRefused(t *testing.T) {
	s := holder(t, cardtest.Profile{})
	cert, err := x509.ParseCertificate(s.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	p7m := attached(t, s, []byte("content"), cms.Options{Time: signedAt})
	for _, fault := range []cardtest.AuthorityFault{cardtest.FaultUnsigned, cardtest.FaultForeign, cardtest.FaultNothing, cardtest.FaultNoise, cardtest.FaultOld} {
		a := &cardtest.Authority{Fault: fault, Now: func() time.Time { return now }}
		r := verify(t, &ades.Verifier{Anchors: virtual(t), Now: now, Fetcher: a}, p7m, nil).Results[0]
		if r.State != ades.Unknown || !slices.Equal(r.Reasons, []ades.Reason{ades.NoAnswer}) || r.Revocation.State != ades.RevocationUnknown {
			t.Errorf("%s: %v %v %+v", fault, r.State, r.Reasons, r.Revocation)
		}
	}
	// False OCSP responses only: the CRL is used instead.
	for _, fault := range []cardtest.AuthorityFault{cardtest.FaultSelfAppointed, cardtest.FaultNonce, cardtest.FaultOther, cardtest.FaultRefused} {
		a := &cardtest.Authority{Fault: fault, Now: func() time.Time { return now }}
		r := verify(t, &ades.Verifier{Anchors: virtual(t), Now: now, Fetcher: a}, p7m, nil).Results[0]
		if r.State != ades.Valid || r.Revocation.Source != "crl" {
			t.Errorf("%s: %v %v %+v", fault, r.State, r.Reasons, r.Revocation)
		}
	}
	// A certificate that was revoked: by OCSP, and by the CRL alone.
	for source, fault := range map[string]cardtest.AuthorityFault{"ocsp": "", "crl": cardtest.FaultRefused} {
		for _, c := range []struct {
			at     time.Time
			state  ades.State
			reason ades.Reason
		}{
			{signedAt.Add(-time.Hour), ades.Invalid, ades.Revoked},
			{signedAt.Add(time.Hour), ades.Unknown, ades.RevokedLater},
		} {
			a := &cardtest.Authority{Fault: fault, Now: func() time.Time { return now }}
			a.Revoke(cert.SerialNumber, c.at)
			r := verify(t, &ades.Verifier{Anchors: virtual(t), Now: now, Fetcher: a}, p7m, nil).Results[0]
			want(t, r, c.state, c.reason)
			if r.Revocation.Source != source || !r.Revocation.At.Equal(c.at) {
				t.Errorf("%s: %+v", source, r.Revocation)
			}
		}
	}
	// Stamped before the revocation: the signature was good.
	a := &cardtest.Authority{Now: func() time.Time { return now.Add(-time.Hour) }}
	stamped := attached(t, s, []byte("content"), stamping(a))
	a.Revoke(cert.SerialNumber, now.Add(-30*time.Minute))
	a.Now = func() time.Time { return now }
	want(t, verify(t, &ades.Verifier{Anchors: virtual(t), Now: now, Fetcher: a}, stamped, nil).Results[0], ades.Valid)
}

// TestWrongTimeStampsAreRefused when they are asked for, and never count when
// they are in a file.
func TestWrongTimeStampsAreRefused(t *testing.T) {
	s := holder(t, cardtest.Profile{})
	for _, fault := range []cardtest.AuthorityFault{
		cardtest.FaultNonce, cardtest.FaultOther, cardtest.FaultUsage, cardtest.FaultUncritical, cardtest.FaultUnsigned, cardtest.FaultRefused, cardtest.FaultNoise,
	} {
		a := &cardtest.Authority{Fault: fault, Now: func() time.Time { return now }}
		o := stamping(a)
		if fault == cardtest.FaultNoise {
			o.Timestamp = func([]byte) ([]byte, error) {
				q, _ := tsp.NewRequest(digest(nil))
				token, _, err := q.Token([]byte("<html>"))
				return token, err
			}
		}
		m, err := cms.Sign(s, digest(nil), o)
		if m != nil || !errors.Is(err, tsp.ErrWrong) && !errors.Is(err, tsp.ErrRefused) {
			t.Errorf("%s: %v", fault, err)
		}
		if fault == cardtest.FaultRefused || fault == cardtest.FaultNoise || fault == cardtest.FaultNonce {
			continue
		}
		// The same token in a file, put there without the checks.
		o.Timestamp = func(signature []byte) ([]byte, error) {
			q, err := tsp.NewRequest(digest(signature))
			if err != nil {
				return nil, err
			}
			answer, err := a.Timestamp(q.Marshal())
			return answer[9:], err // after the headers and the status
		}
		p7m := attached(t, s, []byte("content"), o)
		r := verify(t, &ades.Verifier{Anchors: virtual(t), Now: now, Fetcher: &cardtest.Authority{Now: a.Now}}, p7m, nil).Results[0]
		if r.State == ades.Valid || r.TimeKind == ades.TimeStamped || !slices.Contains(r.Reasons, ades.WrongTimestamp) {
			t.Errorf("%s in a file: %v %v %v", fault, r.State, r.Reasons, r.TimeKind)
		}
	}
	// A token of another signature.
	a := &cardtest.Authority{Now: func() time.Time { return now }}
	o := stamping(a)
	other := o.Timestamp
	o.Timestamp = func([]byte) ([]byte, error) { return other([]byte("another signature")) }
	p7m := attached(t, s, []byte("content"), o)
	want(t, verify(t, &ades.Verifier{Anchors: virtual(t), Now: now, Fetcher: a}, p7m, nil).Results[0], ades.Unknown, ades.WrongTimestamp)
	// The time of a stamp from an untrusted authority does not count.
	p7m = attached(t, s, []byte("content"), stamping(a))
	r := verify(t, &ades.Verifier{Now: now}, p7m, nil).Results[0]
	if len(r.Stamps) != 1 || !r.Stamps[0].Intact || r.Stamps[0].Trusted || r.TimeKind != ades.TimeClaimed {
		t.Errorf("%+v %v", r.Stamps, r.TimeKind)
	}
	// A stamp larger than the reserved space is refused.
	o = stamping(a)
	o.Timestamp = func([]byte) ([]byte, error) { return make([]byte, cms.TimestampReserve+1), nil }
	if _, err := cms.SignDigest(s, digest(nil), o); !errors.Is(err, cms.ErrTimestampSize) {
		t.Error(err)
	}
}

// Changing any bit of a signed document changes the judgement, except for bits
// that nothing covers.
func TestEveryFlippedBitIsDetected(t *testing.T) {
	s := holder(t, cardtest.Profile{})
	content := []byte("Dear municipality,\n")
	a := &cardtest.Authority{Now: func() time.Time { return now }}
	s.Chain = nil
	p7m := attached(t, s, content, cms.Options{Time: signedAt})
	crl, err := a.CRL()
	if err != nil {
		t.Fatal(err)
	}
	v := &ades.Verifier{Anchors: virtual(t), Now: now, Fetcher: &fetcher{answer: func(url string, _ []byte) ([]byte, error) {
		if url != cardtest.CRLAddress {
			return nil, errors.New("connection refused")
		}
		return crl, nil
	}}}
	want(t, verify(t, v, p7m, nil).Results[0], ades.Valid)
	valid := 0
	for i := range p7m {
		for _, bit := range []int{i % 8, (i + 3) % 8} {
			flipped := bytes.Clone(p7m)
			flipped[i] ^= 1 << bit
			r, err := try(v, flipped, nil)
			if err != nil || len(r.Results) != 1 || r.State() != ades.Valid {
				continue
			}
			valid++
			if got, _ := readAll(r); !bytes.Equal(got, content) {
				t.Fatalf("byte %d bit %d: valid, but the content is %q", i, bit, got)
			}
		}
	}
	// Versions, the set of digest algorithms, and the like.
	if valid > 100 {
		t.Errorf("%d flipped bits of %d leave it valid", valid, 2*len(p7m))
	}
}

func readAll(r *ades.Report) ([]byte, error) {
	d := r.Document()
	b := make([]byte, d.Size())
	_, err := d.ReadAt(b, 0)
	return b, err
}

// Chains with one property changed.
func TestChainsAreJudgedByEveryRule(t *testing.T) {
	rootKey, subKey, leafKey, otherKey := keyPool[0](), keyPool[1](), keyPool[2](), keyPool[3]()
	root := issue(t, caTemplate("Root"), caTemplate("Root"), rootKey, rootKey)
	sub := func(change func(*x509.Certificate)) *x509.Certificate {
		c := caTemplate("Sub")
		c.SerialNumber = big.NewInt(2)
		change(c)
		return issue(t, c, root, subKey, rootKey)
	}
	plain := sub(func(*x509.Certificate) {})
	leaf := func(change func(*x509.Certificate), parent *x509.Certificate) *x509.Certificate {
		c := leafTemplate("Leaf")
		change(c)
		return issue(t, c, parent, leafKey, subKey)
	}
	good := leaf(func(*x509.Certificate) {}, plain)
	impostor := *plain // of the same name
	impostor.PublicKey = &otherKey.PublicKey
	unknown := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}
	for name, c := range map[string]struct {
		cert    *x509.Certificate
		chain   []*x509.Certificate
		at      time.Time
		reasons []ades.Reason
	}{
		"good":                 {good, []*x509.Certificate{plain}, signedAt, nil},
		"without intermediate": {good, nil, signedAt, []ades.Reason{ades.UnknownIssuer}},
		"root in the message":  {good, []*x509.Certificate{plain, root}, signedAt, nil},
		"expired":              {good, []*x509.Certificate{plain}, now.AddDate(1, 0, 1), []ades.Reason{ades.Expired}},
		"not yet valid":        {good, []*x509.Certificate{plain}, now.AddDate(-1, 0, -1), []ades.Reason{ades.NotYetValid}},
		"intermediate expired": {good, []*x509.Certificate{sub(func(c *x509.Certificate) { c.NotAfter = now.AddDate(-2, 0, 0) })}, signedAt, []ades.Reason{ades.UnfitCertificate}},
		"intermediate no CA":   {good, []*x509.Certificate{sub(func(c *x509.Certificate) { c.IsCA = false })}, signedAt, []ades.Reason{ades.UnknownIssuer}},
		"intermediate without keyCertSign": {good, []*x509.Certificate{sub(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })},
			signedAt, []ades.Reason{ades.UnknownIssuer}},
		"intermediate with a name constraint": {good, []*x509.Certificate{sub(func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example"}
		})}, signedAt, []ades.Reason{ades.UnknownIssuer}},
		"key for something else": {leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, plain),
			[]*x509.Certificate{plain}, signedAt, []ades.Reason{ades.UnfitCertificate}},
		"critical extension": {leaf(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{unknown} }, plain),
			[]*x509.Certificate{plain}, signedAt, []ades.Reason{ades.UnfitCertificate}},
		"signed with SHA-1": {leaf(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }, plain),
			[]*x509.Certificate{plain}, signedAt, []ades.Reason{ades.WeakAlgorithm}},
		"wrong key of the issuer": {issue(t, leafTemplate("Leaf"), &impostor, leafKey, otherKey), []*x509.Certificate{plain}, signedAt, []ades.Reason{ades.UnknownIssuer}},
	} {
		signer := cms.Signer{Key: leafKey, Certificate: c.cert.Raw}
		for _, x := range c.chain {
			signer.Chain = append(signer.Chain, x.Raw)
		}
		p7m := attached(t, signer, []byte("content"), cms.Options{Time: signedAt})
		v := &ades.Verifier{Anchors: anchorsOf(t, root), Now: now, At: c.at}
		r := verify(t, v, p7m, nil).Results[0]
		got := slices.DeleteFunc(r.Reasons, func(r ades.Reason) bool { return r == ades.NotAsked })
		if !slices.Equal(got, c.reasons) {
			t.Errorf("%s: %v, want %v", name, got, c.reasons)
		}
	}
	// pathLen 0 of the root allows no authority below another one.
	short := caTemplate("Root")
	short.MaxPathLenZero = true
	shortRoot := issue(t, short, short, rootKey, rootKey)
	third := caTemplate("Third")
	thirdCA := issue(t, third, plain, otherKey, subKey)
	deep := issue(t, leafTemplate("Leaf"), thirdCA, leafKey, otherKey)
	p7m := attached(t, cms.Signer{Key: leafKey, Certificate: deep.Raw, Chain: [][]byte{plain.Raw, thirdCA.Raw}}, nil, cms.Options{Time: signedAt})
	r := verify(t, &ades.Verifier{Anchors: anchorsOf(t, shortRoot), Now: now}, p7m, nil).Results[0]
	if !r.Trusted || !slices.Contains(r.Reasons, ades.UnfitCertificate) {
		t.Errorf("%v %v", r.Trusted, r.Reasons)
	}
}

// Revocation values count for a proven time only, not for a claimed one.
func TestEvidenceInFileNeedsProvenTime(t *testing.T) {
	s := holder(t, cardtest.Profile{})
	content := []byte("content")
	then := now.AddDate(0, 0, -20)
	a := &cardtest.Authority{Now: func() time.Time { return then }}
	crl, err := a.CRL()
	if err != nil {
		t.Fatal(err)
	}
	message := func(o cms.Options) []byte {
		m, err := cms.SignDigest(s, digest(content), o)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	v := &ades.Verifier{Anchors: virtual(t), Now: now}
	judge := func(m []byte, crls ...[]byte) *ades.Result {
		r, err := v.Detached(context.Background(), m, bytes.NewReader(content), ades.Evidence{CRLs: crls})
		if err != nil {
			t.Fatal(err)
		}
		return r.Results[0]
	}
	claimed := cms.Options{Time: then.Add(-time.Minute)}
	stamped := stamping(a)
	stamped.Time = claimed.Time
	proven := message(stamped)
	want(t, judge(message(claimed), crl), ades.Unknown, ades.NotAsked)
	r := judge(proven, crl)
	want(t, r, ades.Valid)
	if !r.Revocation.Inside || r.Revocation.Source != "crl" {
		t.Errorf("%+v", r.Revocation)
	}
	want(t, judge(proven), ades.Unknown, ades.NotAsked)
	forged := bytes.Clone(crl)
	forged[len(forged)-1] ^= 1
	want(t, judge(proven, forged), ades.Unknown, ades.NotAsked)
	// One of before the signature, expired by then.
	a.Now = func() time.Time { return then.AddDate(0, 0, -10) }
	old, err := a.CRL()
	if err != nil {
		t.Fatal(err)
	}
	want(t, judge(proven, old), ades.Unknown, ades.NotAsked)
	// Fresh ones count for a claimed time too.
	a.Now = func() time.Time { return now }
	fresh, err := a.CRL()
	if err != nil {
		t.Fatal(err)
	}
	want(t, judge(message(claimed), fresh), ades.Valid)
}

func TestSignerRefusesForeignKey(t *testing.T) {
	s := holder(t, cardtest.Profile{KeySet: 1})
	other := holder(t, cardtest.Profile{KeySet: 2})
	s.Key = other.Key
	if _, err := cms.SignDigest(s, digest(nil), cms.Options{Time: signedAt}); !errors.Is(err, cms.ErrCertificate) {
		t.Error(err)
	}
	s = holder(t, cardtest.Profile{})
	s.Key = wrongKey{s.Key}
	if m, err := cms.SignDigest(s, digest(nil), cms.Options{Time: signedAt}); err == nil || m != nil {
		t.Error("a wrong signature of the card is put into a message")
	}
	if _, err := cms.SignDigest(holder(t, cardtest.Profile{}), []byte("short"), cms.Options{}); err == nil {
		t.Error("a digest of 5 bytes")
	}
}

// wrongKey returns signatures of something else.
type wrongKey struct{ crypto.Signer }

func (k wrongKey) Sign(r io.Reader, d []byte, o crypto.SignerOpts) ([]byte, error) {
	d = bytes.Clone(d)
	d[0] ^= 1
	return k.Signer.Sign(r, d, o)
}
