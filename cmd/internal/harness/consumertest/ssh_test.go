//go:build linux

package consumertest

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"cie/cmd/internal/harness/await"
)

// publicKey asks ssh-keygen for the line that goes into authorized_keys. It may ask
// for the PIN: the key of a card never seen is not listed without.
func (h *host) publicKey(t *testing.T) string {
	t.Helper()
	out, err := h.tryTyped(t, []answer{{"Enter PIN for", h.pin}}, "ssh-keygen", "-D", h.module)
	if err != nil && !errors.Is(err, errNotAsked) {
		t.Fatalf("ssh-keygen -D: %v\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "ssh-rsa ") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("ssh-keygen -D shows no key:\n%s", out)
	return ""
}

// sshd starts an SSH server on loopback that accepts the owner of the key, and
// returns its port.
func (h *host) sshd(t *testing.T, key string) string {
	t.Helper()
	pam := "no"
	if os.Getuid() == 0 {
		// The server requires this directory even if the system's own is not set up.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
		// Without PAM sshd refuses an account whose password is locked.
		shadow, err := os.ReadFile("/etc/shadow")
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(shadow), "root:!") || strings.Contains(string(shadow), "\nroot:!") {
			pam = "yes"
		}
	}
	hostKey := filepath.Join(h.dir, "host-key")
	os.Remove(hostKey)
	os.Remove(hostKey + ".pub")
	h.run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey)
	port := freePort(t)
	authorized := h.write(t, "authorized_keys", []byte(key+"\n"))
	// bash reads the startup file of its user for a command from sshd unless another shell
	// has started it, and no user's file belongs in this test.
	conf := h.write(t, "sshd_config", fmt.Appendf(nil, `ListenAddress 127.0.0.1
Port %s
HostKey %s
PidFile none
AuthorizedKeysFile %s
StrictModes no
UsePAM %s
AuthenticationMethods publickey
PermitRootLogin prohibit-password
LogLevel VERBOSE
SetEnv SHLVL=1
`, port, hostKey, authorized, pam))
	public := strings.Fields(string(h.read(t, "host-key.pub")))
	h.write(t, "known_hosts", fmt.Appendf(nil, "[127.0.0.1]:%s %s %s\n", port, public[0], public[1]))
	// sshd executes itself for every connection, which requires an absolute path.
	h.server(t, port, program(t, "sshd"), "-D", "-e", "-f", conf)
	return port
}

func TestSSH(t *testing.T) {
	eachCard(t, []string{"ssh", "ssh-keygen", "sshd", "openssl"}, func(t *testing.T, h *host) {
		key := h.publicKey(t)

		// It is the key of the certificate.
		h.write(t, "key.pub", []byte(key+"\n"))
		fromSSH := h.run(t, "ssh-keygen", "-e", "-m", "PKCS8", "-f", "key.pub")
		if fromCard := h.run(t, "openssl", "x509", "-in", h.certificate(t), "-noout", "-pubkey"); fromCard != fromSSH {
			t.Errorf("ssh-keygen -D shows\n%s and the certificate has\n%s", fromSSH, fromCard)
		}

		me, err := user.Current()
		if err != nil {
			t.Fatal(err)
		}
		port := h.sshd(t, key)
		client := []string{"-F", "none", "-p", port, "-o", "UserKnownHostsFile=" + filepath.Join(h.dir, "known_hosts"),
			"-o", "IdentitiesOnly=no", "-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=none", me.Username + "@127.0.0.1", "echo", "let", "in:", "$((6*7))"}
		out := h.typed(t, []answer{{"Enter PIN for", h.pin}}, "ssh", append([]string{"-o", "PKCS11Provider=" + h.module}, client...)...)
		wantContains(t, out, "let in: 42")

		// The same through an agent, which asks once for many logins.
		socket := filepath.Join(h.dir, "agent")
		os.Remove(socket)
		h.agent(t, socket)
		h.env = append(h.env, "SSH_AUTH_SOCK="+socket)
		wantContains(t, h.typed(t, []answer{{"passphrase for PKCS#11", h.pin}}, "ssh-add", "-s", h.module), "Card added")
		for range 2 {
			wantContains(t, h.run(t, "ssh", client...), "let in: 42")
		}
		h.run(t, "ssh-add", "-e", h.module)
		if out, err := h.try(t, nil, "ssh", append([]string{"-o", "BatchMode=yes"}, client...)...); err == nil {
			t.Errorf("let in after the card was taken from the agent:\n%s", out)
		}
	})
}

// agent starts an SSH agent that may load the module, for the rest of the test.
func (h *host) agent(t *testing.T, socket string) {
	t.Helper()
	h.background(t, func() bool { return await.Accepts(socket) }, "ssh-agent", "-D", "-a", socket, "-P", filepath.Dir(h.module)+"/*")
}
