package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/tty/ptytest"
)

// Nothing that the program prints or writes holds a code: not the result, not
// --debug, not the cache; and a code is never in arguments or environment.
func TestCodesAreNeverPrintedOrWritten(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("readers", oneReader)
	write("csca.pem", string(cardtest.CSCAPEM()))
	write("letter", "Dear municipality,\n")
	codes := []string{pin, puk, wrong, fresh, "61739520"}
	run := func(wantExit int, args []string, fds ...string) []byte {
		t.Helper()
		cmd := await.Command(t, "cie", append(args, "--debug", "--csca", filepath.Join(dir, "csca.pem"))...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), readersVariable+"="+file, "LC_ALL=C", "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
		for i, code := range fds {
			f, err := os.Open(write("code"+string(rune('0'+i)), code+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		}
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != wantExit {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, got, wantExit, out)
		}
		if !bytes.Contains(out, []byte("debug: # ")) {
			t.Fatalf("%v: no steps in the output of --debug", args)
		}
		return out
	}
	var printed bytes.Buffer
	printed.Write(run(exitOK, []string{"status", "--pin-fd", "3"}, pin))
	printed.Write(run(exitWrongCode, []string{"pin", "verify", "--pin-fd", "3"}, wrong))
	printed.Write(run(exitWrongCode, []string{"pin", "verify", "--json", "--pin-fd", "3"}, wrong))
	printed.Write(run(exitChoose, []string{"pin", "verify", "--pin-fd", "3"}, pin))
	printed.Write(run(exitWrongCode, []string{"pin", "unblock", "--puk-fd", "3", "--new-pin-fd", "4"}, wrong, fresh))
	printed.Write(run(exitOK, []string{"pin", "unblock", "--puk-fd", "3", "--new-pin-fd", "4"}, puk, fresh))
	printed.Write(run(exitOK, []string{"pin", "change", "--pin-fd", "3", "--new-pin-fd", "4"}, fresh, "61739520"))
	printed.Write(run(exitOK, []string{"sign", "letter", "--json", "--pin-fd", "3"}, "61739520"))
	printed.Write(run(exitOK, []string{"cert", "--pin-fd", "3"}, "61739520"))

	var written bytes.Buffer
	err := filepath.WalkDir(filepath.Join(dir, "cache"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		written.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if written.Len() == 0 {
		t.Error("nothing was cached: the test looks in the wrong place")
	}
	for _, code := range codes {
		for _, form := range secretForms(code) {
			if strings.Contains(printed.String(), form) {
				t.Errorf("%s was printed", form)
			}
			if strings.Contains(written.String(), form) {
				t.Errorf("%s was written", form)
			}
		}
	}
}

// secretForms returns the ways in which eight digits may show.
func secretForms(code string) []string {
	lower := hex.EncodeToString([]byte(code))
	spaced := strings.TrimSpace(strings.Join(strings.Split(lower, ""), " "))
	return []string{code, lower, strings.ToUpper(lower), spaced,
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(code)), "=")[:10]}
}

// While the program waits at a prompt, its arguments and environment hold no
// code, and a crash would leave no core file with one.
func TestProcessHoldsNoCode(t *testing.T) {
	s := startOnTerminal(t, english, oneReader, "pin", "change")
	s.answer("Current PIN", pin)
	s.Expect("New PIN (8 digits)")
	for _, file := range []string{"cmdline", "environ"} {
		content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), file))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(pin)) {
			t.Errorf("the PIN is in %s", file)
		}
	}
	limits, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "limits"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(limits) {
		t.Errorf("core files are not switched off:\n%s", limits)
	}
	s.Type("\x03")
	s.wantExit(130)
}

// While the program reads a code, other programs of the user cannot read its
// memory: the kernel gives /proc/PID/mem of such a process to root.
func TestProcessIsNotDumpableWhileItHoldsACode(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as another user; package tty tests the call itself")
	}
	s := newDoctorMachine(t, nil)
	bin := filepath.Join(s.base, "cie")
	s.copy(s.cie, bin)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	cmd := await.Command(t, bin, "pin", "verify", "--pin-fd", "3")
	cmd.Env, cmd.Dir, cmd.ExtraFiles = s.env, "/", []*os.File{r}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if _, err := w.WriteString(pin[:4]); err != nil {
		t.Fatal(err)
	}
	owner := func() uint32 {
		info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "mem"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	for end := time.Now().Add(ptytest.Patience); owner() != 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the memory of the process stays readable for the user's programs")
		}
	}
}
