package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cie/card/cardtest"
	"cie/card/cardtest/authority"
)

// onePage returns a PDF with one page.
func onePage() string {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	content := "0 0 100 100 re f"
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
	return b.String()
}

// A PDF with a time stamp, whose signer's revocation is asked, is valid; an
// authority with false answers leaves no partial file.
func TestPDFWithOnlineServices(t *testing.T) {
	server, err := authority.Start(&cardtest.Authority{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	o := newSigningDir(t, "")
	o.write("letter.pdf", onePage())
	proxy := "HTTP_PROXY=" + server.URL
	if out, code := o.run("cie sign letter.pdf --show name --tsa "+server.URL+"/tsa --pin-fd 3 3<pin", proxy); code != exitOK {
		t.Fatalf("%d: %s", code, out)
	}
	const verify = "cie verify letter-signed.pdf --trust issuing.pem --online"
	out, code := o.run(verify, proxy)
	if code != exitOK || !strings.Contains(out, "letter-signed.pdf: valid") || !strings.Contains(out, "B-T") || !strings.Contains(out, "from a time stamp") {
		t.Errorf("%d: %s", code, out)
	}
	for _, forged := range []cardtest.AuthorityFault{cardtest.FaultNonce, cardtest.FaultUnsigned, cardtest.FaultNothing} {
		server.Change(func(a *cardtest.Authority) { a.Fault = forged })
		before := o.names()
		out, code := o.run("cie sign letter-signed.pdf --tsa "+server.URL+"/tsa --pin-fd 3 3<pin", proxy)
		if code != exitFailed || !strings.Contains(out, "no time stamp") || o.names() != before {
			t.Errorf("%s: %d, %s: %s", forged, code, o.names(), out)
		}
	}
	server.Change(func(a *cardtest.Authority) { a.Fault = "" })
	signed, err := os.ReadFile(filepath.Join(o.dir, "letter-signed.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	o.write("altered.pdf", strings.Replace(string(signed), "100 100 re", "900 900 re", 1))
	if out, code := o.run("cie verify altered.pdf --trust issuing.pem --online", proxy); code != exitInvalid {
		t.Errorf("altered: %d: %s", code, out)
	}
}
