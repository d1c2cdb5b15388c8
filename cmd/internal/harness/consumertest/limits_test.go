//go:build linux

package consumertest

import (
	"crypto/tls"
	"path/filepath"
	"testing"
)

// What CONSUMERS.md lists as not possible ends with an error of the program, soon,
// and the card is none the worse for it.

func TestOpenSSLPrefersPSS(t *testing.T) {
	cards(t, chips[:1], []string{"openssl", engine}, func(t *testing.T, h *host) {
		cert := h.certificate(t)

		h.opensslConfig(t, "")
		out, err := h.sClient(t, h.sServer(t, "-tls1_2"), cert)
		if err == nil {
			t.Errorf("s_client without ClientSignatureAlgorithms logs in; CONSUMERS.md says it cannot:\n%s", out)
		}
		wantWithout(t, out, "200 ok")

		// The way round on the server's side, and the one on the client's.
		out, err = h.sClient(t, h.sServer(t, "-tls1_2", "-client_sigalgs", classicSignatures), cert)
		if err != nil {
			t.Errorf("s_client to a server that restricts signatures: %v", err)
		}
		wantContains(t, out, "200 ok", h.nis)
		h.opensslConfig(t, classicSignatures)
		out, err = h.sClient(t, h.sServer(t, "-tls1_2"), cert)
		if err != nil {
			t.Errorf("s_client that restricts signatures: %v", err)
		}
		wantContains(t, out, "200 ok", h.nis)
	})
}

func TestTLS13LoginFailsWithoutPSS(t *testing.T) {
	cards(t, chips[:1], []string{"openssl", engine, "gnutls-cli", "tstclnt"}, func(t *testing.T, h *host) {
		cert := h.certificate(t)
		urls := h.urls(t)
		profile := h.nssProfile(t)
		h.opensslConfig(t, classicSignatures)
		for _, max := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
			t.Run(tls.VersionName(max), func(t *testing.T) {
				p := h.portal(t, max)
				h.run(t, "certutil", "-A", "-d", profile.db, "-n", "server", "-t", "CT,,", "-i", p.files.root)
				clients := map[string]func() (string, error){
					"openssl": func() (string, error) { return h.sClient(t, p.port, cert) },
					"gnutls-cli": func() (string, error) {
						return h.try(t, []byte(request), "gnutls-cli", "--provider", h.module, "--x509cafile", p.files.root,
							"--x509certfile", h.withPIN(urls["cert"]), "--x509keyfile", h.withPIN(urls["private"]), "--port", p.port, "localhost")
					},
					"tstclnt": func() (string, error) {
						return h.try(t, nil, "tstclnt", "-4", "-f", "-O", "-A", filepath.Join(h.dir, "request"), "-h", "localhost", "-p", p.port,
							"-d", profile.db, "-n", profile.nickname, "-W", h.pinFile)
					},
				}
				for name, client := range clients {
					out, err := client()
					if max == tls.VersionTLS12 {
						// The same server, client and card, one version lower.
						wantContains(t, out, "welcome", h.nis)
						continue
					}
					if err == nil {
						t.Errorf("%s ends well:\n%s", name, out)
					}
					wantWithout(t, out, "welcome")
				}
			})
		}
	})
}

// The card's certificate is not one for e-mail.
func TestCertificateIsRefusedForMail(t *testing.T) {
	cards(t, chips[:1], []string{"modutil", "certutil", "cmsutil"}, func(t *testing.T, h *host) {
		profile := h.nssProfile(t)
		out, err := h.try(t, []byte("hello\n"), "cmsutil", "-S", "-d", profile.db, "-N", profile.nickname, "-f", h.pinFile, "-o", filepath.Join(h.dir, "signed"))
		if err == nil {
			t.Error("cmsutil signs; CONSUMERS.md says it refuses")
		}
		wantContains(t, out, "the corresponding cert for key")
	})
}
