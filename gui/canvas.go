package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// The toolkit finds the canvas of an object in a cache, and asks that canvas
// for a paint when the object changes. In Fyne 2.8.0 the paint of a window
// does not renew the entries of what it paints, so that they expire after a
// minute in which something was painted now and then; from then on no change
// of an object reaches the screen until the window is resized. Upstream:
// https://github.com/fyne-io/fyne/pull/6452 (in 2.8.1, where
// https://github.com/fyne-io/fyne/issues/6509 leaves another way to lose
// entries), and https://github.com/fyne-io/fyne/issues/5131 for inactive
// windows. This file is the workaround: each paint renews the entries, and a
// change of the page is painted through the canvas of the window itself.

// renewing is the layout of the whole content of a window, whose second object is a
// container for what screen readers are given. The toolkit asks for its size before
// each paint.
type renewing struct{ root func() fyne.CanvasObject }

func (renewing) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (l renewing) MinSize(o []fyne.CanvasObject) fyne.Size {
	if root := l.root(); root != nil {
		d := fyne.CurrentApp().Driver()
		visit(root, func(x fyne.CanvasObject) bool {
			d.CanvasForObject(x) // renews the entry
			return false
		})
		if speaks {
			renew(o[1].(*fyne.Container), speak(o[0]))
		}
	}
	return o[0].MinSize()
}

// parent is a widget of this package that shows other objects.
type parent interface{ children() []fyne.CanvasObject }

// visit calls f for o and what it contains, hidden or not, until f returns
// true. The inside of the toolkit's own widgets is out of reach.
func visit(o fyne.CanvasObject, f func(fyne.CanvasObject) bool) bool {
	if o == nil {
		return false
	}
	if f(o) {
		return true
	}
	var inside []fyne.CanvasObject
	switch c := o.(type) {
	case *fyne.Container:
		inside = c.Objects
	case *container.Scroll:
		inside = []fyne.CanvasObject{c.Content}
	case parent:
		inside = c.children()
	}
	for _, x := range inside {
		if visit(x, f) {
			return true
		}
	}
	return false
}

// within reports whether o is root or in it.
func within(root, o fyne.CanvasObject) bool {
	return visit(root, func(x fyne.CanvasObject) bool { return x == o })
}

// canvasOf returns the canvas of the window that shows o, also when the
// toolkit has lost the entry; nil if no window does.
func canvasOf(o fyne.CanvasObject) fyne.Canvas {
	for _, w := range fyne.CurrentApp().Driver().AllWindows() {
		c := w.Canvas()
		if f, ok := c.Focused().(fyne.CanvasObject); ok && f == o || within(c.Content(), o) {
			return c
		}
	}
	return nil
}

// relayout lays the window out again after something in it grew or shrank,
// and has it painted.
func relayout(o fyne.CanvasObject) {
	if c := canvasOf(o); c != nil && c.Content() != nil {
		layoutAgain(c)
	}
}

func layoutAgain(c fyne.Canvas) {
	size := c.Content().Size()
	c.Content().Resize(size.SubtractWidthHeight(1, 0))
	c.Content().Resize(size)
	c.Refresh(c.Content())
}

// relayout is relayout for the page, which has changed.
func (u *UI) relayout() {
	if c := u.win.Canvas(); c.Content() != nil {
		layoutAgain(c)
	}
	u.showState()
	u.changed()
}

// changed ends what is no longer on the page, and gives the keyboard a place
// on it when what had it is gone.
func (u *UI) changed() {
	if !u.built {
		return // the page is not in the window yet
	}
	root := u.win.Content()
	for bar := range u.bars {
		if u.hidden || !within(root, bar) {
			bar.Stop()
			delete(u.bars, bar)
		}
	}
	had, ok := u.win.Canvas().Focused().(fyne.CanvasObject)
	if !ok || within(root, had) || u.win.Canvas().Overlays().Top() != nil {
		return
	}
	if same := counterpart(root, had); same != nil {
		u.win.Canvas().Focus(same)
		return
	}
	u.focus()
}

// counterpart returns the object that took the place of one that had the
// keyboard: a page that is built again has the same names.
func counterpart(root, had fyne.CanvasObject) fyne.Focusable {
	name := focusName(had)
	if name == "" {
		return nil
	}
	var found fyne.Focusable
	visit(root, func(x fyne.CanvasObject) bool {
		f, ok := x.(fyne.Focusable)
		if d, off := x.(fyne.Disableable); !ok || off && d.Disabled() || !x.Visible() || focusName(x) != name {
			return false
		}
		if found != nil {
			found = nil // several match, so none is returned
			return true
		}
		found = f
		return false
	})
	return found
}

// focusName returns the kind and the name of what takes the keyboard.
func focusName(o fyne.CanvasObject) string {
	a, ok := o.(fyne.Accessible)
	if !ok || a.AccessibilityLabel() == "" {
		return ""
	}
	switch o.(type) {
	case *navItem:
		return "entry " + a.AccessibilityLabel()
	case *button:
		return "button " + a.AccessibilityLabel()
	case *tile:
		return "tile " + a.AccessibilityLabel()
	case *topic:
		return "topic " + a.AccessibilityLabel()
	case *check:
		return "check " + a.AccessibilityLabel()
	}
	return ""
}

// endless starts a bar for work of unknown length, or continues the one
// that *bar is; changed stops it when it has left the page.
func (u *UI) endless(bar **widget.ProgressBarInfinite) fyne.CanvasObject {
	if *bar == nil {
		*bar = widget.NewProgressBarInfinite()
	}
	if u.bars == nil {
		u.bars = map[*widget.ProgressBarInfinite]bool{}
	}
	if !u.bars[*bar] {
		u.bars[*bar] = true
		(*bar).Start()
	}
	return even(*bar)
}

// Moving reports whether something on the window moves by itself. It is called on
// the thread of the windows.
func (u *UI) Moving() bool { return len(u.bars) > 0 && !u.hidden }
