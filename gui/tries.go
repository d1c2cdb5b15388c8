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

// tries shows a counter as dots and in words.
func tries(t *Texts, ref card.PINRef, c card.Tries) fyne.CanvasObject {
	return triesSaying(t, ref, c, triesText(t, ref, c))
}

func triesSaying(t *Texts, ref card.PINRef, c card.Tries, say string) fyne.CanvasObject {
	name := muted(ref.String())
	name.SizeName = theme.SizeNameCaptionText
	words := text(say)
	words.Importance = triesKind(ref, c).importance()
	if c.Max == 0 {
		return container.New(column{gap: -10}, name, words)
	}
	dots := newDots(max(c.Left, 0), c.Max, triesKind(ref, c))
	if c.Left < 0 {
		return container.New(column{gap: -10}, name, words)
	}
	return container.New(column{gap: -6}, name, container.New(inset{theme.InnerPadding(), 3}, dots), words)
}

func triesText(t *Texts, ref card.PINRef, c card.Tries) string {
	switch {
	case c.Max == 0:
		return t.T("tries.reading")
	case c.Left < 0:
		return t.T("tries.unknown")
	case c.Left == 0 && ref == card.PUK:
		return t.T("tries.puk-dead")
	case c.Left == 0:
		return t.T("tries.pin-blocked")
	}
	return t.N("tries.left", c.Left, c.Max)
}

func triesKind(ref card.PINRef, c card.Tries) kind {
	switch {
	case c.Max == 0 || c.Left < 0:
		return info
	case c.Left == 0:
		return bad
	case c.Left < c.Max && c.NeedsConsent(ref):
		return warn
	}
	return good
}

// dots shows how many of something are left.
type dots struct {
	widget.BaseWidget
	left, max int
	kind      kind
}

func newDots(left, maximum int, k kind) *dots {
	d := &dots{left: left, max: maximum, kind: k}
	d.ExtendBaseWidget(d)
	return d
}

func (d *dots) CreateRenderer() fyne.WidgetRenderer {
	r := &dotsRenderer{d: d}
	for range d.max {
		r.all = append(r.all, canvas.NewCircle(nil))
	}
	r.Refresh()
	return r
}

type dotsRenderer struct {
	d   *dots
	all []fyne.CanvasObject
}

func (r *dotsRenderer) side() float32 { return theme.TextSize() * 0.8 }

func (r *dotsRenderer) MinSize() fyne.Size {
	s := r.side()
	return fyne.NewSize(s*1.35*float32(len(r.all)), s)
}

func (r *dotsRenderer) Layout(fyne.Size) {
	s := r.side()
	for i, o := range r.all {
		o.Resize(fyne.NewSquareSize(s))
		o.Move(fyne.NewPos(float32(i)*s*1.35, 0))
	}
}

func (r *dotsRenderer) Refresh() {
	name := map[kind]fyne.ThemeColorName{good: theme.ColorNameSuccess, warn: theme.ColorNameWarning, bad: theme.ColorNameError, info: theme.ColorNamePrimary}[r.d.kind]
	for i, o := range r.all {
		c := o.(*canvas.Circle)
		c.StrokeWidth = 1.5
		c.StrokeColor = theme.Color(name)
		c.FillColor = color.Transparent
		if i < r.d.left {
			c.FillColor = theme.Color(name)
		}
		c.Refresh()
	}
}

func (r *dotsRenderer) Objects() []fyne.CanvasObject { return r.all }

func (r *dotsRenderer) Destroy() {}
