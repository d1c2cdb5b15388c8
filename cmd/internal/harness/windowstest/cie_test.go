//go:build linux

package windowstest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cie/cmd/internal/tty/ptytest"
)

func cie(t testing.TB) string { return filepath.Join(programs(t), "cie.exe") }

func TestHelp(t *testing.T) {
	if r := want(t, 0, "", cie(t), "--help"); !strings.Contains(r.stdout, "cie pin") && !strings.Contains(r.stdout, "pin") || r.stderr != "" {
		t.Errorf("help:\n%s%s", r.stdout, r.stderr)
	}
	r := runIn(t, "", "", []string{"LC_ALL=it_IT.UTF-8"}, cie(t), "help", "files")
	if r.code != 0 || !strings.Contains(r.stdout, "autorità") || !strings.Contains(r.stdout, `%LocalAppData%\cie\cards`) || strings.Contains(r.stdout, "/etc") {
		t.Errorf("help in Italian, exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	want(t, 2, "", cie(t), "no-such-verb")
}

func TestVersion(t *testing.T) {
	var v struct{ Version, Platform string }
	r := want(t, 0, "", cie(t), "version", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || v.Platform != "windows/amd64" || v.Version == "" {
		t.Errorf("%v, %+v:\n%s", err, v, r.stdout)
	}
	if r := want(t, 0, "", cie(t), "--version"); r.stdout != "cie "+v.Version+"\n" {
		t.Errorf("%q", r.stdout)
	}
}

// TestDemo: the whole life of a virtual card, up to a login over TLS.
func TestDemo(t *testing.T) {
	var demo struct {
		OK    bool
		Steps []struct {
			Name string
			OK   bool
		}
	}
	r := want(t, 0, "", filepath.Join(programs(t), "cie-virtual.exe"), "demo", "--in-process", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &demo); err != nil || !demo.OK || len(demo.Steps) != 9 {
		t.Fatalf("%v:\n%s%s", err, r.stdout, r.stderr)
	}
	for _, s := range demo.Steps {
		if !s.OK {
			t.Errorf("step %s", s.Name)
		}
	}
}

// TestNoService: wine has no readers and no service for them.
func TestNoService(t *testing.T) {
	r := want(t, 3, "", cie(t), "status", "--json")
	if !strings.Contains(r.stdout, `"no-service"`) {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	if r := want(t, 3, "", cie(t), "status"); !strings.Contains(r.stderr, "services.msc") || strings.Contains(r.stderr, "apt") {
		t.Errorf("%s", r.stderr)
	}
}

// TestCodes: codes come from standard input or from descriptors of the C
// runtime, and what cannot be a code is refused before there is a card.
func TestCodes(t *testing.T) {
	const old, weak, good = "13572468", "12345678", "86427531"
	cie := cie(t)
	r := want(t, 7, old+"\r\n"+weak+"\r\n", cie, "pin", "change", "--json", "--pin-fd", "0", "--new-pin-fd", "0")
	if !strings.Contains(r.stdout, `"weak-pin"`) {
		t.Errorf("%s", r.stdout)
	}
	want(t, 7, "1234\n", cie, "pin", "verify", "--pin-fd", "0")
	want(t, 7, "", cie, "pin", "verify", "--pin-fd", "0")
	want(t, 7, strings.Repeat("1", 70), cie, "pin", "verify", "--pin-fd", "0")
	want(t, 3, old, cie, "pin", "verify", "--pin-fd", "0") // now the card is looked for
	for _, fd := range []string{"3", "7", "-1", "4000"} {
		want(t, 2, old, cie, "pin", "verify", "--pin-fd", fd)
	}

	spawn := compile(t, "spawn")
	file := func(name, content string) string {
		path := filepath.Join(work, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return windowsPath(path)
	}
	first, refused, accepted := file("old", old+"\n"), file("weak", weak), file("good", good+"\r\n")
	exe := windowsPath(cie)
	change := []string{"--", exe, "pin", "change", "--json", "--pin-fd", "3", "--new-pin-fd", "7"}
	r = want(t, 7, "", spawn, append([]string{"3", first, "7", refused}, change...)...)
	if !strings.Contains(r.stdout, `"weak-pin"`) {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	want(t, 7, "", spawn, append([]string{"3", first, "7", first}, change...)...) // the same again
	want(t, 3, "", spawn, append([]string{"3", first, "7", accepted}, change...)...)
	r = want(t, 2, "", spawn, append([]string{"3", first, "7", ">" + file("written", "")}, change...)...)
	if !strings.Contains(r.stdout, "--new-pin-fd 7") {
		t.Errorf("a descriptor for writing: %s", r.stdout)
	}
}

// TestConsole: codes are asked on the console without showing them. The program
// is the test of package tty, in the role of one that asks.
func TestConsole(t *testing.T) {
	boot(t)
	exe := unitTest(t, "cmd/internal/tty")
	p := ptytest.New(t)
	cmd := wine(t, exe)
	cmd.Env = append(cmd.Env, "CIE_TTY_ROLE=ask", "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.TTY, p.TTY, p.TTY
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.Expect("Code:")
	p.AwaitHidden() // wine takes the terminal over when it first waits for keys
	p.Type("9999\x7f\x7f\x7f\x7f24681357\r")
	p.Expect("Line:")
	p.Type("hello\r")
	p.Expect("right and hello")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if seen := p.Seen(); strings.Contains(seen, "2468") || strings.Contains(seen, "9999") {
		t.Errorf("the console showed the code:\n%q", seen)
	}
}
