//go:build linux

package windowstest

import (
	"bufio"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"debug/pe"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/rotation"
	"cie/cmd/internal/kspagent"
)

// Status values of the provider (winerror.h).
const (
	nteBadLen         = 0x80090004
	nteFail           = 0x80090020
	nteInvalidHandle  = 0x80090026
	nteSilentContext  = 0x80090022
	nteNotSupported   = 0x80090029
	nteDeviceNotReady = 0x80090030
	scardNoCard       = 0x8010000C
	scardCancelled    = 0x8010006E
)

// Where the harness finds the provider, and the provider its agent.
const kspDLL, agentEXE, fakeAgentEXE = `Z:\mnt\cie-ksp.dll`, `Z:\mnt\cie.exe`, `Z:\mnt\fakeagent.exe`

// hasty are builds of the provider with limits for an agent that tests can wait for.
var hasty = map[string][]string{
	"cie-ksp-open.dll":   {"-DOPEN_TIME=1500"},
	"cie-ksp-sign.dll":   {"-DSIGN_TIME=1500"},
	"cie-ksp-cancel.dll": {"-DCANCEL_TIME=1500"},
}

// provider is the C program testdata/ksp.c in Wine, used in place of a browser.
type provider struct{ *host }

// startProvider starts it, records where the agent is, as the installer does, and loads the
// DLL. With a screen the boxes are shown there.
func (s *service) startProvider(t testing.TB, agent string) provider {
	t.Helper()
	s.shareKSP(t)
	s.setAgent(t, agent)
	cmd := s.command(loader, `Z:\mnt\ksp.exe`)
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
	go readLines(out, h.lines, done)
	t.Cleanup(func() {
		close(done)
		in.Close()
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait()
	})
	p := provider{h}
	p.want(0, "load "+kspDLL)
	return p
}

// setAgent records the program that the provider starts, as the installer does.
func (s *service) setAgent(t testing.TB, path string) {
	t.Helper()
	if r := execute(t, s.command(loader, "reg", "add", `HKLM\Software\CIE\KeyStorageProvider`, "/v", "Agent", "/d", path, "/f"), ""); r.code != 0 {
		t.Fatalf("reg: %s%s", r.stdout, r.stderr)
	}
}

// readLines sends the lines of a program to a channel and closes it.
func readLines(from io.Reader, lines chan<- string, done <-chan struct{}) {
	defer close(lines)
	scan := bufio.NewScanner(from)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		select {
		case lines <- strings.TrimSpace(scan.Text()):
		case <-done:
			return
		}
	}
}

// shareKSP puts the DLL and the harness where services see them.
var sharingKSP once

func (s *service) shareKSP(t testing.TB) {
	t.Helper()
	sharingKSP.do(t, func() error {
		files := map[string]string{
			"cie-ksp.dll":   filepath.Join(programs(t), "cie-ksp.dll"),
			"fakeagent.exe": compile(t, "fakeagent"),
			"ksp.exe":       compile(t, "ksp", "-lcrypt32", "-lpsapi", "-luser32"),
		}
		for name, limits := range hasty {
			files[name] = filepath.Join(work, name)
			if _, err := output(exec.Command("sh", append([]string{"../../../cie-ksp/build", files[name]}, limits...)...)); err != nil {
				return err
			}
		}
		for to, from := range files {
			content, err := os.ReadFile(from)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(s.dir, to), content, 0o755); err != nil {
				return err
			}
		}
		return nil
	})
}

// enable lists the certificate of the card in the reader for browsers, and returns it.
func (s *service) enable(t testing.TB) *x509.Certificate {
	t.Helper()
	pin := string(cardtest.DefaultPIN()) + "\n"
	if r := s.run(t, pin, "cie.exe", "browsers", "enable", "--pin-fd", "0"); r.code != 0 {
		t.Fatalf("cie browsers enable: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r := s.run(t, pin, "cie.exe", "cert", "--json", "--pin-fd", "0")
	var answer struct{ PEM string }
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil || r.code != 0 {
		t.Fatalf("cie cert: exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	block, _ := pem.Decode([]byte(answer.PEM))
	if block == nil {
		t.Fatalf("no certificate: %s", r.stdout)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// wantList expects exactly one certificate in the user's store, with a provider of CNG.
func (p provider) wantList(nis string, cert *x509.Certificate) {
	p.t.Helper()
	got := p.want(0, "list")
	want := fmt.Sprintf("CIE Key Storage Provider|%s|0|0|%d|%s", kspagent.Container(nis), len(cert.Raw), cert.Raw)
	if string(got) != want {
		p.t.Errorf("list of certificates:\n%q\nwant\n%q", got, want)
	}
}

// wantSignature signs as a browser does and verifies the signature, also with OpenSSL.
func (p provider) wantSignature(cert *x509.Certificate, alg string, hash crypto.Hash, flags string) {
	p.t.Helper()
	const text = "Dear server"
	h := hash.New()
	h.Write([]byte(text))
	data := h.Sum(nil)
	digest := data
	if alg == "-" {
		var err error
		if data, err = card.DigestInfo(hash, data); err != nil {
			p.t.Fatal(err)
		}
	}
	signature := p.want(0, fmt.Sprintf("sign %s %x %s", alg, data, flags))
	if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), hash, digest, signature); err != nil {
		p.t.Errorf("%s: %v", alg, err)
	}
	if hash == crypto.SHA256 {
		verifySignature(p.t, cert.Raw, text, signature)
	}
}

// wantSilently signs without leave to ask until the agent says what the card in the reader
// makes of it: PC/SC may notify another program of a card before one in Wine.
func (p provider) wantSilently(rv uint64) {
	p.t.Helper()
	await.That(p.t, "the agent to know of the card", func() bool {
		got, _ := p.do("sign SHA256 " + digest + " 42")
		if got != rv && got != scardNoCard && got != nteSilentContext {
			p.t.Fatalf("return value %#x, want %#x", got, rv)
		}
		return got == rv
	})
}

// rectangles gives the open box a scale and returns those of its client area and its controls.
func (p provider) rectangles(dpi int) []image.Rectangle {
	p.t.Helper()
	var list []image.Rectangle
	for text := strings.NewReader(string(p.want(0, fmt.Sprint("dpi ", dpi)))); ; {
		var r image.Rectangle
		if _, err := fmt.Fscan(text, &r.Min.X, &r.Min.Y, &r.Max.X, &r.Max.Y); err != nil {
			return list
		}
		list = append(list, r)
	}
}

// count returns the number that a command prints.
func (p provider) count(command string) int {
	p.t.Helper()
	b := p.want(0, command)
	if len(b) != 1 {
		p.t.Fatalf("%q: %x", command, b)
	}
	return int(b[0])
}

const digest = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// TestServiceKSP uses the provider as the browsers do, with a card of every chip family within
// four days.
func TestServiceKSP(t *testing.T) {
	t.Parallel()
	s := startService(t)
	p := s.startProvider(t, agentEXE)
	pin := string(cardtest.DefaultPIN())
	nis := 999900000300
	for _, f := range rotation.Today(cardtest.Families(), 4) {
		nis++
		t.Run(f.String(), func(t *testing.T) {
			p := provider{&host{t: t, in: p.in, lines: p.lines}}
			nis, state := strconv.Itoa(nis), "ksp-"+f.String()+".state"
			remove := s.insert(t, "--state", "/mnt/"+state, "--family", f.String(), "--nis", nis)
			defer remove()
			cert := s.enable(t)
			p.wantList(nis, cert) // the card before was of the same holder
			p.want(0, "open "+kspagent.Container(nis))
			defer p.want(0, "close")
			p.want(0, "type "+pin)
			p.wantSilently(nteSilentContext)
			p.wantSignature(cert, "SHA256", crypto.SHA256, "2")
			p.wantSignature(cert, "SHA384", crypto.SHA384, "2")
			p.wantSignature(cert, "SHA512", crypto.SHA512, "42")
			p.wantSignature(cert, "SHA1", crypto.SHA1, "2")
			p.wantSignature(cert, "-", crypto.SHA256, "2")
			if n := p.count("seen"); n != 1 {
				t.Errorf("%d boxes", n)
			}
			s.wantTries(t, state, 3)
		})
	}
}

// TestServiceKSPBehaviour goes through what a browser and a user can do besides.
func TestServiceKSPBehaviour(t *testing.T) {
	rotation.Skip(t, 0, 2)
	t.Parallel()
	s := startService(t)
	p := s.startProvider(t, agentEXE)
	const nis, state = "999900000399", "ksp.state"
	pin := string(cardtest.DefaultPIN())
	card := []string{"--state", "/mnt/" + state, "--nis", nis}
	remove := s.insert(t, card...)
	cert := s.enable(t)
	open := "open " + kspagent.Container(nis)
	sign := "sign SHA256 " + digest + " 2"
	run := func(name string, f func(p provider)) {
		t.Run(name, func(t *testing.T) { f(provider{&host{t: t, in: p.in, lines: p.lines}}) })
	}

	run("is listed", func(p provider) { p.wantList(nis, cert) })
	run("names and properties", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		public := cert.PublicKey.(*rsa.PublicKey)
		for command, want := range map[string]string{
			"provider Name": utf16Text("CIE Key Storage Provider"), "property Algorithm Name": utf16Text("RSA"), "property Algorithm Group": utf16Text("RSA"),
			"property Name": utf16Text(kspagent.Container(nis)), "property Unique Name": utf16Text(kspagent.Container(nis)),
			"property Length": "\x00\x08\x00\x00", "property Key Usage": "\x02\x00\x00\x00", "property Export Policy": "\x00\x00\x00\x00",
			"property SmartCardKeyCertificate": string(cert.Raw), "provider Impl Type": "\x09\x00\x00\x00",
		} {
			if got := string(p.want(0, command)); got != want {
				p.t.Errorf("%s: %q, want %q", command, got, want)
			}
		}
		if got := string(p.want(0, "property SmartCardReader")); !strings.Contains(got, "V\x00i\x00r\x00t\x00u\x00a\x00l\x00") {
			p.t.Errorf("reader %q", got)
		}
		blob := p.want(0, "export")
		if len(blob) != 24+3+256 || string(blob[:4]) != "RSA1" || string(blob[24:27]) != "\x01\x00\x01" || string(blob[27:]) != string(public.N.Bytes()) {
			p.t.Errorf("public key %x", blob)
		}
	})
	run("size needs no card and no box", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		if got := p.want(0, "size SHA256 "+digest+" 2"); string(got) != "\x00\x01\x00\x00" {
			p.t.Errorf("%x", got)
		}
		p.want(nteNotSupported, "size SHA256 "+digest+" 8") // PSS
		p.want(nteNotSupported, "size SHA256 "+digest+" 1")
		p.want(nteNotSupported, "size MD5 "+digest+" 2")
		p.want(nteBadLen, "sign - "+strings.Repeat("00", 103)+" 2")
		if n := p.count("seen"); n != 0 {
			p.t.Errorf("%d boxes", n)
		}
	})
	run("every entry survives bad arguments", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		p.want(0, "abuse")
	})
	run("wrong PIN is asked again", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		p.want(0, "type 90817263 cancel")
		p.want(scardCancelled, sign)
		if n := p.count("seen"); n != 2 {
			p.t.Errorf("%d boxes", n)
		}
		s.wantTries(p.t, state, 2)
		p.want(0, "type "+pin)
		p.wantSignature(cert, "SHA256", crypto.SHA256, "2")
		s.wantTries(p.t, state, 3)
	})
	run("last try is confirmed, a blocked PIN explained", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		// Without the confirmation the box stays open, and the test ends it.
		p.want(0, "type 90817263 86427531 75318642")
		p.want(0, "seen")
		p.want(0, "background")
		await.That(p.t, "the third box", func() bool { return p.count("boxes") == 3 })
		s.wantTries(p.t, state, 1)
		p.want(0, "close")
		p.want(scardCancelled, "join")
		s.wantTries(p.t, state, 1)
		p.want(0, open)
		p.want(0, "type +"+pin)
		p.wantSignature(cert, "SHA256", crypto.SHA256, "2")
		s.wantTries(p.t, state, 3)
	})
	run("login lasts as long as a key", func(p provider) {
		p.want(0, open)
		p.want(0, "type "+pin)
		p.want(0, sign)
		p.want(0, "close")
		await.That(p.t, "the end of the agent", func() bool { return p.count("agents") == 0 })
		p.want(0, open)
		defer p.want(0, "close")
		p.want(nteSilentContext, "sign SHA256 "+digest+" 42")
	})
	run("window of the browser stays enabled", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		p.count("window")
		p.want(0, "seen")
		p.want(0, "type wait")
		p.want(0, "background")
		await.That(p.t, "the box", func() bool { return p.count("boxes") == 1 })
		if p.count("window") != 1 {
			p.t.Error("the window is disabled")
		}
		p.count("kill")
		p.want(nteDeviceNotReady, "join")
	})
	run("closed key ends its signature at any moment", func(p provider) {
		for _, moment := range []struct{ answer, box string }{{"wait", ""}, {"wait", "open"}, {"90817263 wait", "open"}, {pin, ""}, {pin, "open"}} {
			p.want(0, open)
			p.want(0, "seen")
			p.want(0, "type "+moment.answer)
			p.want(0, "background")
			if moment.box != "" {
				await.That(p.t, "the box", func() bool { return p.count("boxes") > 0 })
			}
			p.want(0, "close")
			rv, _ := p.do("join")
			if typed := moment.answer != "wait" && rv == 0; !typed && rv != scardCancelled && rv != nteInvalidHandle {
				p.t.Errorf("%+v: status %#x", moment, rv)
			}
		}
		p.want(0, open)
		defer p.want(0, "close")
		p.want(0, "type "+pin)
		p.wantSignature(cert, "SHA256", crypto.SHA256, "2")
		s.wantTries(p.t, state, 3)
	})
	run("window of a thread that waits, or that goes", func(p provider) {
		p.want(0, open)
		p.count("window")
		p.want(0, "type "+pin)
		p.wantSignature(cert, "SHA256", crypto.SHA256, "2")
		p.want(0, "close")
		for _, commands := range [][2]string{{"window", "seen"}, {"pump", "seen"}, {"pump", "destroy"}} {
			p.want(0, open)
			p.want(0, "seen")
			p.want(0, commands[0])
			p.want(0, "type wait")
			p.want(0, "background")
			await.That(p.t, "the box", func() bool { return p.count("boxes") == 1 })
			p.want(0, commands[1])
			p.want(0, "close")
			p.want(scardCancelled, "join")
		}
	})
	run("box follows the scale of its screen", func(p provider) {
		p.want(0, open)
		p.want(0, "seen")
		p.want(0, "type wait")
		p.want(0, "background")
		await.That(p.t, "the box", func() bool { return p.count("boxes") == 1 })
		small, large := p.rectangles(96), p.rectangles(192)
		if len(small) != len(large) || len(large) < 6 || large[0].Dx() != 2*small[0].Dx() || large[0].Dy() <= small[0].Dy() {
			p.t.Fatalf("%v, then %v", small, large)
		}
		for _, all := range [][]image.Rectangle{small, large} {
			for i, r := range all[1:] {
				if r.Empty() || !r.In(all[0]) {
					p.t.Errorf("%v is not in %v", r, all[0])
				}
				for _, other := range all[i+2:] {
					if r.Overlaps(other) {
						p.t.Errorf("%v overlaps %v", r, other)
					}
				}
			}
		}
		if again := p.rectangles(65535); !slices.Equal(again, large) {
			p.t.Errorf("a scale that no screen has: %v", again)
		}
		p.want(0, "close")
		p.want(scardCancelled, "join")
	})
	run("killed agent is an error, then replaced", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		p.want(0, "type "+pin+" "+pin)
		p.want(0, sign)
		if n := p.count("kill"); n != 1 {
			p.t.Errorf("%d agents", n)
		}
		p.want(nteSilentContext, "sign SHA256 "+digest+" 42")
		p.wantSignature(cert, "SHA256", crypto.SHA256, "2")
	})
	run("four threads", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		p.want(0, "seen")
		p.want(0, "type "+pin)
		p.want(0, "threads 5")
		if n := p.count("seen"); n != 1 {
			p.t.Errorf("%d boxes", n)
		}
	})
	run("1000 keys leave nothing", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		var handles, memory int
		left := string(p.want(0, "churn 1000"))
		if _, err := fmt.Sscan(left, &handles, &memory); err != nil || handles > 2 || memory > 256 {
			p.t.Errorf("%d handles, %d kB more than before, %v", handles, memory, err)
		}
		p.t.Logf("%d handles, %d kB more than before", handles, memory)
	})
	run("is taken out", func(p provider) {
		if r := s.run(p.t, "", "cie.exe", "browsers", "disable"); r.code != 0 {
			p.t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		if got := p.want(0, "list"); len(got) != 0 {
			p.t.Errorf("left: %q", got)
		}
		s.enable(p.t)
		p.wantList(nis, cert)
	})
	run("card that is away", func(p provider) {
		p.want(0, open)
		defer p.want(0, "close")
		remove()
		p.wantSilently(scardNoCard)
		p.want(0, "type cancel")
		p.want(scardCancelled, sign)
		// The box closes by itself when the card comes.
		p.want(0, "seen")
		p.want(0, "type wait "+pin)
		p.want(0, "background")
		await.That(p.t, "the box", func() bool { return p.count("boxes") == 1 })
		// The agent uses the card at once, so its reader never shows it as free.
		s.background(p.t, "/mnt/cie-virtual", card...)
		p.want(0, "join")
	})
}

// TestServiceKSPBrowserThatDies expects the agent to end, with its box, when the process of the
// browser is ended without notice.
func TestServiceKSPBrowserThatDies(t *testing.T) {
	rotation.Skip(t, 0, 2)
	t.Parallel()
	s := startService(t)
	p := s.startProvider(t, agentEXE)
	const nis = "999900000398"
	s.insert(t, "--nis", nis)
	s.enable(t)
	agents := func() string {
		r := execute(t, s.command("sh", "-c", `cat /proc/[0-9]*/cmdline | tr '\0' ' ' | grep -c '[k]sp-agent'`), "")
		return strings.TrimSpace(r.stdout)
	}
	p.want(0, "open "+kspagent.Container(nis))
	p.want(0, "type wait")
	p.want(0, "background")
	await.That(t, "the box", func() bool { return p.count("boxes") == 1 })
	if n := agents(); n != "1" {
		t.Errorf("%s agents", n)
	}
	if _, err := io.WriteString(p.in, "die\n"); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the end of the agent", func() bool { return agents() == "0" })
}

// TestServiceKSPAgentThatErrs expects an error for everything that an agent may answer wrongly,
// or for none that can be started, and nothing else: the library goes on.
func TestServiceKSPAgentThatErrs(t *testing.T) {
	rotation.Skip(t, 0, 2)
	t.Parallel()
	s := startService(t)
	p := s.startProvider(t, fakeAgentEXE)
	for _, name := range []string{
		"exit", "half", "endless", "short", "long", "too long", "unknown number", "empty", "small modulus", "missing modulus", "large modulus",
		"odd reader", "long reader", "no exponent",
	} {
		if rv, _ := p.do("open " + name); rv != nteDeviceNotReady {
			t.Errorf("%s: status %#x", name, rv)
		}
	}
	if rv, _ := p.do("open positive status"); rv != nteFail {
		t.Errorf("a status that is no error: %#x", rv)
	}
	p.want(0, "open good")
	p.want(nteDeviceNotReady, "sign SHA256 "+digest+" 2") // a short signature
	p.want(0, "close")
	await.That(t, "the end of the agents", func() bool { return p.count("agents") == 0 })
	for _, agent := range []string{`Z:\mnt\nothing.exe`, `Z:\mnt\cie-ksp.dll`, `nothing.exe`, ``} {
		s.setAgent(t, agent)
		if rv, _ := p.do("open good"); rv != nteDeviceNotReady {
			t.Errorf("agent %q: status %#x", agent, rv)
		}
	}
	p.want(0, "provider Name")
}

// TestServiceKSPAgentThatHangs expects an error within a limit from an agent that answers late or
// never, and the end of that agent.
func TestServiceKSPAgentThatHangs(t *testing.T) {
	rotation.Skip(t, 1, 2)
	t.Parallel()
	s := startService(t)
	p := s.startProvider(t, fakeAgentEXE)
	const sign = "sign SHA256 " + digest + " 2"
	ended := func() {
		t.Helper()
		await.That(t, "the end of the agents", func() bool { return p.count("agents") == 0 })
	}

	p.want(0, `load Z:\mnt\cie-ksp-open.dll`)
	for _, name := range []string{"never", "stall", "drip"} {
		if rv, _ := p.do("open " + name); rv != nteDeviceNotReady {
			t.Errorf("open, %s: status %#x", name, rv)
		}
		ended()
	}

	p.want(0, `load Z:\mnt\cie-ksp-sign.dll`)
	for _, name := range []string{"no signature", "half signature", "drip signature", "suspended"} {
		if name == "suspended" {
			p.want(0, "open no signature")
			if n := p.count("suspend"); n != 1 {
				t.Errorf("%d agents to suspend", n)
			}
		} else {
			p.want(0, "open "+name)
		}
		if rv, _ := p.do(sign); rv != nteDeviceNotReady {
			t.Errorf("sign, %s: status %#x", name, rv)
		}
		p.want(0, "close")
		ended()
	}

	// A key that is closed ends its signature, whatever the agent does.
	p.want(0, `load Z:\mnt\cie-ksp-cancel.dll`)
	for _, name := range []string{"no signature", "half signature", "drip signature"} {
		p.want(0, "open "+name)
		p.want(0, "background")
		p.want(0, "close")
		if rv, _ := p.do("join"); rv != nteDeviceNotReady && rv != scardCancelled && rv != nteInvalidHandle {
			t.Errorf("close, %s: status %#x", name, rv)
		}
		ended()
	}

	p.want(0, "load "+kspDLL)
	p.want(0, "open cancelled signature")
	if n := p.count("race 100"); n != 0 {
		t.Error("a signature was not cancelled that was begun as its key was closed")
	}
}

// TestServiceKSPRegistration expects what Windows documents for the registration of a key storage
// provider. The functions for it are those of testdata/fakebcrypt.c, because Wine's do nothing.
func TestServiceKSPRegistration(t *testing.T) {
	rotation.Skip(t, 0, 2)
	t.Parallel()
	s := startService(t)
	dll, err := os.ReadFile(compile(t, "fakebcrypt", "-shared"))
	if err != nil {
		t.Fatal(err)
	}
	const disk = home + "/.wine/drive_c"
	if err := os.WriteFile(s.path(disk+"/windows/system32/bcrypt.dll"), dll, 0o755); err != nil {
		t.Fatal(err)
	}
	log := s.path(disk + "/bcrypt.txt")
	run := func(verb, want string) {
		t.Helper()
		_ = os.Remove(log)
		r := execute(t, s.command("env", "WINEDLLOVERRIDES=bcrypt=n;mscoree,mshtml=", loader, `Z:\mnt\cie.exe`, verb), "")
		got, err := os.ReadFile(log)
		if r.code != 0 || err != nil || strings.ReplaceAll(string(got), "\r\n", "\n") != want {
			t.Errorf("%s: exit code %d, %v\n%s%s%s\nwant\n%s", verb, r.code, err, r.stdout, r.stderr, got, want)
		}
	}
	agent := func() string {
		return execute(t, s.command(loader, "reg", "query", `HKLM\Software\CIE\KeyStorageProvider`, "/v", "Agent"), "").stdout
	}
	const (
		register   = "register CIE Key Storage Provider, flags 1, aliases 0, kernel 0, image cie-ksp.dll, interfaces 1: 65537, flags 1, functions 1: KEY_STORAGE\n"
		remove     = "remove table 1, context 0, interface 65537, KEY_STORAGE, CIE Key Storage Provider\n"
		add        = "add table 1, context 0, interface 65537, KEY_STORAGE, CIE Key Storage Provider, position 4294967295\n"
		unregister = "unregister CIE Key Storage Provider\n"
	)
	for range 2 { // an update registers again
		run("ksp-register", register+remove+add)
	}
	if got := agent(); !strings.Contains(got, `Z:\mnt\cie.exe`) {
		t.Errorf("agent: %s", got)
	}
	run("ksp-unregister", remove+unregister)
	if got := agent(); strings.Contains(got, `cie.exe`) {
		t.Errorf("agent: %s", got)
	}
}

// utf16Text returns text as Windows writes it in memory.
func utf16Text(s string) string {
	return strings.Join(strings.Split(s+"\x00", ""), "\x00") + "\x00"
}

// TestKSPLibrary expects a small library with nothing but what Windows needs of it.
func TestKSPLibrary(t *testing.T) {
	path := filepath.Join(programs(t), "cie-ksp.dll")
	if got := exports(t, path); !slices.Equal(got, []string{"GetKeyStorageInterface"}) {
		t.Errorf("exports %v", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 100<<10 {
		t.Errorf("%v, %v", info.Size(), err)
	}
	f, err := pe.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const protection = pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE | pe.IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA | pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT
	header, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	if !ok || header.DllCharacteristics&protection != protection || f.Section(".reloc") == nil {
		t.Errorf("can be loaded at one address only, or has data that can run: %+v", f.OptionalHeader)
	}
	for _, section := range f.Sections {
		const both = pe.IMAGE_SCN_MEM_WRITE | pe.IMAGE_SCN_MEM_EXECUTE
		if section.Characteristics&both == both {
			t.Errorf("section %s is code that can be changed", section.Name)
		}
	}
	imported, err := f.ImportedSymbols()
	if err != nil || len(imported) == 0 {
		t.Fatalf("%v, %v", imported, err)
	}
	system := []string{"advapi32.dll", "bcrypt.dll", "crypt32.dll", "kernel32.dll", "msvcrt.dll", "user32.dll"}
	for _, l := range imported {
		if _, dll, _ := strings.Cut(l, ":"); !slices.Contains(system, strings.ToLower(dll)) {
			t.Errorf("needs %s", l)
		}
	}
}
