package pdf

import (
	"bytes"
	"fmt"
	"strings"
)

// Appearance is the content of a visible signature.
type Appearance struct {
	// Page is counted from 1; -1 is the last one. Not used for an existing field.
	Page int
	// Place is the position of the signature on the page. Not used for an existing field.
	Place Place
	// Picture is a PNG or JPEG file, nil for none.
	Picture []byte
	// Lines are the lines of text below each other, in the caller's language.
	Lines []string
}

// Place is a rectangle on a page as displayed, in points of 1/72 inch; rotation and
// user unit of the page are taken into account. Without a corner, X and Y are the
// lower left corner, relative to that of the page; with a corner they are unused.
type Place struct {
	Corner        Corner
	X, Y          float64
	Width, Height float64 // 0: 200 by 70
}

// Corner is a corner of the page.
type Corner int

// The corners. The zero Corner means no corner.
const (
	NoCorner Corner = iota
	BottomLeft
	BottomRight
	TopLeft
	TopRight
)

const (
	defaultWidth, defaultHeight = 200, 70
	margin                      = 28 // between a corner of the page and the signature
	minSide                     = 4
)

// PlaceError reports a rectangle that does not fit on the page, which has the
// given size in points.
type PlaceError struct{ Width, Height float64 }

func (e *PlaceError) Error() string {
	return fmt.Sprintf("the signature does not fit on the page, which is %.0f by %.0f points", e.Width, e.Height)
}

// shown returns the size of the page as displayed, in points.
func (p *page) shown() (w, h float64) {
	w, h = p.cropBox.width()*p.unit, p.cropBox.height()*p.unit
	if p.rotate%180 != 0 {
		w, h = h, w
	}
	return w, h
}

// rectFor returns the rectangle in the coordinates of the page, and the size of
// the signature as shown.
func (p *page) rectFor(at Place) (r rect, w, h float64, err error) {
	pw, ph := p.shown()
	w, h = at.Width, at.Height
	if w == 0 && h == 0 {
		w, h = min(defaultWidth, pw), min(defaultHeight, ph)
	}
	mx, my := min(margin, (pw-w)/2), min(margin, (ph-h)/2)
	x, y := at.X, at.Y
	switch at.Corner {
	case BottomLeft:
		x, y = mx, my
	case BottomRight:
		x, y = pw-w-mx, my
	case TopLeft:
		x, y = mx, ph-h-my
	case TopRight:
		x, y = pw-w-mx, ph-h-my
	}
	const slack = 0.01
	if w < minSide || h < minSide || x < -slack || y < -slack || x+w > pw+slack || y+h > ph+slack {
		return rect{}, 0, 0, &PlaceError{pw, ph}
	}
	// u and v are shown coordinates in units of the page.
	u0, v0, u1, v1 := x/p.unit, y/p.unit, (x+w)/p.unit, (y+h)/p.unit
	c := p.cropBox
	switch p.rotate {
	case 90:
		r = rect{c.x1 - v1, c.y0 + u0, c.x1 - v0, c.y0 + u1}
	case 180:
		r = rect{c.x1 - u1, c.y1 - v1, c.x1 - u0, c.y1 - v0}
	case 270:
		r = rect{c.x0 + v0, c.y1 - u1, c.x0 + v1, c.y1 - u0}
	default:
		r = rect{c.x0 + u0, c.y0 + v0, c.x0 + u1, c.y0 + v1}
	}
	return r, w, h, nil
}

// matrices rotate an appearance so that it is upright on a rotated page.
var matrices = map[int]array{
	90:  {int64(0), int64(1), int64(-1), int64(0), int64(0), int64(0)},
	180: {int64(-1), int64(0), int64(0), int64(-1), int64(0), int64(0)},
	270: {int64(0), int64(-1), int64(1), int64(0), int64(0), int64(0)},
}

func points(v float64) real {
	s := strings.TrimRight(fmt.Sprintf("%.4f", v), "0")
	return real(strings.TrimSuffix(s, "."))
}

func (r rect) array() array { return array{points(r.x0), points(r.y0), points(r.x1), points(r.y1)} }

// appearance adds a form XObject of the given size that shows a (nil: empty).
func appearance(u *update, a *Appearance, w, h float64, rotate int) (ref, error) {
	d := dict{{"Type", name("XObject")}, {"Subtype", name("Form")}, {"BBox", rect{0, 0, w, h}.array()}}
	if m, ok := matrices[rotate]; ok {
		d = append(d, entry{"Matrix", m})
	}
	if a == nil {
		return u.addStream(append(d, entry{"Resources", dict{}}), nil), nil
	}
	var content bytes.Buffer
	resources := dict{}
	left := 0.0
	if a.Picture != nil {
		p, err := readPicture(a.Picture)
		if err != nil {
			return ref{}, err
		}
		room := w
		if len(a.Lines) > 0 {
			room = w * 0.4
		}
		scale := min(room/float64(p.width), h/float64(p.height))
		pw, ph := float64(p.width)*scale, float64(p.height)*scale
		fmt.Fprintf(&content, "q %s 0 0 %s %s %s cm /Im Do Q\n", points(pw), points(ph), points((room-pw)/2), points((h-ph)/2))
		resources = append(resources, entry{"XObject", dict{{"Im", p.embed(u)}}})
		left = room
	}
	if len(a.Lines) > 0 {
		f, err := newFont()
		if err != nil {
			return ref{}, err
		}
		writeLines(&content, f, a.Lines, left, w, h)
		id, err := f.embed(u)
		if err != nil {
			return ref{}, err
		}
		resources = append(resources, entry{"Font", dict{{"F", id}}})
	}
	data, err := compress(content.Bytes())
	if err != nil {
		return ref{}, err
	}
	return u.addStream(append(d, entry{"Resources", resources}, entry{"Filter", name("FlateDecode")}), data), nil
}

const (
	lineHeight = 1.25
	largest    = 12.0 // font size
	smallest   = 4.0
)

// writeLines sets the lines between x = left and w, as large as they fit.
func writeLines(b *bytes.Buffer, f *font, lines []string, left, w, h float64) {
	const inset = 3.0
	room := max(w-left-2*inset, 1)
	// The largest size at which the broken lines fit the height.
	size := largest
	broken := f.wrap(lines, room/size)
	for size > smallest && (float64(len(broken))*lineHeight*size > h-2 || f.widest(broken)*size > room) {
		size -= 0.5
		broken = f.wrap(lines, room/size)
	}
	if widest := f.widest(broken) * size; widest > room {
		size *= room / widest
	}
	if height := float64(len(broken)) * lineHeight * size; height > h {
		size *= h / height
	}
	y := h/2 + float64(len(broken))*lineHeight*size/2 - size
	fmt.Fprintf(b, "BT 0 g /F %s Tf %s TL %s %s Td\n", points(size), points(size*lineHeight), points(left+inset), points(y))
	for _, line := range broken {
		b.WriteByte('<')
		for _, g := range f.encode(line) {
			fmt.Fprintf(b, "%04X", g)
		}
		b.WriteString("> Tj T*\n")
	}
	b.WriteString("ET\n")
}

func (f *font) widest(lines []string) float64 {
	w := 0.0
	for _, line := range lines {
		w = max(w, f.width(line))
	}
	return w
}

// wrap breaks lines at spaces so that they are at most width wide where possible.
func (f *font) wrap(lines []string, width float64) []string {
	var out []string
	for _, line := range lines {
		current := ""
		for _, word := range strings.Fields(line) {
			switch {
			case current == "":
				current = word
			case f.width(current+" "+word) <= width:
				current += " " + word
			default:
				out = append(out, current)
				current = word
			}
		}
		out = append(out, current)
	}
	return out
}
