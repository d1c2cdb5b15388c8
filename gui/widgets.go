package gui

import (
	_ "embed"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

//go:embed icons/card.svg
var cardSVG []byte

//go:embed icons/app.svg
var appSVG []byte

// Icon is the icon of the application.
var Icon = fyne.NewStaticResource("cie.svg", appSVG)

var cardIcon = fyne.NewStaticResource("card.svg", cardSVG)

// text is a paragraph that wraps.
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

// button is a button that Enter presses, too, as Space does.
type button struct {
	widget.Button
	// name is for screen readers when the text does not say it all.
	name    string
	focused bool
	ring    *canvas.Rectangle
}

func newButton(label string, tapped func()) *button {
	b := &button{}
	b.Text, b.OnTapped = label, tapped
	b.ExtendBaseWidget(b)
	return b
}

func primaryButton(label string, tapped func()) *button {
	b := newButton(label, tapped)
	b.Importance = widget.HighImportance
	return b
}

// FocusGained implements fyne.Focusable.
func (b *button) FocusGained() {
	b.Button.FocusGained()
	b.outline(true)
	reveal(b)
}

// FocusLost implements fyne.Focusable.
func (b *button) FocusLost() {
	b.Button.FocusLost()
	b.outline(false)
}

func (b *button) outline(on bool) {
	b.focused = on
	if b.ring != nil {
		b.ring.Hidden = !on
		b.ring.Refresh()
	}
}

// CreateRenderer implements fyne.Widget: a ring shows where the keyboard is,
// which the colour of a button alone does not.
func (b *button) CreateRenderer() fyne.WidgetRenderer {
	b.ring = canvas.NewRectangle(color.Transparent)
	b.ring.StrokeWidth = 2
	b.ring.Hidden = !b.focused
	return &ringRenderer{b.Button.CreateRenderer(), b}
}

type ringRenderer struct {
	fyne.WidgetRenderer
	b *button
}

func (r *ringRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	r.b.ring.Resize(size.AddWidthHeight(6, 6))
	r.b.ring.Move(fyne.NewPos(-3, -3))
}

func (r *ringRenderer) Refresh() {
	r.b.ring.StrokeColor = theme.Color(theme.ColorNameForeground)
	r.b.ring.CornerRadius = theme.InputRadiusSize() + 3
	r.WidgetRenderer.Refresh()
	r.b.ring.Refresh()
}

func (r *ringRenderer) Objects() []fyne.CanvasObject {
	return append(append([]fyne.CanvasObject(nil), r.WidgetRenderer.Objects()...), r.b.ring)
}

// check is a box to tick that scrolls into view when it gets the keyboard,
// and that Enter ticks, too.
type check struct{ widget.Check }

func newCheck(label string, changed func(bool)) *check {
	c := &check{}
	c.Text, c.OnChanged = label, changed
	c.ExtendBaseWidget(c)
	return c
}

// FocusGained implements fyne.Focusable.
func (c *check) FocusGained() {
	c.Check.FocusGained()
	reveal(c, 100) // with the button below it
}

// TypedKey implements fyne.Focusable.
func (c *check) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter {
		c.SetChecked(!c.Checked)
		return
	}
	c.Check.TypedKey(e)
}

// selection is a list to choose from that scrolls into view.
type selection struct{ widget.Select }

func newSelection(options []string) *selection {
	s := &selection{}
	s.Options = options
	s.ExtendBaseWidget(s)
	return s
}

// FocusGained implements fyne.Focusable.
func (s *selection) FocusGained() {
	s.Select.FocusGained()
	reveal(s)
}

// reveal scrolls so that o can be seen.
func reveal(o fyne.CanvasObject, below ...float32) {
	d := fyne.CurrentApp().Driver()
	c := d.CanvasForObject(o)
	if c == nil {
		return
	}
	s := enclosing(c.Content(), o)
	if s == nil {
		return
	}
	const air = 24
	top := d.AbsolutePositionForObject(o).Y - d.AbsolutePositionForObject(s.Content).Y
	bottom := top + o.Size().Height
	for _, b := range below {
		bottom += b
	}
	at := s.Offset
	if top-air < at.Y {
		at.Y = max(0, top-air)
	} else if bottom+air > at.Y+s.Size().Height {
		at.Y = bottom + air - s.Size().Height
	}
	if at != s.Offset {
		s.ScrollToOffset(at)
	}
}

// enclosing finds the innermost scroller around o.
func enclosing(root, o fyne.CanvasObject) *container.Scroll {
	s, _ := search(root, o, nil)
	return s
}

func search(root, o fyne.CanvasObject, within *container.Scroll) (*container.Scroll, bool) {
	if root == o {
		return within, true
	}
	switch c := root.(type) {
	case *fyne.Container:
		for _, x := range c.Objects {
			if s, ok := search(x, o, within); ok {
				return s, true
			}
		}
	case *container.Scroll:
		return search(c.Content, o, c)
	}
	return nil, false
}

// TypedKey implements fyne.Focusable.
func (b *button) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter {
		e = &fyne.KeyEvent{Name: fyne.KeySpace}
	}
	b.Button.TypedKey(e)
}

// AccessibilityLabel implements fyne.Accessible.
func (b *button) AccessibilityLabel() string {
	if b.name != "" {
		return b.name
	}
	return b.Text
}

// AccessibilityRole implements fyne.Accessible.
func (b *button) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

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
	r.rect.Refresh()
}

// panel is a card of the layout: a surface with content below each other.
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

// notice is a panel with a mark, a sentence, what to do, and more below.
func notice(k kind, title, remedy string, more ...fyne.CanvasObject) fyne.CanvasObject {
	head := subheading(title)
	objects := []fyne.CanvasObject{head}
	if remedy != "" {
		objects = append(objects, text(remedy))
	}
	mark := container.New(inset{0, theme.InnerPadding()}, icon(k.icon(), 1.5))
	return panel(container.New(lead{gap: 4, left: margin}, mark, vbox(4, append(objects, more...)...)))
}

// problem is a notice of an error, with the technical words folded away.
func problem(t *Texts, err error, more ...fyne.CanvasObject) fyne.CanvasObject {
	p := t.Problem(err)
	detail := muted(t.T("details.text", p.Code, p.Detail))
	detail.Selectable = true
	detail.Hide()
	k := bad
	if p.Code == "canceled" {
		k = info
	}
	var b *button
	b = newButton(t.T("details.show"), func() {
		if detail.Visible() {
			detail.Hide()
			b.SetText(t.T("details.show"))
		} else {
			detail.Show()
			b.SetText(t.T("details.hide"))
		}
		relayout(b)
	})
	b.Importance = widget.LowImportance
	return notice(k, p.Title, p.Remedy, append(more, row(b), detail)...)
}

// relayout lays the window out again after something in it grew or shrank.
func relayout(o fyne.CanvasObject) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(o); c != nil && c.Content() != nil {
		size := c.Content().Size()
		c.Content().Resize(size.SubtractWidthHeight(1, 0))
		c.Content().Resize(size)
		c.Refresh(c.Content())
	}
}

// fact is a caption with a value below.
func fact(caption, value string) fyne.CanvasObject {
	c := muted(caption)
	c.SizeName = theme.SizeNameCaptionText
	v := text(value)
	v.Selectable = true
	return container.New(column{gap: -10}, c, v)
}

func facts(objects ...fyne.CanvasObject) fyne.CanvasObject {
	return container.New(&flow{gap: 4, cell: 15}, objects...)
}

// tries shows a counter as dots and in words.
func tries(t *Texts, ref card.PINRef, c card.Tries) fyne.CanvasObject {
	name := muted(ref.String())
	name.SizeName = theme.SizeNameCaptionText
	words := text(triesText(t, ref, c))
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
	case ref == card.PIN && c.Left == 1, ref == card.PUK && c.Left < fewPUK:
		return warn
	}
	return good
}

// fewPUK is the number of tries of the PUK below which each wants a confirmation.
const fewPUK = 4

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
}

func newNavItem(label string, icon fyne.Resource, tapped func(), move func(int)) *navItem {
	n := &navItem{label: label, icon: icon, tapped: tapped, move: move}
	n.ExtendBaseWidget(n)
	return n
}

func (n *navItem) Tapped(*fyne.PointEvent)        { n.tapped() }
func (n *navItem) MouseIn(*desktop.MouseEvent)    { n.hovered = true; n.Refresh() }
func (n *navItem) MouseMoved(*desktop.MouseEvent) {}
func (n *navItem) MouseOut()                      { n.hovered = false; n.Refresh() }
func (n *navItem) FocusGained()                   { n.focused = true; n.Refresh() }
func (n *navItem) FocusLost()                     { n.focused = false; n.Refresh() }
func (n *navItem) TypedRune(rune)                 {}
func (n *navItem) AccessibilityLabel() string     { return n.label }
func (n *navItem) Cursor() desktop.Cursor         { return desktop.PointerCursor }
func (n *navItem) AccessibilityRole() fyne.AccessibleRole {
	return fyne.AccessibleRoleButton
}

func (n *navItem) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		n.tapped()
	case fyne.KeyUp:
		n.move(-1)
	case fyne.KeyDown:
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
	// Chosen entries are bold: the width must not change with the choice.
	bold := fyne.MeasureText(r.n.label, t, fyne.TextStyle{Bold: true})
	return fyne.NewSize(bold.Width+3.8*t, max(2.5*t, 36))
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
}

func (r *navRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.n.back, r.n.leftMark, r.n.image, r.n.text}
}

func (r *navRenderer) Destroy() {}

func spacer() fyne.CanvasObject { return layout.NewSpacer() }
