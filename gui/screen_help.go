package gui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// helpTopics are the sections of the help, in their order.
var helpTopics = []string{"codes", "blocked", "puk-lost", "read", "levels", "activate", "lost", "expiry", "sign", "sign-refused", "verify", "support", "keyboard"}

// helpScreen answers what users ask. One section is open at a time.
type helpScreen struct {
	u *UI
	body
	open    int
	buttons []*topic
}

func (s *helpScreen) build() fyne.CanvasObject {
	s.body = newBody(s.u)
	s.show()
	return s.box
}

func (s *helpScreen) focus() fyne.Focusable { return s.buttons[s.open] }
func (s *helpScreen) leave()                {}
func (s *helpScreen) update()               {}

func (s *helpScreen) show() {
	t := s.u.texts
	objects := []fyne.CanvasObject{intro(t.T("help.intro"))}
	s.buttons = nil
	for i, topic := range helpTopics {
		b := newTopic(t.T("help."+topic), i == s.open, func() {
			s.open = i
			s.show()
			s.u.focus()
		})
		s.buttons = append(s.buttons, b)
		objects = append(objects, b)
		if i == s.open {
			objects = append(objects, container.New(innerInset{1.3*theme.TextSize() + 2, 0}, vbox(4, append([]fyne.CanvasObject{text(t.T("help." + topic + ".text"))}, s.u.contacts(topic)...)...)))
		}
	}
	s.set(objects[0], panel(objects[1:]...))
}

// topic is a line of a list that opens what is below it. Unlike a button it
// wraps its text.
type topic struct {
	widget.BaseWidget
	label            *widget.Label
	icon             *widget.Icon
	back             *canvas.Rectangle
	tapped           func()
	focused, hovered bool
}

func newTopic(label string, open bool, tapped func()) *topic {
	t := &topic{label: text(label), icon: widget.NewIcon(closedIcon), back: canvas.NewRectangle(nil), tapped: tapped}
	t.label.TextStyle.Bold = true
	if open {
		t.icon.SetResource(openIcon)
	}
	t.ExtendBaseWidget(t)
	return t
}

func (t *topic) Tapped(*fyne.PointEvent)                { t.tapped() }
func (t *topic) MouseDown(e *desktop.MouseEvent)        { mouseDown(t, e) }
func (t *topic) MouseUp(e *desktop.MouseEvent)          { mouseUp(t, e) }
func (t *topic) MouseIn(*desktop.MouseEvent)            { t.hovered = true; t.Refresh() }
func (t *topic) MouseMoved(*desktop.MouseEvent)         {}
func (t *topic) MouseOut()                              { t.hovered = false; t.Refresh() }
func (t *topic) FocusGained()                           { t.focused = true; t.Refresh(); reveal(t) }
func (t *topic) FocusLost()                             { t.focused = false; t.Refresh() }
func (t *topic) TypedRune(rune)                         {}
func (t *topic) Cursor() desktop.Cursor                 { return desktop.PointerCursor }
func (t *topic) AccessibilityLabel() string             { return t.label.Text }
func (t *topic) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

func (t *topic) children() []fyne.CanvasObject { return []fyne.CanvasObject{t.back, t.icon, t.label} }

// TypedKey implements fyne.Focusable.
func (t *topic) TypedKey(e *fyne.KeyEvent) {
	if passes(t, e) {
		return
	}
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		t.tapped()
	}
}

// CreateRenderer implements fyne.Widget.
func (t *topic) CreateRenderer() fyne.WidgetRenderer {
	line := container.New(lead{gap: 2, middle: true}, container.New(&iconLayout{1.3}, t.icon), t.label)
	r := &topicRenderer{widget.NewSimpleRenderer(container.NewStack(t.back, line)), t}
	r.paint()
	return r
}

type topicRenderer struct {
	fyne.WidgetRenderer
	t *topic
}

func (r *topicRenderer) paint() {
	b := r.t.back
	b.CornerRadius = theme.InputRadiusSize()
	b.FillColor = color.Transparent
	b.StrokeWidth = 0
	if r.t.hovered {
		b.FillColor = theme.Color(theme.ColorNameHover)
	}
	if r.t.focused {
		b.StrokeColor, b.StrokeWidth = theme.Color(theme.ColorNamePrimary), 2
	}
}

func (r *topicRenderer) Refresh() {
	r.paint()
	r.WidgetRenderer.Refresh()
	canvas.Refresh(r.t)
}
