package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/card/ades"
	"cie/card/cardtest"
	"cie/card/cardtest/authority"
	"cie/cmd/internal/anchor"
	"cie/cmd/internal/harness/await"
)

// signingDir is a directory with a file of readers and a PIN.
type signingDir struct {
	t   testing.TB
	dir string
	env []string
	cpu time.Duration // of the last run
}

func newSigningDir(t testing.TB, options string) *signingDir {
	t.Helper()
	o := &signingDir{t: t, dir: t.TempDir()}
	o.env = append(os.Environ(), readersVariable+"="+o.dir+"/readers", "XDG_CACHE_HOME="+o.dir+"/.cache", "XDG_STATE_HOME="+o.dir+"/.state",
		"XDG_CONFIG_HOME="+o.dir+"/.config", "LANG=C.UTF-8", "NO_PROXY=", "no_proxy=")
	if err := anchor.Write(o.dir + "/.config"); err != nil {
		t.Fatal(err)
	}
	o.write("readers", "Reader One: cie one.state "+options+"\n")
	o.write("pin", string(cardtest.DefaultPIN())+"\n")
	o.write("issuing.pem", string(cardtest.IssuingCAPEM()))
	// The virtual card's authority is one that an administrator added.
	if err := anchor.Write(o.dir + "/.config"); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *signingDir) write(name, content string) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(content), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// run runs a line of the shell and returns its output and exit code.
func (o *signingDir) run(line string, env ...string) (out string, code int) {
	o.t.Helper()
	c := await.Command(o.t, "sh", "-c", line)
	c.Dir, c.Env = o.dir, append(o.env, env...)
	var b bytes.Buffer
	c.Stdout, c.Stderr = &b, &b
	err := c.Run()
	o.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		o.t.Fatal(err)
	}
	return b.String(), code
}

// names lists the files of the directory without those of newSigningDir.
func (o *signingDir) names() string {
	entries, err := os.ReadDir(o.dir)
	if err != nil {
		o.t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "readers", name == "pin", name == "issuing.pem", strings.HasPrefix(name, "one.state"),
			name == ".cache", name == ".state", name == ".config":
		default:
			list = append(list, name)
		}
	}
	return strings.Join(list, " ")
}

// TestTimeStampAndRevocationOverHTTP: a time stamp and the revocation over HTTP, and what
// becomes of wrong answers. The authority is the proxy of the programs, so that it
// answers for the addresses that the certificates have.
func TestTimeStampAndRevocationOverHTTP(t *testing.T) {
	server, err := authority.Start(&cardtest.Authority{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	o := newSigningDir(t, "")
	o.write("letter", "Dear municipality,\n")
	proxy := "HTTP_PROXY=" + server.URL
	if out, code := o.run("cie sign letter --tsa "+server.URL+"/tsa --pin-fd 3 3<pin", proxy); code != exitOK {
		t.Fatalf("%d: %s", code, out)
	}
	out, code := o.run("cie verify letter.p7m --trust issuing.pem --online --json", proxy)
	var answer verifyJSON
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != exitOK {
		t.Fatalf("%d, %v: %s", code, err, out)
	}
	s := answer.Files[0].Signatures[0]
	if answer.State != "valid" || s.Level != "B-T" || s.TimeKind != ades.TimeStamped || s.Revocation.State != ades.RevocationGood {
		t.Errorf("%s", out)
	}
	if out, code := o.run("cie verify letter.p7m --trust issuing.pem --online", proxy); code != exitOK || !strings.Contains(out, "letter.p7m: valid") {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("cie verify letter.p7m --online", proxy); code != exitUnsaid {
		t.Errorf("without the anchor: %d: %s", code, out)
	}
	// OpenSSL takes document and token.
	if program, err := exec.LookPath("openssl"); err == nil {
		if out, code := o.run(program + " cms -verify -cades -purpose any -binary -inform DER -in letter.p7m -CAfile issuing.pem"); code != 0 {
			t.Errorf("openssl: %s", out)
		}
	}
	for _, forged := range []cardtest.AuthorityFault{
		cardtest.FaultNonce, cardtest.FaultOther, cardtest.FaultUsage, cardtest.FaultUncritical, cardtest.FaultUnsigned, cardtest.FaultRefused, cardtest.FaultNoise, cardtest.FaultNothing,
	} {
		server.Change(func(a *cardtest.Authority) { a.Fault = forged })
		o.write("second", "Dear municipality!\n")
		before := o.names()
		out, code := o.run("cie sign second --tsa "+server.URL+"/tsa --pin-fd 3 3<pin", proxy)
		if code != exitFailed || !strings.Contains(out, "no time stamp") || o.names() != before {
			t.Errorf("%s: %d, %s: %s", forged, code, o.names(), out)
		}
	}
	for _, forged := range []cardtest.AuthorityFault{cardtest.FaultUnsigned, cardtest.FaultForeign, cardtest.FaultOld, cardtest.FaultNoise, cardtest.FaultNothing} {
		server.Change(func(a *cardtest.Authority) { a.Fault = forged })
		if out, code := o.run("cie verify letter.p7m --trust issuing.pem --online", proxy); code != exitUnsaid {
			t.Errorf("%s: %d: %s", forged, code, out)
		}
	}
	server.Change(func(a *cardtest.Authority) { a.Fault = "" })
	block, _ := pem.Decode(certificate(t, o))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	server.Change(func(a *cardtest.Authority) { a.Revoke(cert.SerialNumber, time.Now().Add(-time.Hour)) })
	if out, code := o.run("cie verify letter.p7m --trust issuing.pem --online", proxy); code != exitInvalid || !strings.Contains(out, "had been revoked") {
		t.Errorf("revoked: %d: %s", code, out)
	}
}

func certificate(t testing.TB, o *signingDir) []byte {
	t.Helper()
	out, code := o.run("cie cert --pin-fd 3 3<pin 2>/dev/null")
	if code != exitOK {
		t.Fatalf("%d: %s", code, out)
	}
	return []byte(out)
}

// TestNothingConnectsUnlessSwitchedOn: in a network namespace without a way out,
// signing and verifying work, and no connection is tried until --online or --tsa is
// given. The counters of the namespace are its own and begin at zero.
func TestNothingConnectsUnlessSwitchedOn(t *testing.T) {
	wrap := "unshare --net"
	if os.Getuid() != 0 {
		wrap = "unshare --net --map-root-user"
	}
	for _, tool := range []string{"unshare", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	o := newSigningDir(t, "")
	if out, code := o.run(wrap + " ip link set lo up"); code != 0 {
		t.Skipf("no network namespace can be made: %s", out)
	}
	o.write("letter", "Dear municipality,\n")
	o.write("sign", "cie sign letter letter.p7m --pin-fd 3 3<pin")
	// opened returns how many connections and datagrams were tried.
	opened := func(line string, want int) (tcp, udp string) {
		t.Helper()
		out, code := o.run(wrap+` sh -c 'ip link set lo up && `+line+`; echo "exit $?"; grep "^Tcp:\|^Udp:" /proc/net/snmp'`, "HTTP_PROXY=http://127.0.0.1:9")
		if code != 0 || !strings.Contains(out, fmt.Sprintf("exit %d\n", want)) {
			t.Fatalf("%s: %d: %s", line, code, out)
		}
		return counter(t, out, "Tcp:", "ActiveOpens"), counter(t, out, "Udp:", "OutDatagrams")
	}
	for _, line := range []string{
		"cie sign letter --pin-fd 3 3<pin",
		"cie sign letter.p7m --pin-fd 3 3<pin",
		"cie sign letter --detached --pin-fd 3 3<pin",
	} {
		if tcp, udp := opened(line, exitOK); tcp != "0" || udp != "0" {
			t.Errorf("%s: %s connections, %s datagrams", line, tcp, udp)
		}
	}
	for _, line := range []string{"cie verify letter.p7m letter-2.p7m letter.p7s --trust issuing.pem", "cie verify letter.p7m"} {
		if tcp, udp := opened(line, exitUnsaid); tcp != "0" || udp != "0" {
			t.Errorf("%s: %s connections, %s datagrams", line, tcp, udp)
		}
	}
	// The counters count: with the switches on there are tries.
	if tcp, _ := opened("cie verify letter.p7m --trust issuing.pem --online", exitUnsaid); tcp == "0" {
		t.Error("--online asks nothing")
	}
	o.write("second", "Dear municipality!\n")
	if tcp, _ := opened("cie sign second --tsa http://127.0.0.1:9/ --pin-fd 3 3<pin", exitFailed); tcp == "0" {
		t.Error("--tsa asks nothing")
	}
	// A certificate that no anchor vouches for is not asked about.
	if tcp, udp := opened("cie verify letter.p7m --online", exitUnsaid); tcp != "0" || udp != "0" {
		t.Errorf("an unknown issuer is asked: %s connections, %s datagrams", tcp, udp)
	}
}

// counter reads a counter of /proc/net/snmp.
func counter(t testing.TB, snmp, protocol, name string) string {
	t.Helper()
	var names []string
	for line := range strings.Lines(snmp) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != protocol {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, n := range names {
			if n == name && i < len(fields) {
				return fields[i]
			}
		}
	}
	t.Fatalf("no counter %s %s in %s", protocol, name, snmp)
	return ""
}

// TestSignReportsCardRemovedBetweenFiles: the files that were finished are whole, the
// others are named and do not exist, and no try is spent.
func TestSignReportsCardRemovedBetweenFiles(t *testing.T) {
	for _, fault := range []string{"remove-before", "remove-after"} {
		// The chip proves itself with the same command twice before it signs: this
		// is the third signature.
		o := newSigningDir(t, "nth=88:5:"+fault)
		for _, name := range []string{"a", "b", "c", "d"} {
			o.write(name, "content of "+name)
		}
		out, code := o.run("cie sign a b c d --pin-fd 3 3<pin")
		if code != exitLost || !strings.Contains(out, "2 files were signed") || !strings.Contains(out, "\n  c\n  d\n") {
			t.Errorf("%s: %d: %s", fault, code, out)
		}
		if got := o.names(); got != "a a.p7m b b.p7m c d" {
			t.Errorf("%s: %s", fault, got)
		}
		o.write("readers", "Reader One: cie one.state\n")
		if out, code := o.run("cie verify a.p7m b.p7m --trust issuing.pem"); code != exitUnsaid {
			t.Errorf("%s: %d: %s", fault, code, out)
		}
		if out, code := o.run("cie status --json"); code != exitOK || !strings.Contains(out, `"pin_tries": 3`) {
			t.Errorf("%s: %d: %s", fault, code, out)
		}
		// What is left is signed afterwards.
		if out, code := o.run("cie sign c d --json --pin-fd 3 3<pin"); code != exitOK || !strings.Contains(out, `"out": "d.p7m"`) {
			t.Errorf("%s: %d: %s", fault, code, out)
		}
	}
}

// TestHundredFilesNeedOnePIN: 100 small files with one PIN take less than 5 s, beside what
// a real chip needs for its signatures.
func TestHundredFilesNeedOnePIN(t *testing.T) {
	o := newSigningDir(t, "")
	var names []string
	for n := range 100 {
		name := fmt.Sprintf("file%03d", n)
		o.write(name, strings.Repeat(name, 100))
		names = append(names, name)
	}
	start := time.Now()
	out, code := o.run("cie sign " + strings.Join(names, " ") + " --out-dir . --pin-fd 3 3<pin")
	if code != exitOK || strings.Count(out, " signed: ") != 100 {
		t.Fatalf("%d: %s", code, out)
	}
	// Time of the processor: the machine may be busy with other tests.
	t.Logf("100 files in %v, %v of the processor", time.Since(start), o.cpu)
	if o.cpu > 5*time.Second {
		t.Errorf("100 files took %v of the processor", o.cpu)
	}
	if out, code := o.run("cie verify *.p7m --trust issuing.pem >/dev/null"); code != exitUnsaid {
		t.Errorf("%d: %s", code, out)
	}
}
