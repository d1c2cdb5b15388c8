//go:build linux

package consumertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cie/card/cardtest"
)

// With two cards in two readers every program reaches the one it names, by
// serial number and by label.
func TestProgramsReachTheCardTheyName(t *testing.T) {
	need(t, "p11tool", "openssl", "pkcs11-tool", "modutil", "certutil", "ssh-add", "ssh-agent", "ssh-keygen")
	first := newHost(t, cardtest.NXP)
	c, err := cardtest.New(cardtest.Profile{Family: cardtest.Gemalto, NIS: "999900000002", Surname: "SECONDA", GivenName: "ANNA"})
	if err != nil {
		t.Fatal(err)
	}
	// The same machine, and the card in the other reader.
	copied := *first
	second := &copied
	second.card, second.nis = c, c.NIS()
	second.token, second.serial = names(t, c)
	first.insert(t, 1, c)
	hosts := []*host{first, second}
	holders := []string{"MARIA PROVA", "ANNA SECONDA"}
	if first.token == second.token || first.serial == second.serial {
		t.Fatalf("both cards are %s with serial number %s", first.token, first.serial)
	}

	listing := first.run(t, "p11tool", "--provider", first.module, "--list-tokens")
	for _, h := range hosts {
		wantContains(t, listing, "token="+strings.ReplaceAll(h.token, " ", "%20"), "serial="+h.serial)
	}

	// own checks that a certificate in a file is that of the card.
	own := func(t *testing.T, h *host, form, file string) {
		t.Helper()
		subject := h.run(t, "openssl", "x509", "-inform", form, "-in", file, "-noout", "-subject")
		wantContains(t, subject, h.nis)
	}
	for _, known := range []string{"never-seen", "known"} {
		for i, h := range hosts {
			t.Run(known+"/"+h.token, func(t *testing.T) {
				for name, uri := range map[string]string{
					"serial": h.uri("type=cert"),
					"label":  "pkcs11:token=" + strings.ReplaceAll(h.token, " ", "%20") + ";type=cert",
				} {
					listed := h.run(t, "p11tool", "--provider", h.module, "--login", "--only-urls", "--list-all", h.withPIN(uri))
					wantContains(t, listed, "serial="+h.serial)
					if n := strings.Count(listed, "pkcs11:"); n != 1 {
						t.Errorf("by %s p11tool finds %d certificates:\n%s", name, n, listed)
					}
					pem := h.write(t, name+".pem", []byte(h.run(t, "p11tool", "--provider", h.module, "--login", "--export", h.withPIN(strings.TrimSpace(listed)))))
					own(t, h, "PEM", pem)
				}
				der := filepath.Join(h.dir, "token.der")
				os.Remove(der)
				h.typed(t, []answer{{"User PIN:", h.pin}}, "pkcs11-tool", "--module", h.module, "--token-label", h.token, "--login",
					"--read-object", "--type", "cert", "--label", holders[i], "--output-file", der)
				own(t, h, "DER", der)
			})
		}
	}

	t.Run("NSS", func(t *testing.T) {
		for _, h := range hosts {
			p := h.nssProfile(t)
			wantContains(t, h.run(t, "certutil", "-L", "-d", p.db, "-h", h.token, "-f", h.pinFile, "-n", p.nickname), h.nis)
			if keys := h.run(t, "certutil", "-K", "-d", p.db, "-h", h.token, "-f", h.pinFile); len(nssKey.FindAllString(keys, -1)) != 1 {
				t.Errorf("certutil -K -h %q shows not one key:\n%s", h.token, keys)
			}
		}
	})

	// ssh-add takes both cards, with one PIN for both, and lists whose keys they
	// are; each signs with its own.
	t.Run("ssh", func(t *testing.T) {
		h := first
		socket := filepath.Join(h.dir, "agent")
		h.agent(t, socket)
		h.env = append(h.env, "SSH_AUTH_SOCK="+socket)
		verified := [2]int{first.card.Stats().Verifies, second.card.Stats().Verifies}
		wantContains(t, h.typed(t, []answer{{"passphrase for PKCS#11", h.pin}}, "ssh-add", "-s", h.module), "Card added")
		for i, h := range hosts {
			// CONSUMERS.md warns of it.
			if n := h.card.Stats().Verifies - verified[i]; n != 1 {
				t.Errorf("ssh-add presents the PIN %d times to %s", n, h.token)
			}
		}
		keys := strings.Split(strings.TrimSpace(h.run(t, "ssh-add", "-L")), "\n")
		if len(keys) != len(hosts) {
			t.Fatalf("the agent has not %d keys: %q", len(hosts), keys)
		}
		for i, holder := range holders {
			var key string
			for _, line := range keys {
				if strings.HasSuffix(line, holder) {
					key = line
				}
			}
			if key == "" {
				t.Errorf("no key of %s: %q", holder, keys)
				continue
			}
			public, data := h.write(t, "agent.pub", []byte(key+"\n")), h.write(t, "data", message(100))
			before := hosts[i].card.Stats().Signatures
			h.run(t, "ssh-keygen", "-Y", "sign", "-f", public, "-n", "file", data)
			if after := hosts[i].card.Stats().Signatures; after != before+1 {
				t.Errorf("the card of %s made %d signatures", holder, after-before)
			}
			os.Remove(data + ".sig")
		}
	})
	for _, h := range hosts {
		h.wantAllTries(t)
	}
}
