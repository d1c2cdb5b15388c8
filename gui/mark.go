package gui

import (
	"context"
	"image"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// spot is where the mark is on a page. Where is one of the nine places, from the upper
// left to the lower right, or -1: then X and Y count.
type spot struct {
	page          int
	where         int
	x, y          float64
	width, height float64
}

const (
	places     = 9
	markMargin = 28 // between an edge of the page and one of the nine places
)

var firstSpot = spot{page: 1, where: places - 1, width: 200, height: 70}

// on returns the mark at the spot of a document, which may be shorter and smaller.
func (p spot) on(c Candidate) Mark {
	page := min(max(p.page, 1), max(len(c.Pages), 1))
	size := PageSize{595, 842}
	if page <= len(c.Pages) {
		size = c.Pages[page-1]
	}
	m := Mark{Page: page, Width: min(p.width, size.Width), Height: min(p.height, size.Height)}
	x, y := p.x, p.y
	if p.where >= 0 {
		mx, my := min(markMargin, (size.Width-m.Width)/2), min(markMargin, (size.Height-m.Height)/2)
		x = mx + float64(p.where%3)*(size.Width-2*mx-m.Width)/2
		y = my + float64(2-p.where/3)*(size.Height-2*my-m.Height)/2
	}
	m.X = max(0, min(x, size.Width-m.Width))
	m.Y = max(0, min(y, size.Height-m.Height))
	return m
}

// marking is the visible mark of the signatures.
type marking struct {
	on      bool
	each    bool // each document has a spot of its own
	spot    spot
	own     map[string]spot // by file
	shown   string          // file on the sheet
	picture string          // file; "": none
	stamp   image.Image
	bad     bool // the picture that was chosen cannot be used

	sheet  *sheet
	label  *widget.Label // number of the page
	grid   []*button
	cancel context.CancelFunc
}

// spotOf returns where the mark is in a document.
func (m *marking) spotOf(file string) spot {
	if s, ok := m.own[file]; ok && m.each {
		return s
	}
	return m.spot
}

// set moves the mark of the document on the sheet, or of all.
func (m *marking) set(p spot) {
	if m.each {
		if m.own == nil {
			m.own = map[string]spot{}
		}
		m.own[m.shown] = p
		return
	}
	m.spot = p
}

// markable returns the documents that get a mark.
func (s *signScreen) markable() []*signItem {
	var list []*signItem
	for _, item := range s.ready() {
		if item.Format == FormatPDF && len(item.Pages) > 0 {
			list = append(list, item)
		}
	}
	return list
}

// markFor returns the mark for a document; nil: none.
func (s *signScreen) markFor(item *signItem) *Mark {
	if !s.mark.on || !slices.Contains(s.markable(), item) {
		return nil
	}
	t := s.u.texts
	m := s.mark.spotOf(item.Path).on(item.Candidate)
	m.Picture = s.mark.picture
	m.Text = func(name string, at time.Time) string { return t.T("mark.text", name, t.Date(at)) }
	return &m
}

// onSheet returns the document on the sheet.
func (s *signScreen) onSheet() *signItem {
	list := s.markable()
	for _, item := range list {
		if item.Path == s.mark.shown {
			return item
		}
	}
	s.mark.shown = list[0].Path
	return list[0]
}

// markChoice offers a visible mark; nil: no document can have one.
func (s *signScreen) markChoice() []fyne.CanvasObject {
	t, m := s.u.texts, &s.mark
	list := s.markable()
	if len(list) == 0 {
		return nil
	}
	if m.spot.page == 0 {
		m.spot = firstSpot
	}
	on := newCheck(t.T("mark.show"), nil)
	on.SetChecked(m.on)
	on.OnChanged = func(yes bool) {
		m.on = yes
		s.update()
	}
	if !m.on {
		return []fyne.CanvasObject{on}
	}
	if m.sheet == nil { // else it stays: the mouse may be about to move the mark
		m.sheet = newSheet(sheetWidth, s.moved)
	}
	m.sheet.name = t.T("mark.sheet")
	m.label = text("")
	controls := vbox(8)
	if len(list) > 1 {
		controls.Add(s.documentPicker(list))
	}
	back := newButton("", func() { s.turn(-1) })
	back.Icon, back.name = theme.NavigateBackIcon(), t.T("mark.back")
	next := newButton("", func() { s.turn(1) })
	next.Icon, next.name = theme.NavigateNextIcon(), t.T("mark.next")
	controls.Add(container.New(&flow{gap: 4, left: margin}, back, next))
	controls.Add(m.label)
	controls.Add(muted(t.T("mark.where")))
	controls.Add(s.nine())
	controls.Add(s.pictureRow())
	if len(list) > 1 {
		same := newCheck(t.T("mark.same"), nil)
		same.SetChecked(!m.each)
		same.OnChanged = func(yes bool) {
			if m.each = !yes; yes {
				m.spot = m.spotOf(m.shown)
			}
			s.onPaper()
		}
		controls.Add(same)
	}
	controls.Add(muted(t.T("mark.keys")))
	paper := container.New(innerInset{margin, 4}, m.sheet)
	s.onPaper()
	s.drawPage()
	return []fyne.CanvasObject{on, container.New(&aside{gap: 12, want: 16, first: sheetWidth + 2*margin}, paper, controls)}
}

// sheetWidth is the width of the sheet in the window.
const sheetWidth = 320

func (s *signScreen) documentPicker(list []*signItem) fyne.CanvasObject {
	m := &s.mark
	var names []string
	for _, item := range list {
		names = append(names, baseName(item.Path))
	}
	pick := newSelection(s.u.texts.T("mark.document"), names)
	pick.SetSelectedIndex(slices.Index(list, s.onSheet()))
	pick.OnChanged = func(string) {
		if i := pick.SelectedIndex(); i >= 0 && list[i].Path != m.shown {
			m.shown = list[i].Path
			s.onPaper()
			s.drawPage()
		}
	}
	return even(pick)
}

// nine returns buttons for nine places on the page.
func (s *signScreen) nine() fyne.CanvasObject {
	t, m := s.u.texts, &s.mark
	m.grid = nil
	box := vbox(4)
	for y := range 3 {
		line := container.New(&flow{gap: 4, left: margin})
		for x := range 3 {
			where := 3*y + x
			b := newButton("    ", func() {
				p := m.spotOf(m.shown)
				p.where = where
				m.set(p)
				s.onPaper()
			})
			b.name = t.T("mark.row."+[]string{"top", "middle", "bottom"}[y]) + ", " + t.T("mark.column."+[]string{"left", "middle", "right"}[x])
			m.grid = append(m.grid, b)
			line.Add(b)
		}
		box.Add(line)
	}
	return box
}

// pictureRow chooses the picture of the mark.
func (s *signScreen) pictureRow() fyne.CanvasObject {
	t, m := s.u.texts, &s.mark
	choose := newButton(t.T("mark.picture"), func() {
		s.u.chooseFile(t.T("mark.picture"), s.setPicture, ".png", ".jpg", ".jpeg")
	})
	buttons := row(choose)
	if m.picture != "" {
		buttons.Add(newButton(t.T("mark.no-picture"), func() {
			m.picture, m.stamp = "", nil
			s.update()
		}))
	}
	if m.bad {
		return vbox(0, buttons, line(warn, t.T("sign.refused.picture")))
	}
	return buttons
}

// setPicture takes a picture that can be used.
func (s *signScreen) setPicture(file string) {
	u, m := s.u, &s.mark
	u.background(func() {
		img, err := u.svc.CheckPicture(file)
		u.do(func() {
			if m.bad = err != nil; err == nil {
				m.picture, m.stamp = file, img
			}
			if u.current == s {
				s.update()
				u.refocus()
			}
		})
	})
}

// turn shows another page of the document, and puts the mark on it.
func (s *signScreen) turn(by int) {
	m := &s.mark
	item := s.onSheet()
	p := m.spotOf(item.Path)
	p.page = min(max(p.on(item.Candidate).Page+by, 1), len(item.Pages))
	m.set(p)
	s.onPaper()
	s.drawPage()
}

// moved puts the mark where the person dragged it.
func (s *signScreen) moved(x, y, w, h float64) {
	m := &s.mark
	p := m.spotOf(m.shown)
	p.where, p.x, p.y, p.width, p.height = -1, x, y, w, h
	at := p.on(s.onSheet().Candidate) // it stays on the page
	p.x, p.y = at.X, at.Y
	m.set(p)
	s.onPaper()
}

// onPaper shows the mark at its spot.
func (s *signScreen) onPaper() {
	t, m := s.u.texts, &s.mark
	item := s.onSheet()
	p := m.spotOf(item.Path)
	m.sheet.mark = p.on(item.Candidate)
	page := m.sheet.mark.Page
	size := item.Pages[page-1]
	again := m.sheet.page != size
	m.sheet.page = size
	name := t.T("mark.name")
	if slot := s.u.pick(); slot != nil && slot.holderName() != "" {
		name = slot.holderName()
	}
	m.sheet.lines, m.sheet.stamp = t.T("mark.text", name, t.Date(s.u.opts.Now())), m.stamp
	m.label.SetText(t.T("mark.page", page, len(item.Pages)))
	for i, b := range m.grid {
		importance := widget.MediumImportance
		if i == p.where {
			importance = widget.HighImportance
		}
		if b.Importance != importance {
			b.Importance = importance
			b.Refresh()
		}
	}
	m.sheet.Refresh()
	if again {
		s.u.relayout()
	}
}

// drawPage draws the page on the sheet in the background. Until then, and for a page
// that cannot be drawn, the sheet is empty.
func (s *signScreen) drawPage() {
	u, m := s.u, &s.mark
	if m.cancel != nil {
		m.cancel()
	}
	ctx, cancel := context.WithCancel(u.ctx)
	m.cancel = cancel
	sheet, file, page := m.sheet, m.shown, m.sheet.mark.Page
	sheet.drawn = nil
	sheet.Refresh()
	pixels := int(sheetWidth * u.win.Canvas().Scale())
	u.background(func() {
		img, err := u.svc.DrawPage(ctx, file, page, pixels)
		u.do(func() {
			defer cancel()
			if err == nil && ctx.Err() == nil {
				sheet.drawn = img
				sheet.Refresh()
				u.win.Canvas().Refresh(sheet)
			}
		})
	})
}
