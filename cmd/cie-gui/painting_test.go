//go:build linux && x11

package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// glance returns what the screen shows now.
func (p *user) glance() (picture [sha256.Size]byte) {
	cmd := exec.Command("import", "-window", "root", "rgb:-")
	cmd.Env = p.env
	if out, err := cmd.Output(); err == nil {
		picture = sha256.Sum256(out)
	}
	return picture
}

// Every change of the page reaches the screen for as long as the program runs.
// FYNE_CACHE is the toolkit's own variable for the life of its cache entries,
// a minute otherwise: with 2s they run out while something is painted all the
// time, with 15s while something is painted now and then. make slow turns pages
// for two minutes, make test for several lives of an entry.
func TestWindowKeepsPainting(t *testing.T) {
	t.Parallel()
	for life, paging := range map[string]time.Duration{"15s": 45 * time.Second, "2s": 20 * time.Second} {
		if os.Getenv("CIE_SLOW") != "" {
			paging = 2 * time.Minute
		}
		t.Run(life, func(t *testing.T) {
			t.Parallel()
			p := newUser(t)
			p.env = append(p.env, "FYNE_CACHE="+life)
			p.start("-demo")
			p.face()
			p.look()
			keys := []string{"ctrl+1", "ctrl+2", "ctrl+3", "ctrl+4", "ctrl+comma"}
			pages := make([][sha256.Size]byte, len(keys))
			for i := range pages {
				p.press(keys[i])
				pages[i] = p.look()
				for j := range i {
					if pages[j] == pages[i] {
						t.Fatalf("pages %d and %d look the same", j+1, i+1)
					}
				}
			}
			steps := 0
			for end := time.Now().Add(paging); time.Now().Before(end); steps++ {
				i := steps * 3 % len(pages) // not in their order
				p.press(keys[i])
				p.until(fmt.Sprintf("page %d after %d steps", i+1, steps), func() bool { return p.glance() == pages[i] })
			}
			t.Logf("%d changes of the page", steps)
		})
	}
}

// burnt returns the processor time that the program has used so far.
func (p *user) burnt() time.Duration {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	var user, system int
	if _, err := fmt.Sscan(f[11]+" "+f[12], &user, &system); err != nil {
		p.t.Fatal(err)
	}
	return time.Duration(user+system) * (time.Second / 100) // proc(5): in 1/100 s
}

// The window at rest takes hardly any processor time: the goal is 0.3 % of a core, and
// a loop that polls takes more than 1 %. Processor time depends little on what else
// the machine does; the limits have room for that.
func TestProcessorTimeAtRest(t *testing.T) {
	t.Parallel()
	p := newUser(t)
	p.start("-demo")
	p.face()
	figure := func(when string, limit float64) {
		p.look()
		time.Sleep(3 * time.Second) // the screen is still before the toolkit is
		before, since := p.burnt(), time.Now()
		time.Sleep(20 * time.Second)
		used, took := p.burnt()-before, time.Since(since)
		share := 100 * used.Seconds() / took.Seconds()
		t.Logf("%s: %v of processor time in %v, %.2f %% of a core", when, used, took.Round(time.Millisecond), share)
		if share > limit {
			t.Errorf("%s: more than %.1f %%", when, limit)
		}
	}
	figure("after a card was read", 0.6)
	p.openDiagnostics()
	figure("after the diagnostics", 0.6)
	p.press("ctrl+comma")
	figure("idle", 0.4)
}
