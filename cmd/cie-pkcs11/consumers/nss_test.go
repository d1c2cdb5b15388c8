//go:build linux

package consumers

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// nssKey is a line of certutil -K: number, key type, CKA_ID and nickname.
var nssKey = regexp.MustCompile(`(?m)^<\s*\d+>\s+rsa\s+([0-9a-f]+)\s+(.*?)\s*$`)

func TestNSS(t *testing.T) {
	eachCard(t, fewChips, []string{"modutil", "certutil", "cmsutil", "openssl"}, func(t *testing.T, h *host) {
		// A new profile, as Firefox has one, with the module registered in it.
		profile := filepath.Join(h.dir, "profile")
		if err := os.RemoveAll(profile); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(profile, 0o700); err != nil {
			t.Fatal(err)
		}
		db := "sql:" + profile
		h.run(t, "certutil", "-N", "-d", db, "--empty-password")
		wantContains(t, h.run(t, "modutil", "-dbdir", db, "-add", "CIE", "-libfile", h.module, "-force"), `Module "CIE" added to database`)
		wantContains(t, h.run(t, "modutil", "-dbdir", db, "-list"), "CIE\n\tlibrary name: "+h.module, "token: CIE")
		// In detail modutil stops at the first reader without a card and calls that
		// an error, whatever the module; the card's reader comes before it.
		details, err := h.try(t, nil, "modutil", "-dbdir", db, "-list", "CIE")
		wantContains(t, details, "Token Name: CIE", "Token Serial Number:", "Write Protected", "Login required", "User Pin: Initialized")
		t.Logf("modutil -list CIE with an empty reader beside the card's: %v", err)
		h.run(t, "certutil", "-A", "-d", db, "-n", "issuer", "-t", "CT,CT,CT", "-i", h.caFile)

		keys := h.run(t, "certutil", "-K", "-d", db, "-h", "CIE", "-f", h.pinFile)
		key := nssKey.FindStringSubmatch(keys)
		if key == nil {
			t.Fatalf("certutil -K shows no key:\n%s", keys)
		}
		nickname := ""
		certificates := h.run(t, "certutil", "-L", "-d", db, "-h", "CIE", "-f", h.pinFile)
		for line := range strings.Lines(certificates) {
			// Trust "u": there is a private key for it.
			if name, ok := strings.CutSuffix(strings.TrimSpace(line), "u,u,u"); ok {
				nickname = strings.TrimSpace(name)
			}
		}
		if !strings.HasPrefix(nickname, "CIE:") {
			t.Fatalf("certutil -L shows no certificate with a key:\n%s", certificates)
		}
		wantContains(t, h.run(t, "certutil", "-L", "-d", db, "-h", "CIE", "-f", h.pinFile, "-n", nickname), h.nis)

		// A certificate request, which openssl checks with the key in it. (cmsutil wants
		// a certificate for e-mail, which the card's is not.)
		csr := filepath.Join(h.dir, "request.pem")
		h.run(t, "certutil", "-R", "-d", db, "-h", "CIE", "-f", h.pinFile, "-k", key[1], "-s", "CN=prova", "-Z", "SHA256", "-a", "-o", csr)
		wantContains(t, h.run(t, "openssl", "req", "-in", csr, "-verify", "-noout"), "verify OK")
		if requested, held := h.run(t, "openssl", "req", "-in", csr, "-noout", "-pubkey"), h.run(t, "openssl", "x509", "-in", h.certificate(t), "-noout", "-pubkey"); requested != held {
			t.Errorf("the request is for the key\n%s and the card has\n%s", requested, held)
		}
	})
}

// A login the way Firefox makes it, over TLS 1.2, without any setting of signature algorithms.
func TestNSSClient(t *testing.T) {
	eachCard(t, fewChips, []string{"modutil", "certutil", "tstclnt"}, func(t *testing.T, h *host) {
		profile := filepath.Join(h.dir, "profile")
		if err := os.RemoveAll(profile); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(profile, 0o700); err != nil {
			t.Fatal(err)
		}
		db := "sql:" + profile
		p := h.portal(t, tls.VersionTLS12)
		h.run(t, "certutil", "-N", "-d", db, "--empty-password")
		h.run(t, "modutil", "-dbdir", db, "-add", "CIE", "-libfile", h.module, "-force")
		h.run(t, "certutil", "-A", "-d", db, "-n", "server", "-t", "CT,,", "-i", p.files.root)
		h.run(t, "certutil", "-A", "-d", db, "-n", "issuer", "-t", "CT,CT,CT", "-i", h.caFile)
		nickname := ""
		for line := range strings.Lines(h.run(t, "certutil", "-L", "-d", db, "-h", "CIE", "-f", h.pinFile)) {
			if name, ok := strings.CutSuffix(strings.TrimSpace(line), "u,u,u"); ok {
				nickname = strings.TrimSpace(name)
			}
		}
		out, err := h.try(t, nil, "tstclnt", "-4", "-f", "-O", "-A", h.write(t, "request", []byte(request)), "-h", "localhost", "-p", p.port, "-d", db, "-n", nickname, "-W", h.pinFile, "-V", "tls1.2:tls1.2")
		if err != nil {
			t.Errorf("tstclnt: %v", err)
		}
		wantContains(t, out, "welcome", h.nis, "TLS 1.2")
	})
}
