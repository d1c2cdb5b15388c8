//go:build linux

package consumertest

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packaged is where Debian's packages register modules with p11-kit.
const packaged = "/usr/share/p11-kit/modules"

// register makes the entry the only one of p11-kit, for programs started
// with registered.
func (h *host) register(t *testing.T, entry string) {
	t.Helper()
	dir := filepath.Join("config", "pkcs11", "modules")
	h.write(t, filepath.Join(dir, "cie.module"), []byte(entry))
	h.write(t, filepath.Join("config", "pkcs11", "pkcs11.conf"), []byte("user-config: only\n"))
}

// registered returns the command line of a program that sees what register wrote.
// For root, whose own configuration p11-kit ignores, that is a private view of
// the directory of the packages: nothing outside the program changes.
func (h *host) registered(name string, args ...string) []string {
	line := append([]string{name}, args...)
	if os.Getuid() == 0 {
		const view = `mount --bind "$0" ` + packaged + ` && exec "$@"`
		line = append([]string{"unshare", "--mount", "--propagation", "private", "sh", "-c", view, filepath.Join(h.dir, "config", "pkcs11", "modules")}, line...)
	}
	return line
}

func TestP11Kit(t *testing.T) {
	eachCard(t, []string{"p11-kit", "p11tool", "gnutls-cli"}, func(t *testing.T, h *host) {
		entries := map[string]string{
			"loaded": fmt.Sprintf("module: %s\n", h.module),
			"remote": fmt.Sprintf("remote: |p11-kit remote %s\n", h.module),
		}
		run := func(input []byte, name string, args ...string) string {
			t.Helper()
			line := h.registered(name, args...)
			out, err := h.try(t, input, line[0], line[1:]...)
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			return out
		}
		for _, how := range []string{"loaded", "remote"} {
			h.register(t, entries[how])
			modules := run(nil, "p11-kit", "list-modules")
			wantContains(t, modules, "cie: ", "token: "+h.token, "serial-number: "+h.serial)
			if strings.Count(modules, "token: "+h.token) != 1 {
				t.Errorf("not one token of the card:\n%s", modules)
			}
		}

		// A login in a process that has the module in another one.
		wantContains(t, run(nil, "p11tool", "--login", "--list-all", h.withPIN(h.uri())), "Private key (RSA-2048)", "X.509 Certificate")
		urls := h.urls(t)
		p := h.portal(t, tls.VersionTLS12)
		wantContains(t, run([]byte(request), "gnutls-cli", "--x509cafile", p.files.root, "--x509certfile", h.withPIN(urls["cert"]),
			"--x509keyfile", h.withPIN(urls["private"]), "--port", p.port, "localhost"), "welcome", h.nis)
	})
}
