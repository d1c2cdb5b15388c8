package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// clickable is a control of a page that a click operates.
type clickable interface {
	fyne.CanvasObject
	fyne.Tappable
	fyne.Accessible
}

// press is where the button of the mouse went down. A page that is built again before the
// button comes up has other controls than those the person sees pressed, and the toolkit
// gives the click to none: a card that came or left in that moment lost it. So the control
// that is now under both points, and has the same name, takes the click.
type press struct {
	on clickable // nil: no control is pressed
	at fyne.Position
}

// pressed belongs to the goroutine of the windows; there is one mouse.
var pressed press

// mouseDown notes that c is pressed.
func mouseDown(c clickable, e *desktop.MouseEvent) {
	pressed = press{}
	if e.Button == desktop.MouseButtonPrimary {
		pressed = press{c, e.AbsolutePosition}
	}
}

// mouseUp gives c the click if it took the place of the pressed control.
func mouseUp(c clickable, e *desktop.MouseEvent) {
	p := pressed
	pressed = press{}
	if p.on == nil || p.on == c || e.Button != desktop.MouseButtonPrimary {
		return // the toolkit clicks on a control that is the same
	}
	from := e.Position.Add(p.at.Subtract(e.AbsolutePosition)) // where it went down, seen from c
	size := c.Size()
	if from.X < 0 || from.Y < 0 || from.X >= size.Width || from.Y >= size.Height ||
		p.on.AccessibilityLabel() != c.AccessibilityLabel() {
		return
	}
	c.Tapped(&e.PointEvent)
}
