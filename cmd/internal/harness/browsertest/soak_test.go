//go:build linux

package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cie/card"
	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/browsertest/browser"
	"cie/cmd/internal/harness/browsertest/desktop"
	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/harness/stacktest"
)

// signers is the number of programs that sign with the module at the same time.
const signers = 4

// batch is the number of files that are signed with one PIN again and again.
const batch = 20

// TestSoak uses one card for a long time, CIE_SOAK, from everything that can use it: the window,
// two browsers that log in, programs that sign with the module, and batches of documents. The
// card is removed and inserted again, and the service restarts, at random times.
//
// Every signature must verify, no try may be used, everything must work again after each
// disturbance, and after a start-up time memory, threads and descriptors of our programs must
// stay as they are, which takes a run of a quarter of an hour to judge. Browsers are measured,
// but their memory is not judged.
func TestSoak(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("CIE_SOAK"))
	if err != nil {
		t.Skip("takes CIE_SOAK, such as 1h: make soak")
	}
	need(t, browser.Firefox, browser.Chromium)
	s := newStack(t)
	s.enable()
	k := &soak{machine: s, t: t, gauges: map[string][]gauge{}}
	k.learnKey()
	end := time.Now().Add(duration)

	k.startWindow()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range signers {
		k.startSigner(i)
	}
	k.work.Go(func() { k.signBatches(ctx) })
	k.work.Go(func() { k.measure(ctx, duration) })
	users := []*user{s.sit(t, browser.Firefox), s.sit(t, browser.Chromium)}
	for round := 0; time.Now().Before(end); round++ {
		for i := range users {
			k.logIn(&users[i], round)
		}
		k.disturb(round)
	}
	cancel()
	for _, stop := range k.stops {
		stop()
	}
	k.work.Wait()
	k.judge(duration)
}

// soak is a run of TestSoak.
type soak struct {
	*machine
	t     *testing.T
	key   *rsa.PublicKey
	work  sync.WaitGroup
	stops []func()

	mu         sync.Mutex // guards the following
	signatures int
	documents  int
	failures   int // of batches, which a disturbance interrupted
	logins     int
	restarts   int // of browsers that remembered that there was no certificate
	disturbed  int
	processes  []process
	gauges     map[string][]gauge
}

// process is one that is measured.
type process struct {
	name string
	pid  int
	ours bool
}

// gauge is a measurement of a process.
type gauge struct {
	at                       time.Duration
	memory, threads, handles int // kB, and numbers
}

// learnKey reads the public key from a card of the same profile.
func (k *soak) learnKey() {
	k.t.Helper()
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		k.t.Fatal(err)
	}
	session, err := card.Open(k.t.Context(), c.Reader(), card.Options{})
	if err != nil {
		k.t.Fatal(err)
	}
	if err := session.Verify(k.t.Context(), card.PIN, cardtest.DefaultPIN(), card.AcceptUnknownIssuer()); err != nil {
		k.t.Fatal(err)
	}
	key, err := session.Signer(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	k.key = key.Public().(*rsa.PublicKey)
}

// environment returns the environment of the programs that are no browsers.
func (k *soak) environment(more ...string) []string {
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + k.home, "XDG_RUNTIME_DIR=" + k.env.RuntimeDir, "LANG=C.UTF-8"}, k.daemon.Env()...)
	return append(env, more...)
}

func (k *soak) watch(name string, pid int, ours bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.processes = append(k.processes, process{name, pid, ours})
}

// startWindow opens the application on a screen of its own.
func (k *soak) startWindow() {
	k.t.Helper()
	dir := filepath.Join(k.home, ".screen-window")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		k.t.Fatal(err)
	}
	screen, err := desktop.Start(context.Background(), dir)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(screen.Stop)
	cmd := exec.Command(built.File(k.t, built.Window))
	cmd.Env = k.environment(screen.Env()...)
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.watch("window", cmd.Process.Pid, true)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	k.stops = append(k.stops, func() {
		select {
		case err := <-ended:
			k.t.Errorf("the window ended by itself: %v", err)
		default:
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	k.t.Cleanup(func() { _ = cmd.Process.Kill() })
}

// startSigner starts a program that signs with the module, and verifies what it writes.
func (k *soak) startSigner(i int) {
	k.t.Helper()
	exe := filepath.Join(k.home, "endure")
	if _, err := os.Stat(exe); err != nil {
		source := filepath.Join("..", "..", "..", "cie-pkcs11", "testdata", "endure.c")
		if out, err := await.Command(k.t, "gcc", "-O1", "-Wall", "-Werror", "-o", exe, source, "-ldl").CombinedOutput(); err != nil {
			k.t.Fatalf("%v\n%s", err, out)
		}
	}
	cmd := exec.Command(exe, k.module, string(cardtest.DefaultPIN()), strconv.Itoa(i))
	cmd.Env = k.environment()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = cmd.Process.Kill() })
	name := fmt.Sprint("signer ", i)
	k.watch(name, cmd.Process.Pid, true)
	k.stops = append(k.stops, func() { in.Close() })
	k.work.Go(func() {
		n := k.verify(name, bufio.NewReader(out))
		if err := cmd.Wait(); err != nil {
			k.t.Errorf("%s: %v\n%s", name, err, &errs)
			return
		}
		var reported, failed, longest int
		if _, err := fmt.Sscan(errs.String(), &reported, &failed, &longest); err != nil || reported != n {
			k.t.Errorf("%s: %d signatures read, it reports %q (%v)", name, n, &errs, err)
			return
		}
		k.t.Logf("%s: %d signatures, %d errors while disturbed, at most %d ms without one", name, reported, failed, longest)
		if limit := int(patience.Milliseconds()); longest > limit {
			k.t.Errorf("%s: %d ms without a signature", name, longest)
		}
	})
}

// verify reads signatures until they end, and returns their number.
func (k *soak) verify(name string, r io.Reader) int {
	record := make([]byte, 16+256)
	for n := 0; ; n++ {
		if _, err := io.ReadFull(r, record); err != nil {
			if !errors.Is(err, io.EOF) {
				k.t.Errorf("%s: after %d signatures: %v", name, n, err)
			}
			return n
		}
		hash := sha256.Sum256(record[:16])
		if err := rsa.VerifyPKCS1v15(k.key, crypto.SHA256, hash[:], record[16:]); err != nil {
			k.t.Errorf("%s, signature %d: %v", name, n, err)
		}
		k.mu.Lock()
		k.signatures++
		k.mu.Unlock()
	}
}

// signBatches signs documents with one PIN, again and again. A disturbance may end a batch; what
// was written must be whole all the same.
func (k *soak) signBatches(ctx context.Context) {
	for ctx.Err() == nil {
		dir, err := os.MkdirTemp(k.home, "batch-")
		if err != nil {
			k.t.Error(err)
			return
		}
		args := []string{"sign", "--pin-fd", "0"}
		for i := range batch {
			name := filepath.Join(dir, fmt.Sprintf("%d.txt", i))
			if err := os.WriteFile(name, fmt.Appendf(nil, "document %d", i), 0o600); err != nil {
				k.t.Error(err)
			}
			args = append(args, name)
		}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		cmd := exec.CommandContext(limited, built.File(k.t, built.CLI), args...)
		cmd.Env, cmd.Stdin = k.environment(), strings.NewReader(string(cardtest.DefaultPIN())+"\n")
		out, failed := cmd.CombinedOutput()
		if limited.Err() != nil {
			k.t.Errorf("a batch does not end: %s", out)
		}
		cancel()
		whole := 0
		signed, _ := filepath.Glob(filepath.Join(dir, "*.p7m"))
		for _, name := range signed {
			if out, err := await.Command(k.t, "openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", name, "-out", os.DevNull).CombinedOutput(); err != nil {
				k.t.Errorf("%s: %v\n%s", name, err, out)
				continue
			}
			whole++
		}
		if failed == nil && whole != batch {
			k.t.Errorf("%d of %d documents signed, but the program reports success:\n%s", whole, batch, out)
		}
		k.mu.Lock()
		k.documents += whole
		if failed != nil {
			k.failures++
		}
		k.mu.Unlock()
		if failed != nil {
			time.Sleep(200 * time.Millisecond) // until the card is back
		}
		if err := os.RemoveAll(dir); err != nil {
			k.t.Error(err)
		}
	}
}

// logIn logs a browser in. The card is there, so it must succeed; a browser may need a second
// time after a disturbance (see firefoxLooks), and Chromium a restart, because it remembers that
// there was no certificate for as long as it runs (see user.again).
func (k *soak) logIn(u **user, round int) {
	k.t.Helper()
	for attempt := range 3 {
		if round > 0 || attempt > 0 {
			(*u).back()
		}
		if k.attempt(*u, round) {
			return
		}
		(*u).again()
		if k.attempt(*u, round) {
			return
		}
		if (*u).kind == browser.Chromium {
			(*u).browser.Stop()
			*u = k.sit(k.t, browser.Chromium)
			k.restarts++
			if k.attempt(*u, round) {
				return
			}
		}
	}
	k.t.Errorf("round %d: %s does not log in any more", round, (*u).kind)
}

// attempt reports whether a login succeeds, which it counts.
func (k *soak) attempt(u *user, round int) bool {
	k.t.Helper()
	o, err := u.tryLogin(nil, pin())
	if err != nil || !o.in() {
		k.t.Logf("round %d, %s: the page shows %q (%v)", round, u.kind, o.shown, err)
		return false
	}
	k.mu.Lock()
	k.logins++
	k.mu.Unlock()
	return true
}

// disturb removes the card or restarts the service, and waits until everything had the
// time to notice.
func (k *soak) disturb(round int) {
	k.t.Helper()
	pause := func(most time.Duration) { time.Sleep(rand.N(most)) }
	pause(5 * time.Second)
	k.take()
	if round%4 == 3 {
		if err := k.daemon.Restart(); err != nil {
			k.t.Fatal(err)
		}
	}
	pause(5 * time.Second)
	k.take = stacktest.Insert(k.t, k.daemon, 0, k.card).Remove
	k.mu.Lock()
	k.disturbed++
	n := k.signatures
	k.mu.Unlock()
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		k.mu.Lock()
		more := k.signatures - n
		k.mu.Unlock()
		if more >= 2*signers {
			return
		}
		if time.Now().After(end) {
			k.t.Errorf("round %d: the programs do not sign again (%d signatures)", round, more)
			return
		}
	}
}

// measure reads what the processes use, a hundred times or more.
func (k *soak) measure(ctx context.Context, duration time.Duration) {
	start := time.Now()
	tick := time.NewTicker(min(10*time.Second, duration/100+time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		k.mu.Lock()
		for _, p := range k.processes {
			if g, err := readGauge(p.pid); err == nil {
				g.at = time.Since(start)
				k.gauges[p.name] = append(k.gauges[p.name], g)
			}
		}
		k.mu.Unlock()
	}
}

// readGauge measures a process.
func readGauge(pid int) (g gauge, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return g, err
	}
	for line := range strings.Lines(string(status)) {
		// Anonymous memory: that of files is shared and the kernel's to keep.
		_, _ = fmt.Sscanf(line, "RssAnon: %d kB", &g.memory)
		_, _ = fmt.Sscanf(line, "Threads: %d", &g.threads)
	}
	handles, err := os.ReadDir(filepath.Join(dir, "fd"))
	g.handles = len(handles)
	if g.memory == 0 && err == nil {
		err = syscall.ESRCH
	}
	return g, err
}

// shortest is the length of the shortest run in which growth is judged: in a shorter one the
// heap of the window still finds its size, and the slope is that of the start.
const shortest = 15 * time.Minute

// judge reports the run and checks that nothing grew after the start-up time: 5 minutes, or
// a third of a run that is shorter than three times that.
func (k *soak) judge(duration time.Duration) {
	k.t.Helper()
	warm := min(5*time.Minute, duration/3)
	if duration < shortest {
		k.t.Logf("growth is NOT JUDGED in a run of less than %v", shortest)
	}
	k.t.Logf("%d signatures, %d documents (%d batches interrupted), %d browser logins (%d times after a restart), %d disturbances in %v",
		k.signatures, k.documents, k.failures, k.logins, k.restarts, k.disturbed, duration)
	for _, p := range k.processes {
		all := slices.DeleteFunc(k.gauges[p.name], func(g gauge) bool { return g.at < warm })
		if len(all) < 10 {
			k.t.Errorf("%s: only %d measurements", p.name, len(all))
			continue
		}
		memory := rise(all, func(g gauge) int { return g.memory })
		threads, handles := rise(all, func(g gauge) int { return g.threads }), rise(all, func(g gauge) int { return g.handles })
		last := all[len(all)-1]
		k.t.Logf("%-9s %7d kB (%+.0f kB an hour), %d threads (%+.1f), %d descriptors (%+.1f)",
			p.name, last.memory, memory, last.threads, threads, last.handles, handles)
		// What the slope means over the rest of the run, against what heaps vary by.
		rest := (duration - warm).Hours()
		if p.ours && duration >= shortest && (memory*rest > 8<<10 || threads*rest > 4 || handles*rest > 4) {
			k.t.Errorf("%s: it grows", p.name)
		}
	}
	if st := k.card.Stats(); st.TriesSpent != 0 {
		k.t.Errorf("tries used: %+v", st)
	}
	if k.signatures == 0 || k.documents == 0 || k.logins == 0 {
		k.t.Error("something did not run at all")
	}
}

// rise returns the slope of a measurement per hour, by least squares.
func rise(all []gauge, value func(gauge) int) float64 {
	var n, sx, sy, sxx, sxy float64
	for _, g := range all {
		x, y := g.at.Hours(), float64(value(g))
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if d := n*sxx - sx*sx; d != 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}
