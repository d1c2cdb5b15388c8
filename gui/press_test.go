package gui

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

func TestControlThatTakesThePlaceTakesTheClick(t *testing.T) {
	u := newRig(t, newFake()).UI
	count := 0
	tapped := func() { count++ }
	for name, build := range map[string]func(name string) clickable{
		"button": func(name string) clickable { return newButton(name, tapped) },
		"check":  func(name string) clickable { return newCheck(name, func(bool) { tapped() }) },
		"tile":   func(name string) clickable { return newTile(signIcon, name, "", tapped) },
		"topic":  func(name string) clickable { return newTopic(name, false, tapped) },
		"nav":    func(name string) clickable { return newNavItem(name, signIcon, tapped, nil) },
		"digits": func(name string) clickable {
			f := NewDigitField(name)
			f.OnFocus = tapped
			u.win.SetContent(f) // so that it can get the keyboard
			return f
		},
	} {
		for _, c := range []struct {
			what       string
			then       string // the name of the control that is there when the button comes up
			down, up   fyne.Position
			from, with desktop.MouseButton
			want       int
		}{
			{"the same name", "A", fyne.NewPos(105, 205), fyne.NewPos(106, 206), desktop.MouseButtonPrimary, desktop.MouseButtonPrimary, 1},
			{"another name", "B", fyne.NewPos(105, 205), fyne.NewPos(106, 206), desktop.MouseButtonPrimary, desktop.MouseButtonPrimary, 0},
			{"dragged from above", "A", fyne.NewPos(105, 199), fyne.NewPos(106, 206), desktop.MouseButtonPrimary, desktop.MouseButtonPrimary, 0},
			{"dragged from below", "A", fyne.NewPos(105, 231), fyne.NewPos(106, 206), desktop.MouseButtonPrimary, desktop.MouseButtonPrimary, 0},
			{"dragged from the left", "A", fyne.NewPos(99, 205), fyne.NewPos(106, 206), desktop.MouseButtonPrimary, desktop.MouseButtonPrimary, 0},
			{"dragged from the right", "A", fyne.NewPos(160, 205), fyne.NewPos(106, 206), desktop.MouseButtonPrimary, desktop.MouseButtonPrimary, 0},
			{"the other button", "A", fyne.NewPos(105, 205), fyne.NewPos(106, 206), desktop.MouseButtonSecondary, desktop.MouseButtonSecondary, 0},
			{"both buttons", "A", fyne.NewPos(105, 205), fyne.NewPos(106, 206), desktop.MouseButtonPrimary, desktop.MouseButtonSecondary, 0},
		} {
			count = 0
			seen, now := build("A"), build(c.then)
			now.Move(fyne.NewPos(100, 200)) // no matter what was where before
			now.Resize(fyne.NewSize(60, 30))
			event := func(at fyne.Position, b desktop.MouseButton) *desktop.MouseEvent {
				return &desktop.MouseEvent{Button: b, PointEvent: fyne.PointEvent{AbsolutePosition: at, Position: at.Subtract(now.Position())}}
			}
			seen.(desktop.Mouseable).MouseDown(event(c.down, c.from))
			now.(desktop.Mouseable).MouseUp(event(c.up, c.with))
			now.(desktop.Mouseable).MouseUp(event(c.up, c.with)) // a second one without a press
			if count != c.want {
				t.Errorf("%s: %s: %d clicks, want %d", name, c.what, count, c.want)
			}
		}
		count = 0
		one := build("A")
		one.Resize(fyne.NewSize(60, 30))
		e := &desktop.MouseEvent{Button: desktop.MouseButtonPrimary}
		one.(desktop.Mouseable).MouseDown(e)
		one.(desktop.Mouseable).MouseUp(e)
		if count != 0 {
			t.Errorf("%s: clicked twice, by the toolkit, too", name)
		}
	}
}

// Whatever takes clicks on a page takes one that began before the page was built again,
// but for the sheet, which stays.
func TestEveryControlTakesAnInterruptedClick(t *testing.T) {
	found := 0
	for _, p := range sweep() {
		d := newRig(t, newFake())
		p.take(d)
		visit(d.win.Content(), func(o fyne.CanvasObject) bool {
			_, takes := o.(fyne.Tappable)
			_, stays := o.(*sheet)
			if !takes || stays {
				return false
			}
			found++
			if _, ok := o.(desktop.Mouseable); !ok {
				t.Errorf("%s: %T does not notice where the button of the mouse goes down", p.name, o)
			}
			return false
		})
	}
	if found == 0 {
		t.Error("no page has a control")
	}
}
