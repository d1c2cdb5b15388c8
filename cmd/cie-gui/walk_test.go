//go:build linux && x11

package main

import (
	"encoding/json"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/buildtest/built"
)

// hand is what a person operates the window with. Digits are typed in any case.
type hand string

const (
	keyboard hand = "keyboard" // Tab, Return, Space and the arrows: no mouse
	mouse    hand = "mouse"    // the left button and the wheel: no other key than digits
)

// walk is a person before a real window. The window is the program of this
// package in the executable of its tests, which reports what it shows (see
// watched). What is seen must be in view and painted on the screen, and keys and
// clicks come from the X server, as those of a person do.
type walk struct {
	*user
	hand     hand
	requests *os.File
	scenes   *json.Decoder
	state    string // file with the counters of the card
}

// newWalk prepares a walk with a card whose memory is a file.
func newWalk(t *testing.T, h hand) *walk {
	t.Helper()
	w := &walk{user: newUser(t), hand: h}
	w.state = filepath.Join(t.TempDir(), "card.json")
	w.card = newCard(t, w.state, holder)
	return w
}

func newCard(t *testing.T, state string, p cardtest.Profile) *cardtest.Card {
	t.Helper()
	c, err := cardtest.Load(state, p)
	if err != nil {
		t.Fatal(err)
	}
	c.SetCost(cardtest.CostModel{})
	return c
}

// watchedDir returns a directory with the module and beside it, as in an
// installation, the executable of these tests under the name of the program.
var watchedDir = sync.OnceValues(func() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "cie-gui-watched")
	if err != nil {
		return "", err
	}
	watchedMade = dir
	return dir, os.Link(exe, filepath.Join(dir, built.Window))
})

var watchedMade string

func removeWatched() error {
	if watchedMade == "" {
		return nil
	}
	return os.RemoveAll(watchedMade)
}

// Open starts the window.
func (w *walk) Open(args ...string) {
	w.t.Helper()
	dir, err := watchedDir()
	if err != nil {
		w.t.Fatal(err)
	}
	module := filepath.Join(dir, built.Module)
	if _, err := os.Stat(module); err != nil {
		data, err := os.ReadFile(built.File(w.t, built.Module))
		if err == nil {
			err = os.WriteFile(module, data, 0o755)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	in, requests, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	scenes, out, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, built.Window), args...)
	cmd.Env, cmd.Stderr, cmd.SysProcAttr = append(w.env, watched+"=1"), &w.log, withTest()
	cmd.ExtraFiles = []*os.File{in, out}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	in.Close()
	out.Close()
	w.requests, w.scenes = requests, json.NewDecoder(scenes)
	w.cmd = cmd
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.shot("failed-" + w.t.Name())
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		requests.Close()
		scenes.Close()
		if w.t.Failed() {
			w.t.Logf("the program says:\n%s", &w.log)
		}
	})
	w.face()
}

// Insert puts the card on the reader.
func (w *walk) Insert() { w.insertCard() }

// Remove takes the card off the reader.
func (w *walk) Remove() { w.removeCard() }

// pull takes the card off the reader while it is at work, and lets it be quick again.
func (w *walk) pull() {
	w.removeCard()
	w.card.SetCost(cardtest.CostModel{})
}

// scene returns what the window shows now.
func (w *walk) scene() scene { return w.ask(showNow) }

func (w *walk) ask(what byte) (s scene) {
	w.t.Helper()
	if _, err := w.requests.Write([]byte{what}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.scenes.Decode(&s); err != nil {
		w.t.Fatalf("the window does not answer: %v", err)
	}
	return s
}

// wait waits for something in the window and returns the scene with it.
func (w *walk) wait(what string, ok func(scene) bool) (s scene) {
	w.t.Helper()
	const most = 150 * time.Millisecond // each look takes time from the program
	pause := most / 16
	for end := time.Now().Add(time.Minute); ; time.Sleep(pause) {
		if s = w.scene(); ok(s) {
			return s
		}
		pause = min(2*pause, most)
		if time.Now().After(end) {
			w.t.Fatalf("%s: waited a minute; the window shows:\n%s", what, s)
		}
	}
}

// WaitFor waits until each of the words is in view and painted.
func (w *walk) WaitFor(words ...string) {
	w.t.Helper()
	for _, s := range words {
		w.wait(fmt.Sprintf("%q in view", s), func(now scene) bool { return w.sees(now, s) })
	}
}

func (w *walk) sees(s scene, words string) bool {
	for _, t := range s.says(words) {
		if !t.whole() {
			continue
		}
		if img, err := w.screen.Part(t.Box); err != nil {
			w.t.Fatal(err)
		} else if painted(img) {
			return true
		}
	}
	return false
}

// WaitUntilGone waits until none of the words is anywhere on the page.
func (w *walk) WaitUntilGone(words ...string) {
	w.t.Helper()
	for _, s := range words {
		w.wait(fmt.Sprintf("no %q", s), func(now scene) bool { return len(now.says(s)) == 0 })
	}
}

// Press operates the control of that name once it can be operated. Where several have the
// name it is the lowest on the page: the button of a page rather than the tab
// that leads to it.
func (w *walk) Press(name string) {
	w.t.Helper()
	if w.hand == mouse {
		w.Click(name)
		return
	}
	w.TabTo(name)
	w.press("Return")
}

// Type types digits into the field of that name.
func (w *walk) Type(field string, digits []byte) {
	w.t.Helper()
	if w.hand == mouse {
		w.Click(field)
	} else {
		w.TabTo(field)
	}
	w.press(strings.Split(string(digits), "")...)
}

// Choose chooses from the list of that name.
func (w *walk) Choose(list, option string) {
	w.t.Helper()
	if w.hand == mouse {
		w.Click(list)
		w.Click(option)
		return
	}
	w.TabTo(list)
	w.press("space")
	menu := w.wait("a menu with "+option, func(s scene) bool {
		return len(s.controls(option)) > 0 && len(s.controls(list)) == 0
	})
	open := false // the menu has the keyboard, and its entries come after it
	for _, t := range menu.Things {
		if !t.Control || !open {
			open = open || t.Focused
			continue
		}
		w.press("Down")
		if t.Name == option {
			break
		}
	}
	w.press("Return")
}

// control waits for a control that can be operated and no longer moves.
func (w *walk) control(name string) (found thing) {
	w.t.Helper()
	var before image.Rectangle
	w.wait("a control "+name, func(s scene) bool {
		list := s.controls(name)
		if len(list) == 0 || list[0].Disabled {
			return false
		}
		found = list[0]
		still := found.Box == before
		before = found.Box
		return still
	})
	return found
}

// Click clicks on the words of the control of that name, and turns the wheel before if it is
// out of view.
func (w *walk) Click(name string) {
	w.t.Helper()
	for range 60 {
		t := w.control(name)
		at := middle(t.Words)
		if at.In(t.View) {
			if now := w.point(at).controls(name); len(now) == 0 || now[0].Words != t.Words {
				continue // the page grew or shrank above it
			}
			w.send("click", "1")
			return
		}
		wheel := "5" // down
		if t.Box.Min.Y < screenHeight/2 {
			wheel = "4"
		}
		w.point(image.Pt(screenWidth*2/3, screenHeight/2))
		w.send("click", wheel)
	}
	w.t.Fatalf("the wheel does not bring %q into view:\n%s", name, w.scene())
}

func middle(r image.Rectangle) image.Point { return r.Min.Add(r.Size().Div(2)) }

// point moves the pointer and waits until the window has taken notice, which the
// toolkit does once in a round of its loop, after the clicks. It returns what the window
// shows then.
func (w *walk) point(at image.Point) scene {
	w.t.Helper()
	w.send("mousemove", fmt.Sprint(at.X), fmt.Sprint(at.Y))
	return w.ask(showNext)
}

// TabTo presses Tab until the control of that name has the keyboard. On the way whatever
// has the keyboard must be in view (WCAG 2.4.11).
func (w *walk) TabTo(name string) {
	w.t.Helper()
	var way []string
	for range 80 {
		target := w.control(name)
		if target.Focused {
			return
		}
		before := w.scene().focused()
		w.press("Tab")
		var at thing
		w.wait("Tab to move the keyboard from "+before.String(), func(s scene) bool {
			at = s.focused()
			return at.Name != "" && (at.Name != before.Name || at.Box != before.Box)
		})
		if !at.whole() {
			w.t.Errorf("%v has the keyboard and is not in view: %v of %v", at, at.View, at.Box)
		}
		way = append(way, at.Name)
	}
	w.t.Fatalf("Tab does not reach %q, but %q; the window shows:\n%s", name, way, w.scene())
}

// Tries checks the counters in the memory of the card.
func (w *walk) Tries(pin, puk int) {
	w.t.Helper()
	w.triesOf(w.state, pin, puk)
}

func (w *walk) triesOf(state string, pin, puk int) {
	w.t.Helper()
	got := struct {
		PIN int `json:"pin_tries"`
		PUK int `json:"puk_tries"`
	}{cardtest.MaxPINTries, cardtest.MaxPUKTries}
	if data, err := os.ReadFile(state); err == nil { // written with the first change
		if err := json.Unmarshal(data, &got); err != nil {
			w.t.Fatal(err)
		}
	} else if !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	if got.PIN != pin || got.PUK != puk {
		w.t.Errorf("the card has %d tries for the PIN and %d for the PUK, want %d and %d", got.PIN, got.PUK, pin, puk)
	}
}

// PINIs checks which PIN the card has.
func (w *walk) PINIs(pin []byte) {
	w.t.Helper()
	if string(w.card.PIN()) != string(pin) {
		w.t.Errorf("the card has another PIN than expected")
	}
}
