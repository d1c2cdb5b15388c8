package gui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"cie/card"
	"cie/card/identity"
)

// signScreen signs documents. There is one for the window, so that the documents stay
// while another page is shown.
type signScreen struct {
	u *UI
	body
	items []*signItem
	dir   string // of the signed documents; "": beside the originals
	rows  rows
	value bool // the value of the signature is explained
	phase signPhase
	ask   *pinAsk
	// stop ends the signing after the document that goes on.
	stop   context.CancelFunc
	failed error // of the last attempt
	first  fyne.Focusable
	submit *button       // of the list
	looks  chan struct{} // has a value for each document that is looked at
	mark   marking
	stamp  stamping
}

// signPhase is what the page is for at the moment.
type signPhase int

const (
	phaseChoose signPhase = iota
	phaseAsk              // for the PIN, or while the card signs
	phaseDone
)

// signItem is a document on the page.
type signItem struct {
	Candidate
	examined bool
	last     SigningUpdate   // the last step of it
	status   *fyne.Container // its line about that
}

// waits reports that the document can be signed and is not yet.
func (i *signItem) waits() bool {
	return i.examined && i.Refused == "" && i.last.State <= DocumentWorking
}

func (u *UI) openSign(files []string) {
	s := u.signing()
	if s.ask.busy() {
		u.Go(screenSign)
		return // what is being signed does not change
	}
	if s.phase == phaseDone {
		s.items = nil
	}
	s.phase = phaseChoose
	s.add(files)
	if u.current == s {
		s.update()
		u.focus()
		return
	}
	u.Go(screenSign)
}

// signing returns the page Firma.
func (u *UI) signing() *signScreen {
	if u.sign == nil {
		u.sign = &signScreen{u: u, looks: make(chan struct{}, maxLooks)}
	}
	return u.sign
}

// add puts files on the list and looks at them.
func (s *signScreen) add(files []string) {
	for _, file := range files {
		if s.has(file) {
			continue
		}
		item := &signItem{Candidate: Candidate{Path: file}}
		s.items = append(s.items, item)
		s.examine(item, "")
	}
}

func (s *signScreen) has(file string) bool {
	for _, item := range s.items {
		if item.Path == file {
			return true
		}
	}
	return false
}

// maxLooks is how many documents are looked at at once.
const maxLooks = 4

// examine looks at a document in the background.
func (s *signScreen) examine(item *signItem, format DocumentFormat) {
	u := s.u
	item.examined = false
	u.background(func() {
		s.looks <- struct{}{}
		c := u.svc.Examine(u.ctx, item.Path, format)
		<-s.looks
		u.do(func() {
			if u.ctx.Err() != nil {
				return
			}
			item.Candidate, item.examined = c, true
			if u.current == s && s.phase == phaseChoose && s.worthShowing() {
				s.update()
				u.refocus()
			}
		})
	})
}

// worthShowing reports whether the page is built again for one more document that was
// looked at: of many only now and then, and at the end.
func (s *signScreen) worthShowing() bool {
	left := 0
	for _, item := range s.items {
		if !item.examined {
			left++
		}
	}
	return len(s.items) <= maxRows || left%maxRows == 0
}

// listed returns the documents in the order of the page: of many first those that cannot
// be signed.
func (s *signScreen) listed() []*signItem {
	list := slices.Clone(s.items)
	if len(list) > maxRows {
		slices.SortStableFunc(list, func(a, b *signItem) int {
			switch {
			case a.Refused != "" && b.Refused == "":
				return -1
			case a.Refused == "" && b.Refused != "":
				return 1
			}
			return 0
		})
	}
	return list
}

func (s *signScreen) build() fyne.CanvasObject {
	s.body = newBody(s.u)
	if !s.ask.busy() {
		s.ask = nil // its texts can be of another language
	}
	s.update()
	return s.box
}

func (s *signScreen) focus() fyne.Focusable {
	if s.phase == phaseAsk && s.ask != nil {
		if s.ask.busy() {
			return s.ask.form.op.stop
		}
		if f := s.ask.field(); f != nil {
			return f
		}
	}
	return s.first
}

func (s *signScreen) leave() {
	if s.ask == nil || s.ask.busy() {
		return // its outcome is for the person who comes back
	}
	s.ask.wipe()
	s.ask = nil
	if s.phase == phaseAsk && s.count(DocumentSigned) == 0 {
		s.phase, s.failed = phaseChoose, nil
	}
}

func (s *signScreen) update() {
	s.first = nil
	switch {
	case len(s.items) == 0:
		s.set(s.empty())
	case s.phase == phaseAsk:
		s.showAsk()
	case s.phase == phaseDone:
		s.showDone()
	default:
		s.showList()
	}
}

// empty returns the page without documents.
func (s *signScreen) empty() fyne.CanvasObject {
	t := s.u.texts
	b := primaryButton(t.T("sign.choose"), s.choose)
	s.first = b
	hint := muted(t.T("sign.many"))
	hint.Alignment = fyne.TextAlignCenter
	title := subheading(t.T("sign.drop"))
	title.Alignment = fyne.TextAlignCenter
	return vbox(14, newDropField(vbox(10, container.NewCenter(icon(theme.NewPrimaryThemedResource(signIcon), 3)),
		title, container.NewCenter(b), hint)), s.worth())
}

// choose lets the person choose further documents.
func (s *signScreen) choose() {
	s.u.choose(Choice{Title: s.u.texts.T("sign.choose"), Several: true}, s.u.openSign)
}

// worth explains on demand what the signature is worth.
func (s *signScreen) worth() fyne.CanvasObject {
	t := s.u.texts
	b := newTopic(t.T("sign.value"), s.value, func() {
		s.value = !s.value
		s.update()
	})
	if !s.value {
		return b
	}
	return vbox(0, b, container.New(innerInset{1.3*theme.TextSize() + 2, 0}, text(t.T("sign.value.text"))))
}

// ready returns the documents that will be signed.
func (s *signScreen) ready() []*signItem {
	var list []*signItem
	for _, item := range s.items {
		if item.waits() {
			list = append(list, item)
		}
	}
	return list
}

func (s *signScreen) count(state DocumentState) int {
	n := 0
	for _, item := range s.items {
		if item.last.State == state {
			n++
		}
	}
	return n
}

// showList shows the documents that are not signed yet.
func (s *signScreen) showList() {
	u, t := s.u, s.u.texts
	list := vbox(4)
	items := s.listed()
	for i, item := range items[:min(len(items), s.rows.limit())] {
		if i > 0 {
			list.Add(even(widget.NewSeparator()))
		}
		list.Add(s.choice(item))
	}
	s.addRest(list, len(items))
	more := newButton(t.T("sign.more"), s.choose)
	list.Add(container.New(inset{0, 4}, row(more)))
	n := len(s.ready())
	choices := append(s.markChoice(), s.stampChoice()...)
	choices = append(choices, even(widget.NewSeparator()), s.target())
	objects := []fyne.CanvasObject{panel(list), panel(choices...)}
	foot := vbox(4)
	if left := len(s.items) - n; left > 0 && n > 0 {
		foot.Add(line(warn, t.N("sign.left-out", left)))
	}
	clock := "sign.clock"
	if s.stamp.on {
		clock = "stamp.clock"
	}
	foot.Add(muted(t.T(clock)))
	if over := s.expired(); over != nil {
		foot.Add(over)
	}
	s.submit = primaryButton(t.N("sign.do", max(n, 1)), func() {
		s.phase, s.failed = phaseAsk, nil
		u.scroll.ScrollToTop()
		s.update()
		u.focus()
	})
	enable(s.submit, s.mayStart())
	s.first = more
	if n > 0 {
		s.first = s.submit
	}
	foot.Add(row(s.submit))
	s.set(append(objects, foot, s.worth())...)
}

// choice returns the line of a document with what can be chosen about it.
func (s *signScreen) choice(item *signItem) fyne.CanvasObject {
	t := s.u.texts
	remove := newButton("", func() { s.remove(item) })
	remove.Icon, remove.Importance, remove.name = theme.CancelIcon(), widget.LowImportance, t.T("sign.remove", baseName(item.Path))
	words := vbox(-8, container.New(ends{gap: 4}, s.name(item), remove))
	for _, o := range s.remarks(item) {
		words.Add(o)
	}
	return s.beside(item, words)
}

// beside puts the icon of a document beside what is said of it.
func (s *signScreen) beside(item *signItem, words fyne.CanvasObject) fyne.CanvasObject {
	i := theme.FileIcon()
	if item.PDF {
		i = theme.DocumentIcon()
	}
	return container.New(lead{gap: 2, left: margin}, container.New(inset{0, theme.InnerPadding()}, icon(theme.NewPrimaryThemedResource(i), 1.5)), words)
}

// name returns the name of a document with its size and pages.
func (s *signScreen) name(item *signItem) fyne.CanvasObject {
	t := s.u.texts
	name := newPathText(baseName(item.Path))
	name.TextStyle.Bold = true
	parts := []string{}
	if item.examined && item.Refused != RefusedUnreadable {
		parts = append(parts, t.size(item.Size))
	}
	if n := len(item.Pages); n > 0 {
		parts = append(parts, t.N("sign.pages", n))
	}
	if !item.examined {
		parts = append(parts, t.T("sign.examining"))
	}
	facts := muted(strings.Join(parts, " · "))
	facts.SizeName = theme.SizeNameCaptionText
	return container.New(column{gap: -12}, name, facts)
}

// remarks returns what the person should know of a document, and decide.
func (s *signScreen) remarks(item *signItem) []fyne.CanvasObject {
	t := s.u.texts
	var list []fyne.CanvasObject
	if !item.examined {
		return nil
	}
	if len(item.Signed) > 0 {
		list = append(list, line(info, t.signedBefore(item.Signed)))
	}
	if item.Refused != "" {
		list = append(list, line(warn, t.T("sign.refused."+string(item.Refused))))
		if item.PDF && item.Format == FormatPDF && item.Refused != RefusedUnreadable {
			list = append(list, container.New(inset{0, 6}, row(newButton(t.T("sign.as-p7m"), func() { s.examine(item, FormatP7M) }))))
		}
		return list
	}
	if !item.PDF {
		return append(list, text(t.T("sign.format.p7m")))
	}
	formats := []DocumentFormat{FormatPDF, FormatP7M}
	labels := []string{t.T("sign.format.pdf"), t.T("sign.format.p7m")}
	pick := newSelection(t.T("sign.format", baseName(item.Path)), labels)
	for i, f := range formats {
		if f == item.Format {
			pick.SetSelectedIndex(i)
		}
	}
	pick.OnChanged = func(label string) {
		for i, f := range formats {
			if labels[i] == label && f != item.Format {
				s.examine(item, f)
			}
		}
	}
	return append(list, container.New(inset{margin, 6}, pick))
}

func (s *signScreen) remove(item *signItem) {
	for i, x := range s.items {
		if x == item {
			s.items = append(s.items[:i:i], s.items[i+1:]...)
			break
		}
	}
	s.update()
	s.u.focus()
}

// target says where the signed documents go, and changes it.
func (s *signScreen) target() fyne.CanvasObject {
	t := s.u.texts
	where := t.T("sign.beside", t.T("sign.suffix"))
	if s.dir != "" {
		where = t.T("sign.folder", s.dir, t.T("sign.suffix"))
	}
	buttons := []fyne.CanvasObject{newButton(t.T("sign.change-folder"), func() {
		s.u.choose(Choice{Title: t.T("sign.change-folder"), Folder: true}, func(paths []string) {
			s.dir = paths[0]
			s.update()
			s.u.focus()
		})
	})}
	if s.dir != "" {
		buttons = append(buttons, newButton(t.T("sign.beside.do"), func() {
			s.dir = ""
			s.update()
			s.u.focus()
		}))
	}
	return vbox(8, newPathText(where), row(buttons...))
}

// showAsk asks for the PIN below the list of what will be signed, and shows how far
// the signing is.
func (s *signScreen) showAsk() {
	t := s.u.texts
	waiting := s.ready()
	signed := s.count(DocumentSigned)
	if s.ask == nil {
		submit := t.N("sign.do", max(len(waiting), 1))
		if signed > 0 {
			submit = t.T("sign.continue")
		}
		s.ask = &pinAsk{u: s.u, submit: submit, call: s.work, done: s.worked, back: s.back, changed: s.update, unsaid: true}
	}
	list := vbox(0, subheading(t.T("sign.about-to")))
	accepted := slices.DeleteFunc(slices.Clone(s.items), func(i *signItem) bool { return i.Refused != "" })
	for _, item := range accepted[:min(len(accepted), s.rows.limit())] {
		if item.status == nil {
			item.status = vbox(0)
		}
		s.showStep(item)
		list.Add(s.beside(item, vbox(-10, s.name(item), item.status)))
	}
	objects := []fyne.CanvasObject{}
	if s.failed != nil {
		objects = append(objects, s.interrupted(signed, len(waiting)))
	} else if signed > 0 && !s.ask.busy() {
		objects = append(objects, notice(info, t.N("sign.partly", signed, len(waiting)), t.T("sign.partly.stopped")))
	}
	had := s.ask.field()
	s.addRest(list, len(accepted))
	if s.stamp.on {
		list.Add(line(info, t.T("stamp.sent", hostOf(s.stamp.address))))
	}
	objects = append(objects, panel(list), s.expired(), panel(s.ask.objects()...))
	s.set(objects...)
	// A card that came gets the keyboard, unless the user is elsewhere.
	if at := s.u.win.Canvas().Focused(); s.u.built && had == nil && s.ask.field() != nil && (at == nil || at == fyne.Focusable(s.u.place())) {
		s.u.focus()
	}
}

// interrupted explains why the signing ended before its end.
func (s *signScreen) interrupted(signed, left int) fyne.CanvasObject {
	t, p := s.u.texts, s.u.texts.Problem(s.failed)
	switch {
	case errors.Is(s.failed, ErrNoStamp):
		return s.unstamped(signed, left)
	case signed == 0:
		return s.u.failure(s.ask.slot, s.failed)
	}
	return notice(warn, t.N("sign.partly", signed, left), t.T("sign.partly.text"), muted(p.Title))
}

// expired warns that the certificate of the card is known to have expired; nil: it is
// not.
func (s *signScreen) expired() fyne.CanvasObject {
	slot := s.u.pick()
	if slot == nil || slot.expiry().IsZero() || identity.ValidityAt(time.Time{}, slot.expiry(), s.u.opts.Now()) < identity.InGrace {
		return nil
	}
	return line(warn, s.u.texts.T("sign.expired", s.u.texts.Date(slot.expiry())))
}

// showStep shows how far a document is.
func (s *signScreen) showStep(item *signItem) {
	t := s.u.texts
	var o fyne.CanvasObject
	switch item.last.State {
	case DocumentWorking:
		o = line(info, t.T("sign.state.working"))
	case DocumentSigned:
		o = line(good, t.T("sign.state.signed", baseName(item.last.Out)))
	case DocumentFailed:
		o = line(warn, t.T("sign.refused."+string(item.last.Refused)))
	default:
		o = muted(t.T("sign.state.waiting"))
	}
	item.status.Objects = []fyne.CanvasObject{o}
}

func (s *signScreen) back() {
	s.phase, s.failed = phaseChoose, nil
	if s.count(DocumentSigned) > 0 {
		s.phase = phaseDone
	}
	s.ask = nil
	s.update()
	s.u.focus()
}

// work signs the documents, in a goroutine.
func (s *signScreen) work(ctx context.Context, reader string, pin, _ []byte, o CodeOptions) error {
	var items []*signItem
	var job SigningJob
	start := make(chan struct{})
	s.u.do(func() {
		items, job = s.job()
		close(start)
	})
	select {
	case <-start:
	case <-ctx.Done():
		return ctx.Err()
	}
	cards := o.Progress
	begun := false
	o.Progress = func(p card.Progress) {
		if !begun { // then the steps are those of the documents
			cards(p)
		}
	}
	return s.u.svc.SignDocuments(ctx, reader, pin, job, o, func(step SigningUpdate) {
		begun = begun || step.State == DocumentWorking
		s.u.do(func() { s.reached(items, step) })
	})
}

// job returns the documents that wait, as the Service signs them.
func (s *signScreen) job() ([]*signItem, SigningJob) {
	t := s.u.texts
	items := s.ready()
	further, stop := context.WithCancel(s.u.ctx)
	s.stop = stop
	job := SigningJob{Dir: s.dir, Suffix: t.T("sign.suffix"), Authority: s.stamp.authority(), Further: further}
	s.u.rememberAuthority(job.Authority)
	for _, item := range items {
		job.Documents = append(job.Documents, SigningDocument{Path: item.Path, Format: item.Format, Mark: s.markFor(item)})
	}
	return items, job
}

// reached takes over a step of a document.
func (s *signScreen) reached(items []*signItem, step SigningUpdate) {
	t := s.u.texts
	item := items[step.Index]
	item.last = step
	if item.status != nil {
		s.showStep(item)
	}
	shown := item.status != nil || step.Index == 0
	if step.State == DocumentWorking && s.ask.busy() {
		s.ask.form.unsaid = false // the card has taken the PIN
		stop := s.stop
		if len(items) == 1 {
			stop = nil
		}
		s.ask.form.op.among(step.Index, len(items), t.T("sign.progress", step.Index+1, len(items)), stop)
	}
	if s.u.current == s && shown {
		s.u.relayout()
	}
}

// worked is called when the signing has ended.
func (s *signScreen) worked(err error) {
	if s.stop != nil {
		s.stop()
	}
	s.failed = nil
	if !blocked(err) { // else the page itself says so
		s.failed = err
	}
	switch signed := s.count(DocumentSigned); {
	case err == nil && len(s.ready()) == 0:
		s.phase, s.ask = phaseDone, nil
	case signed > 0 && s.ask != nil && s.ask.submit != s.u.texts.T("sign.continue"):
		s.ask = nil // the next form continues
	}
	if s.u.current != s {
		return
	}
	s.u.scroll.ScrollToTop()
	s.update()
	s.u.focus()
}

// showDone shows what became of the documents.
func (s *signScreen) showDone() {
	u, t := s.u, s.u.texts
	var failed, done []*signItem
	for _, item := range s.items {
		if item.last.State == DocumentSigned {
			done = append(done, item)
		} else {
			failed = append(failed, item)
		}
	}
	signed := len(done)
	list := vbox(4)
	for _, item := range done[:min(signed, s.rows.limit())] {
		if len(list.Objects) > 0 {
			list.Add(even(widget.NewSeparator()))
		}
		list.Add(s.result(item))
	}
	s.addRest(list, signed)
	again := primaryButton(t.T("sign.others"), func() {
		s.items, s.phase = nil, phaseChoose
		s.update()
		u.focus()
	})
	if s.first == nil {
		s.first = again
	}
	objects := []fyne.CanvasObject{s.verdict(signed, len(failed))}
	if signed > 0 {
		objects = append(objects, panel(list))
	}
	if len(failed) > 0 {
		not := vbox(4, subheading(t.T("sign.not-done")))
		for _, item := range failed[:min(len(failed), s.rows.limit())] {
			not.Add(s.beside(item, vbox(-10, s.name(item), line(warn, t.T("sign.refused."+string(item.why()))))))
		}
		s.addRest(not, len(failed))
		objects = append(objects, panel(not))
	}
	s.set(append(objects, s.expired(), row(again), s.worth())...)
}

// addRest adds what shows further ones of n documents.
func (s *signScreen) addRest(list *fyne.Container, n int) {
	if more := s.rows.more(s.u.texts, n, s.update); more != nil {
		list.Add(more)
	}
}

// verdict says how many documents were signed.
func (s *signScreen) verdict(signed, failed int) fyne.CanvasObject {
	t := s.u.texts
	switch {
	case signed == 0:
		return notice(bad, t.T("sign.none"), "")
	case failed > 0:
		return notice(warn, t.N("sign.partly", signed, failed), t.T("sign.untouched"))
	}
	return notice(good, t.N("sign.done", signed), t.T("sign.untouched"))
}

// why returns the reason why a document is not signed.
func (i *signItem) why() Refusal {
	switch {
	case i.last.Refused != "":
		return i.last.Refused
	case i.Refused != "":
		return i.Refused
	}
	return RefusedStopped
}

// result returns a signed document with what can be done with it.
func (s *signScreen) result(item *signItem) fyne.CanvasObject {
	u, t, last := s.u, s.u.texts, item.last
	name := newPathText(baseName(last.Out))
	name.TextStyle.Bold = true
	named := func(key string, tapped func()) *button {
		b := newButton(t.T(key), tapped)
		b.name = t.T(key) + ", " + baseName(last.Out)
		return b
	}
	open := named("sign.open", func() { u.browse(last.File) })
	if s.first == nil {
		s.first = open
	}
	buttons := row(open, named("sign.show-folder", func() { u.browse(last.Folder) }),
		named("nav.verify", func() { u.openVerify([]string{last.Out}) }))
	return s.beside(item, vbox(0, name, buttons))
}

// size returns a number of bytes in words.
func (t *Texts) size(n int64) string {
	const kilo = 1000
	switch {
	case n < kilo:
		return t.N("size.bytes", int(n))
	case n < kilo*kilo:
		return t.T("size.kilo", strconv.FormatInt((n+kilo/2)/kilo, 10))
	}
	s := fmt.Sprintf("%.1f", float64(n)/(kilo*kilo))
	if t.Language != "en" {
		s = strings.Replace(s, ".", ",", 1)
	}
	return t.T("size.mega", s)
}

// signedBefore says who has signed a document already.
func (t *Texts) signedBefore(list []Signer) string {
	last := list[len(list)-1]
	switch {
	case len(list) > 1:
		return t.N("sign.signed-before.many", len(list))
	case last.Name == "":
		return t.T("sign.signed-before.unknown")
	case last.At.IsZero():
		return t.T("sign.signed-before.undated", last.Name)
	}
	return t.T("sign.signed-before", last.Name, t.Date(last.At.Local()))
}
