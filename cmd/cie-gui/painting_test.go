//go:build linux && x11

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cie/cmd/internal/harness/rotation"
)

// Every change of the page reaches the screen for as long as the program runs.
// FYNE_CACHE is the toolkit's own variable for the life of its cache entries,
// a minute otherwise: with 2s they run out while something is painted all the
// time, with 15s while something is painted now and then. make slow turns pages
// for two minutes, make test with one of the two a day for several lives of an entry.
func TestWindowKeepsPainting(t *testing.T) {
	t.Parallel()
	for _, turning := range rotation.Today([]struct {
		life          string
		paging, pause time.Duration
	}{
		{"15s", 45 * time.Second, time.Second},
		{"2s", 10 * time.Second, 0},
	}, 2) {
		life, paging, pause := turning.life, turning.paging, turning.pause
		if rotation.All() {
			paging = 2 * time.Minute
		}
		t.Run(life, func(t *testing.T) {
			t.Parallel()
			p := newWalk(t, keyboard)
			p.env = append(p.env, "FYNE_CACHE="+life)
			p.Open("-demo")
			p.look()
			keys := p.pages()
			pages := make([]uint64, len(keys))
			for i := range pages {
				p.press(keys[i]...)
				pages[i] = p.look()
				for j := range i {
					if pages[j] == pages[i] {
						t.Fatalf("%q and %q lead to pages that look the same", keys[j], keys[i])
					}
				}
			}
			steps := 0
			for end := time.Now().Add(paging); time.Now().Before(end); steps++ {
				i := steps * (len(pages)/2 - 1) % len(pages) // not in their order
				p.press(keys[i]...)
				p.until(fmt.Sprintf("page %d after %d steps", i+1, steps), func() bool { return p.glance() == pages[i] })
				time.Sleep(pause)
			}
			t.Logf("%d changes of the page", steps)
		})
	}
}

// pages returns for every page of the window the keys that open it. The navigation and
// its tabs are the controls with the titles of pages (gui/text, nav.*); all titles are
// found.
func (w *walk) pages() (keys [][]string) {
	w.t.Helper()
	var titles []string
	for key, title := range catalogue(w.t) {
		if strings.HasPrefix(key, "nav.") {
			titles = append(titles, title)
		}
	}
	sections := w.sections()
	reached := []string{settingsTitle}
	for i, section := range sections {
		open := "ctrl+" + strconv.Itoa(i+1)
		reached = append(reached, section.Name)
		w.press(open)
		w.ask(showNext)
		var tabs []thing
		for _, t := range w.scene().Things {
			if t.Control && slices.Contains(titles, t.Name) && t.Box.Min.X > section.Box.Max.X && t.Box.Max.Y < screenHeight/4 {
				tabs = append(tabs, t)
			}
		}
		keys = append(keys, []string{open})
		for j, tab := range tabs {
			reached = append(reached, tab.Name)
			if j == 0 {
				continue
			}
			way := []string{open, "shift+Tab"} // from the page to the last of its tabs
			for range len(tabs) - 1 - j {
				way = append(way, "Left")
			}
			keys = append(keys, append(way, "Return"))
		}
	}
	slices.Sort(titles)
	slices.Sort(reached)
	if !slices.Equal(titles, reached) {
		w.t.Fatalf("the pages are %q, the navigation leads to %q", titles, reached)
	}
	return append(keys, []string{"ctrl+comma"})
}

// sections returns the entries of the navigation, at the left, in the order of their
// shortcuts; the settings, which have another one, are at the foot.
func (w *walk) sections() (list []thing) {
	w.t.Helper()
	for _, t := range w.scene().Things {
		if t.Control && t.Box.Max.X < screenWidth/4 && t.Name != settingsTitle {
			list = append(list, t)
		}
	}
	return list
}

// shortcut returns the keys that open an entry of the navigation.
func shortcut(t *testing.T, title string) string {
	t.Helper()
	w := newWalk(t, keyboard)
	w.Open("-demo")
	i := slices.IndexFunc(w.sections(), func(t thing) bool { return t.Name == title })
	if i < 0 {
		t.Fatalf("no entry %q in the navigation:\n%s", title, w.scene())
	}
	return "ctrl+" + strconv.Itoa(i+1)
}

const settingsTitle = "Impostazioni"

// catalogue returns the Italian texts.
func catalogue(t *testing.T) (texts map[string]string) {
	t.Helper()
	data, err := os.ReadFile("../../gui/text/it.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
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

// wakeups returns how often the thread of the windows has waited so far (proc(5), status).
func (p *user) wakeups() (n int) {
	p.t.Helper()
	pid := p.cmd.Process.Pid
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, pid)) // it is the first thread
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\nvoluntary_ctxt_switches:")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		p.t.Fatalf("%v in:\n%s", err, data)
	}
	return n
}

// The window at rest wakes a few times a second; a loop that polls, or paints something that
// moves, does so 60 times. Its share of a core, whose goal is 0.3 %, has a limit only for
// what would be seen on every machine: the same work takes two or three times longer while
// other programs take turns on the processor.
func TestProcessorTimeAtRest(t *testing.T) {
	t.Parallel()
	help := shortcut(t, "Aiuto")
	p := newUser(t)
	p.start("-demo")
	p.face()
	const wakeups, percent = 20, 2
	figure := func(when string) {
		p.look()
		time.Sleep(3 * time.Second) // the screen is still before the toolkit is
		before, woken, since := p.burnt(), p.wakeups(), time.Now()
		time.Sleep(20 * time.Second)
		used, took := p.burnt()-before, time.Since(since)
		share, rate := 100*used.Seconds()/took.Seconds(), float64(p.wakeups()-woken)/took.Seconds()
		t.Logf("%s: %v of processor time in %v, %.2f %% of a core; woken %.1f times a second", when, used, took.Round(time.Millisecond), share, rate)
		if share > percent || rate > wakeups {
			t.Errorf("%s: more than %d %% or %d times a second", when, percent, wakeups)
		}
	}
	figure("after a card was read")
	p.press(help, "shift+Tab", "Left", "Return") // its second page
	figure("after the diagnostics")
	p.press("ctrl+comma")
	figure("idle")
}
