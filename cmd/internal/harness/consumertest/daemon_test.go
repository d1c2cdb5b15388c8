//go:build linux

package consumertest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
)

// kitClient is the module of p11-kit that reaches a p11-kit server.
const kitClient = "/usr/lib/*/pkcs11/p11-kit-client.so"

// kitServer starts a p11-kit server with the module, as the user's service does,
// and puts its address into the environment of programs.
func (h *host) kitServer(t *testing.T) {
	t.Helper()
	socket := filepath.Join(h.dir, "kit")
	os.Remove(socket)
	h.background(t, func() bool { return await.Accepts(socket) },
		"p11-kit", "server", "--foreground", "--name", socket, "--provider", h.module, "pkcs11:")
	h.env = append(h.env, "P11_KIT_SERVER_ADDRESS=unix:path="+socket)
}

// TestStunnelDaemon logs in with the card through stunnel, which loads the
// engine and its module, and then forks and ends the process that did.
func TestStunnelDaemon(t *testing.T) {
	cards(t, []cardtest.Family{cardtest.NXP}, []string{"stunnel4", "nginx", "p11-kit", "curl", engine, kitClient}, func(t *testing.T, h *host) {
		h.kitServer(t)
		server, _ := h.nginx(t, "ssl_protocols TLSv1.2;")
		port := freePort(t)
		pid, log := filepath.Join(h.dir, "stunnel.pid"), filepath.Join(h.dir, "stunnel.log")
		conf := h.write(t, "stunnel.conf", fmt.Appendf(nil, `foreground = no
pid = %[1]s
output = %[2]s
debug = info
engine = dynamic
engineCtrl = SO_PATH:%[3]s
engineCtrl = ID:pkcs11
engineCtrl = LIST_ADD:1
engineCtrl = LOAD
engineCtrl = MODULE_PATH:%[4]s
engineCtrl = INIT

[card]
client = yes
accept = 127.0.0.1:%[5]s
connect = 127.0.0.1:%[6]s
engineNum = 1
cert = %[7]s
key = %[8]s
sslVersion = TLSv1.2
config = ClientSignatureAlgorithms:%[9]s
`, pid, log, program(t, engine), program(t, kitClient), port, server,
			h.uri("type=cert")+"?pin-source=file:"+h.pinFile, h.uri("type=private")+"?pin-source=file:"+h.pinFile, classicSignatures))
		if out, err := h.try(t, nil, "stunnel4", conf); err != nil {
			t.Fatalf("stunnel: %v\n%s\n%s", err, out, h.read(t, "stunnel.log"))
		}
		t.Cleanup(func() { stopDaemon(t, pid) })
		for range 2 {
			out, err := h.try(t, nil, "curl", "--silent", "--show-error", "--max-time", "60", "http://127.0.0.1:"+port+"/")
			if err != nil || !strings.Contains(out, "welcome") || !strings.Contains(out, h.nis) {
				t.Errorf("through stunnel: %v\n%s\n%s", err, out, h.read(t, "stunnel.log"))
			}
		}
	})
}

// stopDaemon ends the daemon that wrote its number into a file, and waits for it.
func stopDaemon(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		return
	}
	defer f.Close()
	line, _ := bufio.NewReader(f).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	for range 100 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("the daemon %d does not end", pid)
}
