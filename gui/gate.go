package gui

import (
	"fyne.io/fyne/v2"

	"cie/card"
)

// admit shows the fields of a form only for a card that gets codes: a genuine
// one, or one that the user accepted. Every page that takes a code has its
// fields from here, so the question is asked before the first digit.
func (f *form) admit() {
	if f.busy() {
		return
	}
	a, t := f.slot.card.Authenticity, f.u.texts
	a.Reason = nil // not compared
	checking := (a.Level == "" || a.Level == card.Unchecked) && !f.slot.done
	if a.TakesCodes() || !checking && !a.Level.NeedsConsent() {
		if f.gate != nil {
			f.gate, f.accept = nil, nil
			f.object.Objects = []fyne.CanvasObject{f.fields}
			f.u.relayout()
			f.u.focus()
		}
		return
	}
	if f.gate != nil && f.gateFor == a {
		return
	}
	f.gateFor, f.accept = a, nil
	if checking {
		f.gate = line(info, t.T("auth.checking"))
	} else {
		f.gate = f.question(nil)
	}
	f.showGate()
}

func (f *form) showGate() {
	for _, e := range f.entries() {
		e.Wipe()
	}
	f.object.Objects = []fyne.CanvasObject{f.gate}
	f.u.relayout()
}

// question explains what accepting the card means; failed is the error of the
// last attempt.
func (f *form) question(failed error) fyne.CanvasObject {
	t, level := f.u.texts, string(f.gateFor.Level)
	f.accept = newButton(t.T("accept.do"), f.agree)
	objects := []fyne.CanvasObject{even(notice(warn, t.T("accept."+level+".title"), t.T("accept."+level+".text"), row(f.accept)))}
	if failed != nil {
		objects = append(objects, even(problem(t, failed)))
	}
	return vbox(8, objects...)
}

// agree records the decision of the user and looks at the card again.
func (f *form) agree() {
	u, s := f.u, f.slot
	f.accept.Disable()
	u.background(func() {
		err := u.svc.Accept(u.ctx, s.reader.Name)
		u.do(func() {
			if err != nil {
				f.gate = f.question(err)
				f.showGate()
				return
			}
			if u.slots[s.reader.Name] == s {
				u.inspect(s)
			}
		})
	})
}

// first returns what gets the keyboard: the first field of the step, or the answer to
// the question. It is nil while the card is checked.
func (f *form) first() fyne.Focusable {
	switch {
	case f.gate == nil && f.step == 1 && f.ready:
		return f.submit
	case f.gate == nil && f.step == 1:
		return f.pin.DigitField
	case f.gate == nil:
		return f.code.DigitField
	case f.accept != nil:
		return f.accept
	}
	return nil
}
