//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/state"
	"cie/cmd/internal/tty"
)

// idleLimit is the pause between two commands of a transaction after which Windows resets the
// card.
const idleLimit = 5 * time.Second

// slowUser is a terminal whose user needs some time for every answer.
type slowUser struct {
	io.Writer
	answers []string
	asked   *int
	pause   time.Duration
	typed   func() // called before an answer; may be nil
}

func (u *slowUser) next() (string, error) {
	*u.asked++
	time.Sleep(u.pause)
	if u.typed != nil {
		u.typed()
	}
	if len(u.answers) == 0 {
		return "", io.EOF
	}
	answer := u.answers[0]
	u.answers = u.answers[1:]
	return answer, nil
}

func (u *slowUser) ReadSecret(context.Context, string, int) ([]byte, error) {
	answer, err := u.next()
	return []byte(answer), err
}

func (u *slowUser) ReadLine(context.Context, string, int) (string, error) { return u.next() }
func (*slowUser) Restore()                                                {}
func (*slowUser) Close() error                                            { return nil }

// idleRun is a card in a reader, and the files of a user.
type idleRun struct {
	t       testing.TB
	card    *cardtest.Card
	service *cardtest.Service
	dir     string
	state   *state.Store
	output  bytes.Buffer  // of the last command
	pause   time.Duration // of the user before each answer
	typed   func()        // called before each answer; may be nil
}

func newIdleRun(t testing.TB, dir string) *idleRun {
	t.Helper()
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	c.SetIdleLimit(idleLimit)
	r := &idleRun{t: t, card: c, service: &cardtest.Service{}, dir: dir, state: state.Memory(), pause: time.Minute}
	r.service.Insert("reader", c)
	for name, content := range map[string][]byte{"csca.pem": cardtest.CSCAPEM(), "file": []byte("text")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// cie runs a command whose user gives these answers, and returns its exit code.
func (r *idleRun) cie(args []string, answers ...string) int {
	r.t.Helper()
	r.output.Reset()
	asked := 0
	w := systemEnv()
	w.args, w.stdin, w.stdout, w.stderr = append(args[:len(args):len(args)], "--csca", filepath.Join(r.dir, "csca.pem")), nil, &r.output, &r.output
	w.getenv = func(string) string { return "" }
	w.root, w.sources.Anchors = r.dir, nil
	w.service = func(bool) (readers.Service, error) { return r.service, nil }
	w.sources.Store = func() (card.Store, error) { return card.DirStore(filepath.Join(r.dir, "cards")), nil }
	w.sources.State = func() (*state.Store, error) { return r.state, nil }
	w.terminal = func() (terminal, error) {
		return &slowUser{Writer: &r.output, answers: answers, asked: &asked, pause: r.pause, typed: r.typed}, nil
	}
	defer tty.Reveal()
	code := run(w)
	if code == exitOK && asked != len(answers) {
		r.t.Errorf("%v: %d questions, want %d", args, asked, len(answers))
	}
	return code
}

const freshPIN = "28281414"

// inBubble runs f with a clock of its own. The goroutines of package os/signal, which every
// command needs, start before, because they belong to the process.
func inBubble(t *testing.T, f func(*testing.T)) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	defer signal.Stop(c)
	synctest.Test(t, f)
}

// No command asks the user, or waits for anything but the card, within a transaction.
func TestNothingIsAskedInATransaction(t *testing.T) {
	puk, pin := string(cardtest.DefaultPUK()), string(cardtest.DefaultPIN())
	dir := t.TempDir()
	inBubble(t, func(t *testing.T) {
		r := newIdleRun(t, dir)
		file := filepath.Join(dir, "file")
		for _, step := range []struct {
			args    []string
			answers []string
			exit    int
		}{
			{[]string{"status"}, nil, exitOK},
			{[]string{"pin", "verify"}, []string{pin}, exitOK},
			{[]string{"cert"}, []string{pin}, exitOK},
			{[]string{"sign", file, "--format", "raw", "--out", file + ".sig"}, []string{pin}, exitOK},
			{[]string{"sign", file}, []string{pin}, exitOK},
			{[]string{"pin", "change"}, []string{pin, freshPIN, freshPIN}, exitOK},
			{[]string{"pin", "verify"}, []string{pin}, exitWrongCode},
			{[]string{"pin", "verify"}, []string{pin}, exitWrongCode},
			{[]string{"pin", "verify"}, []string{"CONFIRM", freshPIN}, exitOK}, // the last try
			{[]string{"pin", "unblock"}, []string{puk, pin, pin}, exitOK},
		} {
			if code := r.cie(step.args, step.answers...); code != step.exit {
				t.Errorf("%v: exit code %d, want %d\n%s", step.args, code, step.exit, &r.output)
			}
			if p := r.card.LongestPause(); p != 0 {
				t.Errorf("%v: a pause of %v in a transaction", step.args, p)
			}
		}
	})
}

// A command that pauses before any of its commands to the card, as when the machine sleeps,
// loses no try, and the next one succeeds.
func TestCommandsRecoverFromResetOfAnIdleTransaction(t *testing.T) {
	pin := string(cardtest.DefaultPIN())
	for name, step := range map[string]struct{ args, answers []string }{
		"verify": {[]string{"pin", "verify"}, []string{pin}},
		"change": {[]string{"pin", "change"}, []string{pin, freshPIN, freshPIN}},
		"cert":   {[]string{"cert"}, []string{pin}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inBubble(t, func(t *testing.T) {
				for at := 1; ; at++ {
					r := newIdleRun(t, dir)
					count := 0
					r.service.Intercept(func([]byte) error {
						if count++; count == at {
							time.Sleep(idleLimit + time.Second)
						}
						return nil
					})
					code := r.cie(step.args, step.answers...)
					r.service.Intercept(nil)
					if code != exitOK && (code != exitLost || count < at) {
						t.Errorf("command %d: exit code %d\n%s", at, code, &r.output)
					}
					if count < at {
						if at < 20 {
							t.Errorf("%d commands, too few", at-1)
						}
						return
					}
					if p := r.card.LongestPause(); p != idleLimit {
						t.Errorf("command %d: longest pause %v", at, p)
					}
					if code := r.cie([]string{"pin", "verify"}, string(r.card.PIN())); code != exitOK {
						t.Errorf("command %d: afterwards exit code %d\n%s", at, code, &r.output)
					}
					if n, _ := r.card.Tries(); n != 3 || r.card.Stats().TriesSpent != 0 {
						t.Errorf("command %d: %d tries left", at, n)
					}
				}
			})
		})
	}
}
