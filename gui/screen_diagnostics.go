package gui

import (
	"context"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// diagnosticsScreen looks for what is wrong, step by step.
type diagnosticsScreen struct {
	u *UI
	body
	findings []Finding
	running  bool
	round    int // number of the run that counts
	err      error
	cancel   context.CancelFunc
	first    *button
	said     string // that the report was copied or saved
}

func (s *diagnosticsScreen) build() fyne.CanvasObject {
	s.body = newBody()
	s.run()
	return s.box
}

func (s *diagnosticsScreen) focus() fyne.Focusable {
	if s.first == nil {
		return nil
	}
	return s.first
}

func (s *diagnosticsScreen) leave() {
	if s.cancel != nil {
		s.cancel()
	}
}

func (s *diagnosticsScreen) update() {}

func (s *diagnosticsScreen) run() {
	u := s.u
	s.leave()
	ctx, cancel := context.WithCancel(u.ctx)
	s.cancel = cancel
	s.findings, s.err, s.said, s.running = nil, nil, "", true
	s.round++
	round := s.round
	current := func() bool { return u.current == s && s.round == round }
	s.show()
	u.background(func() {
		defer cancel()
		err := u.svc.Diagnose(ctx, func(f Finding) {
			u.do(func() {
				if current() {
					s.findings = append(s.findings, f)
					s.show()
				}
			})
		})
		u.do(func() {
			if current() {
				s.running, s.err = false, err
				s.show()
				u.focus()
			}
		})
	})
}

func (s *diagnosticsScreen) show() {
	t := s.u.texts
	s.first = newButton(t.T("diagnostics.again"), s.run)
	copyIt := newButton(t.T("diagnostics.copy"), s.copy)
	save := newButton(t.T("diagnostics.save"), s.save)
	if s.running {
		s.first.Disable()
		copyIt.Disable()
		save.Disable()
	}
	var list []fyne.CanvasObject
	for i, f := range s.findings {
		if i > 0 {
			list = append(list, widget.NewSeparator())
		}
		list = append(list, s.finding(f))
	}
	if s.running {
		list = append(list, text(t.T("diagnostics.running")), widget.NewProgressBarInfinite())
	}
	objects := []fyne.CanvasObject{
		vbox(0, heading(t.T("nav.diagnostics")), muted(t.T("diagnostics.intro"))),
		row(s.first, copyIt, save),
	}
	if s.said != "" {
		objects = append(objects, line(good, s.said))
	}
	if s.err != nil {
		objects = append(objects, problem(t, s.err))
	}
	s.set(append(objects, panel(list...))...)
}

func (s *diagnosticsScreen) finding(f Finding) fyne.CanvasObject {
	t := s.u.texts
	k := map[FindingLevel]kind{FindingOK: good, FindingWarning: warn, FindingError: bad, FindingSkipped: info}[f.Level]
	title := t.name("doctor.step.", f.Step)
	if f.Subject != "" {
		title += ": " + f.Subject
	}
	name := text(title)
	name.TextStyle.Bold = true
	found := text(t.finding(f, false))
	if f.Level == FindingSkipped {
		found = muted(found.Text)
	}
	objects := []fyne.CanvasObject{name, found}
	if f.Remedy != "" {
		remedy := text(t.name("doctor.do.", f.Remedy))
		remedy.Selectable = true // commands to type
		objects = append(objects, remedy)
	}
	if f.Detail != "" {
		d := muted(f.Detail)
		d.SizeName = theme.SizeNameCaptionText
		d.Selectable = true
		objects = append(objects, d)
	}
	return container.New(lead{gap: 2, left: margin}, container.New(inset{0, theme.InnerPadding()}, icon(k.icon(), 1.3)),
		container.New(column{gap: -12}, objects...))
}

// name is the text for a name of the diagnostics, or the name itself.
func (t *Texts) name(prefix, name string) string {
	if t.Has(prefix + name) {
		return t.T(prefix + name)
	}
	return name
}

// finding says what a step found; in a report without private values.
func (t *Texts) finding(f Finding, report bool) string {
	words := t.name("doctor.find.", f.Found)
	for _, v := range f.Values {
		value := v.Text
		if day, err := time.Parse(time.DateOnly, value); err == nil {
			value = t.Date(day)
		}
		if v.Private && report {
			value = "..."
		}
		words = strings.ReplaceAll(words, "{"+v.Name+"}", value)
	}
	return words
}

// report is the list as text.
func (s *diagnosticsScreen) report() string {
	t := s.u.texts
	var b strings.Builder
	b.WriteString(t.T("app.name") + " " + s.u.svc.About().Version + "\n" + t.T("diagnostics.private") + "\n\n")
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
