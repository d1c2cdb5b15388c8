package sod

import (
	"crypto/x509/pkix"
	"strings"
	"testing"

	"cie/apdu/printable"
)

// A forger chooses the name of its document signer, and programs print what
// Verify returns of it.
func TestNamesOfSignersArePrintable(t *testing.T) {
	const evil = "\x1b[2J\u009b31m\u202eEVIL\u2028\r\n"
	o := generations(t)["second"]
	o.time = signed
	template := signerTemplate()
	template.Subject = pkix.Name{CommonName: evil + strings.Repeat("è", 5000)}
	template.NotAfter = template.NotBefore.AddDate(0, 0, 1) // not valid at the signing time
	root := selfSign(t, rootTemplate(), rootKey())
	o.signer = certificate(t, template, root, signerKey().Public(), rootKey())
	s, err := Parse(o.build(t))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Verify(rootsOf(t, root))
	if err != nil {
		t.Fatal(err)
	}
	if r.Trusted || r.Reason == nil || !strings.Contains(r.Reason.Error(), "EVIL") {
		t.Fatalf("the reason lacks the name: %+v", r)
	}
	for _, text := range []string{r.Signer, r.Reason.Error()} {
		if !printable.IsClean(text) || len(text) > 400 {
			t.Errorf("%q", text)
		}
	}
}
