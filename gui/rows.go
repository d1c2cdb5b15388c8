package gui

import "fyne.io/fyne/v2"

// maxRows is how many entries of a list the page shows at first: a page with a thousand
// takes seconds for each change.
const maxRows = 40

// rows is how much of a long list is shown.
type rows struct{ shown int }

// limit returns how many entries are shown at most.
func (r *rows) limit() int { return max(r.shown, maxRows) }

// more returns what shows further ones of n entries; nil: all are shown.
func (r *rows) more(t *Texts, n int, update func()) fyne.CanvasObject {
	left := n - r.limit()
	if left <= 0 {
		return nil
	}
	return row(newButton(t.N("rows.more", left), func() {
		r.shown = r.limit() + maxRows
		update()
	}))
}
