package gui

import (
	"runtime"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// In Fyne 2.8.0 screen readers of Windows and macOS are given what is in containers, and
// not what is in a scroller, which pages are
// (https://github.com/fyne-io/fyne/pull/6295 proposes to give more). The window has a
// container with an object without look for each named object in a scroller.

// speaks is where the toolkit supports screen readers.
var speaks = runtime.GOOS != "linux"

// spoken is an object in a scroller, as a screen reader is given it.
type spoken struct {
	fyne.Accessible
	at   fyne.Position
	size fyne.Size
}

func (s *spoken) MinSize() fyne.Size      { return fyne.Size{} }
func (s *spoken) Move(fyne.Position)      {}
func (s *spoken) Position() fyne.Position { return s.at }
func (s *spoken) Resize(fyne.Size)        {}
func (s *spoken) Size() fyne.Size         { return s.size }
func (s *spoken) Hide()                   {}
func (s *spoken) Visible() bool           { return true }
func (s *spoken) Show()                   {}
func (s *spoken) Refresh()                {}

// speak returns what is named in the scrollers of root, in its order.
func speak(root fyne.CanvasObject) (list []fyne.CanvasObject) {
	var look func(o fyne.CanvasObject, at fyne.Position, scrolled bool)
	look = func(o fyne.CanvasObject, at fyne.Position, scrolled bool) {
		if o == nil || !o.Visible() {
			return
		}
		at = at.Add(o.Position())
		switch c := o.(type) {
		case *fyne.Container:
			for _, x := range c.Objects {
				look(x, at, scrolled)
			}
		case *container.Scroll:
			look(c.Content, at, true)
		case fyne.Accessible:
			if scrolled && c.AccessibilityLabel() != "" {
				list = append(list, &spoken{c, at, o.Size()})
			}
		case parent:
			for _, x := range c.children() {
				look(x, at, true)
			}
		}
	}
	look(root, fyne.Position{}, false)
	return list
}

// renew puts the list into the container unless the same is in it: the toolkit keeps each
// new object in its cache for a minute.
func renew(c *fyne.Container, list []fyne.CanvasObject) {
	same := func(a, b fyne.CanvasObject) bool { return *a.(*spoken) == *b.(*spoken) }
	if !slices.EqualFunc(c.Objects, list, same) {
		c.Objects = list
	}
}
