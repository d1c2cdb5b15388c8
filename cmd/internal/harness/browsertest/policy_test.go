//go:build linux

package browsertest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/browsertest/browser"
	"cie/cmd/internal/harness/rotation"
	"cie/installer/browsers"
)

// ownEtc gives the browsers of the machine an /etc of their own, where the
// targets of the system are installed: a copy, bound over the real one in a
// mount namespace.
func (s *machine) ownEtc(t *testing.T) *browsers.Env {
	t.Helper()
	root := filepath.Join(filepath.Dir(s.home), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	// What an ordinary user may not read is not needed.
	_ = await.Command(t, "cp", "-a", "/etc", filepath.Join(root, "etc")).Run()
	unshare := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--map-root-user")
	}
	s.wrap = append(unshare, "--", "sh", "-c", `mount --bind "$0/etc" /etc && exec "$@"`, root)
	if out, err := await.Command(t, s.wrap[0], append(s.wrap[1:], "true")...).CombinedOutput(); err != nil {
		absent(t, "no mount namespace: %v: %s", err, out)
	}
	e := *s.env
	e.Root = root
	return &e
}

// TestFirefoxPolicy: an administrator registers the module for all users; a user
// whose profile has no registration logs in.
func TestFirefoxPolicy(t *testing.T) {
	rotation.Skip(t, 0, 2)
	t.Parallel()
	need(t, browser.Firefox)
	s := newStack(t)
	system := s.ownEtc(t)
	for _, tg := range system.Targets(browsers.Options{System: true}) {
		if _, err := tg.Install(); err != nil {
			t.Fatal(err)
		}
	}
	s.loginWithoutStep(t)

	// Firefox keeps in the profile what a policy added. The administrator removes it
	// from the profile by a policy when the software is removed.
	if tg := s.profileTarget(t); tg.State().Status != browsers.Registered {
		t.Errorf("the profile has %+v", tg.State())
	}
	for _, tg := range system.CleanupTargets() {
		if _, err := tg.Install(); err != nil {
			t.Fatal(err)
		}
	}
	u := s.sit(t, browser.Firefox)
	if o := u.login(nil, pin()); o.in() {
		t.Errorf("logged in after the policy deleted the module: %q", o.shown)
	}
	u.browser.Stop()
	if tg := s.profileTarget(t); tg.State().Status != browsers.Absent {
		t.Errorf("the profile has %+v after the cleanup", tg.State())
	}
}

// profileTarget returns the target of the one profile in the home.
func (s *machine) profileTarget(t *testing.T) browsers.Target {
	t.Helper()
	dir := filepath.Join(s.home, ".mozilla/firefox")
	if err := os.WriteFile(filepath.Join(dir, "profiles.ini"), []byte("[Profile0]\nName=test\nIsRelative=1\nPath=test.default\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	targets := s.env.Targets(browsers.Options{User: true})
	i := slices.IndexFunc(targets, func(tg browsers.Target) bool {
		return tg.Path() == filepath.Join(dir, "test.default", "pkcs11.txt")
	})
	if i < 0 {
		t.Fatal("the profile is no target")
	}
	return targets[i]
}

// TestChromiumPolicy: with AutoSelectCertificateForUrls the user is asked for
// the PIN only.
func TestChromiumPolicy(t *testing.T) {
	rotation.Skip(t, 1, 2)
	t.Parallel()
	need(t, browser.Chromium)
	s := newStack(t)
	s.enable()
	system := s.ownEtc(t)
	rules := []browsers.AutoSelect{{Pattern: s.idp.LoginURL(), IssuerCN: cardtest.IssuingCA().Subject.CommonName}}
	for _, tg := range system.Targets(browsers.Options{System: true, AutoSelect: rules}) {
		if _, err := tg.Install(); err != nil {
			t.Fatal(err)
		}
	}
	u := s.sit(t, browser.Chromium)
	o := u.login(nil, pin())
	u.picture("in")
	u.wantIn(o, 1, 0)
}
