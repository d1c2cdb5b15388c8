package gui

import (
	"image/color"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// button is a button that Enter presses, too, as Space does.
type button struct {
	widget.Button
	// name is for screen readers when the text is incomplete.
	name string
	// escape is what Escape does; nil: as in the rest of the window.
	escape func()
	// blur is called when the button loses the keyboard; nil: nothing is.
	blur    func()
	focused bool
	ring    *canvas.Rectangle
}

func newButton(label string, tapped func()) *button {
	b := &button{}
	b.Text, b.OnTapped = label, tapped
	b.ExtendBaseWidget(b)
	return b
}

func primaryButton(label string, tapped func()) *button {
	b := newButton(label, tapped)
	b.Importance = widget.HighImportance
	return b
}

// FocusGained implements fyne.Focusable.
func (b *button) FocusGained() {
	b.Button.FocusGained()
	b.outline(true)
	reveal(b)
}

// FocusLost implements fyne.Focusable.
func (b *button) FocusLost() {
	b.Button.FocusLost()
	b.outline(false)
	if b.blur != nil {
		b.blur()
	}
}

func (b *button) outline(on bool) {
	b.focused = on
	if b.ring != nil {
		b.ring.Hidden = !on
		b.ring.Refresh()
	}
}

// CreateRenderer implements fyne.Widget: a ring shows where the keyboard is,
// which the colour of a button alone does not.
func (b *button) CreateRenderer() fyne.WidgetRenderer {
	b.ring = canvas.NewRectangle(color.Transparent)
	b.ring.StrokeWidth = 2
	b.ring.Hidden = !b.focused
	return &ringRenderer{b.Button.CreateRenderer(), b}
}

type ringRenderer struct {
	fyne.WidgetRenderer
	b *button
}

func (r *ringRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	r.b.ring.Resize(size.AddWidthHeight(6, 6))
	r.b.ring.Move(fyne.NewPos(-3, -3))
}

func (r *ringRenderer) Refresh() {
	r.b.ring.StrokeColor = theme.Color(theme.ColorNameForeground)
	r.b.ring.CornerRadius = theme.InputRadiusSize() + 3
	r.WidgetRenderer.Refresh()
	r.b.ring.Refresh()
}

func (r *ringRenderer) Objects() []fyne.CanvasObject {
	return append(append([]fyne.CanvasObject(nil), r.WidgetRenderer.Objects()...), r.b.ring)
}

// check is a box to tick that scrolls into view when it gets the keyboard,
// and that Enter ticks, too.
type check struct {
	widget.Check
	ring *ring
}

func newCheck(label string, changed func(bool)) *check {
	c := &check{ring: &ring{}}
	c.Text, c.OnChanged = label, changed
	c.ExtendBaseWidget(c)
	return c
}

// MouseDown implements desktop.Mouseable.
func (c *check) MouseDown(e *desktop.MouseEvent) { mouseDown(c, e) }

// MouseUp implements desktop.Mouseable.
func (c *check) MouseUp(e *desktop.MouseEvent) { mouseUp(c, e) }

// AccessibilityLabel implements fyne.Accessible.
func (c *check) AccessibilityLabel() string { return c.Text }

// AccessibilityRole implements fyne.Accessible.
func (c *check) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// FocusGained implements fyne.Focusable.
func (c *check) FocusGained() {
	c.Check.FocusGained()
	c.ring.show(true)
	reveal(c, 100) // with the button below it
}

// FocusLost implements fyne.Focusable.
func (c *check) FocusLost() {
	c.Check.FocusLost()
	c.ring.show(false)
}

// CreateRenderer implements fyne.Widget.
func (c *check) CreateRenderer() fyne.WidgetRenderer {
	return c.ring.around(c.Check.CreateRenderer())
}

// TypedKey implements fyne.Focusable.
func (c *check) TypedKey(e *fyne.KeyEvent) {
	if passes(c, e) {
		return
	}
	if e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter {
		c.SetChecked(!c.Checked)
		return
	}
	c.Check.TypedKey(e)
}

// selection is a list to choose from that scrolls into view and has a border.
type selection struct {
	widget.Select
	// name describes the choice, for screen readers.
	name string
	ring *ring
}

// MouseDown implements desktop.Mouseable.
func (s *selection) MouseDown(e *desktop.MouseEvent) { mouseDown(s, e) }

// MouseUp implements desktop.Mouseable.
func (s *selection) MouseUp(e *desktop.MouseEvent) { mouseUp(s, e) }

// AccessibilityLabel implements fyne.Accessible.
func (s *selection) AccessibilityLabel() string { return s.name + ": " + s.Selected }

// AccessibilityRole implements fyne.Accessible.
func (s *selection) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// CreateRenderer implements fyne.Widget.
func (s *selection) CreateRenderer() fyne.WidgetRenderer {
	return s.ring.around(s.Select.CreateRenderer())
}

// ring is a border that shows where the keyboard is, which the fill of a list or
// a tick of the toolkit does not (WCAG 1.4.11).
type ring struct {
	always, focused bool // always: a thin border without the keyboard
	border          *canvas.Rectangle
}

func (r *ring) show(on bool) {
	r.focused = on
	r.paint()
}

func (r *ring) paint() {
	if r.border == nil {
		return
	}
	r.border.CornerRadius = theme.InputRadiusSize()
	r.border.StrokeColor, r.border.StrokeWidth = color.Transparent, 0
	switch {
	case r.focused:
		r.border.StrokeColor, r.border.StrokeWidth = theme.Color(theme.ColorNameForeground), 2
	case r.always:
		r.border.StrokeColor, r.border.StrokeWidth = theme.Color(theme.ColorNameInputBorder), 1
	}
	r.border.Refresh()
}

// around adds the ring to what a renderer shows.
func (r *ring) around(w fyne.WidgetRenderer) fyne.WidgetRenderer {
	r.border = canvas.NewRectangle(color.Transparent)
	r.paint()
	return &borderRenderer{w, r}
}

type borderRenderer struct {
	fyne.WidgetRenderer
	ring *ring
}

func (r *borderRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	r.ring.border.Resize(size)
}

func (r *borderRenderer) Refresh() {
	r.WidgetRenderer.Refresh()
	r.ring.paint()
}

func (r *borderRenderer) Objects() []fyne.CanvasObject {
	return append(append([]fyne.CanvasObject(nil), r.WidgetRenderer.Objects()...), r.ring.border)
}

func newSelection(name string, options []string) *selection {
	s := &selection{name: name, ring: &ring{always: true}}
	s.Options = options
	s.ExtendBaseWidget(s)
	return s
}

// FocusGained implements fyne.Focusable.
func (s *selection) FocusGained() {
	s.Select.FocusGained()
	s.ring.show(true)
	reveal(s)
}

// FocusLost implements fyne.Focusable.
func (s *selection) FocusLost() {
	s.Select.FocusLost()
	s.ring.show(false)
}

// TypedKey implements fyne.Focusable.
func (s *selection) TypedKey(e *fyne.KeyEvent) {
	if passes(s, e, fyne.KeyUp, fyne.KeyDown) {
		return
	}
	if e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter {
		e = &fyne.KeyEvent{Name: fyne.KeySpace}
	}
	s.Select.TypedKey(e)
}

// passes hands Escape and the keys that scroll on to the window, which the
// toolkit does only when nothing has the keyboard. used are keys that o needs
// itself.
func passes(o fyne.CanvasObject, e *fyne.KeyEvent, used ...fyne.KeyName) bool {
	switch e.Name {
	case fyne.KeyEscape, fyne.KeyUp, fyne.KeyDown, fyne.KeyPageUp, fyne.KeyPageDown, fyne.KeyHome, fyne.KeyEnd:
	default:
		return false
	}
	if slices.Contains(used, e.Name) {
		return false
	}
	if c := canvasOf(o); c != nil && c.OnTypedKey() != nil {
		c.OnTypedKey()(e)
	}
	return true
}

// reveal scrolls so that o can be seen.
func reveal(o fyne.CanvasObject, below ...float32) {
	d := fyne.CurrentApp().Driver()
	c := canvasOf(o)
	if c == nil {
		return
	}
	s := enclosing(c.Content(), o)
	if s == nil {
		return
	}
	const air = 24
	top := d.AbsolutePositionForObject(o).Y - d.AbsolutePositionForObject(s.Content).Y
	bottom := top + o.Size().Height
	for _, b := range below {
		bottom += b
	}
	at := s.Offset
	if top-air < at.Y {
		at.Y = max(0, top-air)
	} else if bottom+air > at.Y+s.Size().Height {
		at.Y = bottom + air - s.Size().Height
	}
	if at != s.Offset {
		s.ScrollToOffset(at)
	}
}

// enclosing finds the innermost scroller around o.
func enclosing(root, o fyne.CanvasObject) *container.Scroll {
	s, _ := search(root, o, nil)
	return s
}

func search(root, o fyne.CanvasObject, within *container.Scroll) (*container.Scroll, bool) {
	if root == o {
		return within, true
	}
	switch c := root.(type) {
	case *fyne.Container:
		for _, x := range c.Objects {
			if s, ok := search(x, o, within); ok {
				return s, true
			}
		}
	case *container.Scroll:
		return search(c.Content, o, c)
	}
	return nil, false
}

// TypedKey implements fyne.Focusable.
func (b *button) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape && b.escape != nil {
		b.escape()
		return
	}
	if passes(b, e) {
		return
	}
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		// Not by Tapped, which takes the keyboard from the button (WCAG 2.4.3).
		if !b.Disabled() && b.OnTapped != nil {
			b.OnTapped()
		}
	}
}

// MouseDown implements desktop.Mouseable.
func (b *button) MouseDown(e *desktop.MouseEvent) { mouseDown(b, e) }

// MouseUp implements desktop.Mouseable.
func (b *button) MouseUp(e *desktop.MouseEvent) { mouseUp(b, e) }

// AccessibilityLabel implements fyne.Accessible.
func (b *button) AccessibilityLabel() string {
	if b.name != "" {
		return b.name
	}
	return b.Text
}

// AccessibilityRole implements fyne.Accessible.
func (b *button) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// textEntry is a field for a line of text. It passes the keys of the window on.
type textEntry struct {
	widget.Entry
	u    *UI
	name string
}

func newEntry(u *UI, name string) *textEntry {
	e := &textEntry{u: u, name: name}
	e.ExtendBaseWidget(e)
	return e
}

// AccessibilityLabel implements fyne.Accessible.
func (e *textEntry) AccessibilityLabel() string { return e.name }

// AccessibilityRole implements fyne.Accessible.
func (e *textEntry) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// FocusGained implements fyne.Focusable.
func (e *textEntry) FocusGained() {
	e.Entry.FocusGained()
	reveal(e)
}

// TypedKey implements fyne.Focusable.
func (e *textEntry) TypedKey(k *fyne.KeyEvent) {
	if passes(e, k) {
		return
	}
	e.Entry.TypedKey(k)
}

// TypedShortcut implements fyne.Shortcutable.
func (e *textEntry) TypedShortcut(s fyne.Shortcut) {
	if f := e.u.keys[s.ShortcutName()]; f != nil {
		f()
		return
	}
	e.Entry.TypedShortcut(s)
}
