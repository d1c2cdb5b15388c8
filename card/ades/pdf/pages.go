package pdf

import (
	"math"
	"strconv"
)

const maxPageNodes = 1 << 20

// page is a page with its inherited entries (7.7.3.4).
type page struct {
	id       ref
	dict     dict
	mediaBox rect
	cropBox  rect // the visible area; the media box if absent
	rotate   int  // 0, 90, 180 or 270, clockwise
	unit     float64
}

type rect struct{ x0, y0, x1, y1 float64 }

func (r rect) width() float64  { return r.x1 - r.x0 }
func (r rect) height() float64 { return r.y1 - r.y0 }

type inherited struct{ media, crop, rotate object }

func (i inherited) from(d dict) inherited {
	if v := d.get("MediaBox"); v != nil {
		i.media = v
	}
	if v := d.get("CropBox"); v != nil {
		i.crop = v
	}
	if v := d.get("Rotate"); v != nil {
		i.rotate = v
	}
	return i
}

// eachPage calls visit for the pages in order until it returns false.
func (f *file) eachPage(visit func(id ref, d dict, i inherited) bool) error {
	_, catalog, err := f.catalog()
	if err != nil {
		return err
	}
	w := pageWalk{f: f, visit: visit, seen: make(map[uint32]bool)}
	_, err = w.node(catalog.get("Pages"), inherited{}, 0)
	return err
}

type pageWalk struct {
	f     *file
	visit func(ref, dict, inherited) bool
	seen  map[uint32]bool
}

func (w *pageWalk) node(o object, i inherited, depth int) (more bool, err error) {
	r, ok := o.(ref)
	if !ok {
		return false, damaged(w.f.start, "the page tree has a node that is no reference")
	}
	if w.seen[r.num] {
		return false, damaged(w.f.offsetOf(o), "the page tree is circular")
	}
	if w.seen[r.num] = true; depth > maxDepth || len(w.seen) > maxPageNodes {
		return false, ErrTooComplex
	}
	d, err := w.f.dict(o)
	if err != nil {
		return false, err
	}
	i = i.from(d)
	if !d.has("Kids") {
		return w.visit(r, d, i), nil
	}
	kids, err := w.f.array(d.get("Kids"))
	if err != nil {
		return false, err
	}
	for _, kid := range kids {
		if more, err = w.node(kid, i, depth+1); err != nil || !more {
			return more, err
		}
	}
	return true, nil
}

// page returns the page of that number, counted from 1; -1 is the last one.
func (f *file) page(number int) (*page, error) {
	var found *page
	var failed error
	n := 0
	err := f.eachPage(func(id ref, d dict, i inherited) bool {
		if n++; n == number || number == -1 {
			found, failed = &page{id: id, dict: d}, nil
			failed = f.geometry(found, i)
		}
		return n != number
	})
	if err == nil {
		err = failed
	}
	if err == nil && found == nil {
		err = &PageError{Number: number, Pages: n}
	}
	return found, err
}

// PageError reports a page that the document does not have.
type PageError struct{ Number, Pages int }

func (e *PageError) Error() string {
	return "the document has no page " + strconv.Itoa(e.Number) + ": it has " + strconv.Itoa(e.Pages)
}

func (f *file) geometry(p *page, i inherited) (err error) {
	if i.media == nil {
		// The default of PDF viewers: US letter.
		i.media = array{int64(0), int64(0), int64(612), int64(792)}
	}
	if p.mediaBox, err = f.rect(i.media); err != nil {
		return err
	}
	p.cropBox = p.mediaBox
	if i.crop != nil {
		if c, err := f.rect(i.crop); err == nil {
			c = rect{max(c.x0, p.mediaBox.x0), max(c.y0, p.mediaBox.y0), min(c.x1, p.mediaBox.x1), min(c.y1, p.mediaBox.y1)}
			if c.width() > 0 && c.height() > 0 {
				p.cropBox = c
			}
		}
	}
	o, err := f.resolve(i.rotate)
	if err != nil {
		return err
	}
	if n, ok := number(o); ok {
		p.rotate = ((int(n)%360 + 360) % 360) / 90 * 90
	}
	if o, err = f.resolve(p.dict.get("UserUnit")); err != nil {
		return err
	}
	if p.unit = 1; o != nil {
		if n, ok := number(o); ok && n > 0 && n <= 1e6 {
			p.unit = n
		}
	}
	return nil
}

func (f *file) rect(o object) (rect, error) {
	a, err := f.array(o)
	if err != nil {
		return rect{}, err
	}
	var v [4]float64
	if len(a) != 4 {
		return rect{}, damaged(f.start, "a rectangle is missing or malformed")
	}
	for i := range v {
		o, err := f.resolve(a[i])
		if err != nil {
			return rect{}, err
		}
		n, ok := number(o)
		if !ok {
			return rect{}, damaged(f.start, "a rectangle is malformed")
		}
		v[i] = n
	}
	return rect{min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3])}, nil
}

// number returns the value of a number within what coordinates can be.
func number(o object) (float64, bool) {
	var n float64
	switch o := o.(type) {
	case int64:
		n = float64(o)
	case real:
		v, err := strconv.ParseFloat(string(o), 64)
		if err != nil {
			return 0, false
		}
		n = v
	default:
		return 0, false
	}
	return n, math.Abs(n) <= 1e9
}

// annotationPages returns the number of the page of each annotation.
func (f *file) annotationPages() (map[uint32]int, error) {
	out := make(map[uint32]int)
	number := 0
	var failed error
	err := f.eachPage(func(_ ref, d dict, _ inherited) bool {
		number++
		annots, err := f.array(d.get("Annots"))
		if err != nil && !isDamaged(err) {
			failed = err
			return false
		}
		for _, o := range annots {
			if r, ok := o.(ref); ok {
				out[r.num] = number
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return out, err
}
