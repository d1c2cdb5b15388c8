package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/card/cardtest/vpcd"
	"cie/cmd/internal/anchor"
	"cie/cmd/internal/doctor"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/tty/ptytest"
)

// doctorMachine is the computer of a user: a home with a Firefox, the real module, and
// a private smart card service.
type doctorMachine struct {
	t    *testing.T
	base string
	home string
	root string
	csca string
	mod  string
	cie  string
	env  []string
	// as is the user to run as; nil: the one of the test.
	as *syscall.Credential
}

// newDoctorMachine makes the computer; daemon may be nil.
func newDoctorMachine(t *testing.T, daemon *stack.Stack) *doctorMachine {
	t.Helper()
	base, err := os.MkdirTemp("", "cie-doctor-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	s := &doctorMachine{t: t, base: base, home: filepath.Join(base, "home"), root: filepath.Join(base, "root"), csca: filepath.Join(base, "csca.pem")}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(base, 0o755))
	for _, d := range []string{"home/firefox", "home/.mozilla/firefox/x.default", "root/etc", "root/usr/sbin", "lib"} {
		must(os.MkdirAll(filepath.Join(base, d), 0o755))
	}
	for name, content := range map[string]string{
		"csca.pem":                              string(cardtest.CSCAPEM()),
		"home/firefox/application.ini":          "[App]\nVersion=140.0\n",
		"home/.mozilla/firefox/profiles.ini":    "[Profile0]\nName=default\nIsRelative=1\nPath=x.default\n",
		"home/.mozilla/firefox/x.default/x.txt": "",
		"root/usr/sbin/pcscd":                   "",
	} {
		must(os.WriteFile(filepath.Join(base, name), []byte(content), 0o644))
	}
	must(anchor.Write(filepath.Join(s.home, ".config"))) // for the module
	// A real process that is called firefox, among those of the machine.
	must(os.Symlink("/proc", filepath.Join(base, "root", "proc")))
	s.copy("/bin/sleep", filepath.Join(s.home, "firefox", "firefox"))
	s.mod = filepath.Join(base, "lib", "cie-pkcs11.so")
	s.copy(built.File(t, built.Module), s.mod)
	s.cie, err = exec.LookPath("cie")
	must(err)
	s.env = append(os.Environ(), "HOME="+s.home, "LC_ALL=C.UTF-8", "CIE_TEST_ROOT="+s.root, "SSH_CONNECTION=",
		"XDG_CACHE_HOME="+s.home+"/.cache", "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_RUNTIME_DIR="+base)
	if daemon != nil {
		s.env = append(s.env, daemon.Env()...)
	} else {
		s.env = append(s.env, "PCSCLITE_CSOCK_NAME="+base+"/none.comm")
	}
	return s
}

func (s *doctorMachine) copy(from, to string) {
	s.t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o755)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// run runs the program and returns its standard output and exit code. stdin is
// for --pin-fd 0.
func (s *doctorMachine) run(stdin string, args ...string) (string, int) {
	s.t.Helper()
	cmd := await.Command(s.t, s.cie, args...)
	cmd.Args[0] = "cie"
	cmd.Env, cmd.Stdin = s.env, strings.NewReader(stdin)
	if s.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	if cmd.ProcessState == nil {
		s.t.Fatal("cie does not start")
	}
	if errs.Len() > 0 {
		s.t.Logf("cie %s: %s", strings.Join(args, " "), errs.Bytes())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// enable registers the module.
func (s *doctorMachine) enable() {
	s.t.Helper()
	if out, code := s.run("", "browsers", "enable", "--module", s.mod); code != 0 {
		s.t.Fatalf("enable: exit %d\n%s", code, out)
	}
}

// examine runs the doctor.
func (s *doctorMachine) examine(stdin string, args ...string) (doctorJSON, int) {
	s.t.Helper()
	out, code := s.run(stdin, append([]string{"doctor", "--json", "--module", s.mod, "--csca", s.csca}, args...)...)
	var d doctorJSON
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		s.t.Fatalf("exit %d: %v\n%s", code, err, out)
	}
	return d, code
}

// want checks that a finding with its remedy and status is among the checks.
func (s *doctorMachine) want(d doctorJSON, code int, status doctor.Status, finding doctor.Finding, remedy doctor.Remedy, says string) checkJSON {
	s.t.Helper()
	for _, c := range d.Checks {
		if c.Finding == finding {
			if c.Status != status || c.Remedy != remedy || !strings.Contains(c.WhatToDo, says) || c.Message == "" {
				s.t.Errorf("%+v", c)
			}
			if (code == exitFound) != (d.Status == doctor.Fail) || status == doctor.Fail && code != exitFound {
				s.t.Errorf("exit code %d, status %s", code, d.Status)
			}
			return c
		}
	}
	s.t.Errorf("%s was not found:\n%s", finding, summary(d))
	return checkJSON{}
}

func summary(d doctorJSON) string {
	var b strings.Builder
	for _, c := range d.Checks {
		fmt.Fprintf(&b, "%s %s %s %s: %s -> %s\n", c.Status, c.ID, c.Subject, c.Finding, c.Detail, c.Remedy)
	}
	return b.String()
}

// foreignChip answers every command with "file not found".
type foreignChip struct{}

func (foreignChip) PowerOn() []byte          { return []byte{0x3B, 0x80, 0x80, 0x01, 0x01} }
func (foreignChip) PowerOff()                {}
func (foreignChip) Reset()                   {}
func (foreignChip) Exchange(_ []byte) []byte { return []byte{0x6A, 0x82} }

// Ten common faults of a set-up: each is found, and its remedy named.
func TestDoctorFindsBrokenSetUps(t *testing.T) {
	// One service for all that need one, and one card after the other.
	newCard := func(t *testing.T, p cardtest.Profile) *cardtest.Card {
		t.Helper()
		c, err := cardtest.New(p)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	daemon := startPCSC(t)
	lay := func(t *testing.T, c vpcd.Card) {
		t.Helper()
		laid := daemon.Insert(0, c)
		env := append(os.Environ(), daemon.Env()...)
		watchUntil(t, env, 1)
		t.Cleanup(func() {
			laid.Remove()
			untilEmpty(t, env)
		})
	}
	pinText := string(cardtest.DefaultPIN()) + "\n"

	t.Run("healthy", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		s.enable()
		lay(t, newCard(t, cardtest.Profile{}))
		d, code := s.examine("")
		s.want(d, code, doctor.Skipped, doctor.CertificateNeedsPIN, doctor.GivePIN, "--pin")
		s.want(d, code, doctor.OK, doctor.ModuleSeesCard, "", "")
		if d.Status != doctor.OK || code != exitOK {
			t.Errorf("exit %d\n%s", code, summary(d))
		}
		// With the PIN, a login; without it afterwards, the dates are known.
		d, code = s.examine(pinText, "--pin-fd", "0")
		s.want(d, code, doctor.OK, doctor.CertificateValid, "", "")
		if c := s.want(d, code, doctor.OK, doctor.LoginWorks, "", ""); c.Values["version"] != "TLS 1.2" {
			t.Errorf("%+v", c)
		}
		s.want(d, code, doctor.OK, doctor.TLS13Refused, "", "")
		if d.Status != doctor.OK || code != exitOK {
			t.Errorf("exit %d\n%s", code, summary(d))
		}
		d, code = s.examine("")
		s.want(d, code, doctor.OK, doctor.CertificateValid, "", "")
		out, code := s.run("", "doctor", "--module", s.mod, "--csca", s.csca)
		if code != exitOK || !strings.Contains(out, "Everything that was checked works.") {
			t.Errorf("exit %d\n%s", code, out)
		}
	})
	t.Run("no service", func(t *testing.T) {
		s := newDoctorMachine(t, nil)
		d, code := s.examine("")
		s.want(d, code, doctor.Fail, doctor.ServiceStopped, doctor.StartPCSC, "systemctl")
		if err := os.Remove(filepath.Join(s.root, "usr/sbin/pcscd")); err != nil {
			t.Fatal(err)
		}
		d, code = s.examine("")
		s.want(d, code, doctor.Fail, doctor.ServiceMissing, doctor.InstallPCSC, "apt install pcscd")
	})
	t.Run("no permission", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("only root can run a program as another user; the finding itself is tested in package doctor")
		}
		s := newDoctorMachine(t, daemon)
		bin := filepath.Join(s.base, "cie")
		s.copy(s.cie, bin)
		s.cie, s.as = bin, &syscall.Credential{Uid: 65534, Gid: 65534}
		for _, d := range []string{filepath.Dir(filepath.Dir(daemon.Socket())), filepath.Dir(daemon.Socket())} {
			info, err := os.Stat(d)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(d, info.Mode()) })
			// First the socket cannot be reached at all.
			if err := os.Chmod(d, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		d, code := s.examine("")
		s.want(d, code, doctor.Fail, doctor.AccessDenied, doctor.AllowAccess, "polkit")
	})
	t.Run("not admitted", func(t *testing.T) {
		// The library of the machine talks to a service whose policy refuses the user.
		s := newDoctorMachine(t, nil)
		denyPCSC(t, filepath.Join(s.base, "none.comm"))
		d, code := s.examine("")
		s.want(d, code, doctor.Fail, doctor.AccessDenied, doctor.AllowAccess, "polkit")
		s.wantDenied("does not allow this user", "polkit")
		s.env = append(s.env, "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22")
		d, code = s.examine("")
		s.want(d, code, doctor.Fail, doctor.AccessRemote, doctor.SitAtComputer, "screen")
		s.wantDenied("(SSH)", "screen")
	})
	t.Run("no reader", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		// A reader of another name than all there are.
		d, code := s.examine("", "--reader", "nowhere")
		s.want(d, code, doctor.Fail, doctor.NoReader, doctor.PlugReader, "Plug in a reader")
	})
	t.Run("no card", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		d, code := s.examine("")
		s.want(d, code, doctor.Fail, doctor.NoCard, doctor.LayCard, "Lay the identity card")
	})
	t.Run("foreign card", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		lay(t, foreignChip{})
		d, code := s.examine("")
		s.want(d, code, doctor.Fail, doctor.ForeignCard, doctor.UseCIE, "July 2016")
	})
	t.Run("PIN blocked", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		lay(t, newCard(t, cardtest.Profile{}))
		for range 3 {
			s.run("40404041\n", "pin", "verify", "--pin-fd", "0", "--allow-last-try")
		}
		d, code := s.examine(pinText, "--pin-fd", "0")
		s.want(d, code, doctor.Fail, doctor.PINBlocked, doctor.UnblockPIN, "cie pin unblock")
	})
	t.Run("expired certificate", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		lay(t, newCard(t, cardtest.Profile{NotBefore: time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2022, 12, 31, 0, 0, 0, 0, time.UTC)}))
		d, code := s.examine(pinText, "--pin-fd", "0")
		s.want(d, code, doctor.Fail, doctor.CertificateExpired, doctor.RenewCard, "new card")
	})
	t.Run("module file missing", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		s.enable()
		if err := os.Remove(s.mod); err != nil {
			t.Fatal(err)
		}
		d, code := s.examine("")
		s.want(d, code, doctor.Fail, doctor.ModuleMissing, doctor.Reinstall, "Install this software again")
	})
	t.Run("module not registered", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		d, code := s.examine("")
		c := s.want(d, code, doctor.Fail, doctor.FindingOf(doctor.BrowserOff), doctor.EnableBrowsers, "cie browsers enable")
		if !strings.HasPrefix(c.Subject, "Firefox") {
			t.Errorf("%+v", c)
		}
	})
	t.Run("browser running during registration", func(t *testing.T) {
		s := newDoctorMachine(t, daemon)
		browser := await.Command(s.t, filepath.Join(s.home, "firefox", "firefox"), "600")
		if err := browser.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = browser.Process.Kill(); _ = browser.Wait() }()
		// The kernel reports the start of a process to a hundredth of a second.
		time.Sleep(50 * time.Millisecond)
		s.enable()
		d, code := s.examine("")
		c := s.want(d, code, doctor.Fail, doctor.FindingOf(doctor.BrowserRestart), doctor.RestartBrowser, "start it again")
		if !strings.Contains(c.Message, fmt.Sprint(browser.Process.Pid)) {
			t.Errorf("%+v", c)
		}
		out, code := s.run("", "browsers", "status", "--module", s.mod)
		if code != exitFound || !strings.Contains(out, "closed and started again") {
			t.Errorf("exit %d\n%s", code, out)
		}
		// Restarted, it sees the card.
		_ = browser.Process.Kill()
		_ = browser.Wait()
		time.Sleep(1100 * time.Millisecond) // the boot time is known to the second
		browser = await.Command(s.t, filepath.Join(s.home, "firefox", "firefox"), "600")
		if err := browser.Start(); err != nil {
			t.Fatal(err)
		}
		d, code = s.examine("")
		s.want(d, code, doctor.OK, doctor.FindingOf(doctor.BrowserReady), "", "")
	})
}

// denyPCSC answers clients as pcscd does when polkit does not admit them: with
// SCARD_W_SECURITY_VIOLATION to the first message, CMD_VERSION (winscard_msg.h
// of pcsc-lite: a header with size and command, then major, minor and code).
func denyPCSC(t *testing.T, socket string) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			message := make([]byte, 8+12)
			if _, err := io.ReadFull(c, message); err == nil {
				binary.NativeEndian.PutUint32(message[8+8:], 0x8010006A)
				_, _ = c.Write(message[8:])
			}
			c.Close()
		}
	}()
}

// wantDenied checks that every verb that needs the service reports that it does not
// admit this user, and what helps, as the doctor does.
func (s *doctorMachine) wantDenied(says, remedy string) {
	s.t.Helper()
	for _, args := range [][]string{{"status"}, {"readers"}, {"cert", "--pin-fd", "0"}, {"pin", "verify", "--pin-fd", "0"}} {
		out, code := s.run("13572468\n", append(args, "--json")...)
		var j struct{ Error report }
		if err := json.Unmarshal([]byte(out), &j); err != nil || code != exitNothing || j.Error.Code != "access-denied" || !strings.Contains(j.Error.Message, says) {
			s.t.Errorf("cie %v: exit %d, %v\n%s", args, code, err, out)
		}
		cmd := await.Command(s.t, s.cie, args...)
		cmd.Env, cmd.Stdin = s.env, strings.NewReader("13572468\n")
		words, _ := cmd.CombinedOutput()
		if !strings.Contains(string(words), says) || !strings.Contains(string(words), remedy) || strings.Contains(string(words), "systemctl") {
			s.t.Errorf("cie %v says\n%s", args, words)
		}
	}
	for _, args := range [][]string{{"watch"}, {"watch", "--json"}} {
		want := says
		if len(args) == 2 {
			want = `"access-denied"`
		}
		cmd := await.Command(s.t, s.cie, args...)
		cmd.Env = s.env
		out, err := cmd.StdoutPipe()
		if err != nil {
			s.t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		timer := time.AfterFunc(ptytest.Patience, func() { _ = cmd.Process.Kill() })
		line, _ := bufio.NewReader(out).ReadString('\n')
		timer.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if !strings.Contains(line, want) {
			s.t.Errorf("cie %v says %q, want %s", args, line, want)
		}
	}
}

// untilEmpty waits until no reader has a card.
func untilEmpty(t *testing.T, env []string) {
	t.Helper()
	for end := time.Now().Add(ptytest.Patience); ; time.Sleep(50 * time.Millisecond) {
		cmd := await.Command(t, "cie", "readers", "--json")
		cmd.Env = env
		out, _ := cmd.Output()
		var r readersJSON
		if json.Unmarshal(out, &r) == nil {
			empty := len(r.Readers) > 0
			for _, one := range r.Readers {
				empty = empty && one.State == "empty"
			}
			if empty {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("the card does not go: %s", out)
		}
	}
}

// A report identifies neither card nor reader nor computer.
func TestDoctorReportIsAnonymous(t *testing.T) {
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	daemon := startPCSC(t, c)
	watchUntil(t, append(os.Environ(), daemon.Env()...), 1)
	s := newDoctorMachine(t, daemon)
	s.enable()
	report := filepath.Join(s.base, "report.txt")
	status, _ := s.run(string(cardtest.DefaultPIN())+"\n", "status", "--json", "--pin-fd", "0", "--csca", s.csca)
	var shown struct {
		Cards []struct {
			holderJSON
			NIS string
			ATR string
		}
	}
	if err := json.Unmarshal([]byte(status), &shown); err != nil || len(shown.Cards) != 1 {
		t.Fatalf("%v\n%s", err, status)
	}
	card := shown.Cards[0]
	_, code := s.examine(string(cardtest.DefaultPIN())+"\n", "--pin-fd", "0", "--report", report)
	if code != exitOK {
		t.Fatalf("exit %d", code)
	}
	b, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	secrets := []string{
		card.Holder.Surname, card.Holder.GivenName, card.Holder.FiscalCode, card.DocumentNumber, card.NIS, card.ATR,
		card.NotAfter, card.NotBefore, card.GraceUntil, s.home, s.base, string(cardtest.DefaultPIN()), string(cardtest.DefaultPUK()),
		host,
	}
	for _, secret := range secrets {
		if secret == "" {
			t.Error("the test looks for nothing")
		} else if strings.Contains(strings.ToLower(string(b)), strings.ToLower(secret)) {
			t.Errorf("the report says %q:\n%s", secret, b)
		}
	}
	if m := regexp.MustCompile(`[0-9]{6,}`).Find(b); m != nil {
		t.Errorf("the report has a number: %s\n%s", m, b)
	}
	for _, needed := range []string{"[ok] service", "[ok] login", "[ok] certificate", "login-works", "go: "} {
		if !strings.Contains(string(b), needed) {
			t.Errorf("the report lacks %q:\n%s", needed, b)
		}
	}
	if info, err := os.Stat(report); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// At a terminal the PIN is asked for after the attempts left, and not shown.
func TestDoctorAsksForThePIN(t *testing.T) {
	s := startOnTerminal(t, "C.UTF-8", "Reader 00 00: cie card\n", "doctor", "--pin", "--module", filepath.Join(t.TempDir(), "none.so"))
	s.Expect("Attempts left for the PIN: 3 of 3")
	s.answer("PIN", pin)
	s.Expect("Valid until 30 June 2045")
	s.wantExit(exitFound)
	s.wantCard(pin, 3, 10)
}
