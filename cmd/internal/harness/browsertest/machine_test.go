//go:build linux

package browsertest

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cie/card/cardtest"
	private "cie/card/cardtest/stack"
	"cie/cmd/internal/anchor"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/browsertest/browser"
	"cie/cmd/internal/harness/browsertest/desktop"
	"cie/cmd/internal/harness/browsertest/idp"
	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/harness/stacktest"
	"cie/installer/browsers"
)

// patience bounds everything a test waits for. It only ends what hangs.
const patience = 2 * time.Minute

// holder is what the service shows of the card's owner.
const holder = "PRVMRA70A41Z999S"

// absent fails the test on continuous integration and skips it elsewhere.
func absent(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf("NOT TESTED HERE: "+format, args...)
}

// need skips the test where a browser or a tool is missing.
func need(t testing.TB, kinds ...browser.Kind) {
	t.Helper()
	if testing.Short() {
		t.Skip("browsers take minutes")
	}
	missing := desktop.Missing()
	for _, k := range kinds {
		if _, err := k.Path(); err != nil {
			missing = append(missing, err.Error())
		}
	}
	if _, err := exec.LookPath("certutil"); err != nil {
		missing = append(missing, "libnss3-tools")
	}
	if len(missing) > 0 {
		absent(t, "missing: %s; .ci/deps browsers installs them on Debian", strings.Join(missing, ", "))
	}
}

// machine is the computer of a user: module, home, PC/SC daemon, card and service.
type machine struct {
	t      testing.TB // the test, or the subtest whose browser was started last
	home   string
	module string
	env    *browsers.Env
	daemon *private.Stack
	dir    string // of the daemon
	card   *cardtest.Card
	trace  *lastLines // of the card
	idp    *idp.Server
	take   func()   // takes the card out, if it is in
	wrap   []string // command that runs the browsers
	more   []string // further variables of the browsers
	shots  string
	shot   int
}

// newStack makes a machine with an empty home where the module is registered,
// with the card in the first reader.
func newStack(t testing.TB) *machine {
	t.Helper()
	base, err := os.MkdirTemp("", "cie-b-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	s := &machine{t: t, home: filepath.Join(base, "home"), dir: filepath.Join(base, "pcscd")}
	for _, d := range []string{s.home, s.dir, filepath.Join(s.home, ".run")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.module = built.File(t, built.Module)
	if s.card, err = cardtest.New(cardtest.Profile{}); err != nil {
		t.Fatal(err)
	}
	s.trace = &lastLines{}
	s.card.Trace(s.trace)
	s.startDaemon()
	s.insert()
	s.idp, err = idp.Start(idp.Options{Issuers: []*x509.Certificate{cardtest.IssuingCA()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.idp.Close() })
	s.shots = filepath.Join("..", "..", "..", "..", "artifacts", "browsers", strings.ReplaceAll(t.Name(), "/", "-"))
	if err := os.MkdirAll(s.shots, 0o755); err != nil {
		t.Fatal(err)
	}
	s.env = &browsers.Env{
		Home: s.home, Proc: "/proc", Module: s.module, UID: os.Geteuid(), SudoUID: -1,
		ConfigHome: filepath.Join(s.home, ".config"), DataHome: filepath.Join(s.home, ".local/share"),
		StateHome: filepath.Join(s.home, ".local/state"), RuntimeDir: filepath.Join(s.home, ".run"),
	}
	return s
}

// lastLines keeps the last lines that are written, with the time of each.
type lastLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 400 {
		l.lines = l.lines[200:]
	}
	l.lines = append(l.lines, time.Now().Format("15:04:05.000 ")+string(p))
	return len(p), nil
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

// enable registers the module in the home, as the user does.
func (s *machine) enable() {
	s.t.Helper()
	s.cie("browsers", "enable", "--module", s.env.Module)
}

// disable removes the registration.
func (s *machine) disable() {
	s.t.Helper()
	s.cie("browsers", "disable", "--module", s.env.Module)
}

// cie runs the command line program in the home.
func (s *machine) cie(args ...string) {
	s.t.Helper()
	cmd := await.Command(s.t, built.File(s.t, built.CLI), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "XDG_RUNTIME_DIR=" + s.env.RuntimeDir, "LANG=C.UTF-8"}, s.daemon.Env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("cie %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (s *machine) startDaemon() {
	s.t.Helper()
	if err := anchor.Write(filepath.Join(s.home, ".config")); err != nil {
		s.t.Fatal(err)
	}
	s.daemon = stacktest.Start(s.t, private.Options{Dir: s.dir})
}

// insert puts the card into the first reader and waits until it has power.
func (s *machine) insert() {
	s.t.Helper()
	s.take = stacktest.Insert(s.t, s.daemon, 0, s.card).Remove
}

// learn logs in once, so that the card is known to the machine.
func (s *machine) learn(t *testing.T, kind browser.Kind) {
	t.Helper()
	t.Run("learn", func(t *testing.T) {
		u := s.sit(t, kind)
		if o := u.login(nil, pin()); !o.in() {
			t.Fatalf("the page shows %q", o.shown)
		}
	})
}

// forget makes the card one that the machine has never seen.
func (s *machine) forget(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(s.home, ".cache", "cie")); err != nil {
		t.Fatal(err)
	}
}

// noticed waits until the module of a browser that has it loaded has seen the
// card and found out that it is one: a user does not click in the same second.
func (s *machine) noticed(before cardtest.Stats) {
	s.t.Helper()
	s.atRest(before.APDUs + 1)
}

// takeAtRest removes the card when the browser has finished with it: it goes on with
// connections of its own after the page of a login is shown, and one that loses the card
// makes Chromium remember for as long as it runs that the server got no certificate.
func (s *machine) takeAtRest() {
	s.t.Helper()
	s.atRest(0)
	s.take()
}

// atRest waits until the card has had as many commands and none for a second.
func (s *machine) atRest(commands int) {
	s.t.Helper()
	seen, quiet := -1, 0
	for end := time.Now().Add(patience); quiet < 10; time.Sleep(100 * time.Millisecond) {
		now := s.card.Stats().APDUs
		if now >= commands && now == seen {
			quiet++
		} else {
			seen, quiet = now, 0
		}
		if time.Now().After(end) {
			s.t.Fatalf("the card is not at rest after %v: %d commands, at least %d expected", patience, now, commands)
		}
	}
}

// loginWithoutStep logs in with a Firefox that the user did not set up: the module is
// registered by a policy only.
func (s *machine) loginWithoutStep(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(s.home, ".mozilla/firefox/test.default"), 0o700); err != nil {
		t.Fatal(err)
	}
	u := s.sit(t, browser.Firefox)
	before := s.card.Stats()
	o := u.login(nil, pin())
	u.picture("in")
	u.wantIn(o, 1, 1)
	u.wantSpent(before, 0)
	u.browser.Stop()
}
