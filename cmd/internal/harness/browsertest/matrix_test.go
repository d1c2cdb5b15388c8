//go:build linux

package browsertest

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/browsertest/browser"
	"cie/cmd/internal/harness/browsertest/idp"
	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/harness/rotation"
	"cie/installer/browsers"
)

func pin() string { return string(cardtest.DefaultPIN()) }

// eachBrowser runs body with each browser on a machine of its own, next to other
// tests: a browser waits most of the time, for its user or for the card.
func eachBrowser(t *testing.T, body func(t *testing.T, s *machine, kind browser.Kind)) {
	t.Parallel()
	inBrowsers(t, browser.Kinds(), body)
}

// oneBrowser is eachBrowser with one of the browsers, the other one the next day: half of
// the tests with each. With CIE_SLOW it is with both.
func oneBrowser(t *testing.T, body func(t *testing.T, s *machine, kind browser.Kind)) {
	t.Parallel()
	kinds := browser.Kinds()
	if !rotation.All() {
		kinds = kinds[(len(t.Name())+rotation.Turn())%len(kinds):][:1]
	}
	inBrowsers(t, kinds, body)
}

func inBrowsers(t *testing.T, kinds []browser.Kind, body func(t *testing.T, s *machine, kind browser.Kind)) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			need(t, kind)
			s := newStack(t)
			s.enable()
			body(t, s, kind)
		})
	}
}

// TestLoginWithNewAndKnownCard: a card this machine has never seen, then the same card known, the
// browser started again each time.
func TestLoginWithNewAndKnownCard(t *testing.T) {
	eachBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		for _, name := range []string{"never seen", "known"} {
			t.Run(name, func(t *testing.T) {
				u := s.sit(t, kind)
				before := s.card.Stats()
				o := u.login(nil, pin())
				u.picture("in")
				u.wantIn(o, 1, 1)
				u.wantSpent(before, 0)
				want := []browser.Prompt{browser.PromptPIN, browser.PromptCertificate}
				if name == "known" {
					// The certificate can be listed, so it is chosen first.
					slices.Reverse(want)
				}
				if !slices.Equal(o.prompts, want) {
					t.Errorf("asked %v, want %v", o.prompts, want)
				}
			})
		}
	})
}

// TestWrongPIN: exactly one try is spent, and the login continues with the right PIN.
// Both browsers ask again without an explanation, so the module shows a notification
// on the desktop that the PIN was wrong, and how many tries are left.
func TestWrongPIN(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		u := s.sit(t, kind)
		desk := u.notifications()
		before := s.card.Stats()
		o := u.login(nil, "10203040", pin())
		u.picture("in")
		u.wantIn(o, 2, 1)
		u.wantSpent(before, 1)
		if left, _ := s.card.Tries(); left != cardtest.MaxPINTries {
			t.Errorf("%d tries left after the right PIN", left)
		}
		// Notifications of the browser itself come through the same service.
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for i := 0; ; i++ {
			m, err := desk.Wait(ctx, i)
			if err != nil {
				t.Fatalf("no notification about the wrong PIN: %v", err)
			}
			if m.Summary == "Wrong PIN" {
				if !strings.Contains(m.Body, "2 attempts") {
					t.Errorf("notification %+v", m)
				}
				break
			}
		}
	})
}

// TestSecondLogin: in one browser session the PIN is asked once, and a second
// login costs no device authentication.
func TestSecondLogin(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		u := s.sit(t, kind)
		u.wantIn(u.login(nil, pin()), 1, 1)
		before := s.card.Stats() // a key that goes back may be pressed twice, which begins the login
		u.back()
		o := u.login(nil)
		u.picture("second")
		if !o.in() {
			t.Errorf("the page shows %q", o.shown)
		}
		if n := o.count(browser.PromptPIN); n != 0 {
			t.Errorf("asked for the PIN %d times", n)
		}
		d := s.card.Stats().Sub(before)
		if d.KeyAgreements != 0 || d.Verifies != 0 || d.Signatures == 0 {
			t.Errorf("the second login cost %+v", d)
		}
		u.wantSpent(before, 0)
	})
}

// TestCardTaken: the card is removed while the PIN is asked and inserted again, and
// the next login works without restarting the browser.
func TestCardTaken(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		for _, name := range []string{"known", "never seen"} {
			t.Run(name, func(t *testing.T) {
				if name == "known" {
					s.learn(t, kind)
				} else {
					s.forget(t)
				}
				u := s.sit(t, kind)
				before := s.card.Stats()
				o := u.login(func(p browser.Prompt) {
					if p == browser.PromptPIN {
						s.take()
					}
				}, pin())
				u.picture("taken")
				if o.in() {
					t.Fatalf("logged in without a card: %q", o.shown)
				}
				if o.count(browser.PromptPIN) == 0 {
					t.Fatalf("no PIN was asked for, so the card is still there: %q, asked %v", o.shown, o.prompts)
				}
				t.Logf("without the card: %q %q, asked %v", o.path, o.shown, o.prompts)
				out := s.card.Stats()
				s.insert()
				s.noticed(out)
				u.again()
				o = u.login(nil, pin())
				u.picture("back")
				if !o.in() {
					t.Errorf("the page shows %q %q, asked %v", o.path, o.shown, o.prompts)
				}
				u.wantSpent(before, 0)
			})
		}
	})
}

// TestTakenBetweenLogins: the card is removed after one login and inserted again before
// the next.
func TestTakenBetweenLogins(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		u := s.sit(t, kind)
		u.wantIn(u.login(nil, pin()), 1, 1)
		s.takeAtRest()
		u.back()
		before := s.card.Stats()
		s.insert()
		s.noticed(before)
		o := u.login(nil, pin())
		u.picture("again")
		if !o.in() || o.count(browser.PromptPIN) != 1 {
			t.Errorf("the page shows %q, asked %v", o.shown, o.prompts)
		}
		u.wantSpent(before, 0)
	})
}

// firefoxLooks is how often Firefox asks for slots at most (CheckForSmartCardChanges
// in security/manager/ssl/nsNSSComponent.cpp). A slot that the list of its last
// check did not have is used after that.
const firefoxLooks = 3 * time.Second

// TestLateReader: the browser starts while there is no PC/SC service at all;
// the service starts, a card is inserted, and the login works.
func TestLateReader(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		s.take()
		s.daemon.Stop()
		u := s.sit(t, kind)
		before := s.card.Stats()
		s.startDaemon()
		s.insert()
		if kind == browser.Firefox {
			// Loaded at the start; Chromium loads the module when it needs it.
			s.noticed(before)
			time.Sleep(firefoxLooks)
		}
		o := u.login(nil, pin())
		if kind == browser.Firefox && strings.Contains(o.shown, "No_client_certificate") {
			// Two threads of Firefox check for new slots during one connection
			// (FindClientCertificatesWithPrivateKeys and the verification of the
			// server's certificate), and the second one does not wait for the first.
			t.Log("Firefox did not wait for its own list of readers; the second login counts")
			u.again()
			o = u.login(nil, pin())
		}
		u.picture("in")
		u.wantIn(o, 1, 1)
	})
}

// TestLateCard: the browser starts while the reader is empty; the first login
// finds no certificate; then the card is inserted.
func TestLateCard(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		s.take()
		u := s.sit(t, kind)
		o := u.login(nil)
		u.picture("no card")
		if o.in() || !strings.Contains(o.shown, "No_client_certificate") {
			t.Errorf("the page shows %q", o.shown)
		}
		out := s.card.Stats()
		s.insert()
		s.noticed(out)
		u.again()
		o = u.login(nil, pin())
		u.picture("in")
		u.wantIn(o, 1, 1)
	})
}

// TestServiceRestarts: pcscd ends and starts again underneath a browser that
// has logged in before.
func TestServiceRestarts(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		u := s.sit(t, kind)
		u.wantIn(u.login(nil, pin()), 1, 1)
		s.takeAtRest()
		if err := s.daemon.Restart(); err != nil {
			t.Fatal(err)
		}
		out := s.card.Stats()
		s.insert()
		s.noticed(out)
		u.back()
		o := u.login(nil, pin())
		u.picture("in")
		if !o.in() {
			t.Errorf("the page shows %q, asked %v", o.shown, o.prompts)
		}
	})
}

// TestTLS13Only: this card cannot authenticate to a service that speaks TLS 1.3
// only. The user sees an error page, and no try is spent.
func TestTLS13Only(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		u := s.sitAt(t, kind, s.idp.StartTLS13URL())
		before := s.card.Stats()
		o := u.login(nil, pin())
		u.picture("tls13")
		if o.in() {
			t.Errorf("logged in over TLS 1.3: %q", o.shown)
		}
		if slices.ContainsFunc(s.idp.Events(), func(e idp.Event) bool { return e.Kind == idp.EventLogin }) {
			t.Errorf("events %v", s.idp.Events())
		}
		u.wantSpent(before, 0)
	})
}

// TestBothBrowsersLogInWhileStatusRuns: both browsers log in with the same card while `cie status` asks
// about it again and again.
func TestBothBrowsersLogInWhileStatusRuns(t *testing.T) {
	t.Parallel()
	need(t, browser.Kinds()...)
	s := newStack(t)
	s.enable()
	cli := built.File(t, built.CLI)
	users := map[browser.Kind]*user{}
	for _, kind := range browser.Kinds() {
		users[kind] = s.sit(t, kind)
	}
	before := s.card.Stats()
	stop := make(chan struct{})
	var status sync.WaitGroup
	asked := 0
	status.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond): // which leaves the processor to the browsers
			}
			cmd := exec.CommandContext(t.Context(), cli, "status")
			cmd.Env = append(append(os.Environ(), s.daemon.Env()...), "HOME="+s.home, "XDG_CACHE_HOME=", "LANG=C.UTF-8")
			out, err := cmd.CombinedOutput()
			if err != nil && t.Context().Err() == nil {
				t.Errorf("cie status: %v\n%s", err, out)
				return
			}
			asked++
		}
	})
	var both sync.WaitGroup
	outcomes := map[browser.Kind]outcome{}
	var mu sync.Mutex
	for kind, u := range users {
		both.Go(func() {
			o, err := u.tryLogin(nil, pin())
			if err != nil {
				t.Errorf("login with %s: %v", kind, err)
			}
			mu.Lock()
			outcomes[kind] = o
			mu.Unlock()
		})
	}
	both.Wait()
	close(stop)
	status.Wait()
	for kind, u := range users {
		u.picture(string(kind))
		u.wantIn(outcomes[kind], 1, 1)
	}
	users[browser.Firefox].wantSpent(before, 0)
	if asked == 0 {
		t.Error("cie status was never asked")
	}
	t.Logf("cie status answered %d times meanwhile", asked)
}

// TestDisableRestoresModuleLists: after the browsers were used, disabling leaves their module lists
// as they would be without this software, and a login finds no certificate.
func TestDisableRestoresModuleLists(t *testing.T) {
	oneBrowser(t, func(t *testing.T, s *machine, kind browser.Kind) {
		// Before any browser was started the home is unchanged: it contains only the
		// tests' anchor.
		s.disable()
		for _, p := range []string{".config/mozilla", ".local", ".pki", ".mozilla"} {
			if _, err := os.Lstat(filepath.Join(s.home, p)); err == nil {
				t.Errorf("%s is left", p)
			}
		}
		s.enable()
		s.learn(t, kind)
		s.disable()
		err := filepath.WalkDir(s.home, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || d.Name() != "pkcs11.txt" && !strings.HasSuffix(d.Name(), ".module") {
				return err
			}
			b, err := os.ReadFile(path)
			if strings.Contains(string(b), s.module) || strings.Contains(string(b), browsers.ModuleName) {
				t.Errorf("%s still has the module:\n%s", path, b)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		// The state of cards is in the same directory.
		if _, err := os.Stat(filepath.Join(s.env.StateHome, "cie", "installer")); err == nil {
			t.Error("the installer's journal is left")
		}
		u := s.sit(t, kind)
		before := s.card.Stats()
		o := u.login(nil)
		u.picture("disabled")
		if o.in() || !strings.Contains(o.shown, "No_client_certificate") {
			t.Errorf("the page shows %q", o.shown)
		}
		u.wantSpent(before, 0)
	})
}

// wantIn checks that the page shows the holder and what the user was asked.
func (u *user) wantIn(o outcome, pins, choices int) {
	u.t.Helper()
	if !o.in() || !strings.Contains(o.shown, holder) {
		u.t.Errorf("the page shows %q", o.shown)
	}
	if o.count(browser.PromptPIN) != pins || o.count(browser.PromptCertificate) != choices {
		u.t.Errorf("asked %v, want %d PIN prompts and %d choices of a certificate", o.prompts, pins, choices)
	}
}

// wantSpent checks how many tries were spent since before.
func (u *user) wantSpent(before cardtest.Stats, tries int) {
	u.t.Helper()
	d := u.card.Stats().Sub(before)
	if d.TriesSpent != tries {
		u.t.Errorf("%d tries spent, want %d", d.TriesSpent, tries)
	}
	left, _ := u.card.Tries()
	u.t.Logf("%d APDUs, %d device authentications, %d verifications, %d signatures; %d tries left", d.APDUs, d.DeviceAuthentications, d.Verifies, d.Signatures, left)
}
