//go:build linux

package consumertest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
)

// alias finds the name of the key in keytool's list.
var alias = regexp.MustCompile(`(?m)^(.+), PrivateKeyEntry,`)

func TestJava(t *testing.T) {
	eachCard(t, []string{"keytool", "jarsigner"}, func(t *testing.T, h *host) {
		conf := h.write(t, "pkcs11.cfg", fmt.Appendf(nil, "name = CIE\nlibrary = %s\nslotListIndex = 0\n", h.module))
		store := []string{"-keystore", "NONE", "-storetype", "PKCS11", "-addprovider", "SunPKCS11", "-providerArg", conf, "-storepass:file", h.pinFile}
		keytool := func(args ...string) string {
			t.Helper()
			return h.run(t, "keytool", append(append([]string{"-J-Duser.language=en"}, args...), store...)...)
		}

		wantContains(t, keytool("-list", "-v"), h.nis, "Subject Public Key Algorithm: 2048-bit RSA key")
		list := keytool("-list")
		match := alias.FindStringSubmatch(list)
		if match == nil {
			t.Fatalf("no key in:\n%s", list)
		}

		var jar bytes.Buffer
		archive := zip.NewWriter(&jar)
		w, err := archive.Create("hello.txt")
		if err != nil {
			t.Fatal(err)
		}
		w.Write(message(1000))
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		path := h.write(t, "hello.jar", jar.Bytes())
		// The default algorithm, and the strongest.
		for _, algorithm := range []string{"SHA256withRSA", "SHA512withRSA"} {
			signed := filepath.Join(h.dir, algorithm+".jar")
			args := append([]string{"-J-Duser.language=en"}, store...)
			h.run(t, "jarsigner", append(args, "-sigalg", algorithm, "-signedjar", signed, path, match[1])...)
			wantContains(t, h.run(t, "jarsigner", "-J-Duser.language=en", "-verify", "-verbose", "-certs", signed), "jar verified.", h.nis, "hello.txt")
		}
	})
}
