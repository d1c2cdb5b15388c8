//go:build linux

package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/cmd/internal/harness/browsertest/browser"
	"cie/cmd/internal/harness/browsertest/desktop"
	"cie/cmd/internal/harness/browsertest/idp"
	"cie/cmd/internal/notify"
)

// user is a browser on its own screen, and the simulated user of it.
type user struct {
	*machine
	t       testing.TB
	kind    browser.Kind
	desk    *desktop.Desktop
	browser *browser.Browser
	frame   int       // screenshots so far
	event   int       // next event of the service to look at
	entered time.Time // when a PIN was completed last, with Enter
}

// sit opens a screen and starts the browser on the service's first page.
func (s *machine) sit(t testing.TB, kind browser.Kind) *user {
	return s.sitAt(t, kind, s.idp.StartURL())
}

func (s *machine) sitAt(t testing.TB, kind browser.Kind, url string) *user {
	t.Helper()
	dir := filepath.Join(s.home, fmt.Sprintf(".screen-%s-%d", kind, s.shot))
	s.shot++
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// Not the context of the test, which ends before the cleanups that need the screen.
	d, err := desktop.Start(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	outer := s.t
	s.t = t
	t.Cleanup(func() { s.t = outer })
	u := &user{machine: s, t: t, kind: kind, desk: d, event: len(s.idp.Events())}
	log := filepath.Join(dir, "browser.log")
	u.browser, err = browser.Start(t.Context(), kind, browser.Config{
		Desktop: d, Home: s.home, Env: append(s.daemon.Env(), s.more...), Wrap: s.wrap,
		Server: s.idp.Certificate(), CA: s.idp.CA(), Log: log,
	}, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			u.picture("failed")
			b, _ := os.ReadFile(log)
			t.Logf("%s:\n%s", kind, b)
			t.Logf("service: %v", s.idp.Events())
			t.Logf("the last commands of the card, at %s:\n%s", time.Now().Format("15:04:05"), s.trace)
		}
		u.browser.Stop()
	})
	u.wait("the first page", func(e idp.Event) bool { return e.Kind == idp.EventShown && e.Path == "/idp/login" })
	return u
}

// notifications runs a service on the session bus that shows notifications.
func (u *user) notifications() *notify.Server {
	u.t.Helper()
	server, err := notify.Serve(u.t.Context(), u.desk.Bus())
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { server.Close() })
	return server
}

// await waits for what this user's browser did at the service: another browser
// can be there at the same time.
func (u *user) await(ctx context.Context, from int, match func(idp.Event) bool) (idp.Event, int, error) {
	agent := map[browser.Kind]string{browser.Firefox: "Firefox/", browser.Chromium: "Chrome/"}[u.kind]
	return u.idp.Wait(ctx, from, func(e idp.Event) bool { return strings.Contains(e.Agent, agent) && match(e) })
}

// wait waits for an event of the service.
func (u *user) wait(what string, match func(idp.Event) bool) idp.Event {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	e, next, err := u.await(ctx, u.event, match)
	if err != nil {
		u.t.Fatalf("%s: %v", what, err)
	}
	u.event = next
	return e
}

// picture keeps a screenshot.
func (u *user) picture(name string) {
	u.frame++
	path := filepath.Join(u.shots, fmt.Sprintf("%s-%d-%s.png", filepath.Base(u.t.Name()), u.frame, strings.ReplaceAll(name, " ", "-")))
	if err := u.desk.Save(path); err != nil {
		u.t.Logf("screenshot: %v", err)
	}
}

// outcome is the result of a login.
type outcome struct {
	shown   string // text of the page at the end
	path    string
	prompts []browser.Prompt
	at      time.Time // when the page was shown
}

func (o outcome) in() bool { return strings.Contains(o.shown, "Accesso riuscito") }

func (o outcome) count(p browser.Prompt) int {
	n := 0
	for _, q := range o.prompts {
		if p == q {
			n++
		}
	}
	return n
}

// login presses the button of the page, answers whatever the browser asks, and
// returns what the page shows in the end: a page of the service, or an error
// page that the browser makes itself.
func (u *user) login(before func(browser.Prompt), pins ...string) outcome {
	u.t.Helper()
	o, err := u.tryLogin(before, pins...)
	if err != nil {
		u.t.Fatalf("login: %v", err)
	}
	return o
}

func (u *user) tryLogin(before func(browser.Prompt), pins ...string) (outcome, error) {
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	from := len(u.idp.Events())
	if err := u.press(); err != nil {
		return outcome{}, err
	}
	done := make(chan struct{})
	var o outcome
	go func() {
		defer close(done)
		failed := 0 // seconds with an error page; a page being loaded may look like one
		for ctx.Err() == nil {
			short, cancel := context.WithTimeout(ctx, time.Second)
			e, next, err := u.await(short, from, func(e idp.Event) bool {
				return e.Kind == idp.EventShown && e.Path != "/idp/login"
			})
			cancel()
			if err == nil {
				o.shown, o.path, o.at, u.event = e.Text, e.Path, time.Now(), next
				return
			}
			title := u.browser.ErrorPage(ctx)
			if title == "" {
				failed = 0
			} else if failed++; failed == 4 {
				o.path = title
				return
			}
		}
	}()
	p := &browser.Person{PINs: pins, Entered: func() { u.entered = time.Now() }, Before: func(q browser.Prompt) {
		u.picture(string(q))
		if before != nil {
			before(q)
		}
	}}
	err := p.Answer(ctx, u.browser, done)
	cancel()
	<-done
	o.prompts = p.Seen
	return o, err
}

// press presses the button of the page, which has the focus, until the page
// says that it was pressed or the browser asks something: a browser that has
// just drawn a page may not listen yet.
func (u *user) press() error {
	from := len(u.idp.Events())
	for range 20 {
		err := u.browser.Press(u.t.Context(), "Return")
		ctx, cancel := context.WithTimeout(u.t.Context(), 3*time.Second)
		_, _, waited := u.await(ctx, from, func(e idp.Event) bool { return e.Kind == idp.EventPressed })
		cancel()
		if waited == nil || u.browser.Asking(u.t.Context()) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errors.New("the button does not react")
}

// back presses the button of the last page, which leads to the first one. The
// next login is on a new connection.
func (u *user) back() {
	u.t.Helper()
	u.idp.Hangup()
	from := len(u.idp.Events())
	if err := u.press(); err != nil {
		u.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	_, next, err := u.await(ctx, from, func(e idp.Event) bool { return e.Kind == idp.EventShown && e.Path == "/idp/login" })
	if err != nil {
		u.t.Fatalf("the first page: %v", err)
	}
	u.event = next
}

// again returns to the first page for another try after one without a card.
//
// Firefox is asked to go back. Chromium remembers for as long as it runs that
// this server got no certificate, even if a card is inserted later (its cache of
// client certificates is notified of changes on other systems only). A private window
// does not share that cache, so the user opens one.
func (u *user) again() {
	u.t.Helper()
	u.idp.Hangup()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	from := len(u.idp.Events())
	shown := func(wait time.Duration) bool {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		_, _, err := u.await(ctx, from, func(e idp.Event) bool { return e.Kind == idp.EventShown && e.Path == "/idp/login" })
		return err == nil
	}
	if u.kind == browser.Chromium {
		if err := u.browser.Private(ctx, u.idp.StartURL()); err != nil {
			u.t.Fatal(err)
		}
		if !shown(patience) {
			u.t.Fatal("the private window does not show the first page")
		}
		return
	}
	for range 10 {
		if err := u.browser.Press(ctx, "alt+Left"); err != nil {
			u.t.Fatal(err)
		}
		if shown(3 * time.Second) {
			return
		}
	}
	u.t.Fatal("going back does not lead to the first page")
}
