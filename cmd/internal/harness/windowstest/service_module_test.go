//go:build linux

package windowstest

import (
	"bufio"
	"encoding/hex"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/rotation"
)

// Return values of Cryptoki (PKCS #11 v2.40, 11.1).
const (
	ckrOK              = 0x00
	ckrDeviceRemoved   = 0x32
	ckrPINIncorrect    = 0xA0
	ckrSessionHandle   = 0xB3
	ckrTokenNotPresent = 0xE0
)

// The module as the programs of the service find it.
const moduleDLL, secondDLL, moduleSO = `Z:\mnt\cie-pkcs11.dll`, `Z:\mnt\copy.dll`, "/mnt/cie-pkcs11.so"

// host is the C program testdata/token.c in Wine.
type host struct {
	t     testing.TB
	in    io.Writer
	lines chan string
}

func (s *service) startHost(t testing.TB) *host {
	t.Helper()
	cmd := s.command(loader, `Z:\mnt\token.exe`)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, in: in, lines: make(chan string)}
	done := make(chan struct{})
	go func() {
		defer close(h.lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			select {
			case h.lines <- strings.TrimSpace(scan.Text()):
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(done)
		in.Close()
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait()
	})
	return h
}

// do sends a command and returns its return value and result.
func (h *host) do(command string) (uint64, []byte) {
	h.t.Helper()
	if _, err := io.WriteString(h.in, command+"\n"); err != nil {
		h.t.Fatalf("%q: %v", command, err)
	}
	select {
	case line, ok := <-h.lines:
		code, result, _ := strings.Cut(line, " ")
		rv, err := strconv.ParseUint(code, 16, 32)
		data, herr := hex.DecodeString(strings.TrimSpace(result))
		if !ok || err != nil || herr != nil {
			h.t.Fatalf("%q: answer %q", command, line)
		}
		return rv, data
	case <-time.After(2 * time.Minute):
		h.t.Fatalf("%q: no answer within 2 minutes", command)
	}
	return 0, nil
}

// want sends a command for a known return value.
func (h *host) want(rv uint64, command string) []byte {
	h.t.Helper()
	got, data := h.do(command)
	if got != rv {
		h.t.Fatalf("%q: return value %#x, want %#x", command, got, rv)
	}
	return data
}

// login starts copy n of a module and logs in.
func (h *host) login(n, dll string) {
	h.t.Helper()
	h.want(ckrOK, "load "+n+" "+dll)
	await.That(h.t, "the module to see the card", func() bool { return h.want(ckrOK, "tokens "+n)[0] == 1 })
	h.want(ckrOK, "open "+n)
	h.want(ckrOK, "login "+n+" "+string(cardtest.DefaultPIN()))
}

// wantTries checks the tries of the PIN that are left on a card.
func (s *service) wantTries(t testing.TB, state string, want int) {
	t.Helper()
	if pin, _ := s.tries(t, state); pin != want {
		t.Errorf("the card has %d tries left for the PIN, want %d", pin, want)
	}
}

// verifySignature lets OpenSSL verify a signature over text.
func verifySignature(t testing.TB, certificate []byte, text string, signature []byte) {
	t.Helper()
	need(t, "openssl")
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), "text": []byte(text), "signature": signature,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := await.Command(t, "sh", "-c", "openssl x509 -in cert.pem -noout -pubkey >key.pem && openssl dgst -sha256 -verify key.pem -signature signature text")
	cmd.Dir = dir
	if out, err := output(cmd); err != nil || !strings.Contains(out, "Verified OK") {
		t.Errorf("OpenSSL: %v\n%s", err, out)
	}
}

// TestServiceModule uses the DLL with a card through a PC/SC service.
func TestServiceModule(t *testing.T) {
	rotation.Skip(t, 1, 2)
	t.Parallel()
	s := startService(t)
	card := []string{"--state", "/mnt/module.state", "--family", "Gemalto"}
	remove := s.insert(t, card...)

	t.Run("signs", func(t *testing.T) {
		h := s.startHost(t)
		h.want(ckrOK, "load 0 "+moduleDLL)
		h.want(ckrOK, "open 0")
		h.want(ckrPINIncorrect, "login 0 90817263")
		s.wantTries(t, "module.state", 2)
		h.want(ckrOK, "login 0 "+string(cardtest.DefaultPIN()))
		s.wantTries(t, "module.state", 3)
		verifySignature(t, h.want(ckrOK, "cert 0"), "Dear reader", h.want(ckrOK, "sign 0 Dear reader"))
		h.want(ckrOK, "threads 0 5")
		h.want(ckrOK, "logout 0")
		if rv, _ := h.do("sign 0 Dear reader"); rv == ckrOK {
			t.Error("signed after the logout")
		}
		h.want(ckrOK, "finalize 0")
	})

	t.Run("three processes", func(t *testing.T) {
		hosts := make([]*host, 3)
		for i := range hosts {
			hosts[i] = s.startHost(t)
			hosts[i].login("0", moduleDLL)
		}
		certificate := hosts[0].want(ckrOK, "cert 0")
		for range 2 {
			for _, h := range hosts {
				verifySignature(t, certificate, "in turns", h.want(ckrOK, "sign 0 in turns"))
			}
		}
	})

	t.Run("two copies in one process", func(t *testing.T) {
		h := s.startHost(t)
		h.login("0", moduleDLL)
		h.login("1", secondDLL)
		certificate := h.want(ckrOK, "cert 1")
		for _, n := range []string{"0", "1", "0"} {
			verifySignature(t, certificate, "copy", h.want(ckrOK, "sign "+n+" copy"))
		}
		h.want(ckrOK, "finalize 0")
		verifySignature(t, certificate, "copy", h.want(ckrOK, "sign 1 copy"))
	})

	t.Run("card removed and inserted again", func(t *testing.T) {
		h := s.startHost(t)
		h.login("0", moduleDLL)
		h.want(ckrOK, "sign 0 before")
		remove()
		rv, _ := h.do("sign 0 without a card")
		t.Logf("without a card: %#x", rv)
		if rv != ckrDeviceRemoved && rv != ckrTokenNotPresent && rv != ckrSessionHandle {
			t.Errorf("without a card: return value %#x", rv)
		}
		await.That(t, "the module to see that the card is gone", func() bool { return h.want(ckrOK, "tokens 0")[0] == 0 })
		remove = s.insert(t, card...)
		await.That(t, "the module to see the card", func() bool { return h.want(ckrOK, "tokens 0")[0] == 1 })
		if rv, _ := h.do("sign 0 after"); rv == ckrOK {
			t.Error("signed on a card that came back without a login")
		}
		h.want(ckrOK, "open 0")
		h.want(ckrOK, "login 0 "+string(cardtest.DefaultPIN()))
		verifySignature(t, h.want(ckrOK, "cert 0"), "after", h.want(ckrOK, "sign 0 after"))
		s.wantTries(t, "module.state", 3)
	})
}
