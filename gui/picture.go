package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// pictureSize is the size of the picture of a card, in units of the text size:
// the proportions of ID-1 (ISO/IEC 7810).
const (
	pictureWidth  = 16.5
	pictureHeight = pictureWidth * 53.98 / 85.6
)

// picture returns the drawing of a card with the name of its holder, no copy of the document.
func (u *UI) picture(name string) fyne.CanvasObject {
	kind := muted(u.texts.T("card.title"))
	kind.SizeName = theme.SizeNameCaptionText
	holder := text(name)
	holder.TextStyle.Bold = true
	return container.New(&sized{},
		newSurface(colorTint, theme.ColorNamePrimary, 14),
		container.New(innerInset{10, 10}, kind),
		container.New(innerInset{18, 46}, icon(theme.NewPrimaryThemedResource(chipIcon), 2.4)),
		container.New(bottom{}, holder))
}

// sized gives its objects the size of the picture of a card.
type sized struct{}

func (l *sized) Layout(o []fyne.CanvasObject, _ fyne.Size) {
	for _, x := range o {
		x.Resize(l.MinSize(nil))
	}
}

func (*sized) MinSize([]fyne.CanvasObject) fyne.Size {
	t := theme.TextSize()
	return fyne.NewSize(pictureWidth*t, pictureHeight*t)
}

// bottom puts its one object at the lower edge.
type bottom struct{}

func (bottom) Layout(o []fyne.CanvasObject, size fyne.Size) {
	h := fit(o[0], size.Width-20)
	o[0].Move(fyne.NewPos(10, size.Height-h-6))
}

func (bottom) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize() }
