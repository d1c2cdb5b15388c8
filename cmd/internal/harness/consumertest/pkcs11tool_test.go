//go:build linux

package consumertest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// digestInfo returns the DigestInfo of a SHA-256 digest in DER (PKCS #1, 9.2).
func digestInfo(message []byte) []byte {
	sum := sha256.Sum256(message)
	return append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, sum[:]...)
}

// message is fresh random bytes, so that no signature is one made before.
func message(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// certificate takes the certificate out of the card with pkcs11-tool, checks
// it against the issuing CA with openssl and returns the path of its PEM. It
// logs in, so that it works for a card never seen.
func (h *host) certificate(t *testing.T) string {
	t.Helper()
	path := filepath.Join(h.dir, "card.pem")
	der := filepath.Join(h.dir, "card.der")
	h.typed(t, []answer{{"User PIN:", h.pin}}, "pkcs11-tool", "--module", h.module, "--login",
		"--read-object", "--type", "cert", "--id", h.id(t), "--output-file", der)
	h.run(t, "openssl", "x509", "-inform", "DER", "-in", der, "-out", path)
	wantContains(t, h.run(t, "openssl", "verify", "-partial_chain", "-no_check_time", "-CAfile", h.caFile, path), "OK")
	wantContains(t, h.run(t, "openssl", "x509", "-in", path, "-noout", "-subject"), h.nis)
	return path
}

// id returns the CKA_ID of the key in hexadecimal.
func (h *host) id(t *testing.T) string {
	t.Helper()
	listing := h.typed(t, []answer{{"User PIN:", h.pin}}, "pkcs11-tool", "--module", h.module, "--login", "-O", "--type", "privkey")
	for line := range strings.Lines(listing) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "ID:"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no ID of a private key in:\n%s", listing)
	return ""
}

// The module offers what the chip can do.
func TestPKCS11ToolLists(t *testing.T) {
	eachCard(t, []string{"pkcs11-tool"}, func(t *testing.T, h *host) {
		tool := func(answers []answer, args ...string) string {
			t.Helper()
			return h.typed(t, answers, "pkcs11-tool", append([]string{"--module", h.module}, args...)...)
		}
		wantContains(t, tool(nil, "-L"), "token label        : "+h.token, "token manufacturer : CIE\n", "login required", "token initialized", "PIN initialized", "pin min/max        : 8/8")
		mechanisms := tool(nil, "-M")
		wantContains(t, mechanisms, "RSA-PKCS,", "SHA1-RSA-PKCS", "SHA256-RSA-PKCS", "SHA384-RSA-PKCS", "SHA512-RSA-PKCS", "hw", "sign")
		wantWithout(t, mechanisms, "PSS", "RSA-X-509", "decrypt", "OAEP")
		tool(nil, "-O")
		wantContains(t, tool([]answer{{"User PIN:", h.pin}}, "--login", "-O"), "Private Key Object; RSA", "Public Key Object; RSA 2048 bits",
			"Certificate Object; type = X.509 cert", "never extractable")

		// Its own trial of every mechanism that claims to be in hardware.
		test := tool([]answer{{"User PIN:", h.pin}}, "--login", "--test")
		wantContains(t, test, "Signatures", "RSA-PKCS: OK", "SHA256-RSA-PKCS: OK", "No errors")
	})
}

func TestPKCS11Tool(t *testing.T) {
	eachCard(t, []string{"pkcs11-tool", "openssl"}, func(t *testing.T, h *host) {
		tool := func(answers []answer, args ...string) string {
			t.Helper()
			return h.typed(t, answers, "pkcs11-tool", append([]string{"--module", h.module}, args...)...)
		}
		pin := []answer{{"User PIN:", h.pin}}

		cert := h.certificate(t)
		public := filepath.Join(h.dir, "public.pem")
		h.run(t, "openssl", "x509", "-in", cert, "-noout", "-pubkey", "-out", public)
		for _, size := range []int{0, 1, 300, 100_000} {
			text := message(size)
			data, signature := h.write(t, "data", text), filepath.Join(h.dir, "signature")
			os.Remove(signature)
			tool(pin, "--login", "--sign", "-m", "SHA256-RSA-PKCS", "-i", data, "-o", signature)
			wantContains(t, h.run(t, "openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, data), "Verified OK")

			info := h.write(t, "digestinfo", digestInfo(text))
			tool(pin, "--login", "--sign", "-m", "RSA-PKCS", "-i", info, "-o", signature+"2")
			wantContains(t, h.run(t, "openssl", "dgst", "-sha256", "-verify", public, "-signature", signature+"2", data), "Verified OK")
			if !bytes.Equal(h.read(t, signature), h.read(t, signature+"2")) {
				t.Error("two ways to one PKCS #1 v1.5 signature differ")
			}
		}
	})
}

// The chip cannot do these, so the module must refuse them with the right code.
func TestPKCS11ToolRefused(t *testing.T) {
	cards(t, chips[:1], []string{"pkcs11-tool"}, func(t *testing.T, h *host) {
		data := h.write(t, "data", message(32))
		long := h.write(t, "long", message(103))
		tests := []struct {
			want string
			args []string
		}{
			{"CKR_MECHANISM_INVALID", []string{"--sign", "-m", "SHA256-RSA-PKCS-PSS", "-i", data}},
			{"CKR_MECHANISM_INVALID", []string{"--sign", "-m", "RSA-X-509", "-i", data}},
			{"CKR_MECHANISM_INVALID", []string{"--decrypt", "-m", "RSA-PKCS", "-i", data}},
			{"CKR_DATA_LEN_RANGE", []string{"--sign", "-m", "RSA-PKCS", "-i", long}},
		}
		for _, tt := range tests {
			out, err := h.tryTyped(t, []answer{{"User PIN:", h.pin}}, "pkcs11-tool", append([]string{"--module", h.module, "--login", "-o", filepath.Join(h.dir, "out")}, tt.args...)...)
			if err == nil {
				t.Errorf("%q succeeds", tt.args)
			}
			wantContains(t, out, tt.want)
		}
	})
}

func TestPKCS11ToolPINLife(t *testing.T) {
	eachCard(t, []string{"pkcs11-tool"}, func(t *testing.T, h *host) {
		tool := func(answers []answer, args ...string) (string, error) {
			t.Helper()
			return h.tryTyped(t, answers, "pkcs11-tool", append([]string{"--module", h.module}, args...)...)
		}
		must := func(answers []answer, args ...string) string {
			t.Helper()
			out, err := tool(answers, args...)
			if err != nil {
				t.Fatalf("%q: %v\n%s", args, err, out)
			}
			return out
		}
		login := func(pin []byte) (string, error) {
			t.Helper()
			return tool([]answer{{"User PIN:", pin}}, "--login", "-O")
		}
		change := func(from, to []byte) {
			t.Helper()
			must([]answer{{"current PIN:", from}, {"new PIN:", to}, {"new PIN again:", to}}, "--change-pin")
		}
		other, third, wrong := []byte("24681357"), []byte("97531864"), []byte("86420975")

		change(h.pin, other)
		if out, err := login(h.pin); err == nil || !strings.Contains(out, "CKR_PIN_INCORRECT") {
			t.Errorf("login with the old PIN: %v\n%s", err, out)
		}
		if out, err := login(other); err != nil {
			t.Fatalf("login with the new PIN: %v\n%s", err, out)
		}
		// Three wrong ones block it; the fourth time the right one is no use.
		for range 2 {
			if out, err := login(wrong); err == nil || !strings.Contains(out, "CKR_PIN_INCORRECT") {
				t.Errorf("login with a wrong PIN: %v\n%s", err, out)
			}
		}
		wantContains(t, must(nil, "-L"), "final user PIN try")
		if out, err := login(wrong); err == nil || !strings.Contains(out, "CKR_PIN_INCORRECT") && !strings.Contains(out, "CKR_PIN_LOCKED") {
			t.Errorf("login with the last try: %v\n%s", err, out)
		}
		if out, err := login(other); err == nil || !strings.Contains(out, "CKR_PIN_LOCKED") {
			t.Errorf("login with a blocked PIN: %v\n%s", err, out)
		}
		wantContains(t, must(nil, "-L"), "user PIN locked")
		must([]answer{{"SO PIN:", h.puk}, {"new PIN:", third}, {"new PIN again:", third}}, "--login", "--login-type", "so", "--init-pin")
		if out, err := login(third); err != nil {
			t.Fatalf("login with the PIN set by the PUK: %v\n%s", err, out)
		}
		wantWithout(t, must(nil, "-L"), "locked", "final", "count low")
		change(third, h.pin)
	})
}
