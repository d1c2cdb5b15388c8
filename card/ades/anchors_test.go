package ades

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
)

// The certificates of the EU trusted list, by SHA-256.
var fingerprints = []string{
	"87364fb476e74962e7c495b9bbaf727813ee007cb56a0ada6ab9868123db267e", // root of 2016
	"40f425927e8a1e6a297a15c2a9d79e2221bf4fe25b2f21e3bfad53a1ba58b0d7", // root of 2024
	"b1a742662b31738726071132840880c251f63d47db6b60a6dc6a8333eb1706ae", // SUBCA1
	"363a3386e9016ecbafa3d11be2877540812b52d6839e71dd22ab98d8a734ca05", // SUBCA002
	"8f3cce1555f96594d294f00fec381fda9d8bac7271fcbdc8bb8f7766b0e27eee", // SUBCA003
}

func TestBuiltinAnchorsAreTheFiveIssuers(t *testing.T) {
	var got []string
	for _, a := range builtinAnchors().list {
		sum := sha256.Sum256(a.cert.Raw)
		got = append(got, hex.EncodeToString(sum[:]))
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(fingerprints))
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	BuiltinAnchors().list[0] = nil
	if builtinAnchors().list[0] == nil {
		t.Error("a copy changes the anchors of the program")
	}
}

// Both roots have one name: each subordinate leads to its own.
func TestRootIsChosenByKeyIdentifier(t *testing.T) {
	roots := &Anchors{}
	var subs []*authority
	for _, a := range builtinAnchors().list {
		if a.cert.SelfSigned() {
			roots.list = append(roots.list, a)
		} else {
			subs = append(subs, a)
		}
	}
	if len(roots.list) != 2 || len(subs) != 3 || !roots.list[0].cert.Subject.Equal(roots.list[1].cert.Subject) {
		t.Fatalf("%d roots, %d others", len(roots.list), len(subs))
	}
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, s := range subs {
		f := newFinder(roots, nil, &effort{})
		p := f.find(s.cert, at)
		if !p.trusted || len(p.reasons) > 0 || f.spent.checks != 1 {
			t.Errorf("%s: trusted %v, %v, %d signatures checked", s.cert.Subject, p.trusted, p.reasons, f.spent.checks)
		}
		if !bytes.Equal(p.issuer.id, s.cert.AuthorityKeyID()) {
			t.Errorf("%s: another root", s.cert.Subject)
		}
	}
}

func TestAddReportsUnusableCertificates(t *testing.T) {
	_, leaf, err := cardtest.HolderKey(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	ca := cardtest.IssuingCA().Raw
	armoured := cardtest.IssuingCAPEM()
	for name, c := range map[string]struct {
		data []byte
		n    int
		err  error
	}{
		"DER":                {ca, 1, nil},
		"PEM":                {armoured, 1, nil},
		"twice":              {slices.Concat(ca, ca), 1, nil},
		"DER and line break": {append(bytes.Clone(ca), '\n'), 1, nil},
		"no authority":       {leaf, 0, ErrNotCA},
		"one of two":         {append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), armoured...), 1, ErrNotCA},
		"nothing":            {nil, 0, ErrNoCertificate},
		"text":               {[]byte("-----BEGIN NOTHING-----"), 0, ErrNoCertificate},
	} {
		a := &Anchors{}
		if err := a.Add(c.data); !errors.Is(err, c.err) || a.Len() != c.n {
			t.Errorf("%s: %d anchors, %v", name, a.Len(), err)
		}
	}
	if err := (&Anchors{}).Add(append(bytes.Clone(ca), "garbage"...)); err == nil {
		t.Error("what follows a certificate is passed over")
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"a.pem": armoured, "b.DER": ca, "c.txt": []byte("x"), "d.crt": []byte("x")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := &Anchors{}
	if err := a.AddPath(dir); err == nil || !strings.Contains(err.Error(), "d.crt") || strings.Contains(err.Error(), "c.txt") || a.Len() != 1 {
		t.Errorf("%d anchors, %v", a.Len(), err)
	}
	if err := a.AddPath(filepath.Join(dir, "a.pem")); err != nil {
		t.Error(err)
	}
	if err := a.AddPath(filepath.Join(dir, "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if names := a.Names(); len(names) != 1 || !strings.Contains(names[0], "SYNTHETIC") {
		t.Errorf("%q", names)
	}
	if chain := a.Chain(leaf); len(chain) != 0 { // the issuer of the test is self-signed
		t.Errorf("%d certificates", len(chain))
	}
}

func TestEveryReasonHasAState(t *testing.T) {
	for _, r := range []Reason{Altered, WrongSignature, WrongCertificate, WrongAttributes, Revoked, Expired, NotYetValid} {
		if r.State() != Invalid || Judge([]Reason{NotAsked, r}) != Invalid {
			t.Errorf("%s: %v", r, r.State())
		}
	}
	for _, r := range []Reason{NoContent, NoCertificate, UnknownIssuer, UnfitCertificate, Unsupported, WeakAlgorithm, NotAsked, NoAnswer,
		RevokedLater, WrongTimestamp, ContentChanged, Reason("of a later version")} {
		if r.State() != Unknown || Judge([]Reason{r}) != Unknown {
			t.Errorf("%s: %v", r, r.State())
		}
	}
	if Judge(nil) != Valid || new(Result).State != Unknown {
		t.Error("a result that was not judged must not be valid")
	}
	r := &Result{State: Valid}
	r.Add(NotAsked)
	r.Add(Altered)
	r.Add(Altered)
	if r.State != Invalid || !slices.Equal(r.Reasons, []Reason{Altered, NotAsked}) {
		t.Errorf("%v %v", r.State, r.Reasons)
	}
}
