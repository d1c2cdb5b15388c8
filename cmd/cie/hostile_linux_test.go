package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	clean "cie/apdu/printable"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/stacktest"
	"cie/cmd/internal/tty/ptytest"
)

// hostile is what a device or a card puts into a name: sequences that move the
// cursor, delete lines, set the title and colours, in both forms (ECMA-48);
// bidirectional and invisible characters; line breaks; bytes that are no text.
const hostile = "\x1b[2J\x1b[1A\x1b]0;T\x07\u009b31m\u202eEVIL\u2066\u200b\u2028\r\b\x7f\xff"

// ownSequences are what the program itself sends to a terminal: colours, and the
// line of the progress bar.
var ownSequences = regexp.MustCompile("\x1b\\[[0-9;]*[mK]|\r")

// hostileStack returns a service with two readers of a hostile name, a card of a
// hostile holder in the first, and the environment for programs.
func hostileStack(t *testing.T) (env []string, dir string) {
	t.Helper()
	d := stacktest.Start(t, stack.Options{Name: hostile})
	c, err := cardtest.New(cardtest.Profile{
		Surname: hostile + strings.Repeat("è", 5000), GivenName: "A\nB" + hostile, FiscalCode: "PRV" + hostile,
		Country: hostile, CommonNameSuffix: hostile, DocumentNumber: "\x1b[2J\u202eAB",
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Insert(0, c)
	dir = t.TempDir()
	for name, content := range map[string]string{"csca.pem": string(cardtest.CSCAPEM()), "pin": pin + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env = append(os.Environ(), d.Env()...)
	env = append(env, "HOME="+dir, "XDG_CACHE_HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_STATE_HOME="+dir, "LANG=C.UTF-8", "TERM=xterm")
	watchUntil(t, env, 1)
	return env, dir
}

// wantClean checks every line of an output.
func wantClean(t *testing.T, what, output string) {
	t.Helper()
	for line := range strings.Lines(output) {
		if line = strings.TrimSuffix(line, "\n"); !clean.IsClean(line) {
			t.Errorf("%s: %q", what, line)
		}
		// A certificate in JSON is one line.
		if len(line) > 4096 && !strings.Contains(line, "BEGIN CERTIFICATE") {
			t.Errorf("%s: a line of %d bytes", what, len(line))
		}
	}
}

// No output of any command obeys what a reader or a card calls itself, neither
// in a pipe nor on a terminal nor as JSON.
func TestHostileNamesReachNoOutput(t *testing.T) {
	env, dir := hostileStack(t)
	trust := []string{"--csca", filepath.Join(dir, "csca.pem"), "--debug"}
	const shown = "EVIL"
	for _, c := range []struct {
		args []string
		pin  bool
		want string // of the hostile name, in text and JSON alike
	}{
		{[]string{"readers"}, false, shown},
		{[]string{"status"}, false, shown},
		{[]string{"status"}, true, shown},
		{[]string{"cert", "--format", "text"}, true, shown},
		{[]string{"pin", "verify"}, true, ""},
		{[]string{"sign", filepath.Join(dir, "pin"), "--out", filepath.Join(dir, "signed.p7m")}, true, ""},
		{[]string{"verify", filepath.Join(dir, "signed.p7m")}, false, shown},
		{[]string{"readers", "--reader", "evil"}, false, shown}, // which of the two?
		{[]string{"readers", "--reader", "none"}, false, shown}, // says which there are
		{[]string{"doctor", "--report", filepath.Join(dir, "report")}, false, shown},
		{[]string{"watch"}, false, shown},
		{[]string{"__complete", "--reader", ""}, false, shown},
	} {
		for _, format := range []string{"text", "json"} {
			what := strings.Join(c.args, " ") + " as " + format
			args := append(append([]string{}, c.args...), trust...)
			if c.args[0] == "__complete" {
				if format == "json" {
					continue
				}
				args = c.args
			}
			if format == "json" {
				args = append(args, "--json")
			}
			t.Run(what, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), ptytest.Patience)
				defer cancel()
				if c.args[0] == "sign" {
					_ = os.Remove(c.args[3]) // what is there is not overwritten
				}
				var input *os.File
				if c.pin {
					args = append(args, "--pin-fd", "3", "--reader", "00 00")
					f, err := os.Open(filepath.Join(dir, "pin"))
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
					input = f
				}
				cmd := exec.CommandContext(ctx, "cie", args...)
				cmd.Env = env
				if input != nil {
					cmd.ExtraFiles = []*os.File{input}
				}
				var out, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errs
				if c.args[0] == "watch" { // until it is ended
					cmd.Stdout = writer(func(p []byte) (int, error) {
						out.Write(p)
						if strings.Contains(out.String(), c.want) {
							_ = cmd.Process.Signal(os.Interrupt)
						}
						return len(p), nil
					})
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				err := cmd.Wait()
				var exit *exec.ExitError
				if ctx.Err() != nil || err != nil && (!errors.As(err, &exit) || c.pin) {
					t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
				}
				wantClean(t, "standard output", out.String())
				wantClean(t, "standard error", errs.String())
				if !strings.Contains(out.String()+errs.String(), c.want) {
					t.Errorf("no %q:\n%s%s", c.want, out.String(), errs.String())
				}
				if report, err := os.ReadFile(filepath.Join(dir, "report")); err == nil {
					wantClean(t, "report", string(report))
				}
				if format == "json" && c.args[0] != "watch" && !json.Valid(out.Bytes()) {
					t.Errorf("no JSON: %s", out.String())
				}
			})
		}
	}
}

// writer is a function that is called with what a program writes.
type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// On a terminal nothing is sent but the program's own colours and progress bar.
func TestTerminalHostileNames(t *testing.T) {
	env, dir := hostileStack(t)
	for name, c := range map[string]struct {
		args []string
		pin  bool
	}{
		"readers": {args: []string{"readers"}},
		"status":  {args: []string{"status", "--pin", "--reader", "00 00"}, pin: true},
		"cert":    {args: []string{"cert", "--format", "text", "--reader", "00 00"}, pin: true},
		"choose":  {args: []string{"readers", "--reader", "evil"}},
		"doctor":  {args: []string{"doctor"}},
		"watch":   {args: []string{"watch"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := ptytest.New(t)
			cmd := await.Command(t, "cie", append(c.args, "--csca", filepath.Join(dir, "csca.pem"))...)
			cmd.Env = append(env, "LC_ALL="+english)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = p.TTY, p.TTY, p.TTY
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			kill := time.AfterFunc(ptytest.Patience, func() { _ = cmd.Process.Kill() })
			defer kill.Stop()
			p.Expect("EVIL")
			if c.pin {
				p.Expect("not shown while you type")
				p.Type(pin + "\r")
				p.Expect("EVIL")
				p.Expect("PRV")
			}
			if name == "watch" {
				p.Expect("EVIL")
				p.Type("\x03")
			}
			_ = cmd.Wait()
			wantClean(t, name, ownSequences.ReplaceAllString(p.Seen(), ""))
		})
	}
}
