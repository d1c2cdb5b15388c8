//go:build linux

package consumertest

import (
	"strings"
	"testing"

	"cie/apdu/printable"
	"cie/card/cardtest"
)

// What a reader and a card call themselves reaches other programs as plain text:
// they print labels and descriptions as they get them.
func TestHostileNamesArePlainText(t *testing.T) {
	need(t, "pkcs11-tool", "p11tool", "modutil", "certutil")
	const evil = "\x1b[2J\x1b]0;T\x07\u009b31m\u202eEVIL\u2066\u200b\u2028\r\b\x7f\xff"
	h := newHostOf(t, cardtest.Profile{
		Surname: evil + strings.Repeat("è", 5000), GivenName: "A\nB" + evil, Country: evil,
		CommonNameSuffix: evil, DocumentNumber: evil,
	}, evil+strings.Repeat("è", 20)+" Contactless")
	pin := []answer{{"User PIN:", h.pin}}
	p := func(args ...string) string {
		return h.run(t, "p11tool", append([]string{"--provider", h.module}, args...)...)
	}
	for _, known := range []string{"never-seen", "known"} {
		slots := h.run(t, "pkcs11-tool", "--module", h.module, "-L")
		wantContains(t, slots, "Contactless 00 00", "Contactless 00 01", h.token)
		labels := h.typed(t, pin, "pkcs11-tool", "--module", h.module, "--login", "-O", "--type", "privkey")
		wantContains(t, labels, "EVIL")
		for what, output := range map[string]string{
			"pkcs11-tool -L":        slots,
			"pkcs11-tool -O":        labels,
			"p11tool --list-tokens": p("--list-tokens"),
			"modutil -list":         func() string { h.nssProfile(t); return h.run(t, "modutil", "-dbdir", "sql:"+h.dir+"/profile", "-list") }(),
		} {
			for line := range strings.Lines(output) {
				// A terminal ends its lines with CR LF; these tools indent with tabs.
				line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", " ")
				if !printable.IsClean(line) || len(line) > 2000 {
					t.Errorf("%s, %s: %q", what, known, line)
				}
			}
		}
	}
	h.wantAllTries(t)
}
