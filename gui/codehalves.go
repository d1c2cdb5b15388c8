package gui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

// codeSources shows on which papers the two halves of a code are.
func codeSources(t *Texts, ref card.PINRef) fyne.CanvasObject {
	caption := func(s string) *widget.Label {
		l := muted(s)
		l.SizeName = theme.SizeNameCaptionText
		return l
	}
	title := caption(t.T("code.where"))
	title.TextStyle.Bold = true
	half := func(first bool, s string) fyne.CanvasObject {
		return container.New(lead{gap: 2, left: margin, middle: true}, newHalfPicture(first), caption(s))
	}
	objects := []fyne.CanvasObject{title, half(true, t.T("code.where.first")), half(false, t.T("code.where.second"))}
	if ref == card.PIN {
		objects = append(objects, caption(t.T("code.where.changed")))
	}
	return container.New(column{gap: -10}, objects...)
}

// halfPicture is a small picture of a code with one of its halves filled.
type halfPicture struct {
	widget.BaseWidget
	first bool
}

func newHalfPicture(first bool) *halfPicture {
	h := &halfPicture{first: first}
	h.ExtendBaseWidget(h)
	return h
}

// CreateRenderer implements fyne.Widget.
func (h *halfPicture) CreateRenderer() fyne.WidgetRenderer {
	r := &halfRenderer{h: h}
	for range card.CodeLength {
		r.all = append(r.all, canvas.NewRectangle(nil))
	}
	r.Refresh()
	return r
}

type halfRenderer struct {
	h   *halfPicture
	all []fyne.CanvasObject
}

func (r *halfRenderer) cell() fyne.Size {
	t := theme.TextSize()
	return fyne.NewSize(t*0.42, t*0.62)
}

func (r *halfRenderer) MinSize() fyne.Size {
	c := r.cell()
	return fyne.NewSize(card.CodeLength*c.Width+6*2+c.Width*0.8, c.Height)
}

func (r *halfRenderer) Layout(fyne.Size) {
	c := r.cell()
	var x float32
	for i, o := range r.all {
		if i == card.CodeLength/2 {
			x += c.Width*0.8 - 2
		}
		o.Resize(c)
		o.Move(fyne.NewPos(x, 0))
		x += c.Width + 2
	}
}

func (r *halfRenderer) Refresh() {
	for i, o := range r.all {
		c := o.(*canvas.Rectangle)
		c.StrokeWidth, c.CornerRadius = 1, 1.5
		c.StrokeColor = theme.Color(theme.ColorNameInputBorder)
		c.FillColor = color.Transparent
		if (i < card.CodeLength/2) == r.h.first {
			c.StrokeColor = theme.Color(theme.ColorNamePrimary)
			c.FillColor = theme.Color(theme.ColorNamePrimary)
		}
		c.Refresh()
	}
}

func (r *halfRenderer) Objects() []fyne.CanvasObject { return r.all }

func (r *halfRenderer) Destroy() {}
