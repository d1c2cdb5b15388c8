package gui

import (
	"context"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

// operation shows the progress of work with the card.
type operation struct {
	u      *UI
	bar    *stepBar
	step   *widget.Label
	hint   *widget.Label
	stop   *button
	object fyne.CanvasObject
	cancel context.CancelFunc
	unsafe bool
	halted bool // no further part is begun
}

// operate runs work in a goroutine and calls done with its outcome.
func (u *UI) operate(work func(ctx context.Context, progress func(card.Progress)) error, done func(error)) *operation {
	t := u.texts
	ctx, cancel := context.WithCancel(u.ctx)
	o := &operation{u: u, cancel: cancel, bar: newSteps(), step: text(t.T("progress.start")), hint: muted(t.T("progress.still"))}
	o.step.TextStyle.Bold = true
	o.stop = newButton(t.T("progress.stop"), func() {
		if !o.unsafe {
			o.cancel()
			o.hint.SetText(t.T("progress.stopping"))
		}
	})
	o.stop.escape = o.stop.OnTapped
	o.object = vbox(8, subheading(t.T("progress.title")), even(o.bar), o.step, o.hint, row(o.stop))
	u.working++
	u.background(func() {
		defer cancel()
		err := work(ctx, func(p card.Progress) { u.do(func() { o.progress(p) }) })
		u.do(func() {
			u.working--
			if u.ctx.Err() == nil {
				done(err)
			}
		})
	})
	return o
}

func (o *operation) progress(p card.Progress) {
	t := o.u.texts
	o.bar.Max = float64(max(p.Total, 1))
	o.bar.SetValue(float64(max(p.Step-1, 0)))
	o.step.SetText(t.T("step." + string(p.Name)))
	if p.Name.MustFinish() {
		o.lock(p.Name)
	}
}

// lock ends the time in which the work can be stopped. What follows a code
// belongs to it.
func (o *operation) lock(step card.StepName) {
	o.unsafe = true
	o.stop.Disable()
	hint := "progress.unsafe"
	if step == card.StepVerifyPIN || step == card.StepVerifyPUK {
		hint = "progress.unsafe.check"
	}
	o.hint.SetText(o.u.texts.T(hint))
}

// among shows work on the part with this index of several, which stop ends after that
// part; nil: nothing ends it.
func (o *operation) among(index, total int, words string, stop func()) {
	t := o.u.texts
	o.bar.Max = float64(total)
	o.bar.SetValue(float64(index))
	o.step.SetText(words)
	if stop == nil || o.halted {
		return
	}
	o.hint.SetText(t.T("progress.still"))
	o.stop.SetText(t.T("sign.halt"))
	o.stop.OnTapped = func() {
		o.halted = true
		o.stop.Disable()
		o.hint.SetText(t.T("sign.halting"))
		stop()
	}
	o.stop.escape = o.stop.OnTapped
	o.stop.Enable()
}

// reach shows the n-th of about total steps, in words.
func (o *operation) reach(n, total int, words string) {
	o.bar.Max = float64(max(total, n+1))
	o.bar.SetValue(float64(n))
	o.step.SetText(words)
}
