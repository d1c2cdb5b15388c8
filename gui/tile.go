package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// tile is a panel that leads somewhere: an icon, a name, and what it is for.
type tile struct {
	widget.BaseWidget
	title            string
	content          fyne.CanvasObject
	back             *canvas.Rectangle
	tapped           func()
	focused, hovered bool
}

func newTile(i fyne.Resource, title, words string, tapped func()) *tile {
	name := text(title)
	name.TextStyle.Bold = true
	t := &tile{title: title, back: canvas.NewRectangle(nil), tapped: tapped}
	t.content = container.New(innerInset{16, 10}, container.New(column{gap: -10},
		container.New(lead{gap: 2, left: margin, middle: true}, icon(theme.NewPrimaryThemedResource(i), 1.4), name),
		muted(words)))
	t.ExtendBaseWidget(t)
	return t
}

func (t *tile) Tapped(*fyne.PointEvent)                { t.tapped() }
func (t *tile) MouseDown(e *desktop.MouseEvent)        { mouseDown(t, e) }
func (t *tile) MouseUp(e *desktop.MouseEvent)          { mouseUp(t, e) }
func (t *tile) MouseIn(*desktop.MouseEvent)            { t.hovered = true; t.Refresh() }
func (t *tile) MouseMoved(*desktop.MouseEvent)         {}
func (t *tile) MouseOut()                              { t.hovered = false; t.Refresh() }
func (t *tile) FocusGained()                           { t.focused = true; t.Refresh(); reveal(t) }
func (t *tile) FocusLost()                             { t.focused = false; t.Refresh() }
func (t *tile) TypedRune(rune)                         {}
func (t *tile) Cursor() desktop.Cursor                 { return desktop.PointerCursor }
func (t *tile) AccessibilityLabel() string             { return t.title }
func (t *tile) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

func (t *tile) children() []fyne.CanvasObject { return []fyne.CanvasObject{t.back, t.content} }

// TypedKey implements fyne.Focusable.
func (t *tile) TypedKey(e *fyne.KeyEvent) {
	if passes(t, e) {
		return
	}
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		t.tapped()
	}
}

// CreateRenderer implements fyne.Widget.
func (t *tile) CreateRenderer() fyne.WidgetRenderer {
	r := &tileRenderer{t}
	r.paint()
	return r
}

type tileRenderer struct{ t *tile }

func (r *tileRenderer) MinSize() fyne.Size { return r.t.content.MinSize() }

func (r *tileRenderer) Layout(size fyne.Size) {
	r.t.back.Resize(size)
	r.t.content.Resize(fyne.NewSize(size.Width, r.t.content.MinSize().Height))
}

func (r *tileRenderer) paint() {
	b := r.t.back
	b.CornerRadius = 12
	b.FillColor = theme.Color(colorSurface)
	b.StrokeColor, b.StrokeWidth = theme.Color(colorLine), 1
	if r.t.hovered {
		b.FillColor = theme.Color(colorTint)
	}
	if r.t.focused {
		b.StrokeColor, b.StrokeWidth = theme.Color(theme.ColorNamePrimary), 2
	}
}

func (r *tileRenderer) Refresh() {
	r.paint()
	r.t.back.Refresh()
	r.t.content.Refresh()
	canvas.Refresh(r.t)
}

func (r *tileRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.t.back, r.t.content}
}

func (r *tileRenderer) Destroy() {}

// tiles puts tiles of one height beside each other, as far as there is room.
type tiles struct {
	gap, cell float32
	height    float32
}

func (l *tiles) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	columns := min(len(objects), max(1, int((size.Width+l.gap)/(l.cell*theme.TextSize()+l.gap))))
	if columns == 0 {
		return
	}
	// No line has many fewer than the others.
	lines := (len(objects) + columns - 1) / columns
	columns = (len(objects) + lines - 1) / lines
	width := (size.Width - l.gap*float32(columns-1)) / float32(columns)
	var y float32
	for i := 0; i < len(objects); i += columns {
		line := objects[i:min(i+columns, len(objects))]
		var height float32
		for _, o := range line {
			height = max(height, fit(o, width))
		}
		for j, o := range line {
			o.Move(fyne.NewPos(float32(j)*(width+l.gap), y))
			o.Resize(fyne.NewSize(width, height))
		}
		y += height + l.gap
	}
	l.height = y - l.gap
}

func (l *tiles) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	size.Height = max(l.height, size.Height)
	return size
}
