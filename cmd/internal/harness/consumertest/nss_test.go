//go:build linux

package consumertest

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
	eachCard(t, []string{"modutil", "certutil", "cmsutil", "openssl"}, func(t *testing.T, h *host) {
		profile := h.nssProfile(t)
		db := profile.db
		wantContains(t, h.run(t, "modutil", "-dbdir", db, "-list"), "CIE\n\tlibrary name: "+h.module, "token: "+h.token)
		// In detail modutil stops at the first reader without a card and calls that
		// an error, whatever the module; the card's reader comes before it.
		details, err := h.try(t, nil, "modutil", "-dbdir", db, "-list", "CIE")
		wantContains(t, details, "Token Name: "+h.token, "Token Serial Number:", "Write Protected", "Login required", "User Pin: Initialized")
		t.Logf("modutil -list CIE with an empty reader beside the card's: %v", err)
		keys := h.run(t, "certutil", "-K", "-d", db, "-h", h.token, "-f", h.pinFile)
		key := nssKey.FindStringSubmatch(keys)
		if key == nil {
			t.Fatalf("certutil -K shows no key:\n%s", keys)
		}
		wantContains(t, h.run(t, "certutil", "-L", "-d", db, "-h", h.token, "-f", h.pinFile, "-n", profile.nickname), h.nis)

		// A certificate request, which openssl checks with the key in it. (cmsutil requires
		// a certificate for e-mail, which the card's is not.)
		csr := filepath.Join(h.dir, "request.pem")
		h.run(t, "certutil", "-R", "-d", db, "-h", h.token, "-f", h.pinFile, "-k", key[1], "-s", "CN=prova", "-Z", "SHA256", "-a", "-o", csr)
		wantContains(t, h.run(t, "openssl", "req", "-in", csr, "-verify", "-noout"), "verify OK")
		if requested, held := h.run(t, "openssl", "req", "-in", csr, "-noout", "-pubkey"), h.run(t, "openssl", "x509", "-in", h.certificate(t), "-noout", "-pubkey"); requested != held {
			t.Errorf("the request is for the key\n%s and the card has\n%s", requested, held)
		}
	})
}

// profile is an NSS database, as Firefox has one.
type profile struct {
	db       string // in the form the tools expect
	nickname string // of the card's certificate
}

// nssProfile makes a new one with the module registered in it and the card's
// issuer trusted.
func (h *host) nssProfile(t *testing.T) profile {
	t.Helper()
	dir := filepath.Join(h.dir, "profile")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := profile{db: "sql:" + dir}
	h.run(t, "certutil", "-N", "-d", p.db, "--empty-password")
	wantContains(t, h.run(t, "modutil", "-dbdir", p.db, "-add", "CIE", "-libfile", h.module, "-force"), `Module "CIE" added to database`)
	h.run(t, "certutil", "-A", "-d", p.db, "-n", "issuer", "-t", "CT,CT,CT", "-i", h.caFile)
	certificates := h.run(t, "certutil", "-L", "-d", p.db, "-h", h.token, "-f", h.pinFile)
	for line := range strings.Lines(certificates) {
		// Trust "u": there is a private key for it.
		if name, ok := strings.CutSuffix(strings.TrimSpace(line), "u,u,u"); ok {
			p.nickname = strings.TrimSpace(name)
		}
	}
	if !strings.HasPrefix(p.nickname, h.token+":") {
		t.Fatalf("certutil -L shows no certificate with a key:\n%s", certificates)
	}
	return p
}

// A login the way Firefox makes it, over TLS 1.2, without any setting of signature algorithms.
func TestNSSClient(t *testing.T) {
	eachCard(t, []string{"modutil", "certutil", "tstclnt"}, func(t *testing.T, h *host) {
		server, profile := h.portal(t, tls.VersionTLS12), h.nssProfile(t)
		h.run(t, "certutil", "-A", "-d", profile.db, "-n", "server", "-t", "CT,,", "-i", server.files.root)
		out, err := h.try(t, nil, "tstclnt", "-4", "-f", "-O", "-A", h.write(t, "request", []byte(request)), "-h", "localhost", "-p", server.port,
			"-d", profile.db, "-n", profile.nickname, "-W", h.pinFile)
		if err != nil {
			t.Errorf("tstclnt: %v", err)
		}
		wantContains(t, out, "welcome", h.nis, "TLS 1.2")
	})
}
