package consumertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cie/card/cardtest"
)

// NSS, which Firefox and Chromium use, asks for the PIN of a genuine card, and
// for none of a card without a known issuer; with one given, C_Login is refused.
func TestNSSAsksForNoPINOfACardNobodyVouchesFor(t *testing.T) {
	need(t, "modutil", "certutil")
	issuer, err := cardtest.NewIssuer("Unknown Country Signer CA")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		forgery cardtest.Forgery
		asks    bool
	}{
		"genuine":             {cardtest.Forgery{}, true},
		"SOD of its own":      {cardtest.Forgery{Issuer: issuer}, false},
		"unknown form of SOD": {cardtest.Forgery{Issuer: issuer, SOD: cardtest.SODUnknownForm}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostOf(t, cardtest.Profile{Forgery: tt.forgery}, "")
			dir := filepath.Join(h.dir, "profile")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			db := "sql:" + dir
			h.run(t, "certutil", "-N", "-d", db, "--empty-password")
			h.run(t, "modutil", "-dbdir", db, "-add", "CIE", "-libfile", h.module, "-force")
			wantContains(t, h.run(t, "modutil", "-dbdir", db, "-list"), "token: "+h.token)
			// certutil prompts at the terminal, and there is none, if the token requires a login.
			out, _ := h.try(t, []byte("\n"), "certutil", "-K", "-d", db, "-h", h.token)
			if asked := strings.Contains(out, "input terminal"); asked != tt.asks {
				t.Errorf("asked for the PIN: %v\n%s", asked, out)
			}
			if tt.asks {
				return
			}
			out, _ = h.try(t, nil, "certutil", "-K", "-d", db, "-h", h.token, "-f", h.pinFile)
			if strings.Contains(out, "rsa") {
				t.Errorf("a key is shown:\n%s", out)
			}
			if st := h.card.Stats(); st.Verifies != 0 {
				t.Errorf("%d codes reached the card", st.Verifies)
			}
		})
	}
}
