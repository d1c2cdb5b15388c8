package gui

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

func TestMain(m *testing.M) {
	// The toolkit looks at the language of the system.
	for _, v := range []string{"LC_ALL", "LC_MESSAGES", "LANGUAGE"} {
		os.Unsetenv(v)
	}
	os.Setenv("LANG", "en_US.UTF-8")
	os.Exit(m.Run())
}

// rig is a window on a fake Service. What goroutines want done on the
// thread of the windows is queued and done by settle, in the test's goroutine,
// as the event loop does in the program.
type rig struct {
	*UI
	t     *testing.T
	fake  *fake
	mu    sync.Mutex
	queue []func()
	more  chan struct{}
	visit uint64

	dialog func(context.Context, Choice) ([]string, error) // the dialog of the desktop
}

func newRig(t *testing.T, f *fake) *rig {
	t.Helper()
	a := test.NewTempApp(t)
	d := &rig{t: t, fake: f, more: make(chan struct{}, 1)}
	d.UI = New(a, f, Options{Do: d.enqueue, Now: func() time.Time { return testNow },
		Choose: func(ctx context.Context, c Choice) ([]string, error) { return d.dialog(ctx, c) }})
	d.dialog = func(context.Context, Choice) ([]string, error) { return nil, nil }
	d.win.Resize(fyne.NewSize(1040, 740))
	d.win.Show()
	t.Cleanup(func() {
		d.Close()
		d.Wait()
	})
	return d
}

func (d *rig) enqueue(f func()) {
	d.mu.Lock()
	d.queue = append(d.queue, f)
	d.mu.Unlock()
	select {
	case d.more <- struct{}{}:
	default:
	}
}

// patience bounds what a test waits for. It only ends what hangs.
const patience = 2 * time.Minute

// until does queued work until ok reports that the window is as expected. What ok
// depends on may change without work for the window, so it is asked again meanwhile.
func (d *rig) until(ok func() bool) {
	d.t.Helper()
	for end := time.Now().Add(patience); ; {
		d.mu.Lock()
		q := d.queue
		d.queue = nil
		d.mu.Unlock()
		for _, f := range q {
			f()
		}
		if len(q) == 0 {
			if ok() {
				return
			}
			if time.Now().After(end) {
				d.t.Fatalf("the window is not as expected after %v; it shows:\n%s", patience, d.words())
			}
			select {
			case <-d.more:
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// show passes the window a state of the readers and waits for it.
func (d *rig) show(state ReaderState) {
	d.t.Helper()
	d.fake.states <- state
	// A second one behind it is taken only after the first was passed on.
	d.until(func() bool {
		if len(d.readers.Readers) != len(state.Readers) || (d.readers.Down == nil) != (state.Down == nil) {
			return false
		}
		for i, r := range state.Readers {
			s := d.slots[r.Name]
			if d.readers.Readers[i] != r || s == nil || r.Presence == Present && !s.done {
				return false
			}
		}
		return d.seen
	})
}

func (d *rig) reader(p Presence) Reader {
	d.visit++
	return Reader{Name: testReader, Contactless: true, Presence: p, Visit: d.visit}
}

// lay puts a card down.
func (d *rig) lay(pin, puk int, level card.Level) *fakeCard {
	d.t.Helper()
	c := d.fake.put(testReader, pin, puk, level)
	d.show(ReaderState{Readers: []Reader{d.reader(Present)}})
	return c
}

// walk visits every object that is shown.
func walk(o fyne.CanvasObject, f func(fyne.CanvasObject)) {
	if o == nil || !o.Visible() {
		return
	}
	f(o)
	switch c := o.(type) {
	case *fyne.Container:
		for _, x := range c.Objects {
			walk(x, f)
		}
	case fyne.Widget:
		for _, x := range test.WidgetRenderer(c).Objects() {
			walk(x, f)
		}
	}
}

// words returns all text of labels and buttons on the screen.
func (d *rig) words() string {
	var b strings.Builder
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		switch w := o.(type) {
		case *widget.Label:
			b.WriteString(w.Text + "\n")
		case *button:
			b.WriteString("[" + w.Text + "]\n")
		case *pathText:
			b.WriteString(w.whole + "\n")
		case *tile:
			b.WriteString("[" + w.title + "]\n")
		case *check:
			b.WriteString("[] " + w.Text + "\n")
		}
	})
	return b.String()
}

func (d *rig) wants(words ...string) {
	d.t.Helper()
	all := d.words()
	for _, w := range words {
		if !strings.Contains(all, w) {
			d.t.Errorf("screen %s does not say %q; it says:\n%s", d.at, w, all)
		}
	}
}

func (d *rig) lacks(words ...string) {
	d.t.Helper()
	all := d.words()
	for _, w := range words {
		if strings.Contains(all, w) {
			d.t.Errorf("screen %s says %q:\n%s", d.at, w, all)
		}
	}
}

// button finds a button by its text.
func (d *rig) button(label string) *button {
	d.t.Helper()
	var found *button
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if b, ok := o.(*button); ok && b.Text == label {
			found = b
		}
	})
	if found == nil {
		d.t.Fatalf("screen %s has no button %q:\n%s", d.at, label, d.words())
	}
	return found
}

// selection finds a list to choose from by its name.
func (d *rig) selection(name string) *selection {
	d.t.Helper()
	var found *selection
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if s, ok := o.(*selection); ok && s.name == name {
			found = s
		}
	})
	if found == nil {
		d.t.Fatalf("screen %s has no list %q:\n%s", d.at, name, d.words())
	}
	return found
}

// press taps a button, or a tile of that name.
func (d *rig) press(label string) {
	d.t.Helper()
	var way *tile
	walk(d.win.Content(), func(o fyne.CanvasObject) {
		if x, ok := o.(*tile); ok && x.title == label {
			way = x
		}
	})
	if way != nil {
		way.Tapped(nil)
		return
	}
	test.Tap(d.button(label))
}

// unfold shows the details of the card on the home.
func (d *rig) unfold() {
	d.t.Helper()
	for _, s := range d.order {
		s.open = true
	}
	d.current.update()
}

// key presses a key where the keyboard is.
func (d *rig) key(name fyne.KeyName) {
	d.t.Helper()
	f := d.win.Canvas().Focused()
	if f == nil {
		d.t.Fatal("nothing has the keyboard")
	}
	f.TypedKey(&fyne.KeyEvent{Name: name})
}

// keys types digits where the keyboard is.
func (d *rig) keys(s string) {
	d.t.Helper()
	f := d.win.Canvas().Focused()
	if f == nil {
		d.t.Fatal("nothing has the keyboard")
	}
	for _, r := range s {
		f.TypedRune(r)
	}
}

// codes types codes into the fields of the form, with Enter after each.
func (d *rig) codes(codes ...string) {
	d.t.Helper()
	for _, c := range codes {
		d.keys(c)
		d.key(fyne.KeyReturn)
	}
}

// idle waits until no operation runs.
func (d *rig) idle() {
	d.t.Helper()
	d.until(func() bool {
		for _, s := range d.order {
			if s.reader.Presence == Present && !s.done || s.form != nil && s.form.busy() {
				return false
			}
		}
		switch s := d.current.(type) {
		case *codeScreen:
			return s.form == nil || !s.form.busy()
		case *signScreen:
			return !s.ask.busy()
		case *accessScreen:
			return !s.ask.busy() && !s.working
		case *diagnosticsScreen:
			return !s.running && !s.ask.busy()
		}
		return true
	})
}
