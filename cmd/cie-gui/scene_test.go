//go:build linux && x11

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	toolkit "fyne.io/fyne/v2/test"
	"golang.org/x/sys/unix"

	"cie/cmd/internal/desktop"
)

// watched is the variable that makes the executable of these tests the window
// itself, with pipes over which a test asks what the window shows. A program
// that is given to others has neither.
const watched = "CIE_GUI_WATCHED"

// The pipes of a watched window: requests come from the first, scenes go to the second.
const (
	requests = 3
	scenes   = 4
)

func TestMain(m *testing.M) {
	if os.Getenv(watched) == "" {
		atOnce()
		status := m.Run()
		if err := removeWatched(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	}
	if len(os.Args) < 2 || os.Args[1] != desktop.ProbeVerb {
		syscall.CloseOnExec(requests)
		syscall.CloseOnExec(scenes)
		go answer(os.NewFile(requests, "requests"), os.NewFile(scenes, "scenes"))
	}
	main()
	os.Exit(0)
}

// atOnce lets more tests run at the same time than there are processors: each
// waits most of its time, for its window or for the pace of a person.
func atOnce() {
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
}

// What a test asks a watched window for: what it shows, now or after the input that
// the X server has for it, and to begin and to end to measure the turns of its loop.
const (
	showNow    = 'n'
	showNext   = 'f'
	beginTurns = 'b'
	endTurns   = 'e'
)

// answer sends a scene for each byte that it receives.
func answer(in, out *os.File) {
	encoder := json.NewEncoder(out)
	var measured func() turn
	for b := make([]byte, 1); ; {
		if _, err := in.Read(b); err != nil {
			return
		}
		var s scene
		switch b[0] {
		case showNext:
			twoFrames()
		case beginTurns:
			measured = measureTurns()
		case endTurns:
			s.Longest = measured()
		}
		fyne.DoAndWait(func() { s.Things = sceneOf(fyne.CurrentApp().Driver().AllWindows()[0].Canvas()).Things })
		if err := encoder.Encode(s); err != nil {
			return
		}
	}
}

// twoFrames returns when the toolkit has twice taken what the X server has for the
// window: the second time it began after the call.
func twoFrames() {
	frames := make(chan struct{}, 2)
	a := fyne.NewAnimation(time.Second, func(float32) {
		select {
		case frames <- struct{}{}:
		default:
		}
	})
	a.RepeatCount = fyne.AnimationRepeatForever
	fyne.DoAndWait(a.Start)
	<-frames
	<-frames
	fyne.DoAndWait(a.Stop)
}

// turn is how long the window did not take what was next for it.
type turn struct {
	// Wall is by the clock of the machine, which other programs keep busy, too.
	Wall time.Duration
	// Busy is the processor time of the thread of the windows, without that of the
	// threads that draw in software.
	Busy time.Duration
}

// measureTurns begins to measure the turns of the loop. The function that it returns
// ends that and returns the longest.
func measureTurns() (end func() turn) {
	stop, done := make(chan struct{}), make(chan turn)
	go func() {
		var longest turn
		var busy time.Duration
		fyne.DoAndWait(func() { busy = threadTime() })
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				done <- longest
				return
			case <-tick.C:
			}
			asked, ran := time.Now(), make(chan struct{})
			loop.Do(func() {
				now := threadTime()
				longest.Wall, longest.Busy = max(longest.Wall, time.Since(asked)), max(longest.Busy, now-busy)
				busy = now
				close(ran)
			})
			<-ran
		}
	}()
	return func() turn { close(stop); return <-done }
}

// threadTime returns the processor time of this thread.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// scene is what a window shows: its texts and controls in the order of the page.
type scene struct {
	Things []thing
	// Longest is the answer to endTurns.
	Longest turn
}

// thing is a text or a control. Boxes are in pixels of the window.
type thing struct {
	// Name is the text, or what a screen reader would call the control.
	Name     string
	Control  bool
	Disabled bool
	Focused  bool
	Box      image.Rectangle
	// Words is where the name of a control is written, or Box.
	Words image.Rectangle
	// View is the part of Box that no scroller and no edge of the window hides.
	View image.Rectangle
}

func (t thing) String() string {
	var marks []string
	for mark, is := range map[string]bool{"disabled": t.Disabled, "focused": t.Focused, "hidden": !t.whole()} {
		if is {
			marks = append(marks, mark)
		}
	}
	slices.Sort(marks)
	name := t.Name
	if t.Control {
		name = "[" + name + "]"
	}
	return strings.TrimSpace(name + " " + strings.Join(marks, ","))
}

// whole reports that all of the thing is in view, but for what rounding takes.
func (t thing) whole() bool {
	return t.View.Dx() >= t.Box.Dx()-2 && t.View.Dy() >= t.Box.Dy()-2
}

// String returns what the window shows, a line for each thing.
func (s scene) String() string {
	var b strings.Builder
	for _, t := range s.Things {
		b.WriteString(t.String() + "\n")
	}
	return b.String()
}

// focused returns the control that has the keyboard; the zero value is none.
func (s scene) focused() thing {
	for _, t := range s.Things {
		if t.Focused {
			return t
		}
	}
	return thing{}
}

// controls returns the controls of that name, the lowest on the page first. A list is
// named by what it is for, too: "Tema" for "Tema: Chiaro".
func (s scene) controls(name string) []thing {
	var found []thing
	for _, t := range s.Things {
		if t.Control && (t.Name == name || strings.HasPrefix(t.Name, name+": ")) {
			found = append(found, t)
		}
	}
	slices.SortStableFunc(found, func(a, b thing) int { return b.Box.Min.Y - a.Box.Min.Y })
	return found
}

// says returns the texts that contain the words.
func (s scene) says(words string) []thing {
	var found []thing
	for _, t := range s.Things {
		if strings.Contains(t.Name, words) {
			found = append(found, t)
		}
	}
	return found
}

// sceneOf looks at a window, or at the menu that is open in it.
func sceneOf(c fyne.Canvas) scene {
	w, h := c.PixelCoordinateForPosition(fyne.Position(fyne.NewPos(c.Size().Width, c.Size().Height)))
	o := c.Content()
	if top := c.Overlays().Top(); top != nil {
		o = top
	}
	v := viewer{canvas: c}
	v.walk(o, fyne.Position{}, image.Rect(0, 0, w, h))
	return v.scene
}

type viewer struct {
	canvas fyne.Canvas
	scene  scene
}

func (v *viewer) walk(o fyne.CanvasObject, origin fyne.Position, view image.Rectangle) {
	if o == nil || !o.Visible() {
		return
	}
	origin = origin.Add(o.Position())
	box := v.box(origin, o.Size())
	switch x := o.(type) {
	case *canvas.Text:
		box = v.box(written(x, origin))
		v.add(thing{Name: x.Text, Box: box, View: box.Intersect(view)})
	case *fyne.Container:
		for _, child := range x.Objects {
			v.walk(child, origin, view)
		}
	case *container.Scroll:
		v.children(x, origin, view.Intersect(box))
	case fyne.Widget:
		_, takesKeys := o.(fyne.Focusable)
		_, takesClicks := o.(fyne.Tappable)
		accessible, named := o.(fyne.Accessible)
		if !takesKeys && !takesClicks {
			if named && accessible.AccessibilityLabel() != "" {
				v.add(thing{Name: accessible.AccessibilityLabel(), Box: box, View: box.Intersect(view)})
				return
			}
			v.children(x, origin, view)
			return
		}
		t := thing{Control: true, Box: box, View: box.Intersect(view)}
		if named {
			t.Name = accessible.AccessibilityLabel()
		}
		if f, ok := o.(fyne.Focusable); ok {
			t.Focused = v.canvas.Focused() == f
		}
		if d, ok := o.(fyne.Disableable); ok {
			t.Disabled = d.Disabled()
		}
		at := len(v.scene.Things)
		v.scene.Things = append(v.scene.Things, t)
		v.children(x, origin, view)
		var words []string
		if t.Name == "" { // it is named by what is written on it
			for _, inner := range v.scene.Things[at+1:] {
				words = append(words, inner.Name)
			}
			v.scene.Things[at].Name = strings.Join(words, " ")
		}
		v.scene.Things[at].Words = box
		for _, inner := range v.scene.Things[at+1:] {
			if !inner.Control && inner.Name == v.scene.Things[at].Name {
				v.scene.Things[at].Words = inner.Box
			}
		}
		if len(words) == 0 && t.Name == "" { // a scroll bar
			v.scene.Things = slices.Delete(v.scene.Things, at, at+1)
		}
	}
}

// written returns where the letters of a text are.
func written(t *canvas.Text, at fyne.Position) (fyne.Position, fyne.Size) {
	size := t.MinSize()
	free := t.Size().Width - size.Width
	switch t.Alignment {
	case fyne.TextAlignCenter:
		at.X += free / 2
	case fyne.TextAlignTrailing:
		at.X += free
	}
	return at, size
}

func (v *viewer) children(w fyne.Widget, origin fyne.Position, view image.Rectangle) {
	for _, child := range toolkit.WidgetRenderer(w).Objects() {
		v.walk(child, origin, view)
	}
}

func (v *viewer) add(t thing) {
	if t.Name = strings.Join(strings.Fields(t.Name), " "); t.Name != "" {
		v.scene.Things = append(v.scene.Things, t)
	}
}

func (v *viewer) box(at fyne.Position, size fyne.Size) image.Rectangle {
	x, y := v.canvas.PixelCoordinateForPosition(at)
	right, bottom := v.canvas.PixelCoordinateForPosition(at.Add(size))
	return image.Rect(x, y, right, bottom)
}
