package desktop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/card/ades"
	"cie/card/ades/cms"
	"cie/card/ades/pdf"
	"cie/card/cardtest"
	"cie/cmd/internal/documents"
	"cie/cmd/internal/harness/await"
	"cie/gui"
)

// verifyRig verifies documents of virtual cards in a directory of its own.
type verifyRig struct {
	*verifying
	t         *testing.T
	dir       string
	authority *cardtest.Authority
	fetched   int
}

func newVerifyRig(t *testing.T) *verifyRig {
	t.Helper()
	anchors := ades.BuiltinAnchors()
	if err := anchors.Add(cardtest.IssuingCAPEM()); err != nil {
		t.Fatal(err)
	}
	r := &verifyRig{t: t, dir: t.TempDir(), authority: &cardtest.Authority{Now: time.Now}}
	r.verifying = &verifying{anchors: anchors, fetcher: r, home: t.TempDir(), now: time.Now}
	return r
}

// Fetch implements ades.Fetcher.
func (r *verifyRig) Fetch(ctx context.Context, url, contentType string, body []byte, limit int64) ([]byte, error) {
	r.fetched++
	return r.authority.Fetch(ctx, url, contentType, body, limit)
}

func (r *verifyRig) write(name string, b []byte) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *verifyRig) read(path string) []byte {
	r.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *verifyRig) signer(name string) cms.Signer {
	r.t.Helper()
	key, cert, err := cardtest.HolderKey(cardtest.Profile{GivenName: name})
	if err != nil {
		r.t.Fatal(err)
	}
	return cms.Signer{Key: key, Certificate: cert, Chain: [][]byte{cardtest.IssuingCA().Raw}}
}

// sign signs a file and returns the signed one.
func (r *verifyRig) sign(path, out, name string, o documents.Options) string {
	r.t.Helper()
	d, err := documents.Prepare(r.t.Context(), path, o)
	if err != nil {
		r.t.Fatal(err)
	}
	out = filepath.Join(r.dir, out)
	if err := documents.Sign(r.t.Context(), d, out, r.signer(name), cms.Options{Time: time.Now().Add(-time.Hour)}); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// verify verifies a file that must be readable.
func (r *verifyRig) verify(path string, ask bool) *gui.Verification {
	r.t.Helper()
	v, err := r.VerifyFile(r.t.Context(), path, gui.VerifyOptions{Ask: ask})
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	return v
}

// page returns a PDF with one page that shows content.
func page(content string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, text := range []string{
		"<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [3 0 R] /Count 1>>",
		"<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R>>",
		fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content),
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, text)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

// shadow replaces the content of the page in a further revision, which leaves the
// signed bytes as they are.
func shadow(signed []byte) []byte {
	previous := signed[bytes.LastIndex(signed, []byte("startxref\n"))+10:]
	var prev int
	fmt.Sscan(string(previous), &prev)
	b := bytes.NewBuffer(bytes.Clone(signed))
	at := b.Len()
	content := "0 0 200 200 re f"
	fmt.Fprintf(b, "4 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n", len(content), content)
	start := b.Len()
	fmt.Fprintf(b, "xref\n4 1\n%010d 00000 n \ntrailer\n<</Size 30 /Root 1 0 R /Prev %d>>\nstartxref\n%d\n%%%%EOF\n", at, prev, start)
	return b.Bytes()
}

func TestVerifyGivesTheAnswerForEachKindOfFile(t *testing.T) {
	r := newVerifyRig(t)
	letter := r.write("letter.pdf", page("0 0 100 100 re f"))
	signed := r.sign(letter, "letter-signed.pdf", "ANNA", documents.Options{Format: documents.PDF})
	list := r.write("list.csv", []byte("a;b\n"))
	one := r.sign(list, "list.csv.p7m", "ANNA", documents.Options{Format: documents.P7M})
	two := r.sign(one, "list-2.csv.p7m", "BRUNO", documents.Options{Format: documents.P7M})
	three := r.sign(two, "list-3.csv.p7m", "CARLA", documents.Options{Format: documents.P7M})
	nested := r.sign(one, "nested.csv.p7m.p7m", "BRUNO", documents.Options{Format: documents.P7M, Wrap: true})
	both := r.sign(signed, "letter-signed.pdf.p7m", "BRUNO", documents.Options{Format: documents.P7M})
	detached := r.sign(list, "list.csv.p7s", "ANNA", documents.Options{Format: documents.P7M, Detached: true})
	moved := r.write("elsewhere.p7s", r.read(detached))
	tampered := bytes.Replace(r.read(signed), []byte("100 100 re"), []byte("100 900 re"), 1)
	for _, tt := range []struct {
		path       string
		before     gui.Answer // without asking about revocation
		after      gui.Answer
		signatures int
	}{
		{signed, gui.AnswerOpen, gui.AnswerValid, 1},
		{r.write("tampered.pdf", tampered), gui.AnswerChanged, gui.AnswerChanged, 1},
		{r.write("shadow.pdf", shadow(r.read(signed))), gui.AnswerChanged, gui.AnswerChanged, 1},
		{one, gui.AnswerOpen, gui.AnswerValid, 1},
		{three, gui.AnswerOpen, gui.AnswerValid, 3},
		{nested, gui.AnswerOpen, gui.AnswerValid, 2},
		{both, gui.AnswerOpen, gui.AnswerValid, 2},
		{detached, gui.AnswerOpen, gui.AnswerValid, 1},
		{moved, gui.AnswerUnsure, gui.AnswerUnsure, 1},
		{letter, gui.AnswerNone, gui.AnswerNone, 0},
		{list, gui.AnswerNone, gui.AnswerNone, 0},
	} {
		v := r.verify(tt.path, false)
		if r.fetched > 0 {
			t.Fatalf("%s: fetched without a request", tt.path)
		}
		if got := v.Answer(); got != tt.before || len(v.Signatures) != tt.signatures {
			t.Errorf("%s: answer %d with %d signatures, want %d with %d", filepath.Base(tt.path), got, len(v.Signatures), tt.before, tt.signatures)
		}
		if got := r.verify(tt.path, true).Answer(); got != tt.after {
			t.Errorf("%s, asked: answer %d, want %d", filepath.Base(tt.path), got, tt.after)
		}
		r.fetched = 0
		if tt.after == gui.AnswerValid && len(v.Hosts) == 0 {
			t.Errorf("%s: no host is named", filepath.Base(tt.path))
		}
	}
	// The other document makes the signature false; the right one can be chosen.
	other := r.write("other.csv", []byte("x"))
	for content, want := range map[string]gui.Answer{list: gui.AnswerOpen, other: gui.AnswerChanged} {
		v, err := r.VerifyFile(t.Context(), moved, gui.VerifyOptions{Content: content})
		if err != nil || v.Answer() != want {
			t.Errorf("%s: answer %d, want %d, %v", content, v.Answer(), want, err)
		}
	}
	// A certificate without a known issuer is not green.
	r.verifying.anchors = ades.BuiltinAnchors()
	if v := r.verify(signed, true); v.Answer() != gui.AnswerOpen || r.fetched > 0 || len(v.Hosts) > 0 {
		t.Errorf("unknown issuer: answer %d, %d fetched, hosts %v", v.Answer(), r.fetched, v.Hosts)
	}
}

func TestVerifyReportsDamageAndPasswords(t *testing.T) {
	r := newVerifyRig(t)
	letter := r.write("letter.pdf", page("0 0 1 1 re f"))
	damaged := r.write("cut.p7m", []byte("\x30\x82\x10\x00\x06\x09"))
	if _, err := r.VerifyFile(t.Context(), damaged, gui.VerifyOptions{}); !errors.Is(err, gui.ErrDamaged) {
		t.Errorf("a cut p7m: %v", err)
	}
	if _, err := r.VerifyFile(t.Context(), r.write("cut.pdf", []byte("%PDF-1.7\n")), gui.VerifyOptions{}); !errors.Is(err, gui.ErrDamaged) {
		t.Errorf("a cut PDF: %v", err)
	}
	if _, err := r.VerifyFile(t.Context(), filepath.Join(r.dir, "none"), gui.VerifyOptions{}); err == nil || errors.Is(err, gui.ErrDamaged) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := exec.LookPath("qpdf"); err != nil {
		t.Skip("qpdf is not installed")
	}
	locked := filepath.Join(r.dir, "locked.pdf")
	if out, err := await.Command(t, "qpdf", "--encrypt", "segreta", "padrone", "256", "--", letter, locked).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, password := range []string{"", "wrong"} {
		if _, err := r.VerifyFile(t.Context(), locked, gui.VerifyOptions{Password: password}); !errors.Is(err, gui.ErrPassword) {
			t.Errorf("password %q: %v", password, err)
		}
	}
	if v, err := r.VerifyFile(t.Context(), locked, gui.VerifyOptions{Password: "segreta"}); err != nil || v.Answer() != gui.AnswerNone {
		t.Errorf("the right password: %v", err)
	}
}

func TestExtractNeverReplacesAFile(t *testing.T) {
	r := newVerifyRig(t)
	list := r.write("list.csv", []byte("a;b\n"))
	p7m := r.sign(list, "list.csv.p7m", "ANNA", documents.Options{Format: documents.P7M})
	name, err := r.ExtractFile(t.Context(), r.verify(p7m, false), 0)
	if err != nil || filepath.Base(name) != "list (2).csv" || string(r.read(name)) != "a;b\n" {
		t.Errorf("%s, %v", name, err)
	}
	signed := r.sign(r.write("a.pdf", page("0 0 1 1 re f")), "b.pdf", "ANNA", documents.Options{Format: documents.PDF})
	whole := r.read(signed)
	v := r.verify(r.write("c.pdf", shadow(whole)), false)
	name, err = r.ExtractFile(t.Context(), v, 1)
	if err != nil || filepath.Base(name) != "c-rev1.pdf" || sha256.Sum256(r.read(name)) != sha256.Sum256(whole) {
		t.Errorf("%s is not the signed revision: %v", name, err)
	}
	if os.Geteuid() == 0 {
		return // everything can be written
	}
	if err := os.Chmod(r.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(r.dir, 0o700) }()
	if name, err = r.ExtractFile(t.Context(), v, 1); err != nil || filepath.Dir(name) != r.home {
		t.Errorf("a folder that cannot be written: %s, %v", name, err)
	}
}

func TestVerificationIsSavedAsAPDF(t *testing.T) {
	r := newVerifyRig(t)
	v := &gui.Verification{Path: filepath.Join(r.dir, "letter.pdf.p7m")}
	name, err := r.SaveVerification(v, "Rapporto di verifica", "it", []pdf.Paragraph{{Text: "È valida: così è."}})
	if err != nil || filepath.Base(name) != "letter-rapporto-di-verifica.pdf" {
		t.Fatalf("%s, %v", name, err)
	}
	again, err := r.SaveVerification(v, "Rapporto di verifica", "it", nil)
	if err != nil || again == name {
		t.Errorf("%s, %v", again, err)
	}
	if d, err := documents.Verify(t.Context(), name, documents.VerifyOptions{Verifier: &ades.Verifier{}}); err != nil || d.PDF == nil {
		t.Errorf("%v", err)
	} else {
		d.Close()
	}
	if path, err := exec.LookPath("pdftotext"); err == nil {
		if out, err := await.Command(t, path, name, "-").Output(); err != nil || !strings.Contains(string(out), "È valida: così è.") {
			t.Errorf("%v: %s", err, out)
		}
	}
}
