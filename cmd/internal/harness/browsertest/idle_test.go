//go:build linux

package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cie/cmd/internal/harness/browsertest/browser"
)

// settleTime is when programs have done what they do after their start.
const settleTime = 30 * time.Second

// effort is what a process has used since its start.
type effort struct {
	processor time.Duration
	switches  int // voluntary: each is the end of a wait
	memory    int // anonymous, kB
}

// readEffort measures all threads of a process.
func readEffort(t testing.TB, pid int) (e effort) {
	t.Helper()
	g, err := readGauge(pid)
	if err != nil {
		t.Fatal(err)
	}
	e.memory = g.memory
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		t.Fatal(err)
	}
	// The name of the program, in parentheses, can contain spaces.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		e.processor += time.Duration(n) * 10 * time.Millisecond
	}
	threads, _ := filepath.Glob(filepath.Join(dir, "task", "*", "status"))
	for _, file := range threads {
		status, _ := os.ReadFile(file) // the thread can have ended
		for line := range strings.Lines(string(status)) {
			var n int
			if _, err := fmt.Sscanf(line, "voluntary_ctxt_switches: %d", &n); err == nil {
				e.switches += n
			}
		}
	}
	return e
}

// TestIdle reports what programs use that do nothing for a time, CIE_IDLE, while the card is on
// the reader: the window, and Firefox with the module after a login and without it.
func TestIdle(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("CIE_IDLE"))
	if err != nil {
		t.Skip("takes CIE_IDLE, such as 10m: make idle")
	}
	need(t, browser.Firefox)
	s := newStack(t)
	s.enable()
	k := &soak{machine: s, t: t, gauges: map[string][]gauge{}}
	k.startWindow()
	with := s.sit(t, browser.Firefox)
	with.wantIn(with.login(nil, pin()), 1, 1)
	plain := newStack(t)
	if err := os.MkdirAll(filepath.Join(plain.home, ".mozilla/firefox/test.default"), 0o700); err != nil {
		t.Fatal(err)
	}
	without := plain.sit(t, browser.Firefox)
	k.watch("Firefox with the module", with.browser.PID(), false)
	k.watch("Firefox without it", without.browser.PID(), false)

	time.Sleep(settleTime)
	before, card := map[string]effort{}, s.card.Stats()
	for _, p := range k.processes {
		before[p.name] = readEffort(t, p.pid)
	}
	time.Sleep(duration)
	for _, p := range k.processes {
		e, b := readEffort(t, p.pid), before[p.name]
		t.Logf("%-24s %8.2f s of the processor, %6.1f wake-ups a second, %7d kB (%+d kB) in %v",
			p.name, (e.processor - b.processor).Seconds(), float64(e.switches-b.switches)/duration.Seconds(), e.memory, e.memory-b.memory, duration)
	}
	if n := s.card.Stats().Sub(card).APDUs; n != 0 {
		t.Errorf("%d commands to the card while nothing happens", n)
	}
	for _, stop := range k.stops {
		stop()
	}
}
