package ades_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/tsp"
	"cie/card/cardtest"
)

var signedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// now is the time of the verifications.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func holder(t testing.TB, p cardtest.Profile) cms.Signer {
	t.Helper()
	key, cert, err := cardtest.HolderKey(p)
	if err != nil {
		t.Fatal(err)
	}
	return cms.Signer{Key: key, Certificate: cert, Chain: [][]byte{cardtest.IssuingCA().Raw}}
}

// virtual returns the anchors of the virtual cards.
func virtual(t testing.TB) *ades.Anchors {
	t.Helper()
	a := &ades.Anchors{}
	if err := a.Add(cardtest.IssuingCAPEM()); err != nil {
		t.Fatal(err)
	}
	return a
}

func digest(content []byte) []byte {
	sum := sha256.Sum256(content)
	return sum[:]
}

// stamping returns Options with time stamps of the authority.
func stamping(a *cardtest.Authority) cms.Options {
	return cms.Options{Time: signedAt, Timestamp: func(signature []byte) ([]byte, error) {
		q, err := tsp.NewRequest(digest(signature))
		if err != nil {
			return nil, err
		}
		answer, err := a.Timestamp(q.Marshal())
		if err != nil {
			return nil, err
		}
		token, _, err := q.Token(answer)
		return token, err
	}}
}

func attached(t testing.TB, s cms.Signer, content []byte, o cms.Options) []byte {
	t.Helper()
	m, err := cms.Sign(s, digest(content), o)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, m, content)
}

func written(t testing.TB, m *cms.Message, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := m.Write(&out, bytes.NewReader(content), int64(len(content)), digest(content)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func verify(t testing.TB, v *ades.Verifier, p7m, content []byte) *ades.Report {
	t.Helper()
	r, err := try(v, p7m, content)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func try(v *ades.Verifier, p7m, content []byte) (*ades.Report, error) {
	if content == nil {
		return v.File(context.Background(), bytes.NewReader(p7m), int64(len(p7m)), nil)
	}
	return v.File(context.Background(), bytes.NewReader(p7m), int64(len(p7m)), bytes.NewReader(content))
}

// want compares state and reasons of a result.
func want(t testing.TB, r *ades.Result, state ades.State, reasons ...ades.Reason) {
	t.Helper()
	if r.State != state || !slices.Equal(r.Reasons, reasons) {
		t.Errorf("%v %v, want %v %v", r.State, r.Reasons, state, reasons)
	}
}

// openssl judges a message with the program that every distribution has.
func openssl(t testing.TB, p7m, content []byte) {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	args := []string{"cms", "-verify", "-cades", "-purpose", "any", "-binary", "-inform", "DER", "-in", file("in.p7m", p7m),
		"-CAfile", file("ca.pem", cardtest.IssuingCAPEM()), "-out", filepath.Join(dir, "out")}
	if content != nil {
		args = append(args, "-content", file("content", content))
	}
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Errorf("openssl refuses: %v\n%s", err, out)
	}
}

func TestSignatureOfCardIsRead(t *testing.T) {
	content := []byte("Dear municipality,\n")
	s := holder(t, cardtest.Profile{})
	authority := &cardtest.Authority{Now: func() time.Time { return now }}
	for _, c := range []struct {
		name    string
		options cms.Options
		level   string
		kind    ades.TimeKind
	}{
		{"B-B", cms.Options{Time: signedAt}, "B-B", ades.TimeClaimed},
		{"B-T", stamping(authority), "B-T", ades.TimeStamped},
	} {
		t.Run(c.name, func(t *testing.T) {
			p7m := attached(t, s, content, c.options)
			openssl(t, p7m, nil)
			v := &ades.Verifier{Anchors: virtual(t), Now: now}
			r := verify(t, v, p7m, nil)
			if len(r.Results) != 1 || r.Detached || r.Inner != nil {
				t.Fatalf("%+v", r)
			}
			x := r.Results[0]
			want(t, x, ades.Unknown, ades.NotAsked)
			if !x.Intact || !x.Trusted || x.Level != c.level || x.TimeKind != c.kind || !x.Claimed.Equal(signedAt) {
				t.Errorf("%+v", x)
			}
			if x.Signer.Name != "MARIA PROVA" || x.Signer.FiscalCode != "PRVMRA70A41Z999S" || x.Purpose != ades.PurposeAuthentication {
				t.Errorf("%+v", x.Signer)
			}
			v.Fetcher = authority
			x = verify(t, v, p7m, nil).Results[0]
			want(t, x, ades.Valid)
			if x.Revocation.State != ades.RevocationGood || x.Revocation.Source != "ocsp" {
				t.Errorf("%+v", x.Revocation)
			}
			want(t, verify(t, &ades.Verifier{Now: now}, p7m, nil).Results[0], ades.Unknown, ades.UnknownIssuer)

			// Without the content inside.
			o := c.options
			m, err := cms.SignDigest(s, digest(content), o)
			if err != nil {
				t.Fatal(err)
			}
			if max := cms.MaxSize(s, o); len(m) > max {
				t.Errorf("%d bytes, but at most %d were announced", len(m), max)
			}
			openssl(t, m, content)
			want(t, verify(t, v, m, content).Results[0], ades.Valid)
			want(t, verify(t, v, m, nil).Results[0], ades.Unknown, ades.NoContent)
			want(t, verify(t, v, m, []byte("Dear municipality!\n")).Results[0], ades.Invalid, ades.Altered)
		})
	}
}

const crypto256 = crypto.SHA256

func clock() time.Time { return now }
