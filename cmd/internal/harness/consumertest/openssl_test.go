//go:build linux

package consumertest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// engine is where Debian keeps the PKCS #11 engine of OpenSSL 3 (libengine-pkcs11-openssl).
const engine = "/usr/lib/*/engines-3/pkcs11.so"

// classicSignatures keeps OpenSSL from choosing RSA-PSS in TLS 1.2, as a
// person has to write it into the configuration.
const classicSignatures = "RSA+SHA256:RSA+SHA384:RSA+SHA512"

// opensslConfig writes the configuration that loads the engine with the module
// and names the signature algorithms of clients if there are any.
func (h *host) opensslConfig(t *testing.T, signatures string) {
	t.Helper()
	if signatures != "" {
		signatures = "ClientSignatureAlgorithms = " + signatures
	}
	path := h.write(t, "openssl.cnf", fmt.Appendf(nil, `openssl_conf = openssl_init

[openssl_init]
engines = engines
ssl_conf = ssl

[engines]
pkcs11 = pkcs11

[pkcs11]
engine_id = pkcs11
dynamic_path = %s
MODULE_PATH = %s
init = 0

[ssl]
system_default = tls

[tls]
%s

[req]
distinguished_name = dn
[dn]
`, program(t, engine), h.module, signatures))
	h.env = append(h.env, "OPENSSL_CONF="+path)
}

// enginePrompt is what the engine shows before the PIN.
const enginePrompt = "PIN for"

func TestOpenSSLEngine(t *testing.T) {
	eachCard(t, []string{"openssl", "pkcs11-tool", engine}, func(t *testing.T, h *host) {
		key := h.uri("type=private")
		h.opensslConfig(t, classicSignatures)
		pin := []answer{{enginePrompt, h.pin}}

		// The key first: on a card never seen the engine must find it by logging in.
		data := h.write(t, "data", message(5000))
		signature := filepath.Join(h.dir, "signature")
		h.typed(t, pin, "openssl", "dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sign", key, "-out", signature, data)
		cert := h.certificate(t)
		public := filepath.Join(h.dir, "public.pem")
		h.run(t, "openssl", "x509", "-in", cert, "-noout", "-pubkey", "-out", public)
		wantContains(t, h.run(t, "openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, data), "Verified OK")

		// openssl cms, and the same with the PIN from a file named in the URL.
		for name, source := range map[string]string{"asked": "", "file": "?pin-source=file:" + h.pinFile} {
			message := filepath.Join(h.dir, "cms-"+name)
			args := []string{"cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-engine", "pkcs11", "-keyform", "engine",
				"-inkey", key + source, "-signer", cert, "-in", data, "-outform", "DER", "-out", message}
			if source == "" {
				h.typed(t, pin, "openssl", args...)
			} else {
				h.run(t, "openssl", args...)
			}
			content := filepath.Join(h.dir, "content")
			os.Remove(content)
			wantContains(t, h.run(t, "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", message,
				"-CAfile", h.caFile, "-partial_chain", "-purpose", "any", "-no_check_time", "-out", content), "successful")
			if string(h.read(t, content)) != string(h.read(t, data)) {
				t.Error("openssl cms -verify returns other content")
			}
		}

		// A login over TLS 1.2 to openssl's own server, which insists (-Verify).
		out, err := h.sClient(t, h.sServer(t, "-tls1_2"), cert)
		if err != nil {
			t.Errorf("s_client: %v", err)
		}
		wantContains(t, out, "Verify return code: 0 (ok)", "Protocol  : TLSv1.2", "HTTP/1.0 200 ok", h.nis, "Client certificate")
	})
}

// sServer starts openssl's server, which requires a certificate of
// the card's issuer, and returns its port.
func (h *host) sServer(t *testing.T, args ...string) string {
	t.Helper()
	files, port := h.serverCertificate(t), freePort(t)
	h.server(t, port, "openssl", append([]string{"s_server", "-accept", "127.0.0.1:" + port, "-cert", files.cert, "-key", files.key,
		"-Verify", "2", "-verify_return_error", "-CAfile", h.caFile, "-partial_chain", "-no_check_time", "-www"}, args...)...)
	return port
}

// sClient requests the page of an sServer, which shows what it received from the client.
// cert is the path of the card's certificate.
func (h *host) sClient(t *testing.T, port, cert string) (string, error) {
	t.Helper()
	// The terminal is for the PIN, so the request comes through a pipe.
	return h.tryTyped(t, []answer{{enginePrompt, h.pin}}, "sh", "-c", `request=$1; shift; cat "$request" | exec openssl s_client "$@"`, "sh",
		h.write(t, "request", []byte(request)), "-connect", "127.0.0.1:"+port, "-CAfile", filepath.Join(h.dir, "server-root.pem"),
		"-engine", "pkcs11", "-keyform", "engine", "-key", h.uri("type=private"), "-cert", cert, "-ign_eof")
}
