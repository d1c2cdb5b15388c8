//go:build linux

package pcscd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asParent makes the test binary a program that starts a daemon and waits.
const asParent = "CIE_PCSCD_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(asParent) != "" {
		d, err := Start(context.Background(), Options{})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(d.dir, d.cmd.Process.Pid)
		io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// begin starts a daemon; it skips, loudly, where none can run.
func begin(t *testing.T, opts Options) *Daemon {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a daemon")
	}
	d, err := Start(t.Context(), opts)
	if errors.Is(err, ErrNotInstalled) || errors.Is(err, ErrNotPermitted) {
		t.Skipf("NOT TESTED with a real pcscd: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	return d
}

// eventually polls until ok holds; how long that takes is not the question.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// children lists the processes whose parent is pid.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats {
		b, err := os.ReadFile(s)
		if err != nil {
			continue // gone since
		}
		_, rest, _ := strings.Cut(string(b), ") ") // after the name
		var state string
		var parent, child int
		fmt.Sscan(rest, &state, &parent)
		fmt.Sscan(string(b), &child)
		if parent == pid && state != "Z" {
			pids = append(pids, child)
		}
	}
	return pids
}

// outside returns what other programs can see: the service's files and the
// listening TCP ports.
func outside(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	files, _ := filepath.Glob("/run/pcscd*/*")
	for _, f := range files {
		st, err := os.Lstat(f)
		if err == nil {
			fmt.Fprintln(&b, f, st.ModTime())
		}
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&b, "vpcd's port open:", listens(string(table), Port))
	return b.String()
}

func TestDaemonIsPrivate(t *testing.T) {
	before := outside(t)
	d := begin(t, Options{})
	if after := outside(t); after != before {
		t.Errorf("the daemon shows outside:\nbefore %s\nafter %s", before, after)
	}
	if d.Slots() != 2 || !strings.Contains(d.Env()[0], d.Socket()) || d.Addr() == "" {
		t.Errorf("slots %d, env %q, addr %q", d.Slots(), d.Env(), d.Addr())
	}
	c, err := net.Dial("unix", d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if st, err := os.Stat(d.dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("private directory: %v %v", st.Mode(), err)
	}
	for _, slot := range []int{-1, 2} {
		if c, err := d.Dial(slot); err == nil {
			c.Close()
			t.Errorf("Dial(%d) succeeded", slot)
		}
	}
	helper := d.cmd.Process.Pid
	pids := append(children(t, helper), helper)
	if len(pids) != 2 {
		t.Errorf("processes %v", pids)
	}
	d.Stop()
	d.Stop()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if exists(d.dir) {
		t.Errorf("%s is left", d.dir)
	}
	if _, err := d.Dial(0); !errors.Is(err, ErrStopped) {
		t.Errorf("Dial after Stop: %v", err)
	}
	if err := d.Restart(); !errors.Is(err, ErrStopped) {
		t.Errorf("Restart after Stop: %v", err)
	}
	if after := outside(t); after != before {
		t.Errorf("the daemon left something outside:\nbefore %s\nafter %s", before, after)
	}
}

// A client sees a card that has only an ATR, in the reader of that name.
func TestClientSeesDialedCard(t *testing.T) {
	for _, slot := range []int{0, 3} {
		d := begin(t, Options{Slots: 3})
		if d.Slots() != 4 {
			t.Errorf("3 slots made %d", d.Slots())
		}
		c, err := d.Dial(slot)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if host, _, _ := net.SplitHostPort(c.RemoteAddr().String()); host != "127.0.0.1" {
			t.Errorf("vpcd at %s", host)
		}
		// The reader's first question: the ATR (00 01 04).
		ask := make([]byte, 3)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadFull(c, ask); err != nil || string(ask) != "\x00\x01\x04" {
			t.Errorf("vpcd asks % X, %v", ask, err)
		}
	}
}

func TestDaemonShowsMaxSlots(t *testing.T) {
	d := begin(t, Options{Slots: MaxSlots})
	scan, err := exec.LookPath("pcsc_scan")
	if err != nil {
		t.Skip("NOT TESTED: no pcsc_scan")
	}
	cmd := exec.Command(scan, "-r")
	cmd.Env = append(os.Environ(), d.Env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for i := range MaxSlots {
		if !strings.Contains(string(out), ": "+d.Reader(i)+"\n") {
			t.Errorf("no reader %q in %s", d.Reader(i), out)
		}
	}
}

func TestDaemonsAreIndependent(t *testing.T) {
	a, b := begin(t, Options{}), begin(t, Options{})
	if a.Socket() == b.Socket() {
		t.Fatal("one socket")
	}
	a.Stop()
	c, err := b.Dial(0)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestPausedServiceRefusesClientsUntilResumed(t *testing.T) {
	dir := t.TempDir()
	if len(dir) > 80 {
		var err error
		if dir, err = os.MkdirTemp("/tmp", "pcscd-test-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	d := begin(t, Options{Dir: dir})
	card, err := d.Dial(0)
	if err != nil {
		t.Fatal(err)
	}
	defer card.Close()
	if err := d.Pause(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("unix", d.Socket()); err == nil {
		t.Error("a paused service takes clients")
	}
	if _, err := d.Dial(0); !errors.Is(err, ErrStopped) {
		t.Errorf("Dial while paused: %v", err)
	}
	if _, err := io.Copy(io.Discard, card); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the card's connection: %v", err)
	}
	if err := d.Pause(); err != nil {
		t.Errorf("second Pause: %v", err)
	}
	if err := d.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := d.Resume(); err == nil {
		t.Error("second Resume succeeded")
	}
	if err := d.Restart(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	d.Stop()
	if !exists(dir) {
		t.Error("Stop removed a directory that is not its own")
	}
}

func ended(d *Daemon) bool {
	select {
	case <-d.Done():
		return true
	default:
		return false
	}
}

func TestDaemonStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	begin(t, Options{}) // skips where needed
	d, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "daemon ended", func() bool { return ended(d) })
	eventually(t, "directory removed", func() bool { return !exists(d.dir) })
	if _, err := Start(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Start with an ended context: %v", err)
	}
}

func TestKilledDaemonIsReported(t *testing.T) {
	d := begin(t, Options{})
	pids := children(t, d.cmd.Process.Pid)
	if len(pids) != 1 {
		t.Fatalf("children %v", pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	eventually(t, "daemon ended", func() bool { return ended(d) })
	if exists(d.dir) {
		t.Errorf("%s is left", d.dir)
	}
	_, err := d.Dial(0)
	if !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("Dial: %v", err)
	}
}

func TestKilledHelperTakesDaemonWithIt(t *testing.T) {
	d := begin(t, Options{})
	pids := children(t, d.cmd.Process.Pid)
	d.cmd.Process.Kill()
	eventually(t, "daemon ended", func() bool { return ended(d) })
	for _, pid := range pids {
		eventually(t, "pcscd gone", func() bool { return !alive(pid) })
	}
	if exists(d.dir) {
		t.Errorf("%s is left", d.dir)
	}
}

// kill -9 of the program leaves neither processes nor files.
func TestKilledParentLeavesNothing(t *testing.T) {
	begin(t, Options{}) // skips where needed
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), asParent+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dir string
	var helper int
	if _, err := fmt.Fscan(out, &dir, &helper); err != nil {
		t.Fatal(err)
	}
	pids := append(children(t, helper), helper)
	if len(pids) != 2 || !exists(dir) {
		t.Errorf("processes %v, directory %s", pids, dir)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for _, pid := range pids {
		eventually(t, "process gone", func() bool { return !alive(pid) })
	}
	eventually(t, "directory removed", func() bool { return !exists(dir) })
}

func TestStartRejectsSlotCounts(t *testing.T) {
	for _, n := range []int{-1, MaxSlots + 1} {
		if d, err := Start(t.Context(), Options{Slots: n}); err == nil {
			d.Stop()
			t.Errorf("%d slots", n)
		}
	}
	saved, savedDirs := daemonPaths, driverDirs
	defer func() { daemonPaths, driverDirs = saved, savedDirs }()
	daemonPaths = []string{filepath.Join(t.TempDir(), "pcscd")}
	if err := Installed(); !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "package pcscd") {
		t.Errorf("no pcscd: %v", err)
	}
	if err := os.WriteFile(daemonPaths[0], []byte("#!/bin/sh\necho no such luck\nexit 5\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	driverDirs = []string{t.TempDir()}
	if err := Installed(); !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "vsmartcard-vpcd") {
		t.Errorf("no driver: %v", err)
	}
}

// The error of a pcscd that did not start contains its reason.
func TestStartReportsWhyDaemonFailed(t *testing.T) {
	begin(t, Options{}) // skips where needed
	saved := daemonPaths
	defer func() { daemonPaths = saved }()
	tests := []struct{ name, script, want string }{
		{"ends", "echo no such luck; exit 5", "no such luck"},
		{"no readers", "exec " + saved[0] + ` --foreground --config /dev/null/none`, "pcscd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			daemonPaths = []string{filepath.Join(t.TempDir(), "pcscd")}
			if err := os.WriteFile(daemonPaths[0], []byte("#!/bin/sh\n"+tt.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			d, err := Start(t.Context(), Options{})
			if err == nil {
				d.Stop()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not contain %q", err, tt.want)
			}
		})
	}
}

func TestListensReadsTableOfSockets(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 00000000:8C7B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:8C7C 0100007F:8C7B 01 00000000:00000000 00:00000000 00000000     0
`
	if !listens(table, 35963) || listens(table, 35964) || listens(table, 8) || listens("", 35963) {
		t.Error("/proc/net/tcp is misread")
	}
}

func TestRingKeepsTheEndOfTheLog(t *testing.T) {
	var r ring
	for i := range 3000 {
		fmt.Fprintf(&r, "line %06d of the log that pcscd writes\n", i)
	}
	if s := r.String(); len(s) > ringSize || !strings.HasSuffix(s, "002999 of the log that pcscd writes\n") {
		t.Errorf("%d bytes, ends %q", len(s), s[len(s)-50:])
	}
}

func ExampleStart() {
	d, err := Start(context.Background(), Options{})
	if err != nil {
		return // ErrNotInstalled, ErrNotPermitted
	}
	defer d.Stop()
	cmd := exec.Command("pcsc_scan", "-r")
	cmd.Env = append(os.Environ(), d.Env()...)
	_ = cmd.Run()
}
