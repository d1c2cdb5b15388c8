package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// dropField is a field with a dashed border on which files are dropped. The whole
// window takes them; the field says so.
type dropField struct {
	widget.BaseWidget
	content fyne.CanvasObject
}

func newDropField(content fyne.CanvasObject) *dropField {
	f := &dropField{content: content}
	f.ExtendBaseWidget(f)
	return f
}

func (f *dropField) children() []fyne.CanvasObject { return []fyne.CanvasObject{f.content} }

// CreateRenderer implements fyne.Widget.
func (f *dropField) CreateRenderer() fyne.WidgetRenderer {
	r := &dropRenderer{f: f, back: canvas.NewRectangle(nil)}
	r.back.CornerRadius = 12
	return r
}

type dropRenderer struct {
	f      *dropField
	back   *canvas.Rectangle
	dashes []fyne.CanvasObject
	size   fyne.Size
}

const (
	dash    = 10
	dashGap = 7
	padding = 44
)

func (r *dropRenderer) MinSize() fyne.Size {
	return r.f.content.MinSize().AddWidthHeight(2*padding, 2*padding)
}

func (r *dropRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	r.f.content.Move(fyne.NewPos(padding, padding))
	fit(r.f.content, size.Width-2*padding)
	if size != r.size {
		r.size = size
		r.dashes = nil
		r.side(size.Width, func(at float32) (x, y, w, h float32) { return at, 0, dash, 2 }, size.Height-2, true)
		r.side(size.Height, func(at float32) (x, y, w, h float32) { return 0, at, 2, dash }, size.Width-2, false)
	}
	r.Refresh()
}

// side draws the dashes of two opposite sides, which are far apart.
func (r *dropRenderer) side(length float32, place func(at float32) (x, y, w, h float32), far float32, horizontal bool) {
	for at := float32(dashGap); at+dash < length; at += dash + dashGap {
		for _, off := range []float32{0, far} {
			x, y, w, h := place(at)
			if horizontal {
				y += off
			} else {
				x += off
			}
			d := canvas.NewRectangle(nil)
			d.Resize(fyne.NewSize(w, h))
			d.Move(fyne.NewPos(x, y))
			r.dashes = append(r.dashes, d)
		}
	}
}

func (r *dropRenderer) Refresh() {
	r.back.FillColor = theme.Color(colorSurface)
	r.back.Refresh()
	for _, d := range r.dashes {
		d.(*canvas.Rectangle).FillColor = theme.Color(theme.ColorNameInputBorder)
	}
	r.f.content.Refresh()
	canvas.Refresh(r.f)
}

func (r *dropRenderer) Objects() []fyne.CanvasObject {
	return append(append([]fyne.CanvasObject{r.back}, r.dashes...), r.f.content)
}

func (r *dropRenderer) Destroy() {}
