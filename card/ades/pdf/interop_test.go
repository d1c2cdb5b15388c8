package pdf

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"cie/card/ades"
	"cie/card/ades/cms"
)

// run runs a program that must succeed.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(tool(t, program), args...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, msg)
	}
}

// fillScript fills in every field with mupdf.
const fillScript = `
var doc = new PDFDocument(scriptArgs[0]);
var page = doc.loadPage(0);
var list = page.getWidgets();
for (var i = 0; i < list.length; i++) {
	var kind = list[i].getFieldType();
	if (kind == "text") { list[i].setTextValue("due e tre"); list[i].update(); }
	if (kind == "checkbox") { list[i].toggle(); list[i].update(); }
}
page.update();
doc.save(scriptArgs[1], "incremental");
`

// What other programs add to a signed document is not called a change of it.
func TestUpdatesOfOtherProgramsAreAllowed(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	signed := sign(t, formDocument("").bytes(), Options{}, cms.Options{})
	if err := os.WriteFile(path("signed.pdf"), signed, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path("key.pem"), "-out", path("cert.pem"), "-subj", "/CN=Altro", "-days", "30")
	run(t, "openssl", "pkcs12", "-export", "-in", path("cert.pem"), "-inkey", path("key.pem"), "-out", path("id.p12"), "-passout", "pass:x", "-name", "altro")
	tests := map[string]struct {
		do   func(t *testing.T, in, out string)
		want []ChangeKind
		more int // signatures
	}{
		"signature by mupdf": {func(t *testing.T, in, out string) {
			run(t, "mutool", "sign", "-s", path("id.p12"), "-P", "x", "-o", out, in, "51")
		}, []ChangeKind{ChangeSignature}, 1},
		"signature by poppler": {func(t *testing.T, in, out string) {
			tool(t, "certutil")
			if err := os.Mkdir(path("nss"), 0o700); err != nil {
				t.Fatal(err)
			}
			run(t, "certutil", "-N", "-d", "sql:"+path("nss"), "--empty-password")
			run(t, "pk12util", "-i", path("id.p12"), "-d", "sql:"+path("nss"), "-W", "x")
			// It reports a failure of NSS at its end.
			_ = exec.Command(tool(t, "pdfsig"), "-nssdir", "sql:"+path("nss"), "-add-signature", "-nick", "altro", in, out).Run()
		}, []ChangeKind{ChangeSignature}, 1},
		"fields filled in by mupdf": {func(t *testing.T, in, out string) {
			if err := os.WriteFile(path("fill.js"), []byte(fillScript), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "mutool", "run", path("fill.js"), in, out)
		}, []ChangeKind{ChangeField}, 0},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.pdf")
			tt.do(t, path("signed.pdf"), out)
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			r := verify(t, b, "")
			s := r.Signatures[0]
			if allowed, not := kinds(s.Later); s.State() != ades.Valid || len(not) > 0 || !slices.Equal(allowed, tt.want) {
				t.Errorf("%v: %+v", s.State(), s.Later)
			}
			if len(r.Signatures) != 1+tt.more {
				t.Errorf("%d signatures", len(r.Signatures))
			}
		})
	}
}
