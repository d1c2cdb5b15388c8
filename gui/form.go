package gui

import (
	"context"
	"crypto/subtle"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

// form asks for codes and runs one operation with them: for the PIN alone,
// for the PIN and a new one, or for the PUK and a new PIN. A new PIN is asked
// for in a second step.
type form struct {
	u    *UI
	slot *slot
	ref  card.PINRef
	// call does the work, in a goroutine; pin is nil when none is asked for.
	call func(ctx context.Context, reader string, code, pin []byte, o CodeOptions) error
	// done is called at the end, on the thread of the windows.
	done func(err error)

	code, pin, again *codeEntry
	confirm          *check
	confirmBox       *fyne.Container
	staked           int  // tries that confirmBox speaks of
	unsaid           bool // see pinAsk
	submit, back     *button
	next, previous   *button            // between the steps
	steps            [2]*fyne.Container // the second is nil without a new PIN
	step             int
	ready            bool               // all digits are there and acceptable
	elsewhere        bool               // call does not use the session of the Service with the card
	typing           context.Context    // of prepare
	unprepare        context.CancelFunc // ends typing; nil: prepare was not called
	op               *operation
	failed           error // of the last attempt
	object           *fyne.Container
	fields           *fyne.Container   // holds the step
	gate             fyne.CanvasObject // in the place of fields: why no code is asked for
	gateFor          card.Authenticity // what gate speaks of
	accept           *button           // on gate; nil: none
}

// newForm makes a form for the card in slot. withNew asks for a new PIN.
func (u *UI) newForm(s *slot, ref card.PINRef, withNew bool, submit string,
	call func(ctx context.Context, reader string, code, pin []byte, o CodeOptions) error, done func(error), back func()) *form {
	t := u.texts
	f := &form{u: u, slot: s, ref: ref, call: call, done: done}
	name := "pin"
	switch {
	case ref == card.PUK:
		name = "puk"
	case withNew:
		name = "old"
	}
	f.code = u.newCodeEntry(t.T("code." + name))
	f.confirm = newCheck(t.T("confirm.check"), func(bool) { f.check() })
	f.submit = primaryButton(submit, f.send)
	f.back = newButton(t.T("cancel"), func() {
		f.wipe()
		if back != nil {
			back()
		}
	})
	if back == nil {
		f.back.Hide() // there is nothing to go back to
	}
	f.confirmBox = vbox(0, even(f.stake()))
	first := f.submit
	if withNew {
		f.pin, f.again = u.newCodeEntry(t.T("code.new")), u.newCodeEntry(t.T("code.again"))
		f.next = primaryButton(t.T("code.next"), f.forward)
		f.previous = newButton(t.T("code.previous"), func() { f.turn(0) })
		f.steps[1] = vbox(8, muted(t.T("code.step", 2)), f.pin.object, f.again.object, container.New(inset{0, 4}, row(f.submit, f.previous)))
		first = f.next
	}
	f.steps[0] = vbox(8, f.confirmBox,
		container.New(&aside{gap: 10, want: 17, first: margin + digitsWidth() + 6.5*theme.TextSize()}, f.code.object, codeSources(t, ref)),
		container.New(inset{0, 4}, row(first, f.back)))
	if withNew {
		f.steps[0].Objects = append([]fyne.CanvasObject{muted(t.T("code.step", 1))}, f.steps[0].Objects...)
	}
	f.fields = vbox(8, f.steps[0])
	f.object = vbox(0, f.fields)

	for _, e := range f.entries() {
		e.OnChanged = f.check
		e.OnShortcut = u.shortcut
		e.OnHold = func(on bool) {
			u.hold(on)
			if on {
				f.prepare()
			}
		}
		e.OnEscape = func() {
			if f.step == 1 {
				f.turn(0)
				return
			}
			f.back.OnTapped()
			if back == nil {
				u.Go(screenCard)
			}
		}
	}
	conceal := f.code.OnFocus
	f.code.OnFocus = func() {
		conceal()
		f.prepare()
	}
	f.code.OnSubmitted = f.forward
	if withNew {
		f.pin.OnSubmitted = func() {
			if f.pin.Complete() {
				u.win.Canvas().Focus(f.again.DigitField)
			}
		}
		f.again.OnSubmitted = f.send
	}
	f.check()
	return f
}

func (f *form) entries() []*codeEntry {
	if f.pin == nil {
		return []*codeEntry{f.code}
	}
	return []*codeEntry{f.code, f.pin, f.again}
}

// turn shows a step, with the keyboard in its first field.
func (f *form) turn(step int) {
	f.step = step
	f.fields.Objects = []fyne.CanvasObject{f.steps[step]}
	f.u.relayout()
	f.u.win.Canvas().Focus(f.first())
}

// forward continues after the current code: with the new PIN, or with the card.
func (f *form) forward() {
	switch {
	case !f.code.Complete():
	case f.critical() && !f.confirm.Checked:
		f.u.win.Canvas().Focus(f.confirm)
	case f.pin == nil:
		f.send()
	default:
		f.turn(1)
	}
}

// counter returns the counter of the code that the form sends.
func (f *form) counter() card.Tries {
	return f.slot.counter(f.ref)
}

// critical reports that a user has to confirm before the code is sent.
func (f *form) critical() bool {
	c := f.counter()
	return f.slot.wary || c.Max > 0 && c.NeedsConsent(f.ref)
}

// stake explains what can be lost, and asks for a confirmation.
func (f *form) stake() fyne.CanvasObject {
	t, c := f.u.texts, f.counter()
	f.staked = c.Left
	more := []fyne.CanvasObject{f.confirm}
	if way := f.u.wayOut(f.slot, f.ref); way != nil {
		more = append(more, way)
	}
	return notice(warn, stakeTitle(t, f.ref, c), t.T(stakeKey(f.ref)+".text"), more...)
}

func stakeKey(ref card.PINRef) string {
	if ref == card.PUK {
		return "stake.puk"
	}
	return "stake.pin"
}

// stakeTitle states why a code needs a confirmation. A card can have refused a code
// for its last try although the counter shown is another one.
func stakeTitle(t *Texts, ref card.PINRef, c card.Tries) string {
	switch c.Stake(ref) {
	case card.StakeLastPIN, card.StakeFewPUK:
		return t.N(stakeKey(ref)+".title", c.Left)
	case card.StakeUnknownPUK:
		return t.T("stake.puk.silent")
	}
	return t.T(stakeKey(ref) + ".unknown")
}

// check validates the input so far and shows what is missing.
func (f *form) check() {
	t := f.u.texts
	f.admit()
	ok := f.missing(f.code)
	if f.pin != nil {
		old := f.code.view()
		if f.ref == card.PUK || !f.code.Complete() {
			old = nil
		}
		if f.missing(f.pin) {
			if err := card.CheckNewPIN(f.pin.view(), old); err != nil {
				f.pin.say(t.Problem(err).Title, widget.WarningImportance)
				ok = false
			} else {
				f.pin.say(t.T("code.fine"), widget.SuccessImportance)
			}
		} else {
			ok = false
			if f.pin.Len() == 0 {
				rules := "code.rules"
				if f.ref == card.PUK {
					rules = "code.rules.unblock"
				}
				f.pin.say(t.T(rules), widget.LowImportance)
			}
		}
		// A difference shows at the first digit, not only at the end.
		n := f.again.Len()
		switch {
		case n > f.pin.Len() || subtle.ConstantTimeCompare(f.again.view(), f.pin.view()[:n]) != 1:
			f.again.say(t.T("code.differ"), widget.WarningImportance)
			ok = false
		case !f.missing(f.again):
			ok = false
		default:
			f.again.say(t.T("code.same"), widget.SuccessImportance)
		}
	}
	f.ready = ok
	visible := f.confirmBox.Visible()
	if f.staked != f.counter().Left {
		f.confirmBox.Objects = []fyne.CanvasObject{even(f.stake())}
		f.confirm.SetChecked(false) // what was confirmed was something else
		visible = !visible
	}
	if f.critical() {
		f.confirmBox.Show()
		ok = ok && f.confirm.Checked
	} else {
		f.confirmBox.Hide()
	}
	enable(f.submit, ok)
	if f.next != nil {
		first := f.code.Complete() && (!f.critical() || f.confirm.Checked)
		enable(f.next, first)
		if !first && f.step == 1 && !f.busy() && f.gate == nil {
			f.turn(0) // the card needs something else by now
		}
	}
	if visible != f.confirmBox.Visible() {
		f.u.relayout()
	}
}

func enable(b *button, on bool) {
	if on {
		b.Enable()
	} else {
		b.Disable()
	}
}

// missing shows how many digits a field lacks and reports whether it lacks none.
func (f *form) missing(e *codeEntry) bool {
	t := f.u.texts
	left := card.CodeLength - e.Len()
	switch {
	case left == 0:
		e.say(t.T("code.complete"), widget.SuccessImportance)
	case left == card.CodeLength:
		e.say(t.T("code.empty"), widget.LowImportance)
	case left == card.CodeLength/2:
		e.say(t.T("code.half"), widget.LowImportance)
	default:
		e.say(t.N("code.missing", left), widget.LowImportance)
	}
	return left == 0
}

// prepare opens the secure channel while the user types. It is called when the field for
// the code gets the keyboard and at the first digit of each field, so that a channel that
// was dropped meanwhile is opened again.
func (f *form) prepare() {
	if f.elsewhere || f.busy() {
		return
	}
	if f.unprepare == nil {
		f.typing, f.unprepare = context.WithCancel(f.u.ctx)
	}
	ctx := f.typing
	f.u.background(func() { f.u.svc.Prepare(ctx, f.slot.reader.Name) })
}

// wipe forgets the digits.
func (f *form) wipe() {
	if f.unprepare != nil && !f.busy() {
		f.unprepare()
		f.unprepare = nil
	}
	for _, e := range f.entries() {
		e.Wipe()
	}
	f.confirm.SetChecked(false)
	f.step, f.fields.Objects = 0, []fyne.CanvasObject{f.steps[0]}
}

// busy reports that the card is at work.
func (f *form) busy() bool { return f.op != nil }

// send starts the operation. The digits leave the fields; those of a new PIN
// stay until the card has taken the current code.
func (f *form) send() {
	if f.submit.Disabled() || f.busy() || f.gate != nil {
		return
	}
	f.u.hold(true)
	code := f.code.Code()
	var pin []byte
	if f.pin != nil {
		pin = f.pin.Code()
	}
	o := CodeOptions{AllowLastTry: f.confirm.Checked}
	f.code.Wipe()
	f.confirm.SetChecked(false)
	f.op = f.u.operate(func(ctx context.Context, progress func(card.Progress)) error {
		defer f.u.hold(false)
		defer clear(code)
		defer clear(pin)
		o.Progress = progress
		return f.call(ctx, f.slot.reader.Name, code, pin, o)
	}, f.finished)
	f.object.Objects = []fyne.CanvasObject{f.op.object}
	f.u.relayout()
	f.u.win.Canvas().Focus(f.op.stop)
}

func (f *form) finished(err error) {
	f.op = nil
	switch card.Classify(err) {
	case card.KindPINWrong, card.KindPUKWrong, card.KindLastTry, card.KindCanceled:
		f.step, f.fields.Objects = 0, []fyne.CanvasObject{f.steps[0]}
	default:
		f.wipe()
	}
	f.object.Objects, f.gate = []fyne.CanvasObject{f.fields}, nil
	if err != nil || !f.unsaid {
		f.slot.learn(f.ref, err)
	}
	f.done(err)
	f.check()
	f.u.relayout()
}
