//go:build linux

package consumertest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cie/apdu"
	"cie/apdu/pcsc"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/cardtest/stack"
	"cie/cmd/internal/anchor"
	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/harness/rotation"
	"cie/cmd/internal/harness/stacktest"
)

// patience limits every program a test runs. It only ends what hangs.
const patience = 2 * time.Minute

// host is a user's machine: a reader with one card, the module, a home
// directory, and the environment that programs get.
type host struct {
	card     *cardtest.Card
	daemon   *stack.Stack
	module   string // path of the built module
	dir      string // the working directory of programs, and their home
	cache    string // the module's cache
	env      []string
	pin, puk []byte
	pinFile  string            // the PIN and nothing else
	ca       *x509.Certificate // issuer of the card's certificate
	caFile   string
	nis      string // part of the certificate's subject
	token    string // label of the card's token
	serial   string // its serial number
}

// chips are those that every program is tried with within four days: both ways to open the
// application, both ways to give the domain parameters, five makers' ATRs.
var chips = []cardtest.Family{cardtest.NXP, cardtest.Gemalto, cardtest.STM, cardtest.Actalis1, cardtest.Bit4id1}

// eachCard runs body on one or two chips, other ones every day, first with a card that the
// module has never seen, then with the same card known. No body may leave fewer tries of
// PIN or PUK than there were.
func eachCard(t *testing.T, tools []string, body func(t *testing.T, h *host)) {
	t.Helper()
	cards(t, rotation.Today(chips, 4), tools, body)
}

// cards is eachCard for some chips, each on a machine of its own.
func cards(t *testing.T, chips []cardtest.Family, tools []string, body func(t *testing.T, h *host)) {
	t.Helper()
	need(t, tools...)
	for _, chip := range chips {
		t.Run(chip.String(), func(t *testing.T) {
			t.Parallel()
			h := newHost(t, chip)
			h.forget(t)
			ok := t.Run("never-seen", func(t *testing.T) {
				body(t, h)
				h.wantAllTries(t)
			})
			if !ok {
				t.Fatal("not tried with the card known")
			}
			t.Run("known", func(t *testing.T) {
				h.wantKnown(t)
				body(t, h)
				h.wantAllTries(t)
			})
		})
	}
}

// need looks for the programs of a test. Where they are missing the test is
// skipped, on continuous integration it fails.
func need(t *testing.T, tools ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the module, a PC/SC daemon and other people's programs")
	}
	var missing []string
	for _, tool := range tools {
		if _, err := find(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if missing == nil {
		return
	}
	absent(t, "missing: %s; .ci/deps consumers installs them on Debian", strings.Join(missing, ", "))
}

// absent fails the test on continuous integration and skips it elsewhere.
func absent(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf("NOT TESTED HERE: "+format, args...)
}

// find looks for a program in PATH and where Debian keeps servers, or for a
// file if tool is an absolute path (which may be a pattern).
func find(tool string) (string, error) {
	if filepath.IsAbs(tool) {
		found, err := filepath.Glob(tool)
		if err == nil && found == nil {
			err = os.ErrNotExist
		}
		if err != nil {
			return "", err
		}
		return found[0], nil
	}
	if path, err := exec.LookPath(tool); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + tool)
}

// program is find for programs that need has seen.
func program(t *testing.T, tool string) string {
	t.Helper()
	path, err := find(tool)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// waiting, in the environment, makes this program wait until a card is in the
// reader whose name ends so, which a daemon that has just started takes its time to
// see. The PC/SC library talks to one daemon in the life of a process, so that
// needs a process of its own.
const waiting = "CIE_CONSUMERS_READER"

func TestMain(m *testing.M) {
	if reader := os.Getenv(waiting); reader != "" {
		if err := waitForCard(reader); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The tests wait for daemons more than for the processor.
	if err := flag.Set("test.parallel", "3"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func waitForCard(reader string) error {
	service, err := pcsc.Establish()
	if err != nil {
		return err
	}
	defer service.Close()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		readers, err := service.Status()
		if err != nil && !errors.Is(err, apdu.ErrNoReader) {
			return err
		}
		for _, r := range readers {
			if strings.HasSuffix(r.Name, reader) && r.Present && len(r.ATR) > 0 {
				return nil
			}
		}
	}
	return errors.New("PC/SC sees no card")
}

// module returns the path of the module.
func module(t *testing.T) string {
	t.Helper()
	return built.File(t, built.Module)
}

// newHost makes a machine with a private PC/SC daemon and a virtual card in
// its first reader; the second stays empty.
func newHost(t *testing.T, chip cardtest.Family) *host {
	t.Helper()
	return newHostOf(t, cardtest.Profile{Family: chip}, "")
}

// newHostOf is newHost for any card, and readers of any name ("": of vpcd).
func newHostOf(t *testing.T, profile cardtest.Profile, reader string) *host {
	t.Helper()
	so := module(t)
	h := machine(t)
	h.module = so
	card, err := cardtest.New(profile)
	if err != nil {
		t.Fatal(err)
	}
	h.card = card
	h.daemon = stacktest.Start(t, stack.Options{Debug: true, Name: reader})
	h.env = append(h.env, h.daemon.Env()...)
	h.insert(t, 0, card)
	h.setCard(t, cardtest.DefaultPIN(), cardtest.DefaultPUK(), cardtest.IssuingCA(), card.NIS())
	h.token, h.serial = names(t, card)
	return h
}

// names returns the label and the serial number that the token of a card must
// have: the end of the NIS, and the end of EF.SN.ICC.
func names(t *testing.T, c *cardtest.Card) (label, serial string) {
	t.Helper()
	s, err := card.Open(t.Context(), c.Reader(), card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	number, err := s.SerialICC(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digits := strings.TrimRight(fmt.Sprintf("%X", number), "F")
	return "CIE " + s.NIS()[8:], digits[len(digits)-16:]
}

// uri returns the PKCS #11 URL of the card's token, with more attributes.
func (h *host) uri(attributes ...string) string {
	return strings.Join(append([]string{"pkcs11:serial=" + h.serial}, attributes...), ";")
}

// insert puts a card into a reader until the end of the test, and waits until
// PC/SC sees it.
func (h *host) insert(t *testing.T, slot int, card *cardtest.Card) {
	t.Helper()
	h.daemon.Insert(slot, card)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("card powered: %v; %+v", card.Powered(), card.Stats())
		}
	})
	reader := h.daemon.Reader(slot)
	h.env = append(h.env, waiting+"="+reader[len(reader)-len("00 00"):])
	h.run(t, os.Args[0])
	h.env = h.env[:len(h.env)-1]
}

// machine makes a host with an empty home and no card.
func machine(t *testing.T) *host {
	t.Helper()
	// Not t.TempDir: the names of subtests would make sockets' paths too long.
	dir, err := os.MkdirTemp("", "cie-host-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &host{dir: dir, cache: filepath.Join(dir, "cache")}
	for _, name := range []string{"cache", "config", "run"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := anchor.Write(filepath.Join(dir, "config")); err != nil {
		t.Fatal(err)
	}
	h.env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + dir,
		"LANG=C.UTF-8",
		"TERM=dumb",
		"TMPDIR=" + dir,
		"XDG_CACHE_HOME=" + h.cache,
		"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"),
		"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"),
	}
	return h
}

func (h *host) setCard(t *testing.T, pin, puk []byte, ca *x509.Certificate, nis string) {
	t.Helper()
	h.pin, h.puk, h.ca, h.nis = pin, puk, ca, nis
	h.pinFile = h.write(t, "pin", pin)
	h.caFile = h.write(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}))
}

// write puts a file into the working directory and returns its path.
func (h *host) write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h *host) read(t *testing.T, name string) []byte {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(h.dir, name)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// forget makes the card one that the module has never seen.
func (h *host) forget(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(h.cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(h.cache, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// wantKnown checks that the module has kept something: without that the second
// half of a test would be the first once more.
func (h *host) wantKnown(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(h.cache)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		t.Error("the module has kept nothing of the card")
	}
}

// wantAllTries looks into the card: no program may have spent a try unseen.
func (h *host) wantAllTries(t *testing.T) {
	t.Helper()
	if pin, puk := h.card.Tries(); pin != cardtest.MaxPINTries || puk != cardtest.MaxPUKTries {
		t.Errorf("tries left: PIN %d, PUK %d", pin, puk)
	}
}

// command prepares a program in a process group of its own, which ends with ctx.
func (h *host) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = h.env, h.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs a program without a terminal and returns its standard output and
// error together. It fails the test when the program does.
func (h *host) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := h.try(t, nil, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// try runs a program that may fail, with the given standard input.
func (h *host) try(t *testing.T, input []byte, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := h.command(ctx, name, args...)
	cmd.Stdin = bytes.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("no end after %v", patience)
	}
	return out.String(), err
}

// server starts a program that runs until the end of the test and waits until
// it listens on the port. It asks the kernel for that rather than the server,
// which would take it for a client.
func (h *host) server(t *testing.T, port string, name string, args ...string) {
	t.Helper()
	h.background(t, func() bool { return listening(port) }, name, args...)
}

// background starts a program that runs until the end of the test and waits
// until it is ready. Its output is logged if the test fails.
func (h *host) background(t *testing.T, ready func() bool, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := h.command(ctx, name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		cmd.Wait()
		close(gone)
	}()
	t.Cleanup(func() {
		cancel()
		<-gone
		if t.Failed() {
			t.Logf("%s:\n%s", name, out.String())
		}
	})
	for deadline := time.Now().Add(patience); !ready(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-gone:
			t.Fatalf("%s ended before it was ready:\n%s", name, out.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready", name)
		}
	}
}

// freePort returns a loopback port on which no program listens at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	// It is bound and does not listen: a program that another test starts at this moment
	// has the socket, too, until it is executed, and listening would take it for the server.
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	if err := unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(s)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(at.(*unix.SockaddrInet4).Port)
}

// listening reports whether a TCP socket listens on the port (proc(5), net/tcp).
func listening(port string) bool {
	var n int
	fmt.Sscanf(port, "%d", &n)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			f := strings.Fields(line)
			if len(f) > 3 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) && f[3] == "0A" {
				return true
			}
		}
	}
	return false
}

// wantContains checks that a text has every piece.
func wantContains(t *testing.T, text string, pieces ...string) {
	t.Helper()
	for _, p := range pieces {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

// wantWithout checks that a text has none of the pieces.
func wantWithout(t *testing.T, text string, pieces ...string) {
	t.Helper()
	for _, p := range pieces {
		if strings.Contains(text, p) {
			t.Errorf("%q is in:\n%s", p, text)
		}
	}
}
