package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// stepBar shows how many of a known number of steps are done. At none it is
// empty, with a border that has contrast to what surrounds it, which the bar of the
// toolkit is not.
type stepBar struct {
	widget.BaseWidget
	Value, Max float64
}

func newSteps() *stepBar {
	b := &stepBar{Max: 1}
	b.ExtendBaseWidget(b)
	return b
}

// SetValue shows another number of steps.
func (b *stepBar) SetValue(v float64) {
	b.Value = v
	b.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (b *stepBar) CreateRenderer() fyne.WidgetRenderer {
	r := &stepRenderer{b: b, track: canvas.NewRectangle(nil), done: canvas.NewRectangle(nil)}
	r.Refresh()
	return r
}

type stepRenderer struct {
	b           *stepBar
	track, done *canvas.Rectangle
}

func (r *stepRenderer) MinSize() fyne.Size { return fyne.NewSize(80, theme.TextSize()) }

func (r *stepRenderer) Layout(size fyne.Size) {
	r.track.Resize(size)
	share := float32(min(max(r.b.Value/r.b.Max, 0), 1))
	r.done.Resize(fyne.NewSize(size.Width*share, size.Height))
	r.done.Hidden = share == 0
}

func (r *stepRenderer) Refresh() {
	r.track.FillColor, r.done.FillColor = theme.Color(colorSurface), theme.Color(theme.ColorNamePrimary)
	r.track.StrokeColor, r.track.StrokeWidth = theme.Color(theme.ColorNameInputBorder), 1
	r.track.CornerRadius, r.done.CornerRadius = theme.InputRadiusSize(), theme.InputRadiusSize()
	r.Layout(r.b.Size())
	canvas.Refresh(r.b)
}

func (r *stepRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.track, r.done} }

func (r *stepRenderer) Destroy() {}
