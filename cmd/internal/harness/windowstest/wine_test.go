//go:build linux

package windowstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// compiler is Debian's cross compiler for Windows.
const compiler = "x86_64-w64-mingw32-gcc-posix"

// work is the directory of everything that the tests make.
var work string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "cie-windows-")
		if err != nil {
			panic(err)
		}
		work = dir
		defer func() {
			stopWine()
			os.RemoveAll(dir)
		}()
		return m.Run()
	}())
}

// need skips a test for a tool that is not there; in the continuous integration
// .ci/deps has installed them all.
func need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("NOT TESTED for Windows: %v (.ci/deps windows)", err)
		}
	}
}

// once runs a preparation once and returns its error to every test.
type once struct {
	sync.Once
	err error
}

func (o *once) do(t testing.TB, f func() error) {
	t.Helper()
	o.Do(func() {
		o.err = errors.New("was interrupted")
		o.err = f()
	})
	if o.err != nil {
		t.Fatal(o.err)
	}
}

var building, booting once

// programs builds the programs as make windows does and returns their directory.
func programs(t testing.TB) string {
	t.Helper()
	need(t, compiler)
	dir := filepath.Join(work, "bin")
	building.do(t, func() error { return buildInto(dir) })
	return dir
}

func buildInto(dir string) error {
	_, err := output(exec.Command("sh", "../../../../installer/packaging/windows/build", "1.2.3", dir, "core"))
	return err
}

// compile builds a C program of testdata for Windows.
func compile(t testing.TB, name string, flags ...string) string {
	t.Helper()
	need(t, compiler)
	exe := filepath.Join(work, name+".exe")
	args := append([]string{"-O1", "-Wall", "-Werror", "-Wno-cast-function-type", "-o", exe, filepath.Join("testdata", name+".c")}, flags...)
	if _, err := output(exec.Command(compiler, args...)); err != nil {
		t.Fatal(err)
	}
	return exe
}

func output(cmd *exec.Cmd) (string, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = lateOutput
	err := cmd.Start()
	if err == nil {
		late := time.AfterFunc(slowest, func() { _ = cmd.Process.Kill() })
		if err = cmd.Wait(); !late.Stop() {
			err = fmt.Errorf("longer than %v: %w", slowest, err)
		}
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return out.String(), errors.New(strings.Join(cmd.Args, " ") + ": " + err.Error() + "\n" + out.String() + errs.String())
	}
	return out.String(), nil
}

func prefix() string { return filepath.Join(work, "wine") }

// drive returns where the disk C: is.
func drive() string { return filepath.Join(prefix(), "drive_c") }

// wineEnv returns the environment of programs in wine: without a display, and with a
// home of its own, into which wine makes links.
func wineEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "DISPLAY", "WAYLAND_DISPLAY", "HOME", "LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "USER", "LOGNAME":
		default:
			env = append(env, v)
		}
	}
	return append(env, "WINEPREFIX="+prefix(), "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", "WINEARCH=win64",
		"HOME="+filepath.Join(work, "home"), "USER=anna", "LC_ALL=C.UTF-8")
}

// holding is the standard input of the program that keeps wine running.
var holding io.WriteCloser

// boot makes a Windows of its own for the tests.
func boot(t testing.TB) {
	t.Helper()
	need(t, "wine", compiler)
	booting.do(t, func() error {
		if err := os.MkdirAll(filepath.Join(work, "home"), 0o700); err != nil {
			return err
		}
		cmd := exec.Command("wine", "wineboot", "-i")
		cmd.Env = wineEnv()
		// Wine complains about the 32 bit half, which is not installed.
		_, err := output(cmd)
		system := filepath.Join(drive(), "windows", "system32")
		if _, serr := os.Stat(system); serr != nil {
			return errors.Join(err, serr)
		}
		version := exec.Command("wine", "winecfg", "-v", "win10")
		version.Env = wineEnv()
		if _, err := output(version); err != nil {
			return err
		}
		random := filepath.Join(system, "bcryptprimitives.dll")
		if _, err := os.Stat(random); err != nil {
			if _, err := output(exec.Command(compiler, "-O1", "-Wall", "-Werror", "-shared", "-o", random, "testdata/bcryptprimitives.c", "-ladvapi32")); err != nil {
				return err
			}
		}
		// A program that runs all the time spares the others the start of wine. It ends with
		// its standard input, which must outlive this function.
		idle := exec.Command("wine", compile(t, "hold"), "kernel32.dll")
		idle.Env = wineEnv()
		if holding, err = idle.StdinPipe(); err != nil {
			return err
		}
		return idle.Start()
	})
}

// stopWine ends what wine left running in this prefix.
func stopWine() {
	if booting.err != nil {
		return
	}
	if _, err := os.Stat(prefix()); err != nil {
		return
	}
	for _, name := range []string{"wineserver", "/usr/lib/wine/wineserver"} {
		if path, err := exec.LookPath(name); err == nil {
			cmd := exec.Command(path, "-k")
			cmd.Env = wineEnv()
			_ = cmd.Run()
			wait := exec.Command(path, "-w")
			wait.Env = wineEnv()
			_ = wait.Run()
			return
		}
	}
}

// slowest bounds a command: a first build, or the start of Wine, on a busy machine.
const slowest = 15 * time.Minute

// lateOutput limits the wait for output of a program that has ended: processes that
// wine keeps running may have the pipe open.
const lateOutput = 3 * time.Second

// patience bounds one run; most take a second.
const patience = 10 * time.Minute

// result is what a program did.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a Windows program in wine.
func run(t testing.TB, stdin string, exe string, args ...string) result {
	t.Helper()
	return runIn(t, "", stdin, nil, exe, args...)
}

func runIn(t testing.TB, dir, stdin string, env []string, exe string, args ...string) result {
	t.Helper()
	boot(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience) // also for cleaning up
	defer cancel()
	cmd := exec.CommandContext(ctx, "wine", append([]string{exe}, args...)...)
	cmd.Env, cmd.Dir = append(wineEnv(), env...), dir
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = lateOutput
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%s %v: %v", filepath.Base(exe), args, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s %v does not end:\n%s%s", filepath.Base(exe), args, out.String(), errs.String())
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// want is run for a known exit code.
func want(t testing.TB, code int, stdin string, exe string, args ...string) result {
	t.Helper()
	r := run(t, stdin, exe, args...)
	if r.code != code {
		t.Fatalf("%s %v: exit code %d, want %d\n%s%s", filepath.Base(exe), args, r.code, code, r.stdout, r.stderr)
	}
	return r
}

// windowsPath returns a path of this system as wine shows it.
func windowsPath(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }
