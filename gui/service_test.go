package gui

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"cie/apdu"
	"cie/card"
)

func TestServiceIsStartedFromTheWindow(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system starts the service by itself")
	}
	f := newFake()
	d := newRig(t, f)
	d.show(ReaderState{Down: apdu.ErrNoService})
	if b, ok := d.win.Canvas().Focused().(*button); !ok || b.Text != "Start the service" {
		t.Error("the keyboard is not on the button")
	}
	f.starting = errors.New("the user declined")
	d.press("Start the service")
	d.until(func() bool { return d.startFailed })
	d.wants("The service did not start", "[Start the service]")
	d.press("Copy the command")
	if got := d.app.Clipboard().Content(); got != "sudo systemctl enable --now pcscd.socket" {
		t.Errorf("the command is %q", got)
	}
	d.show(ReaderState{})
	d.show(ReaderState{Down: apdu.ErrNoService})
	d.lacks("The service did not start")
	f.states <- ReaderState{Down: ErrNotAdmitted}
	d.until(func() bool { return errors.Is(d.readers.Down, ErrNotAdmitted) })
	d.lacks("[Start the service]") // it runs
}

func TestReadingShowsItsSteps(t *testing.T) {
	d := newRig(t, newFake())
	d.read(card.StepTerminalAuth)
	d.wants("Do not move it", d.texts.T("step.terminal-auth"))
	var bar *stepBar
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if b, ok := o.(*stepBar); ok {
			bar = b
		}
	})
	if bar == nil || bar.Value != 6 || bar.Max != 9 {
		t.Errorf("the bar is %+v", bar)
	}
	for _, step := range readSteps {
		if !d.texts.Has("step." + string(step)) {
			t.Errorf("no text for %s", step)
		}
	}
}

func TestBarWithoutStepsIsEmpty(t *testing.T) {
	bar := newSteps()
	bar.Resize(fyne.NewSize(100, 10))
	r := test.WidgetRenderer(bar).(*stepRenderer)
	if bar.Refresh(); !r.done.Hidden {
		t.Error("a bar at 0 shows something")
	}
	bar.Max = 4
	if bar.SetValue(1); r.done.Hidden || r.done.Size().Width != 25 {
		t.Errorf("a quarter is %v wide of 100", r.done.Size().Width)
	}
}

func TestSizeOfTheWindowIsRemembered(t *testing.T) {
	f := newFake()
	d := newRig(t, f)
	d.win.Resize(fyne.NewSize(900, 650))
	d.Close()
	if f.settings.Width != 900 || f.settings.Height != 650 {
		t.Fatalf("saved %v x %v", f.settings.Width, f.settings.Height)
	}
	next := &rig{t: t, fake: f, more: make(chan struct{}, 1)}
	next.UI = New(test.NewTempApp(t), f, Options{Do: next.enqueue})
	defer next.Close()
	if size := next.win.Canvas().Size(); size != fyne.NewSize(900, 650) {
		t.Errorf("the next window is %v", size)
	}
}

func TestHelpCopiesTheNumber(t *testing.T) {
	d := newRig(t, newFake())
	d.Go(screenHelp)
	for i, topic := range helpTopics {
		c := contacts[topic]
		test.Tap(d.current.(*helpScreen).buttons[i])
		if c.web != "" {
			d.wants("[" + d.texts.T("access.portal") + "]")
		}
		if c.phone == "" {
			continue
		}
		if !strings.Contains(d.texts.T("help."+topic+".text"), c.phone) {
			t.Errorf("%s: the text has another number", topic)
		}
		for _, f := range d.focusables() {
			if b, ok := f.(*button); ok && b.name == d.texts.T("copy", c.phone) {
				b.OnTapped()
			}
		}
		if got := d.app.Clipboard().Content(); got != c.phone {
			t.Errorf("%s copies %q", topic, got)
		}
	}
}

// A check of a code is not called writing, on a page that writes nothing.
func TestCheckingIsNotCalledWriting(t *testing.T) {
	f := newFake()
	f.hold = make(chan struct{})
	f.steps = []card.StepName{card.StepSelect, card.StepVerifyPIN}
	d := newRig(t, f)
	d.lay(3, 10, card.Genuine)
	d.press("Show my data")
	d.codes(testPIN)
	op := d.slots[testReader].form.op
	d.until(func() bool { return op.unsafe })
	d.wants(d.texts.T("progress.unsafe.check"))
	d.lacks(d.texts.T("progress.unsafe"), "riting")
	close(f.hold)
	d.idle()
}

// frame is a window of the desktop.
type frame struct {
	x, y      int
	known     bool
	minimised func()
	restored  []int
}

func (f *frame) Restore(_ fyne.Window, x, y int)       { f.restored = append(f.restored, x, y) }
func (f *frame) Shown(_ fyne.Window, minimised func()) { f.minimised = minimised }
func (f *frame) Place() (x, y int, ok bool)            { return f.x, f.y, f.known }

func TestPlaceIsRemembered(t *testing.T) {
	f := newFake()
	for _, tt := range []struct {
		frame    frame
		restored []int
	}{{frame{}, nil}, {frame{x: -40, y: 12, known: true}, nil}, {frame{}, []int{-40, 12}}} {
		at := tt.frame
		u := New(test.NewTempApp(t), f, Options{Do: func(f func()) { f() }, Frame: &at})
		u.Show()
		if at.minimised == nil {
			t.Fatal("the window that is shown is not followed")
		}
		u.Close()
		u.Wait()
		if !slices.Equal(at.restored, tt.restored) {
			t.Errorf("a window at %v", at.restored)
		}
	}
	if f.settings.X != -40 || f.settings.Y != 12 || !f.settings.Placed {
		t.Errorf("saved %d, %d", f.settings.X, f.settings.Y)
	}
}
