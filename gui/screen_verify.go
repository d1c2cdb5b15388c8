package gui

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// verifyScreen shows whether the signatures of files can be trusted. It needs no card.
type verifyScreen struct {
	u *UI
	body
	files  []*checkedFile
	rows   rows
	chosen *checkedFile
	cancel context.CancelFunc // of the work that runs; nil: none
	round  int                // number of the work that counts
	first  fyne.Focusable
	bar    *stepBar // of the file that is read; nil: none
}

// checkedFile is one file on the page.
type checkedFile struct {
	path, password, content string
	result                  *Verification
	err                     error // of the verification
	done                    bool
	open                    bool   // technical details are shown
	said                    string // what was saved, and where
	saved                   string // its path
	failed                  error  // of extracting or saving
	percent                 int
	rows                    rows // of the signers
}

// openVerify shows the signatures of files on the page Verifica.
func (u *UI) openVerify(paths []string) {
	u.Go(screenVerify)
	if s, ok := u.current.(*verifyScreen); ok {
		s.check(paths)
	}
}

func (s *verifyScreen) build() fyne.CanvasObject {
	s.body = newBody(s.u)
	s.show()
	return s.box
}

func (s *verifyScreen) focus() fyne.Focusable { return s.first }
func (s *verifyScreen) update()               {}

func (s *verifyScreen) leave() { s.stop() }

// stop ends the work that runs; its outcome is ignored.
func (s *verifyScreen) stop() {
	s.round++
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
}

// check verifies files, one after the other.
func (s *verifyScreen) check(paths []string) {
	s.stop()
	s.files, s.chosen = nil, nil
	for _, path := range paths {
		s.files = append(s.files, &checkedFile{path: path})
	}
	if len(s.files) > 0 {
		s.chosen = s.files[0]
	}
	s.u.scroll.ScrollToTop()
	s.verify(s.files, false)
}

// work runs f in a goroutine and done on the thread of the windows, unless the page
// was left or the work was stopped before. show runs a function on that thread under
// the same condition.
func (s *verifyScreen) work(f func(ctx context.Context, show func(func())), done func()) {
	s.stop()
	u, round := s.u, s.round
	ctx, cancel := context.WithCancel(u.ctx)
	s.cancel = cancel
	show := func(f func()) {
		u.do(func() {
			if u.current == s && s.round == round && u.ctx.Err() == nil {
				f()
			}
		})
	}
	u.background(func() {
		defer cancel()
		f(ctx, show)
		show(func() {
			s.cancel = nil
			done()
			s.show()
			u.refocus()
		})
	})
	s.show()
	u.refocus()
}

// verify verifies files; ask asks the authorities about revocation.
func (s *verifyScreen) verify(files []*checkedFile, ask bool) {
	for _, f := range files {
		f.done, f.err, f.failed, f.said, f.percent = false, nil, nil, "", 0
	}
	s.work(func(ctx context.Context, show func(func())) {
		for _, f := range files {
			last := 0
			o := VerifyOptions{Password: f.password, Content: f.content, Ask: ask, Progress: func(done, size int64) {
				// Only what the eye sees: the window must stay free.
				if percent := int(100 * done / max(size, 1)); percent > last {
					last = percent
					show(func() { s.reached(f, percent) })
				}
			}}
			v, err := s.u.svc.VerifyFile(ctx, f.path, o)
			show(func() {
				f.done, f.result, f.err = true, v, err
				if f == s.chosen || len(s.files) > 1 && slices.Index(s.files, f) < s.rows.limit() {
					s.show()
				}
			})
		}
	}, func() {})
}

// reached shows how far a file was read.
func (s *verifyScreen) reached(f *checkedFile, percent int) {
	f.percent = max(f.percent, percent)
	if s.bar != nil && s.chosen == f {
		s.bar.SetValue(float64(f.percent))
	}
}

func (s *verifyScreen) show() {
	s.first, s.bar = nil, nil
	objects := []fyne.CanvasObject{}
	if len(s.files) > 1 {
		objects = append(objects, s.list())
	}
	if f := s.chosen; f == nil {
		objects = append(objects, s.empty())
	} else {
		objects = append(objects, s.one(f)...)
	}
	s.set(objects...)
}

// empty returns the field to drop a file on.
func (s *verifyScreen) empty() fyne.CanvasObject {
	t := s.u.texts
	choose := primaryButton(t.T("signed.choose"), s.choose)
	s.first = choose
	title := subheading(t.T("signed.drop"))
	hint := muted(t.T("signed.drop.text"))
	title.Alignment, hint.Alignment = fyne.TextAlignCenter, fyne.TextAlignCenter
	return vbox(14, newDropField(vbox(10, container.NewCenter(icon(theme.NewPrimaryThemedResource(theme.SearchIcon()), 3)),
		title, container.NewCenter(choose), hint)), text(t.T("signed.private")))
}

// choose asks for files.
func (s *verifyScreen) choose() {
	s.u.choose(Choice{Title: s.u.texts.T("signed.choose"), Several: true}, s.u.openVerify)
}

// list shows several files with their answers, to choose one.
func (s *verifyScreen) list() fyne.CanvasObject {
	t := s.u.texts
	var lines []fyne.CanvasObject
	for _, f := range s.files[:min(len(s.files), s.rows.limit())] {
		k, words := info, t.T("signed.waits")
		switch {
		case f.err != nil:
			k, words = bad, t.verifyProblem(f.err).title
		case f.done:
			d := t.describe(f.result)
			k, words = d.kind, d.title
		}
		b := newTopic(filepath.Base(f.path), f == s.chosen, func() {
			s.chosen = f
			s.show()
		})
		lines = append(lines, b, container.New(innerInset{1.3*theme.TextSize() + 2, 0}, line(k, words)))
	}
	if more := s.rows.more(t, len(s.files), s.show); more != nil {
		lines = append(lines, more)
	}
	return panel(lines...)
}

// one shows a file.
func (s *verifyScreen) one(f *checkedFile) []fyne.CanvasObject {
	u, t := s.u, s.u.texts
	name := newPathText(filepath.Base(f.path))
	name.TextStyle.Bold = true
	other := newButton(t.T("signed.choose.other"), s.choose)
	head := panel(container.New(lead{gap: 8, left: margin, middle: true}, icon(theme.NewPrimaryThemedResource(theme.FileIcon()), 1.6), name))
	switch {
	case s.cancel != nil && !f.done:
		stop := newButton(t.T("progress.stop"), func() {
			s.stop()
			s.files, s.chosen = nil, nil
			s.show()
			u.focus()
		})
		stop.escape = stop.OnTapped
		s.bar = newSteps()
		s.bar.Max, s.bar.Value = 100, float64(f.percent)
		s.first = stop
		return []fyne.CanvasObject{head, notice(info, t.T("signed.running"), "", even(s.bar), row(stop))}
	case errors.Is(f.err, ErrPassword):
		return []fyne.CanvasObject{head, s.password(f)}
	case f.err != nil:
		s.first = other
		p := t.verifyProblem(f.err)
		return []fyne.CanvasObject{head, notice(bad, p.title, p.remedy, row(other))}
	case f.result == nil:
		s.first = other
		return []fyne.CanvasObject{head, row(other)}
	}
	d := t.describe(f.result)
	objects := []fyne.CanvasObject{head, notice(d.kind, d.title, d.remedy)}
	objects = append(objects, s.actions(f, other)...)
	for i, x := range d.signers[:min(len(d.signers), f.rows.limit())] {
		objects = append(objects, s.signer(f, d, i, x))
	}
	if more := f.rows.more(t, len(d.signers), s.show); more != nil {
		objects = append(objects, more)
	}
	return objects
}

// verifyProblem is why a file could not be verified, in words.
func (t *Texts) verifyProblem(err error) problemWords {
	switch {
	case errors.Is(err, ErrPassword):
		return problemWords{t.T("signed.password"), t.T("signed.password.text")}
	case errors.Is(err, ErrDamaged):
		return problemWords{t.T("signed.damaged"), t.T("signed.damaged.text")}
	}
	return problemWords{t.T("signed.unreadable"), t.T("signed.unreadable.text", err.Error())}
}

type problemWords struct{ title, remedy string }

// password asks for the password of an encrypted PDF.
func (s *verifyScreen) password(f *checkedFile) fyne.CanvasObject {
	t := s.u.texts
	title := t.T("signed.password")
	if f.password != "" {
		title = t.T("signed.password.wrong")
	}
	entry := newEntry(s.u, t.T("signed.password.field"))
	entry.Password = true
	open := primaryButton(t.T("signed.password.open"), func() {
		f.password = entry.Text
		s.verify([]*checkedFile{f}, false)
	})
	entry.OnSubmitted = func(string) { open.OnTapped() }
	s.first = entry
	return notice(info, title, t.T("signed.password.text"), even(entry), row(open))
}

// actions returns the buttons about the whole file, with what they did.
func (s *verifyScreen) actions(f *checkedFile, other *button) []fyne.CanvasObject {
	u, t := s.u, s.u.texts
	var buttons []fyne.CanvasObject
	if f.result.Document && len(f.result.Signatures) > 0 {
		extract := newButton(t.T("signed.extract"), func() { s.extract(f, 0, false) })
		buttons = append(buttons, extract)
	}
	label := t.T("signed.sign")
	if len(f.result.Signatures) == 0 {
		label = t.T("signed.sign.first")
	}
	buttons = append(buttons, newButton(label, func() { u.openSign([]string{f.path}) }))
	if len(f.result.Signatures) > 0 {
		buttons = append(buttons, newButton(t.T("signed.report"), func() { s.report(f) }))
		label = t.T("signed.details.show")
		if f.open {
			label = t.T("signed.details.hide")
		}
		buttons = append(buttons, newButton(label, func() { f.open = !f.open; s.show() }))
	}
	buttons = append(buttons, other)
	if s.cancel != nil {
		for _, b := range buttons {
			b.(*button).Disable()
		}
	}
	s.first = buttons[0].(*button)
	objects := []fyne.CanvasObject{row(buttons...)}
	switch {
	case f.failed != nil:
		objects = append(objects, notice(bad, t.T("signed.not-saved"), t.T("signed.unreadable.text", f.failed.Error())))
	case f.said != "":
		saved := f.saved
		folder := newButton(t.T("signed.folder"), func() { u.browse(storage.NewFileURI(filepath.Dir(saved)).String()) })
		// Green is for the answer alone.
		objects = append(objects, notice(info, f.said, "", newPathText(saved), row(folder)))
	}
	return objects
}

// signer shows one signature.
func (s *verifyScreen) signer(f *checkedFile, d found, i int, x signer) fyne.CanvasObject {
	t := s.u.texts
	title := x.title
	if len(d.signers) > 1 {
		title = t.T("verify.signature", i+1, len(d.signers)) + ": " + x.title
	}
	objects := []fyne.CanvasObject{
		container.New(lead{gap: 4, left: margin}, container.New(inset{0, theme.InnerPadding()}, icon(x.kind.icon(), 1.5)),
			vbox(-8, subheading(title), text(x.state))),
	}
	for _, p := range x.facts {
		objects = append(objects, fact(p.name, p.value))
	}
	if x.revision > 0 {
		objects = append(objects, row(newButton(t.T("signed.show-revision"), func() { s.extract(f, x.revision, true) })))
	}
	list := func(title string, reasons []string) {
		if len(reasons) > 0 {
			head := text(title)
			head.TextStyle.Bold = true
			objects = append(objects, even(widget.NewSeparator()), head)
		}
		for _, r := range reasons {
			objects = append(objects, text("• "+r))
		}
	}
	list(t.T("signed.wrong"), x.wrong)
	list(t.T("signed.unsaid"), x.unsaid)
	if x.content {
		objects = append(objects, row(newButton(t.T("signed.content"), func() {
			s.u.chooseFile(t.T("signed.content"), func(path string) {
				f.content = path
				s.verify([]*checkedFile{f}, false)
			})
		})))
	}
	if x.asks && len(f.result.Hosts) > 0 {
		label := t.T("signed.ask")
		if f.result.Asked {
			label = t.T("signed.ask.again")
		}
		ask := newButton(label, func() { s.verify([]*checkedFile{f}, true) })
		objects = append(objects, muted(t.T("signed.ask.text", strings.Join(f.result.Hosts, ", "))), row(ask))
	}
	if f.open {
		head := text(t.T("signed.details"))
		head.TextStyle.Bold = true
		objects = append(objects, even(widget.NewSeparator()), head)
		for _, p := range x.details {
			objects = append(objects, fact(p.name, p.value))
		}
	}
	return panel(objects...)
}

// extract writes what was signed to a new file, and shows it if open is set.
func (s *verifyScreen) extract(f *checkedFile, n int, open bool) {
	key := "signed.extracted"
	if n > 0 {
		key = "signed.extracted.revision"
	}
	s.save(f, key, func(ctx context.Context) (string, error) { return s.u.svc.ExtractFile(ctx, f.result, n) }, func(name string) {
		if open {
			s.u.browse(storage.NewFileURI(name).String())
		}
	})
}

// report saves the report as a PDF.
func (s *verifyScreen) report(f *checkedFile) {
	u, t := s.u, s.u.texts
	list := t.describe(f.result).report(t, f.result, u.svc.About().Version, u.opts.Now())
	s.save(f, "signed.report.saved", func(context.Context) (string, error) {
		return u.svc.SaveVerification(f.result, t.T("signed.report.title"), t.Language, list)
	}, func(string) {})
}

// save writes a file with write and shows its name.
func (s *verifyScreen) save(f *checkedFile, key string, write func(context.Context) (string, error), done func(name string)) {
	f.said, f.failed = "", nil
	var name string
	var err error
	s.work(func(ctx context.Context, _ func(func())) { name, err = write(ctx) }, func() {
		if f.failed = err; err == nil {
			f.said, f.saved = s.u.texts.T(key), name
			done(name)
		}
		s.u.scroll.ScrollToTop()
	})
}
