package gui

import (
	"image"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// sheet shows a page with the mark of the signature, which is moved and resized by the
// mouse and by the keyboard.
type sheet struct {
	widget.BaseWidget
	name   string // for screen readers
	width  float32
	page   PageSize
	mark   Mark
	lines  string
	moved  func(x, y, w, h float64) // called with a place on the page
	drawn  image.Image              // of the page; nil: an empty sheet
	stamp  image.Image              // picture of the mark; nil: none
	shift  bool
	drag   dragMode
	held   bool // it has the keyboard
	render *sheetRenderer
}

type dragMode int

const (
	dragNone dragMode = iota
	dragMove
	dragSize
)

// The smallest mark, and one step of the keyboard, in points.
const (
	minMark  = 20
	markStep = 6
)

func newSheet(width float32, moved func(x, y, w, h float64)) *sheet {
	s := &sheet{width: width, page: PageSize{595, 842}, moved: moved}
	s.ExtendBaseWidget(s)
	return s
}

// scale returns how many units of the window a point is wide.
func (s *sheet) scale() float32 { return s.width / float32(s.page.Width) }

// box returns the mark in the units of the window.
func (s *sheet) box() (at fyne.Position, size fyne.Size) {
	k := s.scale()
	top := s.page.Height - s.mark.Y - s.mark.Height
	return fyne.NewPos(float32(s.mark.X)*k, float32(top)*k), fyne.NewSize(float32(s.mark.Width)*k, float32(s.mark.Height)*k)
}

// handle is the side of the corner by which the mark is resized.
const handle = 14

// Dragged implements fyne.Draggable.
func (s *sheet) Dragged(e *fyne.DragEvent) {
	at, size := s.box()
	if s.drag == dragNone {
		from := e.Position.SubtractXY(e.Dragged.DX, e.Dragged.DY).Subtract(at)
		if from.X < 0 || from.Y < 0 || from.X > size.Width || from.Y > size.Height {
			return
		}
		s.drag = dragMove
		if from.X > size.Width-handle && from.Y > size.Height-handle {
			s.drag = dragSize
		}
	}
	dx, dy := float64(e.Dragged.DX/s.scale()), float64(e.Dragged.DY/s.scale())
	if s.drag == dragSize {
		s.resize(dx, dy)
	} else {
		s.shiftBy(dx, dy)
	}
}

// DragEnd implements fyne.Draggable.
func (s *sheet) DragEnd() { s.drag = dragNone }

// Tapped implements fyne.Tappable: the mark goes to where the person clicks.
func (s *sheet) Tapped(e *fyne.PointEvent) {
	if c := canvasOf(s); c != nil {
		c.Focus(s)
	}
	at, size := s.box()
	if e.Position.X >= at.X && e.Position.Y >= at.Y && e.Position.X <= at.X+size.Width && e.Position.Y <= at.Y+size.Height {
		return
	}
	middle := at.AddXY(size.Width/2, size.Height/2)
	s.shiftBy(float64((e.Position.X-middle.X)/s.scale()), float64((e.Position.Y-middle.Y)/s.scale()))
}

// shiftBy moves the mark to the right and down, in points.
func (s *sheet) shiftBy(dx, dy float64) {
	s.moved(s.mark.X+dx, s.mark.Y-dy, s.mark.Width, s.mark.Height)
}

// resize makes the mark wider and higher; its upper left corner stays.
func (s *sheet) resize(dw, dh float64) {
	w := max(minMark, min(s.mark.Width+dw, s.page.Width-s.mark.X))
	h := max(minMark, min(s.mark.Height+dh, s.mark.Y+s.mark.Height))
	s.moved(s.mark.X, s.mark.Y+s.mark.Height-h, w, h)
}

// Cursor implements desktop.Cursorable.
func (s *sheet) Cursor() desktop.Cursor                 { return desktop.PointerCursor }
func (s *sheet) AccessibilityLabel() string             { return s.name }
func (s *sheet) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }
func (s *sheet) FocusGained()                           { s.held = true; s.Refresh(); reveal(s) }
func (s *sheet) FocusLost()                             { s.held, s.shift = false, false; s.Refresh() }
func (s *sheet) TypedRune(rune)                         {}

// KeyDown implements desktop.Keyable.
func (s *sheet) KeyDown(e *fyne.KeyEvent) { s.hold(e, true) }

// KeyUp implements desktop.Keyable.
func (s *sheet) KeyUp(e *fyne.KeyEvent) { s.hold(e, false) }

func (s *sheet) hold(e *fyne.KeyEvent, on bool) {
	if e.Name == desktop.KeyShiftLeft || e.Name == desktop.KeyShiftRight {
		s.shift = on
	}
}

// TypedKey implements fyne.Focusable: arrows move the mark, with Shift they resize it.
func (s *sheet) TypedKey(e *fyne.KeyEvent) {
	if passes(s, e, fyne.KeyUp, fyne.KeyDown) {
		return
	}
	var dx, dy float64
	switch e.Name {
	case fyne.KeyLeft:
		dx = -markStep
	case fyne.KeyRight:
		dx = markStep
	case fyne.KeyUp:
		dy = -markStep
	case fyne.KeyDown:
		dy = markStep
	default:
		return
	}
	if s.shift {
		s.resize(dx, dy)
	} else {
		s.shiftBy(dx, dy)
	}
}

// CreateRenderer implements fyne.Widget.
func (s *sheet) CreateRenderer() fyne.WidgetRenderer {
	r := &sheetRenderer{s: s, paper: canvas.NewRectangle(color.White), image: &canvas.Image{FillMode: canvas.ImageFillStretch},
		mark: canvas.NewRectangle(nil), stamp: &canvas.Image{FillMode: canvas.ImageFillContain}, corner: canvas.NewRectangle(nil)}
	for range 3 {
		r.text = append(r.text, canvas.NewText("", color.Black))
	}
	s.render = r
	r.Refresh()
	return r
}

type sheetRenderer struct {
	s                   *sheet
	paper, mark, corner *canvas.Rectangle
	image, stamp        *canvas.Image
	text                []*canvas.Text
}

func (r *sheetRenderer) MinSize() fyne.Size {
	return fyne.NewSize(r.s.width, float32(r.s.page.Height)*r.s.scale())
}

func (r *sheetRenderer) Layout(fyne.Size) {
	s := r.s
	whole := r.MinSize()
	r.paper.Resize(whole)
	r.image.Resize(whole)
	at, size := s.box()
	r.mark.Move(at)
	r.mark.Resize(size)
	r.corner.Resize(fyne.NewSquareSize(8))
	r.corner.Move(at.AddXY(size.Width-8, size.Height-8))
	left := float32(4)
	if s.stamp != nil {
		r.stamp.Move(at)
		r.stamp.Resize(fyne.NewSize(size.Width*0.4, size.Height))
		left = size.Width * 0.4
	}
	lines := strings.Split(s.lines, "\n")
	font := min(12*s.scale(), size.Height/(float32(len(lines))*1.4))
	for i, t := range r.text {
		t.Text = ""
		if i < len(lines) {
			t.Text = lines[i]
		}
		t.TextSize = font
		if w := t.MinSize().Width; w > size.Width-left-2 {
			t.TextSize = max(1, font*(size.Width-left-2)/w)
		}
		t.Move(at.AddXY(left, size.Height/2+(float32(i)-float32(len(lines))/2)*font*1.35))
	}
}

func (r *sheetRenderer) Refresh() {
	s := r.s
	r.paper.StrokeColor, r.paper.StrokeWidth = theme.Color(theme.ColorNameInputBorder), 1
	if s.held {
		r.paper.StrokeColor, r.paper.StrokeWidth = theme.Color(theme.ColorNameForeground), 3
	}
	r.image.Image, r.image.Hidden = s.drawn, s.drawn == nil
	r.stamp.Image, r.stamp.Hidden = s.stamp, s.stamp == nil
	// Paper is white in the dark theme, too.
	blue := color.NRGBA{0x0B, 0x5C, 0xAD, 0xFF}
	r.mark.FillColor = color.NRGBA{0xE3, 0xEE, 0xFA, 0xD0}
	r.mark.StrokeColor, r.mark.StrokeWidth = blue, 2
	r.corner.FillColor = blue
	r.Layout(s.Size())
	for _, o := range r.Objects() {
		o.Refresh()
	}
	canvas.Refresh(s)
}

func (r *sheetRenderer) Objects() []fyne.CanvasObject {
	list := []fyne.CanvasObject{r.paper, r.image, r.mark, r.stamp}
	for _, t := range r.text {
		list = append(list, t)
	}
	return append(list, r.corner)
}

func (r *sheetRenderer) Destroy() {}
