//go:build linux

package consumertest

import (
	"fmt"
	"path/filepath"
	"testing"
)

// nginx starts a web server on loopback that requires a certificate of the card's issuer,
// and returns its port and root certificate. extra is added to the server block.
func (h *host) nginx(t *testing.T, extra string) (port, root string) {
	t.Helper()
	files, port := h.serverCertificate(t), freePort(t)
	// Its directories are its own: nothing of a system's nginx is touched.
	dir := filepath.Join(h.dir, "nginx-"+port)
	h.write(t, "nginx-"+port+"/tmp/x", nil)
	conf := h.write(t, "nginx-"+port+"/nginx.conf", fmt.Appendf(nil, `daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr info;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %[1]s/tmp/a;
	proxy_temp_path %[1]s/tmp/b;
	fastcgi_temp_path %[1]s/tmp/c;
	uwsgi_temp_path %[1]s/tmp/d;
	scgi_temp_path %[1]s/tmp/e;
	server {
		listen 127.0.0.1:%[2]s ssl;
		ssl_certificate %[3]s;
		ssl_certificate_key %[4]s;
		ssl_client_certificate %[5]s;
		ssl_verify_client on;
		ssl_verify_depth 3;
		%[6]s
		location / { return 200 "welcome $ssl_client_s_dn over $ssl_protocol, $ssl_client_verify\n"; }
	}
}
`, dir, port, files.cert, files.key, h.caFile, extra))
	h.server(t, port, program(t, "nginx"), "-c", conf, "-p", dir, "-e", "stderr")
	return port, files.root
}

// curl asks a server of nginx for its page, with the card.
func (h *host) curl(t *testing.T, port, root string) (string, error) {
	t.Helper()
	return h.tryTyped(t, []answer{{enginePrompt, h.pin}}, "curl", "--silent", "--show-error", "--cacert", root,
		"--engine", "pkcs11", "--cert-type", "ENG", "--cert", h.uri("type=cert"),
		"--key-type", "ENG", "--key", h.uri("type=private"), "https://localhost:"+port+"/")
}

func TestCurl(t *testing.T) {
	eachCard(t, []string{"curl", "nginx", engine}, func(t *testing.T, h *host) {
		// Either the client states which signatures it makes ...
		h.opensslConfig(t, classicSignatures)
		port, root := h.nginx(t, "ssl_protocols TLSv1.2;")
		out, err := h.curl(t, port, root)
		if err != nil {
			t.Errorf("curl: %v", err)
		}
		wantContains(t, out, "welcome", h.nis, "over TLSv1.2, SUCCESS")

		// ... or the server which it takes.
		h.opensslConfig(t, "")
		port, root = h.nginx(t, "ssl_protocols TLSv1.2; ssl_conf_command ClientSignatureAlgorithms "+classicSignatures+";")
		out, err = h.curl(t, port, root)
		if err != nil {
			t.Errorf("curl to a server that restricts signatures: %v", err)
		}
		wantContains(t, out, "welcome", h.nis, "over TLSv1.2, SUCCESS")
	})
}
