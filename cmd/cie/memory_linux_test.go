package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/memory"
	"cie/cmd/internal/harness/stacktest"
	"cie/cmd/internal/tty/ptytest"
)

// fullPipe returns a pipe without room, so that a program stops at the first line that it
// prints, and a function that reads all of it.
func fullPipe(t *testing.T) (w *os.File, drain func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	size, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), syscall.F_GETPIPE_SZ, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	return w, func() string {
		if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(r).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
}

// printing reports whether a thread of a process waits in a write to standard output.
func printing(pid int) bool {
	names, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/syscall")
	call := fmt.Sprintf("%d 0x1 ", syscall.SYS_WRITE)
	return slices.ContainsFunc(names, func(name string) bool {
		b, _ := os.ReadFile(name)
		return strings.HasPrefix(string(b), call)
	})
}

// When a command reports its result, neither the codes nor the keys of the channel are in its
// memory, also with more documents to sign.
func TestNoSecretIsInMemoryWhenACommandReports(t *testing.T) {
	daemon := stacktest.Start(t, stack.Options{})
	pin, puk, fresh := memory.Code(), memory.Code(), memory.Code()
	for name, c := range map[string]struct {
		args    []string
		options []string // take the codes from descriptors
		prompts []string // or ask for them
		codes   [][]byte
		result  string
	}{
		"verify":  {args: []string{"pin", "verify"}, options: []string{"--pin-fd"}, codes: [][]byte{pin}, result: "PIN"},
		"sign":    {args: []string{"sign", "one", "two"}, prompts: []string{"PIN (8"}, codes: [][]byte{pin}, result: "one.p7m"},
		"unblock": {args: []string{"pin", "unblock"}, options: []string{"--puk-fd", "--new-pin-fd"}, codes: [][]byte{puk, fresh}, result: "PIN"},
		"change": {args: []string{"pin", "change"}, prompts: []string{"Current PIN", "New PIN (8", "New PIN again"},
			codes: [][]byte{pin, fresh, fresh}, result: "PIN"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual, err := cardtest.New(cardtest.Profile{PIN: pin, PUK: puk})
			if err != nil {
				t.Fatal(err)
			}
			inserted := stacktest.Insert(t, daemon, 0, virtual)
			defer inserted.Remove()
			dir := t.TempDir()
			for file, content := range map[string][]byte{"one": []byte("text"), "two": []byte("text"), "csca.pem": cardtest.CSCAPEM()} {
				if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, drain := fullPipe(t)
			cmd := await.Command(t, "cie", append(slices.Clone(c.args), "--csca", "csca.pem")...)
			cmd.Env = append(append(os.Environ(), daemon.Env()...), "HOME="+dir, "LC_ALL=C.UTF-8", "XDG_CACHE_HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_STATE_HOME="+dir)
			cmd.Dir, cmd.Stdout = dir, out
			for i, option := range c.options {
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if _, err := w.Write(append(slices.Clone(c.codes[i]), '\n')); err != nil {
					t.Fatal(err)
				}
				w.Close()
				cmd.Args, cmd.ExtraFiles = append(cmd.Args, option, strconv.Itoa(3+i)), append(cmd.ExtraFiles, r)
			}
			person := ptytest.New(t)
			cmd.Stdin, cmd.Stderr = person.TTY, person.TTY
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill() }()
			for i, prompt := range c.prompts {
				person.Expect(prompt)
				person.Type(string(c.codes[i]) + "\r")
			}
			await.That(t, "a line of the result", func() bool { return printing(cmd.Process.Pid) })
			secrets := memory.Secrets{}
			secrets.AddCode("PIN", pin)
			secrets.AddCode("PUK", puk)
			secrets.AddCode("new PIN", fresh)
			secrets.AddKeys(t, virtual)
			if found := memory.Find(t, cmd.Process.Pid, secrets); len(found) > 0 {
				t.Errorf("%q in memory", found)
			}
			if line := drain(); !strings.Contains(line, c.result) {
				t.Errorf("the result is %q", line)
			}
			if err := await.Exit(t, cmd); err != nil {
				t.Error(err)
			}
		})
	}
}
