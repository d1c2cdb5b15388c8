package gui

import (
	"bytes"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

// DigitField takes the 8 digits of a PIN or PUK. It keeps them in an array
// that Wipe overwrites, never in a string, and shows two groups of four.
type DigitField struct {
	widget.BaseWidget
	// Label names the field for screen readers.
	Label string
	// OnChanged is called after each change, OnSubmitted for Enter, OnEscape for Escape.
	OnChanged, OnSubmitted, OnEscape func()
	// OnShortcut is called for the shortcuts of the window, which the toolkit
	// gives to the field alone.
	OnShortcut func(fyne.Shortcut)
	// OnRejected is called for a pasted text that is not a code.
	OnRejected func()
	// OnFocus is called when the field gets the keyboard, OnBlur when it loses it.
	OnFocus, OnBlur func()
	// OnHold is called when the field begins to hold digits, and when it holds
	// none any more.
	OnHold func(bool)

	digits   [card.CodeLength]byte
	n        int
	revealed bool
	focused  bool
	holds    bool           // what OnHold was last called with
	pasted   fyne.Clipboard // that digits were pasted from; nil: none
}

// NewDigitField returns an empty field.
func NewDigitField(label string) *DigitField {
	d := &DigitField{Label: label}
	d.ExtendBaseWidget(d)
	return d
}

// Len returns the number of digits typed so far, 0 to 8.
func (d *DigitField) Len() int { return d.n }

// Complete reports whether all digits are there.
func (d *DigitField) Complete() bool { return d.n == card.CodeLength }

// Code returns a copy of the digits, which the caller wipes.
func (d *DigitField) Code() []byte {
	return append(make([]byte, 0, card.CodeLength), d.digits[:d.n]...)
}

// view gives the digits themselves, to be looked at and not kept.
func (d *DigitField) view() []byte { return d.digits[:d.n] }

// Wipe forgets the digits.
func (d *DigitField) Wipe() {
	d.emptyClipboard()
	clear(d.digits[:])
	d.n = 0
	d.revealed = false
	d.hold(false)
	d.Refresh()
}

// hold reports a change between no digits and some.
func (d *DigitField) hold(on bool) {
	if on != d.holds {
		d.holds = on
		if d.OnHold != nil {
			d.OnHold(on)
		}
	}
}

// Reveal shows the digits, or hides them again.
func (d *DigitField) Reveal(on bool) {
	d.revealed = on
	d.Refresh()
}

// Revealed reports whether the digits are shown.
func (d *DigitField) Revealed() bool { return d.revealed }

func (d *DigitField) changed() {
	d.hold(d.n > 0)
	d.Refresh()
	if d.OnChanged != nil {
		d.OnChanged()
	}
}

// FocusGained implements fyne.Focusable.
func (d *DigitField) FocusGained() {
	d.focused = true
	if d.OnFocus != nil {
		d.OnFocus()
	}
	d.Refresh()
	reveal(d)
}

// FocusLost implements fyne.Focusable.
func (d *DigitField) FocusLost() {
	d.focused = false
	if d.OnBlur != nil {
		d.OnBlur()
	}
	d.Refresh()
}

// TypedRune implements fyne.Focusable. What is not a digit, of any script, is
// ignored, as are digits beyond the eighth.
func (d *DigitField) TypedRune(r rune) {
	digit, ok := card.Digit(r)
	if !ok || d.n == card.CodeLength {
		return
	}
	d.hold(true)
	d.digits[d.n] = '0' + digit
	d.n++
	d.changed()
}

// TypedKey implements fyne.Focusable.
func (d *DigitField) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyBackspace:
		if d.n > 0 {
			d.n--
			d.digits[d.n] = 0
			d.changed()
		}
	case fyne.KeyDelete:
		if d.n > 0 {
			clear(d.digits[:])
			d.n = 0
			d.changed()
		}
	case fyne.KeyReturn, fyne.KeyEnter:
		if d.OnSubmitted != nil {
			d.OnSubmitted()
		}
	case fyne.KeyEscape:
		if d.OnEscape != nil {
			d.OnEscape()
		}
	default:
		passes(d, e)
	}
}

// TypedShortcut implements fyne.Shortcutable: digits can be pasted, nothing
// can be copied out.
func (d *DigitField) TypedShortcut(s fyne.Shortcut) {
	switch s := s.(type) {
	case *fyne.ShortcutPaste:
		if s.Clipboard != nil && d.paste(s.Clipboard.Content()) {
			d.pasted = s.Clipboard
		}
	case *desktop.CustomShortcut:
		if d.OnShortcut != nil {
			d.OnShortcut(s)
		}
	}
}

// paste takes a whole code, or the half that is still missing, and reports
// whether the text is one.
func (d *DigitField) paste(text string) bool {
	var got [card.CodeLength]byte
	defer clear(got[:])
	n := pasted(text, &got)
	if n == card.CodeLength {
		d.n = 0
	}
	if n == 0 || d.n+n > card.CodeLength {
		d.reject()
		return false
	}
	copy(d.digits[d.n:], got[:n])
	d.n += n
	d.changed()
	return true
}

// pasted puts the digits of a text into got and returns their number. Spaces and
// hyphens between the digits are left out; any other text is no code.
func pasted(text string, got *[card.CodeLength]byte) (n int) {
	for _, c := range text {
		digit, ok := card.Digit(c)
		switch {
		case ok && n < len(got):
			got[n] = '0' + digit
			n++
		case c == ' ' || c == '-' || c == '\t' || c == '\n' || c == '\r':
		default:
			return 0
		}
	}
	return n
}

// emptyClipboard empties the clipboard that digits were pasted from, if it still
// holds them.
func (d *DigitField) emptyClipboard() {
	if d.pasted == nil {
		return
	}
	var got [card.CodeLength]byte
	defer clear(got[:])
	if n := pasted(d.pasted.Content(), &got); n > 0 && bytes.Contains(d.view(), got[:n]) {
		d.pasted.SetContent("")
	}
	d.pasted = nil
}

func (d *DigitField) reject() {
	if d.OnRejected != nil {
		d.OnRejected()
	}
}

// Tapped implements fyne.Tappable.
func (d *DigitField) Tapped(*fyne.PointEvent) {
	if c := canvasOf(d); c != nil {
		c.Focus(d)
	}
}

// MouseDown implements desktop.Mouseable.
func (d *DigitField) MouseDown(e *desktop.MouseEvent) { mouseDown(d, e) }

// MouseUp implements desktop.Mouseable.
func (d *DigitField) MouseUp(e *desktop.MouseEvent) { mouseUp(d, e) }

// AccessibilityLabel implements fyne.Accessible.
func (d *DigitField) AccessibilityLabel() string { return d.Label }

// AccessibilityRole implements fyne.Accessible.
func (d *DigitField) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// CreateRenderer implements fyne.Widget.
func (d *DigitField) CreateRenderer() fyne.WidgetRenderer {
	r := &digitRenderer{field: d}
	for i := range r.boxes {
		r.boxes[i] = canvas.NewRectangle(nil)
		r.marks[i] = canvas.NewText("", nil)
		r.marks[i].Alignment = fyne.TextAlignCenter
		r.dots[i] = canvas.NewCircle(nil)
		r.all = append(r.all, r.boxes[i], r.marks[i], r.dots[i])
	}
	r.Refresh()
	return r
}

type digitRenderer struct {
	field *DigitField
	boxes [card.CodeLength]*canvas.Rectangle
	marks [card.CodeLength]*canvas.Text
	dots  [card.CodeLength]*canvas.Circle
	all   []fyne.CanvasObject
}

// Widths of one digit in units of the text size; the gap between the groups is
// half of it. Where there is little room, as with big text, it is less.
const (
	wideCell   = 1.8
	narrowCell = 1.25
)

// cell returns the size of one digit in a field of that width.
func (r *digitRenderer) cell(width float32) fyne.Size {
	t := theme.TextSize()
	w := (width - 7*r.gap()) / (card.CodeLength + 0.5)
	return fyne.NewSize(min(max(w, narrowCell*t), wideCell*t), 2.6*t)
}

func (r *digitRenderer) gap() float32 { return theme.TextSize() * 0.3 }

func (r *digitRenderer) MinSize() fyne.Size {
	return fyne.NewSize(r.width(narrowCell), r.cell(0).Height)
}

// width returns the width of a field with cells of that width.
func (r *digitRenderer) width(cell float32) float32 {
	return (card.CodeLength+0.5)*cell*theme.TextSize() + 7*r.gap()
}

// digitsWidth returns the preferred width of a field.
func digitsWidth() float32 { return (*digitRenderer)(nil).width(wideCell) }

func (r *digitRenderer) Layout(size fyne.Size) {
	c, g := r.cell(size.Width), r.gap()
	var x float32
	dot := theme.TextSize() * 0.6
	for i := range r.boxes {
		if i == card.CodeLength/2 {
			x += c.Width * 0.5
		}
		r.boxes[i].Resize(c)
		r.boxes[i].Move(fyne.NewPos(x, 0))
		m := r.marks[i].MinSize()
		r.marks[i].Resize(fyne.NewSize(c.Width, m.Height))
		r.marks[i].Move(fyne.NewPos(x, (c.Height-m.Height)/2))
		r.dots[i].Resize(fyne.NewSize(dot, dot))
		r.dots[i].Move(fyne.NewPos(x+(c.Width-dot)/2, (c.Height-dot)/2))
		x += c.Width + g
	}
}

func (r *digitRenderer) Refresh() {
	d := r.field
	for i := range r.boxes {
		box, mark, dot := r.boxes[i], r.marks[i], r.dots[i]
		box.FillColor = theme.Color(theme.ColorNameInputBackground)
		box.StrokeColor = theme.Color(theme.ColorNameInputBorder)
		box.StrokeWidth = 1
		box.CornerRadius = theme.InputRadiusSize()
		if d.focused && (i == d.n || i == card.CodeLength-1 && d.n == card.CodeLength) {
			box.StrokeColor = theme.Color(theme.ColorNamePrimary)
			box.StrokeWidth = 2.5
		} else if d.focused {
			box.StrokeColor = theme.Color(theme.ColorNamePrimary)
		}
		mark.Color = theme.Color(theme.ColorNameForeground)
		mark.TextSize = theme.TextSize() * 1.5
		dot.FillColor = theme.Color(theme.ColorNameForeground)
		dot.Hidden = i >= d.n || d.revealed
		mark.Text = ""
		if i < d.n && d.revealed {
			mark.Text = digitText[d.digits[i]-'0']
		}
	}
	r.Layout(d.Size())
	for _, o := range r.all {
		o.Refresh()
	}
	canvas.Refresh(d)
}

// digitText has the ten texts that are shown, so that none is made of a code.
var digitText = [10]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

func (r *digitRenderer) Objects() []fyne.CanvasObject { return r.all }

func (r *digitRenderer) Destroy() {}

// codeEntry is a field with its name above, a button that reveals the digits
// and a line below for what is still missing or wrong.
type codeEntry struct {
	t *Texts
	*DigitField
	hint   *widget.Label
	reveal *button
	unhide func() // ends the time for which the digits are revealed
	object fyne.CanvasObject
}

func (u *UI) newCodeEntry(label string) *codeEntry {
	t := u.texts
	e := &codeEntry{t: t, DigitField: NewDigitField(label), hint: text("")}
	e.hint.SizeName = theme.SizeNameCaptionText
	e.reveal = newButton(t.T("code.show"), nil)
	e.reveal.Icon = theme.VisibilityIcon()
	e.reveal.Importance = widget.LowImportance
	e.reveal.name = t.T("code.reveal", label)
	e.reveal.OnTapped = func() {
		e.show(!e.Revealed())
		if e.Revealed() {
			u.revealed = append(u.revealed, e)
			e.unhide = u.after(revealTime, func() { e.show(false) })
			if u.win.Canvas().Focused() != fyne.Focusable(e.reveal) {
				u.win.Canvas().Focus(e.DigitField) // whose loss of the keyboard hides them
			}
		}
	}
	// The digits are hidden once something else has the keyboard, which is known
	// when the change is complete.
	blur := func() {
		if e.Revealed() {
			u.do(func() {
				switch u.win.Canvas().Focused() {
				case fyne.Focusable(e.DigitField), fyne.Focusable(e.reveal):
				default:
					e.show(false)
				}
			})
		}
	}
	e.OnBlur, e.reveal.blur = blur, blur
	e.OnFocus = func() {
		if !slices.Contains(u.revealed, e) {
			u.conceal()
		}
	}
	e.OnRejected = func() { e.say(t.T("code.paste-rejected"), widget.WarningImportance) }
	name := text(label)
	name.TextStyle.Bold = true
	e.object = vbox(2, name, container.New(&beside{gap: 8, left: margin}, e.DigitField, e.reveal), e.hint)
	return e
}

// show reveals the digits or hides them.
func (e *codeEntry) show(on bool) {
	if e.unhide != nil {
		e.unhide()
		e.unhide = nil
	}
	e.Reveal(on)
	if on {
		e.reveal.Text = e.t.T("code.hide")
		e.reveal.SetIcon(theme.VisibilityOffIcon())
	} else {
		e.reveal.Text = e.t.T("code.show")
		e.reveal.SetIcon(theme.VisibilityIcon())
	}
}

// Wipe forgets the digits, and hides those typed next.
func (e *codeEntry) Wipe() {
	e.DigitField.Wipe()
	e.show(false)
}

func (e *codeEntry) say(s string, i widget.Importance) {
	if e.hint.Text == s && e.hint.Importance == i {
		return
	}
	e.hint.Importance = i
	e.hint.SetText(s)
}
