//go:build linux

package main

import (
	"bytes"
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/cmd/internal/anchor"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/harness/rotation"
	"cie/cmd/internal/harness/stacktest"
)

// work is the directory for files that the tests build.
var work string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "cie-abi-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		work = dir
		return m.Run()
	}())
}

// library returns the path of the module.
func library(t testing.TB) string {
	t.Helper()
	return built.File(t, built.Module)
}

// program compiles a C program of testdata.
func program(t testing.TB, name string, flags ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skipf("NOT TESTED: no C compiler: %v", err)
	}
	exe := filepath.Join(work, name)
	args := append([]string{"-g", "-O1", "-Wall", "-Werror", "-Wno-cast-function-type", "-pthread",
		"-o", exe, filepath.Join("testdata", name+".c")}, flags...)
	if out, err := await.Command(t, gcc, append(args, "-ldl")...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return exe
}

// exportedName matches the symbols that the library may export.
var exportedName = regexp.MustCompile(`^C_[A-Z][A-Za-z]+$`)

// The library exports Cryptoki and no symbol of cgo or the Go runtime, which would clash
// with another Go library in the same program. It also must stay loaded, because its
// runtime requires it.
func TestExportsAreCryptokiOnly(t *testing.T) {
	f, err := elf.Open(library(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var exported []string
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF {
			exported = append(exported, s.Name)
			if !exportedName.MatchString(s.Name) {
				t.Errorf("%s is exported", s.Name)
			}
		}
	}
	slices.Sort(exported)
	header, err := os.ReadFile("cryptoki.h")
	if err != nil {
		t.Fatal(err)
	}
	lists, _, _ := strings.Cut(string(header), "#define CRYPTOKI_30(")
	want := []string{"C_GetFunctionList", "C_GetInterface", "C_GetInterfaceList"}
	for _, m := range regexp.MustCompile(`\t[FINU]\((\w+), \(`).FindAllStringSubmatch(lists, -1) {
		want = append(want, "C_"+m[1])
	}
	slices.Sort(want)
	if !slices.Equal(exported, want) || len(want) != 70 {
		t.Errorf("exported %d: %v\nwant %d: %v", len(exported), exported, len(want), want)
	}
	flags, err := f.DynValue(elf.DT_FLAGS_1)
	if err != nil || len(flags) != 1 || elf.DynFlag1(flags[0])&elf.DF_1_NODELETE == 0 {
		t.Errorf("flags %v, %v: NODELETE is missing", flags, err)
	}
}

// machine is a private PC/SC service with a virtual card, and a home directory.
type machine struct {
	t      testing.TB
	daemon *stack.Stack
	card   *cardtest.Card
	cache  string // directory of the module's cache
	env    []string
}

func newMachine(t testing.TB, p cardtest.Profile) *machine {
	t.Helper()
	daemon := stacktest.Start(t, stack.Options{})
	card, err := cardtest.New(p)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, daemon: daemon, card: card, cache: filepath.Join(t.TempDir(), "cache")}
	m.env = append(os.Environ(), "HOME="+t.TempDir())
	private, err := anchor.Private(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m.env = append(append(m.env, private...), "XDG_CACHE_HOME="+m.cache)
	m.env = append(m.env, daemon.Env()...)
	stacktest.Insert(t, daemon, 0, card)
	return m
}

// run runs a program and returns its output.
func (m *machine) run(exe string, args ...string) string {
	m.t.Helper()
	return run(m.t, m.env, exe, args...)
}

func run(t testing.TB, env []string, exe string, args ...string) string {
	t.Helper()
	return runFor(t, 5*time.Minute, env, exe, args...)
}

// runFor is run with a limit of its own.
func runFor(t testing.TB, limit time.Duration, env []string, exe string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s\n%s", filepath.Base(exe), args[1:], err, out.String(), tail(errs.String()))
	}
	if s := errs.String(); s != "" {
		t.Logf("%s:\n%s", filepath.Base(exe), tail(s))
	}
	return out.String()
}

// tail cuts the middle out of long output.
func tail(s string) string {
	if len(s) > 12000 {
		return s[:6000] + "\n...\n" + s[len(s)-6000:]
	}
	return s
}

// noService returns the environment of a machine without a PC/SC service.
func noService(t *testing.T) []string {
	return append(os.Environ(), "PCSCLITE_CSOCK_NAME="+filepath.Join(t.TempDir(), "none"),
		"HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir())
}

// sanitizer builds a program with AddressSanitizer, without the detection of leaks: a Go
// runtime does not free its memory at the end.
var sanitizer = []string{"-fsanitize=address", "-fno-omit-frame-pointer"}

const sanitizerOptions = "ASAN_OPTIONS=detect_leaks=0:handle_segv=0:allow_user_segv_handler=1"

// TestNegative calls every function wrongly, without a service and with a card.
func TestWrongArgumentsAreRefused(t *testing.T) {
	exe := program(t, "negative", sanitizer...)
	t.Run("no service", func(t *testing.T) {
		run(t, append(noService(t), sanitizerOptions), exe, library(t), "-", "storm")
	})
	t.Run("card", func(t *testing.T) { negative(t, exe, library(t), "storm") })
}

// TestSanitizedModuleHasNoErrors calls every function wrongly in a module that is itself
// built with AddressSanitizer.
func TestSanitizedModuleHasNoErrors(t *testing.T) {
	if !rotation.All() {
		t.Skip("compiles the standard library again: make slow")
	}
	exe, so := program(t, "negative", sanitizer...), filepath.Join(work, "sanitized.so")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-asan", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-o", so, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run(t, append(noService(t), sanitizerOptions), exe, so, "-", "calm")
	negative(t, exe, so, "calm")
}

// negative runs the program with a card, which it must not harm.
func negative(t *testing.T, exe, so, how string) {
	m := newMachine(t, cardtest.Profile{})
	m.env = append(m.env, sanitizerOptions)
	m.run(exe, so, string(cardtest.DefaultPIN()), how)
	if st := m.card.Stats(); st.TriesSpent != 0 {
		t.Errorf("%d tries spent", st.TriesSpent)
	}
}

// TestFork forks at every stage of a program's use of the module.
func TestForkedChildIsRefused(t *testing.T) {
	m := newMachine(t, cardtest.Profile{})
	m.run(program(t, "fork"), library(t), string(cardtest.DefaultPIN()))
}

// TestLoad loads and leaves the module many times and ends in several ways.
func TestLoadUnloadAndLoadAgain(t *testing.T) {
	exe := program(t, "load")
	with := newMachine(t, cardtest.Profile{}).env
	for name, env := range map[string][]string{"no service": noService(t), "card": with} {
		for _, how := range []string{"dlclose", "unfinished", "waiting", "thread", "atexit", "_exit"} {
			t.Run(name+"/"+how, func(t *testing.T) { run(t, env, exe, library(t), how) })
		}
	}
}

// A program limited to the address space that CONSUMERS.md
// names loads the module and signs (RLIMIT_AS, ulimit -v in kB).
func TestSignsInLimitedAddressSpace(t *testing.T) {
	m := newMachine(t, cardtest.Profile{})
	cmd := await.Command(t, "/bin/sh", "-c", `ulimit -v 3145728 && exec "$0" "$@"`, program(t, "caller"), library(t), string(cardtest.DefaultPIN()))
	cmd.Env, cmd.Stdin = m.env, strings.NewReader("attempt\n")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "0 signed") {
		t.Errorf("%v\n%s", err, out)
	}
}
