package gui

import (
	_ "embed"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

//go:embed icons/card.svg
var cardSVG []byte

//go:embed icons/app.svg
var appSVG []byte

// Icon is the icon of the application.
var Icon = fyne.NewStaticResource("cie.svg", appSVG)

//go:embed icons/unlock.svg
var unlockSVG []byte

//go:embed icons/sign.svg
var signSVG []byte

//go:embed icons/open.svg
var openSVG []byte

//go:embed icons/closed.svg
var closedSVG []byte

//go:embed icons/place.svg
var placeSVG []byte

//go:embed icons/chip.svg
var chipSVG []byte

//go:embed icons/state-off.svg
var stateOffSVG []byte

//go:embed icons/state-on.svg
var stateOnSVG []byte

//go:embed icons/state-half.svg
var stateHalfSVG []byte

var (
	cardIcon   = fyne.NewStaticResource("card.svg", cardSVG)
	unlockIcon = fyne.NewStaticResource("unlock.svg", unlockSVG)
	openIcon   = theme.NewThemedResource(fyne.NewStaticResource("open.svg", openSVG))
	closedIcon = theme.NewThemedResource(fyne.NewStaticResource("closed.svg", closedSVG))
	signIcon   = fyne.NewStaticResource("sign.svg", signSVG)
	chipIcon   = fyne.NewStaticResource("chip.svg", chipSVG)
	placeImage = fyne.NewStaticResource("place.svg", placeSVG)
)

// text returns a paragraph that wraps.
func text(s string) *widget.Label {
	l := widget.NewLabel(s)
	l.Wrapping = fyne.TextWrapWord
	return l
}

func muted(s string) *widget.Label {
	l := text(s)
	l.Importance = widget.LowImportance
	return l
}

func heading(s string) *widget.Label {
	l := text(s)
	l.SizeName = theme.SizeNameHeadingText
	l.TextStyle.Bold = true
	return l
}

func subheading(s string) *widget.Label {
	l := text(s)
	l.SizeName = theme.SizeNameSubHeadingText
	l.TextStyle.Bold = true
	return l
}

// flush puts text that is in no panel where the edge of panels is.
func flush(o fyne.CanvasObject) fyne.CanvasObject { return container.New(innerInset{-margin, 0}, o) }

// intro returns the text about the purpose of a page.
func intro(s string) fyne.CanvasObject { return flush(muted(s)) }

// section returns the title of a panel with a few words about it.
func section(title, words string) fyne.CanvasObject {
	return vbox(-8, subheading(title), muted(words))
}

// surface is a rectangle with round corners in a colour of the theme.
type surface struct {
	widget.BaseWidget
	fill, line fyne.ThemeColorName
	radius     float32
}

func newSurface(fill, line fyne.ThemeColorName, radius float32) *surface {
	s := &surface{fill: fill, line: line, radius: radius}
	s.ExtendBaseWidget(s)
	return s
}

func (s *surface) CreateRenderer() fyne.WidgetRenderer {
	r := &surfaceRenderer{s: s, rect: canvas.NewRectangle(color.Transparent)}
	r.WidgetRenderer = widget.NewSimpleRenderer(r.rect)
	r.paint()
	return r
}

type surfaceRenderer struct {
	fyne.WidgetRenderer
	s    *surface
	rect *canvas.Rectangle
}

func (r *surfaceRenderer) MinSize() fyne.Size { return fyne.Size{} }

func (r *surfaceRenderer) paint() {
	r.rect.FillColor = theme.Color(r.s.fill)
	if r.s.line != "" {
		r.rect.StrokeColor = theme.Color(r.s.line)
		r.rect.StrokeWidth = 1
	}
	r.rect.CornerRadius = r.s.radius
}

func (r *surfaceRenderer) Refresh() {
	r.paint()
	canvas.Refresh(r.s)
}

// panel returns a card of the layout: a surface with content below each other.
func panel(objects ...fyne.CanvasObject) fyne.CanvasObject {
	return container.NewStack(
		newSurface(colorSurface, colorLine, 12),
		container.New(innerInset{16, 16}, vbox(8, objects...)))
}

// innerInset is an inset whose one object gets the height it needs.
type innerInset struct{ x, y float32 }

func (i innerInset) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Move(fyne.NewPos(i.x, i.y))
	fit(o[0], size.Width-2*i.x)
}

func (i innerInset) MinSize(o []fyne.CanvasObject) fyne.Size {
	return o[0].MinSize().AddWidthHeight(2*i.x, 2*i.y)
}

// kind is the mood of a notice.
type kind int

const (
	info kind = iota
	good
	warn
	bad
)

func (k kind) icon() fyne.Resource {
	switch k {
	case good:
		return theme.NewSuccessThemedResource(theme.ConfirmIcon())
	case warn:
		return theme.NewWarningThemedResource(theme.WarningIcon())
	case bad:
		return theme.NewErrorThemedResource(theme.ErrorIcon())
	}
	return theme.NewPrimaryThemedResource(theme.InfoIcon())
}

func (k kind) importance() widget.Importance {
	switch k {
	case good:
		return widget.SuccessImportance
	case warn:
		return widget.WarningImportance
	case bad:
		return widget.DangerImportance
	}
	return widget.MediumImportance
}

// icon shows a resource at the size of the text around it times factor.
func icon(r fyne.Resource, factor float32) fyne.CanvasObject {
	return container.New(&iconLayout{factor}, widget.NewIcon(r))
}

type iconLayout struct{ factor float32 }

func (l *iconLayout) side() float32 { return theme.TextSize() * l.factor }

func (l *iconLayout) Layout(o []fyne.CanvasObject, _ fyne.Size) {
	o[0].Resize(fyne.NewSquareSize(l.side()))
}

func (l *iconLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSquareSize(l.side()) }

// ground returns the colour behind a notice, and that of its border.
func (k kind) ground() (fill, line fyne.ThemeColorName) {
	switch k {
	case good:
		return colorGood, colorGoodLine
	case warn:
		return colorWarn, colorWarnLine
	case bad:
		return colorBad, colorBadLine
	}
	return colorSurface, colorLine
}

// notice returns a panel with a mark, a sentence, what to do, and more below.
func notice(k kind, title, remedy string, more ...fyne.CanvasObject) fyne.CanvasObject {
	words := vbox(-6, subheading(title))
	if remedy != "" {
		words.Add(text(remedy))
	}
	mark := container.New(inset{0, theme.InnerPadding()}, icon(k.icon(), 1.5))
	fill, line := k.ground()
	return container.NewStack(newSurface(fill, line, 12),
		container.New(innerInset{16, 10}, container.New(lead{gap: 4, left: margin}, mark, vbox(2, append([]fyne.CanvasObject{words}, more...)...))))
}

// problem returns a notice of an error, with the technical words folded away.
func problem(t *Texts, err error, more ...fyne.CanvasObject) fyne.CanvasObject {
	p := t.Problem(err)
	detail := newPathText(t.T("details.text", p.Code, p.Detail))
	detail.Importance = widget.LowImportance
	details := copyable(t, t.T("details.name"), detail, detail.whole)
	details.Hide()
	k := bad
	if p.Code == "canceled" {
		k = info
	}
	var b *button
	b = newButton(t.T("details.show"), func() {
		if details.Visible() {
			details.Hide()
			b.SetText(t.T("details.show"))
		} else {
			details.Show()
			b.SetText(t.T("details.hide"))
		}
		relayout(b)
	})
	return notice(k, p.Title, p.Remedy, append(more, row(b), details)...)
}

// sure asks before something is removed.
func (u *UI) sure(question, label string, do, leave func()) fyne.CanvasObject {
	return even(notice(warn, question, "", row(newButton(label, do), newButton(u.texts.T("cancel"), leave))))
}

// fact returns a caption with a value below.
func fact(caption, value string) fyne.CanvasObject {
	c := muted(caption)
	c.SizeName = theme.SizeNameCaptionText
	v := text(value)
	return container.New(column{gap: -10}, c, v)
}

// copyFact returns a fact with a button that copies the value.
func copyFact(t *Texts, caption, value string) fyne.CanvasObject {
	c := muted(caption)
	c.SizeName = theme.SizeNameCaptionText
	return container.New(column{gap: -10}, c, copyable(t, caption, text(value), value))
}

// copyable puts a button that copies value beside the text that shows it. Text
// of the toolkit that can be selected takes the keyboard without a mark
// (WCAG 2.4.7) and swallows the shortcuts of the window.
func copyable(t *Texts, name string, shown fyne.CanvasObject, value string) *fyne.Container {
	b := newButton(t.T("copy.do"), nil)
	b.Icon, b.Importance, b.name = theme.ContentCopyIcon(), widget.LowImportance, t.T("copy", name)
	b.OnTapped = func() {
		fyne.CurrentApp().Clipboard().SetContent(value)
		b.Text, b.name = t.T("copy.done"), t.T("copied")
		b.SetIcon(theme.ConfirmIcon())
	}
	return container.New(trail{gap: 2}, shown, b)
}

func facts(objects ...fyne.CanvasObject) fyne.CanvasObject {
	return container.New(&flow{gap: 4, cell: 15}, objects...)
}
