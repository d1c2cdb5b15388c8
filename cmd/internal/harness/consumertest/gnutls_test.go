//go:build linux

package consumertest

import (
	"crypto/tls"
	"strings"
	"testing"
)

// urls asks p11tool for the URLs of the card's objects, without the attributes
// of token and module that differ between cards, by type.
func (h *host) urls(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	listing := h.run(t, "p11tool", "--provider", h.module, "--login", "--only-urls", "--list-all", h.withPIN(h.uri()))
	for line := range strings.Lines(listing) {
		line = strings.TrimSpace(line)
		url, kind, ok := strings.Cut(line, ";type=")
		if !ok || !strings.HasPrefix(line, "pkcs11:") {
			continue
		}
		kind, _, _ = strings.Cut(kind, "?")
		kind, _, _ = strings.Cut(kind, ";")
		if kind == "cert" && found[kind] != "" {
			continue // the issuer's, if the module offers it, comes after the holder's
		}
		short := h.uri()
		for _, attribute := range strings.Split(url, ";") {
			if strings.HasPrefix(attribute, "id=") || strings.HasPrefix(attribute, "object=") {
				short += ";" + attribute
			}
		}
		found[kind] = short + ";type=" + kind
	}
	return found
}

// withPIN adds the file with the PIN to a PKCS #11 URL (RFC 7512, 2.4).
func (h *host) withPIN(url string) string { return url + "?pin-source=" + h.pinFile }

func TestGnuTLS(t *testing.T) {
	eachCard(t, []string{"p11tool", "gnutls-cli", "openssl"}, func(t *testing.T, h *host) {
		wantContains(t, h.run(t, "p11tool", "--provider", h.module, "--list-tokens"), "token="+strings.ReplaceAll(h.token, " ", "%20"), "serial="+h.serial, "Requires login")

		urls := h.urls(t)
		for _, kind := range []string{"cert", "private", "public"} {
			if urls[kind] == "" {
				t.Fatalf("p11tool sees no %s in %v", kind, urls)
			}
		}
		wantContains(t, h.typed(t, []answer{{"Enter PIN:", h.pin}}, "p11tool", "--provider", h.module, "--login", "--test-sign", "--hash=SHA256", urls["private"]), "ok")
		exported := h.write(t, "exported.pem", []byte(h.run(t, "p11tool", "--provider", h.module, "--login", "--export", h.withPIN(urls["cert"]))))
		wantContains(t, h.run(t, "openssl", "verify", "-partial_chain", "-no_check_time", "-CAfile", h.caFile, exported), "OK")

		p := h.portal(t, tls.VersionTLS12)
		out, err := h.try(t, []byte(request), "gnutls-cli", "--provider", h.module, "--x509cafile", p.files.root,
			"--x509certfile", h.withPIN(urls["cert"]), "--x509keyfile", h.withPIN(urls["private"]), "--port", p.port, "localhost")
		if err != nil {
			t.Errorf("gnutls-cli: %v", err)
		}
		wantContains(t, out, "welcome", h.nis, "TLS 1.2")
	})
}
