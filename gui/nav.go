package gui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// navItem is an entry of the navigation.
type navItem struct {
	widget.BaseWidget
	label    string
	icon     fyne.Resource
	chosen   bool
	tapped   func()
	move     func(by int)
	hovered  bool
	focused  bool
	back     *canvas.Rectangle
	text     *canvas.Text
	image    *widget.Icon
	leftMark *canvas.Rectangle
	tab      bool // beside others, above the page
}

func newNavItem(label string, icon fyne.Resource, tapped func(), move func(int)) *navItem {
	n := &navItem{label: label, icon: icon, tapped: tapped, move: move}
	n.ExtendBaseWidget(n)
	return n
}

func (n *navItem) Tapped(*fyne.PointEvent)         { n.tapped() }
func (n *navItem) MouseDown(e *desktop.MouseEvent) { mouseDown(n, e) }
func (n *navItem) MouseUp(e *desktop.MouseEvent)   { mouseUp(n, e) }
func (n *navItem) MouseIn(*desktop.MouseEvent)     { n.hovered = true; n.Refresh() }
func (n *navItem) MouseMoved(*desktop.MouseEvent)  {}
func (n *navItem) MouseOut()                       { n.hovered = false; n.Refresh() }
func (n *navItem) FocusGained()                    { n.focused = true; n.Refresh(); reveal(n) }
func (n *navItem) FocusLost()                      { n.focused = false; n.Refresh() }
func (n *navItem) TypedRune(rune)                  {}
func (n *navItem) AccessibilityLabel() string      { return n.label }
func (n *navItem) Cursor() desktop.Cursor          { return desktop.PointerCursor }
func (n *navItem) AccessibilityRole() fyne.AccessibleRole {
	return fyne.AccessibleRoleButton
}

func (n *navItem) TypedKey(e *fyne.KeyEvent) {
	before, after := fyne.KeyUp, fyne.KeyDown
	if n.tab {
		before, after = fyne.KeyLeft, fyne.KeyRight
	}
	if passes(n, e, before, after) {
		return
	}
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		n.tapped()
	case before:
		n.move(-1)
	case after:
		n.move(1)
	}
}

func (n *navItem) CreateRenderer() fyne.WidgetRenderer {
	n.back, n.leftMark = canvas.NewRectangle(nil), canvas.NewRectangle(nil)
	n.text, n.image = canvas.NewText(n.label, nil), widget.NewIcon(n.icon)
	r := &navRenderer{n}
	r.Refresh()
	return r
}

type navRenderer struct{ n *navItem }

func (r *navRenderer) MinSize() fyne.Size {
	t := theme.TextSize()
	// Big text leaves less room around it, so that the window holds all entries.
	// Chosen entries are bold: the width must not change with the choice.
	bold := fyne.MeasureText(r.n.label, t, fyne.TextStyle{Bold: true})
	width := bold.Width + 3.8*t
	if r.n.tab {
		width = bold.Width + 1.8*t
	}
	return fyne.NewSize(width, min(2.5*t, 1.9*t+9))
}

func (r *navRenderer) Layout(size fyne.Size) {
	t := theme.TextSize()
	r.n.back.Resize(size)
	r.n.leftMark.Resize(fyne.NewSize(3.5, size.Height*0.5))
	r.n.leftMark.Move(fyne.NewPos(0, size.Height*0.25))
	side := t * 1.3
	r.n.image.Resize(fyne.NewSquareSize(side))
	r.n.image.Move(fyne.NewPos(t*0.8, (size.Height-side)/2))
	m := r.n.text.MinSize()
	r.n.text.Resize(m)
	if r.n.tab {
		r.n.leftMark.Resize(fyne.NewSize(size.Width-1.8*t, 3))
		r.n.leftMark.Move(fyne.NewPos(0.9*t, size.Height-3))
		r.n.text.Move(fyne.NewPos(0.9*t, (size.Height-m.Height)/2))
		return
	}
	r.n.text.Move(fyne.NewPos(t*2.7, (size.Height-m.Height)/2))
}

func (r *navRenderer) Refresh() {
	n := r.n
	n.back.CornerRadius = 8
	n.back.FillColor = color.Transparent
	n.back.StrokeWidth = 0
	n.leftMark.CornerRadius = 2
	n.leftMark.FillColor = color.Transparent
	n.text.TextSize = theme.TextSize()
	n.text.Color = theme.Color(theme.ColorNameForeground)
	n.text.TextStyle.Bold = n.chosen
	n.image.Hidden = n.tab
	n.image.Resource = theme.NewColoredResource(n.icon, theme.ColorNameForeground)
	if n.hovered {
		n.back.FillColor = theme.Color(theme.ColorNameHover)
	}
	if n.chosen {
		n.back.FillColor = theme.Color(colorTint)
		n.leftMark.FillColor = theme.Color(theme.ColorNamePrimary)
		n.image.Resource = theme.NewPrimaryThemedResource(n.icon)
	}
	if n.focused {
		n.back.StrokeColor = theme.Color(theme.ColorNamePrimary)
		n.back.StrokeWidth = 2
	}
	r.Layout(n.Size())
	for _, o := range r.Objects() {
		o.Refresh()
	}
	canvas.Refresh(n)
}

func (r *navRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.n.back, r.n.leftMark, r.n.image, r.n.text}
}

func (r *navRenderer) Destroy() {}
