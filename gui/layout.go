package gui

import (
	"cmp"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// column puts objects below each other. Text that wraps gets the height that
// it needs at the width it has, in one pass: the layouts of the toolkit need
// several, and overlap in between.
type column struct {
	gap float32
	// max is the largest width, 0 for none; what is left over stays at the right.
	max float32
}

func (c column) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	width := size.Width
	if c.max > 0 {
		width = min(width, c.max*theme.TextSize())
	}
	var y float32
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		o.Move(fyne.NewPos(0, y))
		y += fit(o, width) + c.gap
	}
}

// fit gives o the width and the height that it then needs.
func fit(o fyne.CanvasObject, width float32) float32 {
	o.Resize(fyne.NewSize(width, o.MinSize().Height))
	h := o.MinSize().Height
	if o.Size().Height != h {
		o.Resize(fyne.NewSize(width, h))
	}
	return h
}

func (c column) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	n := 0
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		size.Width = max(size.Width, m.Width)
		size.Height += m.Height
		n++
	}
	size.Height += c.gap * float32(max(n-1, 0))
	return size
}

func vbox(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(column{gap: gap}, objects...)
}

// flow puts objects beside each other and begins a new line when the width is
// used up. cell is the least width of each in units of the text size; 0: its own.
type flow struct {
	gap, cell float32
	left      float32 // distance from the left side, where labels begin
	height    float32
}

func (f *flow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	size.Width -= f.left
	columns := 0
	var cell float32
	if f.cell > 0 {
		columns = max(1, int((size.Width+f.gap)/(f.cell*theme.TextSize()+f.gap)))
		cell = (size.Width - f.gap*float32(columns-1)) / float32(columns)
	}
	var x, y, line float32
	n := 0
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		w := o.MinSize().Width
		if columns > 0 {
			w = cell
		} else {
			w = min(w, size.Width)
		}
		if n > 0 && (columns > 0 && n%columns == 0 || columns == 0 && x+w > size.Width+0.5) {
			x, y, line = 0, y+line+f.gap, 0
		}
		h := fit(o, w)
		o.Move(fyne.NewPos(f.left+x, y))
		x += w + f.gap
		line = max(line, h)
		n++
	}
	f.height = y + line
}

func (f *flow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			m := o.MinSize()
			size.Width = max(size.Width, m.Width)
			size.Height = max(size.Height, m.Height)
		}
	}
	size.Height = max(size.Height, f.height)
	size.Width += f.left
	return size
}

// margin is where the text of a label begins; what is no label begins there, too.
const margin = 8

// even puts what has an edge of its own where the text of labels begins.
func even(o fyne.CanvasObject) fyne.CanvasObject { return container.New(inset{margin, 0}, o) }

func row(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&flow{gap: 10, left: margin}, objects...)
}

// inset keeps a distance to all sides, in points.
type inset struct{ x, y float32 }

func (i inset) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.NewPos(i.x, i.y))
		o.Resize(fyne.NewSize(size.Width-2*i.x, size.Height-2*i.y))
	}
}

func (i inset) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
	}
	return size.AddWidthHeight(2*i.x, 2*i.y)
}

// lead puts the first object at its own size at the left of the second, which
// gets the rest of the width; both are aligned at the top or in the middle.
type lead struct {
	gap    float32
	left   float32 // distance from the left side
	middle bool
}

func (l lead) Layout(o []fyne.CanvasObject, size fyne.Size) {
	m := o[0].MinSize()
	h := fit(o[1], size.Width-m.Width-l.gap-l.left)
	var y0, y1 float32
	if l.middle {
		line := h
		// Where the text wraps, the middle is that of its first line.
		first := func(l *widget.Label) float32 {
			return min(h, fyne.MeasureText("M", theme.Size(cmp.Or(l.SizeName, theme.SizeNameText)), l.TextStyle).Height+2*theme.InnerPadding())
		}
		switch l := o[1].(type) {
		case *widget.Label:
			line = first(l)
		case *pathText:
			line = first(&l.Label)
		}
		y0, y1 = max(0, (line-m.Height)/2), max(0, (m.Height-h)/2)
	}
	o[0].Resize(m)
	o[0].Move(fyne.NewPos(l.left, y0))
	o[1].Move(fyne.NewPos(l.left+m.Width+l.gap, y1))
}

func (l lead) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(l.left+a.Width+l.gap+b.Width, max(a.Height, b.Height))
}

// trail puts the second object, at its own size, right behind the text of the
// first.
type trail struct{ gap float32 }

func (l trail) Layout(o []fyne.CanvasObject, size fyne.Size) {
	m := o[1].MinSize()
	room := size.Width - m.Width - l.gap
	width := room
	switch t := o[0].(type) {
	case *widget.Label:
		width = min(room, textWidth(t, t.Text))
	case *pathText:
		width = min(room, textWidth(&t.Label, t.whole))
	}
	h := fit(o[0], width)
	o[0].Move(fyne.NewPos(0, max(0, (m.Height-h)/2)))
	o[1].Resize(m)
	o[1].Move(fyne.NewPos(width+l.gap, max(0, (h-m.Height)/2)))
}

func (l trail) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(a.Width+l.gap+b.Width, max(a.Height, b.Height))
}

// ends puts the second object at the right side, where text ends, at its own size, and
// gives the first what is left.
type ends struct{ gap float32 }

func (l ends) Layout(o []fyne.CanvasObject, size fyne.Size) {
	m := o[1].MinSize()
	h := fit(o[0], size.Width-m.Width-l.gap-margin)
	o[1].Resize(m)
	o[0].Move(fyne.NewPos(0, max(0, (m.Height-h)/2)))
	o[1].Move(fyne.NewPos(size.Width-m.Width-margin, max(0, (h-m.Height)/2)))
}

func (l ends) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(a.Width+l.gap+b.Width+margin, max(a.Height, b.Height))
}

// textWidth returns the width at which the label does not wrap s.
func textWidth(l *widget.Label, s string) float32 {
	font := theme.Size(cmp.Or(l.SizeName, theme.SizeNameText))
	return fyne.MeasureText(s, font, l.TextStyle).Width + 2*theme.InnerPadding() + 1
}

// whole gives a scroller its size and its content the height that it needs
// at that width.
type whole struct{}

func (whole) Layout(o []fyne.CanvasObject, size fyne.Size) {
	for _, o := range o {
		o.Resize(size)
		if s, ok := o.(*container.Scroll); ok && s.Content != nil {
			fit(s.Content, size.Width)
			s.Refresh()
		}
	}
}

func (whole) MinSize(o []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range o {
		size = size.Max(o.MinSize())
	}
	return size
}

// aside puts the second object at the right of the first, which has the width
// it wants, or below it where there is too little room. An ornament is left out
// instead, so that it does not push what is said out of view.
type aside struct {
	gap, want float32 // want: least width of the second in units of the text size
	first     float32 // width of the first
	ornament  bool    // the first is one
	height    float32
}

func (a *aside) Layout(o []fyne.CanvasObject, size fyne.Size) {
	first := a.first
	rest := size.Width - first - a.gap
	narrow := rest < a.want*theme.TextSize()
	if a.ornament && narrow {
		o[0].Hide()
		o[1].Move(fyne.Position{})
		a.height = fit(o[1], size.Width)
		return
	}
	o[0].Show()
	if narrow {
		o[0].Move(fyne.Position{})
		h := fit(o[0], size.Width)
		o[1].Move(fyne.NewPos(0, h))
		a.height = h + fit(o[1], size.Width)
		return
	}
	o[0].Move(fyne.Position{})
	o[1].Move(fyne.NewPos(first+a.gap, 0))
	a.height = max(fit(o[0], first), fit(o[1], rest))
}

func (a *aside) MinSize(o []fyne.CanvasObject) fyne.Size {
	m := o[1].MinSize()
	if o[0].Visible() {
		m = m.Max(o[0].MinSize())
	}
	m.Height = max(m.Height, a.height)
	return m
}

// beside puts a field for digits and, at its right, an object of its own size, or below it
// where there is too little room. The field is as wide as it wants if there is room, else
// narrower.
type beside struct {
	gap, left float32
	height    float32
}

func (b *beside) Layout(o []fyne.CanvasObject, size fyne.Size) {
	m, field := o[1].MinSize(), o[0].MinSize()
	room := size.Width - b.left - b.gap - m.Width
	at := fyne.NewPos(0, float32(int((field.Height-m.Height)/2)))
	b.height = max(field.Height, m.Height)
	if room < field.Width {
		room = size.Width - b.left
		at = fyne.NewPos(b.left, field.Height+b.gap)
		b.height = at.Y + m.Height
	}
	field.Width = max(field.Width, min(room, digitsWidth()))
	if at.X == 0 {
		at.X = b.left + field.Width + b.gap
	}
	o[0].Resize(field)
	o[0].Move(fyne.NewPos(b.left, 0))
	o[1].Resize(m)
	o[1].Move(at)
}

func (b *beside) MinSize(o []fyne.CanvasObject) fyne.Size {
	field, m := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(b.left+max(field.Width, m.Width), max(field.Height, m.Height, b.height))
}
