package gui

import (
	"context"
	"errors"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
)

// diagnosticsScreen looks for what is wrong, step by step: at once without a
// PIN, and with one if the user wants that.
type diagnosticsScreen struct {
	u *UI
	body
	findings []Finding
	running  bool
	before   int // steps of the run before
	round    int // number of the run that counts
	err      error
	cancel   context.CancelFunc
	first    *button
	ask      *pinAsk
	asking   bool // the form is shown
	bar      *widget.ProgressBarInfinite
	said     string // that the report was copied or saved
}

func (s *diagnosticsScreen) build() fyne.CanvasObject {
	s.body = newBody(s.u)
	s.ask = &pinAsk{u: s.u, submit: s.u.texts.T("diagnostics.start"), unsaid: true, elsewhere: true, call: s.withPIN, done: s.tried,
		back: func() { s.asking = false; s.show(); s.u.focus() }, changed: s.show}
	s.run()
	return s.box
}

func (s *diagnosticsScreen) focus() fyne.Focusable {
	if s.asking {
		if f := s.ask.field(); f != nil {
			return f
		}
	}
	if s.first == nil {
		return nil
	}
	return s.first
}

func (s *diagnosticsScreen) leave() {
	if s.cancel != nil {
		s.cancel()
	}
	s.ask.wipe()
	if s.ask.busy() && !s.ask.form.op.unsafe {
		s.ask.form.op.cancel()
	}
}

func (s *diagnosticsScreen) update() {
	if s.asking && !s.ask.busy() {
		s.show()
	}
}

// begin starts a run and returns how its steps get onto the page, on the
// thread of the windows.
func (s *diagnosticsScreen) begin() (found func(Finding), current func() bool) {
	if len(s.findings) > 0 {
		s.before = len(s.findings)
	}
	s.findings, s.err, s.said, s.running = nil, nil, "", true
	s.round++
	round := s.round
	current = func() bool { return s.u.current == s && s.round == round }
	s.show()
	return func(f Finding) {
		if !current() {
			return
		}
		s.findings = append(s.findings, f)
		if s.ask.busy() {
			s.ask.form.op.reach(len(s.findings), s.before, s.u.texts.name("doctor.step.", f.Step))
		}
		s.show()
	}, current
}

// run looks without a PIN.
func (s *diagnosticsScreen) run() {
	u := s.u
	if s.cancel != nil {
		s.cancel()
	}
	ctx, cancel := context.WithCancel(u.ctx)
	s.cancel = cancel
	s.asking = false
	found, current := s.begin()
	u.background(func() {
		defer cancel()
		err := u.svc.Diagnose(ctx, Diagnosis{}, func(f Finding) { u.do(func() { found(f) }) })
		u.do(func() {
			if current() {
				s.running, s.err = false, err
				s.show()
				u.focus()
			}
		})
	})
}

// withPIN looks again, with a PIN; it runs in a goroutine.
func (s *diagnosticsScreen) withPIN(ctx context.Context, reader string, pin, _ []byte, o CodeOptions) error {
	u := s.u
	var found func(Finding)
	u.do(func() { found, _ = s.begin() })
	o.Progress = func(p card.Progress) {
		if p.Name.MustFinish() {
			u.do(func() {
				if s.ask.busy() {
					s.ask.form.op.lock(p.Name)
				}
			})
		}
	}
	return u.svc.Diagnose(ctx, Diagnosis{Reader: reader, PIN: pin, CodeOptions: o}, func(f Finding) { u.do(func() { found(f) }) })
}

// tried ends a run with a PIN. A PIN that was refused can be typed again.
func (s *diagnosticsScreen) tried(err error) {
	s.running = false
	if s.u.current != s {
		return
	}
	var wrong *card.PINError
	var last *card.LastTryError
	s.err = err
	s.asking = errors.As(err, &wrong) && !wrong.Blocked() || errors.As(err, &last)
	s.u.scroll.ScrollToTop()
	s.show()
	s.u.focus()
}

func (s *diagnosticsScreen) show() {
	u, t := s.u, s.u.texts
	s.first = newButton(t.T("diagnostics.again"), s.run)
	pin := newButton(t.T("diagnostics.pin"), func() { s.asking = true; s.show(); u.focus() })
	copyIt := newButton(t.T("diagnostics.copy"), s.copy)
	save := newButton(t.T("diagnostics.save"), s.save)
	if s.running {
		for _, b := range []*button{s.first, pin, copyIt, save} {
			b.Disable()
		}
	}
	objects := []fyne.CanvasObject{
		intro(t.T("diagnostics.intro")),
		row(s.first, pin, copyIt, save),
	}
	if s.said != "" {
		objects = append(objects, line(good, s.said))
	}
	if s.err != nil {
		if why := u.failure(s.ask.slot, s.err); why != nil {
			objects = append(objects, why)
		}
	}
	if s.asking || s.ask.busy() {
		objects = append(objects, panel(append([]fyne.CanvasObject{text(t.T("diagnostics.pin.text"))}, s.ask.objects()...)...))
	}
	switch {
	case !s.running && len(s.findings) > 0:
		k, title, more := s.summary()
		objects = append(objects, notice(k, title, more))
	case s.running && !s.ask.busy():
		objects = append(objects, notice(info, t.T("diagnostics.running"), "", s.movement()))
	}
	var list []fyne.CanvasObject
	for i, f := range s.findings {
		if i > 0 {
			list = append(list, even(widget.NewSeparator()))
		}
		list = append(list, s.finding(f))
	}
	if len(list) > 0 {
		objects = append(objects, panel(list...))
	}
	s.set(objects...)
}

// movement shows the progress of the run: how far, where the previous run showed how
// many steps there are.
func (s *diagnosticsScreen) movement() fyne.CanvasObject {
	if s.before == 0 {
		return s.u.endless(&s.bar)
	}
	bar := newSteps()
	bar.Max = float64(max(s.before, len(s.findings)+1))
	bar.Value = float64(len(s.findings))
	return even(bar)
}

// summary counts the steps that are fine, and lists which to look at: those that keep
// a login from working first.
func (s *diagnosticsScreen) summary() (k kind, title, more string) {
	t := s.u.texts
	count := map[FindingLevel]int{}
	var errs, warnings []string
	for _, f := range s.findings {
		count[f.Level]++
		switch f.Level {
		case FindingError:
			errs = append(errs, s.step(f))
		case FindingWarning:
			warnings = append(warnings, s.step(f))
		}
	}
	fine, total := count[FindingOK], len(s.findings)
	k = good
	switch {
	case len(errs) > 0:
		k = bad
	case len(warnings) > 0:
		k = warn
	}
	title = t.N("diagnostics.fine", fine, total)
	if fine == total {
		return k, t.T("diagnostics.all", total), ""
	}
	var sentences []string
	if look := append(errs, warnings...); len(look) > 0 {
		sentences = append(sentences, t.T("diagnostics.look", strings.Join(look, ", ")))
	}
	if n := count[FindingSkipped]; n > 0 {
		sentences = append(sentences, t.N("diagnostics.skipped", n))
	}
	return k, title, strings.Join(sentences, "\n")
}

// step returns the name of a step, with the reader or program it is about.
func (s *diagnosticsScreen) step(f Finding) string {
	name := s.u.texts.name("doctor.step.", f.Step)
	if f.Subject != "" {
		name += ": " + f.Subject
	}
	return name
}

func (s *diagnosticsScreen) finding(f Finding) fyne.CanvasObject {
	t := s.u.texts
	k := map[FindingLevel]kind{FindingOK: good, FindingWarning: warn, FindingError: bad, FindingSkipped: info}[f.Level]
	name := text(s.step(f))
	name.TextStyle.Bold = true
	found := newPathText(t.finding(f, false))
	if f.Level == FindingSkipped {
		found.Importance = widget.LowImportance
	}
	objects := []fyne.CanvasObject{name, found}
	if f.Remedy != "" {
		objects = append(objects, newPathText(t.remedy(f)))
	}
	if f.Detail != "" {
		d := newPathText(t.T("diagnostics.detail", f.Detail))
		d.Importance = widget.LowImportance
		d.SizeName = theme.SizeNameCaptionText
		objects = append(objects, d)
	}
	return container.New(lead{gap: 2, left: margin}, container.New(inset{0, theme.InnerPadding()}, icon(k.icon(), 1.3)),
		container.New(column{gap: -12}, objects...))
}

// name returns the text for a name of the diagnostics, or the name itself.
func (t *Texts) name(prefix, name string) string {
	if t.Has(prefix + name) {
		return t.T(prefix + name)
	}
	return name
}

// remedy returns what the user can do about a finding on this distribution.
func (t *Texts) remedy(f Finding) string {
	if key := "doctor.do." + f.Remedy; t.Has(key) {
		return t.On(f.Distribution, key)
	}
	return f.Remedy
}

// finding returns what a step found; for a report without private values.
func (t *Texts) finding(f Finding, report bool) string {
	key := "doctor.find." + f.Found
	if !t.Has(key) {
		return f.Found
	}
	values := map[string]string{}
	for _, v := range f.Values {
		values[v.Name] = v.Text
		if v.Private && report {
			values[v.Name] = "..."
		}
	}
	return t.Fill(key, values)
}

// report returns the list as text.
func (s *diagnosticsScreen) report() string {
	t := s.u.texts
	var b strings.Builder
	b.WriteString(t.T("app.name") + " " + s.u.svc.About().Version + "\n" + t.T("diagnostics.private") + "\n")
	_, title, more := s.summary()
	b.WriteString(strings.TrimSpace(title+"\n"+more) + "\n\n")
	for _, f := range s.findings {
		b.WriteString("[" + string(f.Level) + "] " + f.Step + ": " + f.Found)
		if f.Remedy != "" {
			b.WriteString(" -> " + f.Remedy)
		}
		b.WriteString("\n")
		for _, words := range []string{f.Subject, t.finding(f, true), f.Detail} {
			if words != "" {
				b.WriteString("    " + words + "\n")
			}
		}
	}
	return b.String()
}

func (s *diagnosticsScreen) copy() {
	u, report := s.u, s.report()
	u.background(func() {
		report = u.svc.Report(report)
		u.do(func() {
			if u.current != s {
				return
			}
			u.app.Clipboard().SetContent(report)
			s.said = u.texts.T("copied")
			s.show()
			u.focus()
		})
	})
}

func (s *diagnosticsScreen) save() {
	u, report := s.u, s.report()
	u.background(func() {
		name, err := u.svc.SaveReport(u.svc.Report(report))
		u.do(func() {
			if u.current != s {
				return
			}
			if s.err = err; err == nil {
				s.said = u.texts.T("diagnostics.saved", name)
			}
			s.show()
			u.focus()
		})
	})
}
