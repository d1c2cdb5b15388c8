package tty

import (
	"unicode/utf16"
	"unicode/utf8"
)

// A Windows console returns keys, so this file assembles the line. Characters are
// code units of UTF-16.
const (
	keyEnd       = 0x04 // Ctrl-D
	keyBackspace = 0x08
	keyKill      = 0x15 // Ctrl-U
	keyEOF       = 0x1a // Ctrl-Z
	keyEscape    = 0x1b
	keyDelete    = 0x7f // Ctrl-Backspace
)

// lineEditor collects the keys of one line.
type lineEditor struct {
	max   int      // bytes that fit
	units []uint16 // never exceeds its initial capacity
	over  int      // units typed beyond that
}

func newLineEditor(max int) *lineEditor {
	// One additional unit shows that a line is too long.
	return &lineEditor{max: max, units: make([]uint16, 0, max+1)}
}

// edit is the effect of a key on the line.
type edit int

const (
	editNone  edit = iota
	editAdded      // the unit belongs to the line
	editTaken      // the last character was deleted
	editDone       // the line is complete
	editEnd        // the input has ended
)

// key processes one unit. taken is the number of deleted characters: one for
// editTaken, all of them when the line is cleared.
func (l *lineEditor) key(unit uint16) (what edit, taken int) {
	switch {
	case unit == '\r' || unit == '\n':
		return editDone, 0
	case unit == keyEOF || unit == keyEnd:
		if len(l.units) == 0 {
			return editEnd, 0
		}
		return editNone, 0
	case unit == keyBackspace || unit == keyDelete:
		if !l.back() {
			return editNone, 0
		}
		return editTaken, 1
	case unit == keyKill || unit == keyEscape:
		n := 0
		for l.back() {
			n++
		}
		return editTaken, n
	case unit < 0x20:
		return editNone, 0
	case len(l.units) == cap(l.units):
		l.over++
		return editAdded, 0
	}
	l.units = append(l.units, unit)
	return editAdded, 0
}

// back deletes the last character and reports whether there was one.
func (l *lineEditor) back() bool {
	if l.over > 0 {
		l.over--
		return true
	}
	n := len(l.units)
	if n == 0 {
		return false
	}
	cut := 1
	if n > 1 && utf16.DecodeRune(rune(l.units[n-2]), rune(l.units[n-1])) != utf8.RuneError {
		cut = 2
	}
	clear(l.units[n-cut:])
	l.units = l.units[:n-cut]
	return true
}

// line returns the typed line in UTF-8. The caller wipes it.
func (l *lineEditor) line() ([]byte, error) {
	if l.over > 0 {
		return nil, ErrTooLong
	}
	// Made as large as it can become: growing would leave copies behind.
	b := make([]byte, 0, utf8.UTFMax*len(l.units))
	for i := 0; i < len(l.units); i++ {
		r := rune(l.units[i])
		if utf16.IsSurrogate(r) && i+1 < len(l.units) {
			if pair := utf16.DecodeRune(r, rune(l.units[i+1])); pair != utf8.RuneError {
				r = pair
				i++
			}
		}
		b = utf8.AppendRune(b, r)
	}
	if len(b) > l.max {
		clear(b)
		return nil, ErrTooLong
	}
	return b, nil
}

// wipe overwrites the typed line.
func (l *lineEditor) wipe() {
	clear(l.units[:cap(l.units)])
	l.units, l.over = l.units[:0], 0
}
