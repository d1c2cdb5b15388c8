package gui

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"

	"cie/apdu"
	"cie/card"
	catalogue "cie/gui/text"
)

// drop drops files on the window and waits until they were looked at.
func (d *rig) drop(files ...string) {
	d.t.Helper()
	var list []fyne.URI
	for _, f := range files {
		list = append(list, storage.NewFileURI(f))
	}
	d.Go(screenSign) // where every file is one to sign
	d.dropped(fyne.Position{}, list)
	d.until(func() bool {
		for _, item := range d.signing().items {
			if !item.examined {
				return false
			}
		}
		return true
	})
}

// signs puts a card down, drops files and asks for the PIN.
func (d *rig) signs(files ...string) {
	d.t.Helper()
	d.lay(3, 10, card.Genuine)
	d.drop(files...)
	d.press(d.texts.N("sign.do", len(d.signing().ready())))
}

var signPoses = []pose{
	{"sign", func(d *rig) { d.Go(screenSign); d.signing().value = true; d.current.update() }},
	{"sign-list", func(d *rig) {
		d.lay(3, 10, card.Genuine)
		d.drop("/documenti/contratto.pdf", "/documenti/elenco.csv", "/documenti/signed-delega.pdf", "/documenti/bad-password.pdf")
	}},
	{"sign-mark", func(d *rig) { d.marked("/documenti/contratto.pdf", "/documenti/delega.pdf") }},
	{"sign-stamp", func(d *rig) {
		d.fake.put(testReader, 3, 10, card.Genuine).card.Expiry = testNow.AddDate(0, 0, -1)
		d.show(ReaderState{Readers: []Reader{d.reader(Present)}})
		d.drop("/documenti/contratto.pdf")
		d.stampWith("https://marche.example.it/tsr")
	}},
	{"sign-unstamped", func(d *rig) {
		d.lay(3, 10, card.Genuine)
		d.drop("/documenti/contratto.pdf")
		d.stampWith("https://silent.example.it/tsr")
		d.press(d.texts.N("sign.do", 1))
		d.codes(testPIN)
		d.idle()
	}},
	{"sign-ask", func(d *rig) { d.signs("/documenti/contratto.pdf", "/documenti/elenco.csv") }},
	{"sign-busy", func(d *rig) {
		goOn := make(chan struct{})
		d.t.Cleanup(func() { close(goOn) })
		d.fake.between = func(i int) error {
			if i == 1 {
				<-goOn
			}
			return nil
		}
		d.signs("/documenti/contratto.pdf", "/documenti/elenco.csv", "/documenti/delega.pdf")
		d.codes(testPIN)
		d.until(func() bool { return d.signing().items[1].last.State == DocumentWorking })
	}},
	{"sign-pulled", func(d *rig) {
		d.fake.between = func(i int) error {
			if i == 2 {
				return &card.StepError{Step: card.StepSign, Err: apdu.ErrRemoved}
			}
			return nil
		}
		d.signs("/documenti/contratto.pdf", "/documenti/elenco.csv", "/documenti/delega.pdf")
		d.codes(testPIN)
		d.idle()
	}},
	{"sign-done", func(d *rig) {
		d.signs("/documenti/contratto.pdf", "/documenti/changed.csv")
		d.codes(testPIN)
		d.idle()
	}},
}

func init() { poses = append(poses, signPoses...) }

func TestSignRefusedFileIsLeftOut(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.Go(screenSign)
	d.wants("Drop the documents to sign here", "the PIN is typed only once")
	d.drop("/x/a.pdf", "/x/bad-password.pdf", "/x/b.txt", "/x/a.pdf")
	d.wants("a.pdf", "1.2 MB · 4 pages", "Protected by a password", "1 file cannot be signed and is left out")
	if n := len(d.signing().items); n != 3 {
		t.Errorf("%d files on the list: one was dropped twice", n)
	}
	d.press("Sign 2 documents")
	d.wants("You are about to sign", "a.pdf", "b.txt")
	d.lacks("bad-password.pdf")
	d.codes(testPIN)
	d.idle()
	if got := d.fake.signedFiles(); !slices.Equal(got, []string{"/x/a.pdf.signed", "/x/b.txt.signed"}) {
		t.Errorf("signed %v", got)
	}
	if job := d.fake.jobs[0]; job.Suffix != "-signed" || job.Dir != "" || job.Documents[0].Format != FormatPDF || job.Documents[1].Format != FormatP7M {
		t.Errorf("the job is %+v", job)
	}
	d.wants("2 documents signed, 1 not", "[Open]", "[Show in folder]", "Protected by a password")
	d.press("Verify")
	if d.at != screenVerify {
		t.Errorf("verifying a signed document leads to %s", d.at)
	}
	d.Go(screenSign)
	d.press("Sign other documents")
	d.wants("Drop the documents to sign here")
}

func TestSignRefusedPDFCanBecomeEnvelope(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.drop("/x/bad-certified.pdf")
	d.wants("allows no changes")
	d.press("Sign as a .p7m envelope")
	d.until(func() bool { return d.signing().items[0].examined })
	d.lacks("allows no changes")
	d.press("Sign 1 document")
	d.codes(testPIN)
	d.idle()
	if f := d.fake.jobs[0].Documents[0].Format; f != FormatP7M {
		t.Errorf("signed as %s", f)
	}
}

func TestSignContinuesAfterCardWasPulled(t *testing.T) {
	d := newRig(t, newFake())
	pulled := true
	d.fake.between = func(i int) error {
		if i == 2 && pulled {
			return &card.StepError{Step: card.StepSign, Err: apdu.ErrRemoved}
		}
		return nil
	}
	d.signs("/x/a", "/x/b", "/x/c")
	d.codes(testPIN)
	d.idle()
	d.wants("2 documents signed, 1 not", "Put the card back")
	d.show(ReaderState{Readers: []Reader{d.reader(Empty)}})
	d.wants("2 documents signed, 1 not", "Put your identity card on the reader")
	pulled = false
	d.lay(3, 10, card.Genuine)
	d.wants("[Continue]")
	d.codes(testPIN)
	d.idle()
	d.wants("3 documents signed")
	if got := d.fake.signedFiles(); !slices.Equal(got, []string{"/x/a.signed", "/x/b.signed", "/x/c.signed"}) {
		t.Errorf("signed %v: each document once", got)
	}
}

func TestSignStopsAfterTheDocument(t *testing.T) {
	d := newRig(t, newFake())
	goOn := make(chan struct{})
	d.fake.between = func(int) error { <-goOn; return nil }
	d.signs("/x/a", "/x/b", "/x/c")
	d.codes(testPIN)
	d.until(func() bool { return d.signing().items[0].last.State == DocumentWorking })
	d.wants("Signing 1 of 3", "waiting")
	d.press("Stop after this file")
	close(goOn)
	d.idle()
	d.wants("1 document signed, 2 not", "[Continue]")
	if got := d.fake.signedFiles(); len(got) != 1 {
		t.Errorf("signed %v after a stop", got)
	}
	d.press("Cancel")
	d.wants("1 document signed, 2 not", "You stopped before it was signed")
}

func TestSignWrongPINKeepsTheList(t *testing.T) {
	d := newRig(t, newFake())
	d.signs("/x/a.pdf")
	d.codes("00000000")
	d.idle()
	d.wants("You are about to sign", "a.pdf", "2 of 3 attempts left")
	d.codes("00000000")
	d.idle()
	d.wants("Only 1 attempt is left", "I understand the risk")
	before := len(d.fake.jobs)
	d.codes(testPIN)
	if len(d.fake.jobs) != before {
		t.Fatal("the last try was used without a confirmation")
	}
	s := d.signing()
	s.ask.form.confirm.SetChecked(true)
	s.ask.form.send()
	d.idle()
	d.wants("1 document signed")
	if len(d.fake.signedFiles()) != 1 {
		t.Errorf("signed %v", d.fake.signedFiles())
	}
}

// The list and the outcome wait for the person who opens another page meanwhile.
func TestSignSurvivesAnotherPage(t *testing.T) {
	d := newRig(t, newFake())
	goOn := make(chan struct{})
	d.fake.between = func(int) error { <-goOn; return nil }
	d.signs("/x/a.pdf")
	d.codes(testPIN)
	d.until(func() bool { return d.signing().items[0].last.State == DocumentWorking })
	d.Go(screenHelp)
	d.drop("/x/late.pdf")
	if d.at != screenSign || len(d.signing().items) != 1 {
		t.Errorf("a file dropped while the card signs is taken into the job")
	}
	d.wants("Signing 1 of 1")
	d.Go(screenHelp)
	close(goOn)
	d.until(func() bool { return !d.signing().ask.busy() })
	d.Go(screenSign)
	d.wants("1 document signed")
	d.Go(screenHelp)
	d.drop("/x/next.pdf")
	d.wants("next.pdf")
	d.lacks("1 document signed")
}

func TestSignWipesThePINOfAPageThatIsLeft(t *testing.T) {
	d := newRig(t, newFake())
	d.signs("/x/a.pdf")
	d.keys("1357")
	entry := d.signing().ask.form.code
	d.Go(screenHelp)
	if entry.Len() != 0 {
		t.Error("the digits stay after the page was left")
	}
	d.Go(screenSign)
	d.wants("a.pdf", "[Sign 1 document]")
}

func TestEveryRefusalHasATextInEveryLanguage(t *testing.T) {
	for _, l := range catalogue.Languages {
		texts := LoadTexts(l.Code)
		for _, r := range []Refusal{RefusedPassword, RefusedCertified, RefusedLocked, RefusedForbidden, RefusedXFA, RefusedDamaged, RefusedDetached,
			RefusedPlace, RefusedPicture, RefusedUnreadable, RefusedFolder, RefusedChanged, RefusedTaken, RefusedStopped} {
			if !texts.Has("sign.refused." + string(r)) {
				t.Errorf("%s: no text for %s", l.Code, r)
			}
		}
		for n, want := range map[int64]string{0: "0", 999: "999", 1500: "2 kB", 1_234_567: "MB"} {
			if s := texts.size(n); !strings.Contains(s, want) {
				t.Errorf("%s: %d bytes are %q", l.Code, n, s)
			}
		}
	}
}

// marked drops documents and switches the mark on.
func (d *rig) marked(files ...string) *signScreen {
	d.t.Helper()
	d.lay(3, 10, card.Genuine)
	d.drop(files...)
	s := d.signing()
	s.mark.on = true
	s.update()
	d.until(func() bool {
		return s.mark.sheet.drawn != nil || strings.Contains(s.mark.shown, "strange") || d.fake.drawn != nil
	})
	return s
}

func TestMarkIsPlacedByKeyboard(t *testing.T) {
	d := newRig(t, newFake())
	s := d.marked("/x/a.pdf")
	d.wants("page 1 of 4", "Drag the rectangle")
	if m := s.mark.sheet.mark; m.Page != 1 || m.X != 595-28-200 || m.Y != 28 {
		t.Errorf("the mark begins at %+v", m)
	}
	test.Tap(s.mark.grid[0])
	if m := s.mark.sheet.mark; m.X != 28 || m.Y != 842-28-70 {
		t.Errorf("in the upper left corner the mark is at %+v", m)
	}
	d.win.Canvas().Focus(s.mark.sheet)
	d.key(fyne.KeyRight)
	d.key(fyne.KeyDown)
	s.mark.sheet.KeyDown(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	d.key(fyne.KeyRight)
	s.mark.sheet.KeyUp(&fyne.KeyEvent{Name: desktop.KeyShiftLeft})
	for range 300 {
		d.key(fyne.KeyLeft)
	}
	if m := s.mark.sheet.mark; m.X != 0 || m.Y != 842-28-70-markStep || m.Width != 206 || m.Height != 70 {
		t.Errorf("after the keys the mark is at %+v", m)
	}
	s.turn(2)
	d.until(func() bool { return s.mark.sheet.drawn != nil })
	d.wants("page 3 of 4")
	want := s.mark.sheet.mark
	d.press("Sign 1 document")
	d.codes(testPIN)
	d.idle()
	got := d.fake.jobs[0].Documents[0].Mark
	if got == nil || got.Page != 3 || got.X != want.X || got.Y != want.Y || got.Width != want.Width || got.Height != want.Height {
		t.Fatalf("the mark in the job is %+v, on the sheet %+v", got, want)
	}
	if text := got.Text("MARIA PROVA", testNow); !strings.HasPrefix(text, "Signed by MARIA PROVA\n") {
		t.Errorf("the text is %q", text)
	}
}

func TestMarkIsPlacedByMouse(t *testing.T) {
	d := newRig(t, newFake())
	s := d.marked("/x/a.pdf")
	sheet := s.mark.sheet
	drag := func(from fyne.Position, dx, dy float32) {
		sheet.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: from.AddXY(dx, dy)}, Dragged: fyne.Delta{DX: dx, DY: dy}})
		sheet.DragEnd()
	}
	at, size := sheet.box()
	before := sheet.mark
	drag(at.AddXY(5, 5), -50, -40)
	k := float64(sheet.scale())
	if m := sheet.mark; math.Abs(m.X-(before.X-50/k)) > 0.1 || math.Abs(m.Y-(before.Y+40/k)) > 0.1 || m.Width != before.Width {
		t.Errorf("dragged from %+v to %+v", before, m)
	}
	at, size = sheet.box()
	before = sheet.mark
	drag(at.AddXY(size.Width-4, size.Height-4), -20, 10)
	if m := sheet.mark; math.Abs(m.Width-(before.Width-20/k)) > 0.1 || math.Abs(m.Height-(before.Height+10/k)) > 0.1 || math.Abs(m.Y+m.Height-before.Y-before.Height) > 0.1 {
		t.Errorf("resized from %+v to %+v", before, m)
	}
	before = sheet.mark
	drag(fyne.NewPos(2, 2), 30, 30)
	if sheet.mark.X != before.X || sheet.mark.Y != before.Y {
		t.Error("a drag beside the mark moves it")
	}
}

// What the toolkit drags must stay on the page when a card arrives.
func TestMarkIsDraggedWhileThePageIsBuilt(t *testing.T) {
	d := newRig(t, newFake())
	s := d.marked("/x/a.pdf")
	dragged := s.mark.sheet
	at, _ := dragged.box()
	from, before := at.AddXY(5, 5), dragged.mark
	for range 2 {
		from = from.AddXY(-20, 0)
		dragged.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: from}, Dragged: fyne.Delta{DX: -20}})
		d.update()
	}
	dragged.DragEnd()
	if m, want := s.mark.sheet.mark, before.X-40/float64(dragged.scale()); math.Abs(m.X-want) > 0.1 {
		t.Errorf("the mark is at %v, want %v", m.X, want)
	}
}

func TestMarkOfEachFileOrTheSameInAll(t *testing.T) {
	d := newRig(t, newFake())
	s := d.marked("/x/a.pdf", "/x/b.pdf", "/x/c.txt")
	s.turn(1)
	if a, b := s.markFor(s.items[0]), s.markFor(s.items[1]); a.Page != 2 || b.Page != 2 || s.markFor(s.items[2]) != nil {
		t.Errorf("the same place: %+v, %+v", a, b)
	}
	s.mark.each = true
	s.turn(1)
	if a, b := s.markFor(s.items[0]), s.markFor(s.items[1]); a.Page != 3 || b.Page != 2 {
		t.Errorf("each its own place: %+v, %+v", a, b)
	}
}

// A page that the renderer cannot draw, or has not drawn yet, can be signed.
func TestMarkWithoutPreview(t *testing.T) {
	f := newFake()
	f.drawn = make(chan struct{})
	d := newRig(t, f)
	s := d.marked("/x/a.pdf")
	if m := s.mark.sheet.MinSize(); s.mark.sheet.drawn != nil || m.Width != sheetWidth || m.Height < sheetWidth {
		t.Errorf("the empty sheet is %v", m)
	}
	d.press("Sign 1 document")
	d.codes(testPIN)
	d.idle()
	d.wants("1 document signed")
}

func TestMarkStaysOnSmallPages(t *testing.T) {
	c := Candidate{Pages: []PageSize{{100, 50}}}
	for where := range places {
		m := spot{page: 7, where: where, width: 200, height: 70}.on(c)
		if m.Page != 1 || m.X < 0 || m.Y < 0 || m.X+m.Width > 100 || m.Y+m.Height > 50 {
			t.Errorf("place %d: %+v is not on the page", where, m)
		}
	}
}

func TestDialogsForFilesAndFoldersOpen(t *testing.T) {
	d := newRig(t, newFake())
	d.opts.Choose = nil
	d.Go(screenSign)
	for _, open := range []func(){
		func() { d.press("Choose files") },
		func() { d.choose(Choice{Folder: true}, func([]string) {}) },
		func() { d.chooseFile("", func(string) {}, ".png") },
	} {
		open()
		top := d.win.Canvas().Overlays().Top()
		if top == nil {
			t.Fatal("no dialog opens")
		}
		d.win.Canvas().Overlays().Remove(top)
	}
}

func TestChooseInTheDialogOfTheDesktop(t *testing.T) {
	d := newRig(t, newFake())
	d.Go(screenSign)
	var asked Choice
	d.dialog = func(_ context.Context, c Choice) ([]string, error) {
		asked = c
		return []string{"/x/a.pdf", "/x/b.txt"}, nil
	}
	d.press("Choose files")
	d.until(func() bool { return len(d.signing().ready()) == 2 })
	if !asked.Several || asked.Folder || asked.Title != "Choose files" {
		t.Errorf("asked for %+v", asked)
	}
	d.dialog = func(context.Context, Choice) ([]string, error) { return []string{"/elsewhere"}, nil }
	d.press("Change folder")
	d.until(func() bool { return d.signing().dir == "/elsewhere" })

	// The person chooses nothing.
	d.dialog = func(context.Context, Choice) ([]string, error) { return nil, nil }
	d.press("Add files")
	d.until(func() bool { return d.choosing == nil })
	if len(d.signing().items) != 2 || d.win.Canvas().Overlays().Top() != nil {
		t.Error("without a choice something was chosen or asked again")
	}
	// The desktop has no dialog.
	d.dialog = func(context.Context, Choice) ([]string, error) { return nil, errors.New("no portal") }
	d.press("Add files")
	d.until(func() bool { return d.win.Canvas().Overlays().Top() != nil })
}

func TestDialogOfTheDesktopThatNeverComesIsReplaced(t *testing.T) {
	d := newRig(t, newFake())
	d.Go(screenSign)
	ended := make(chan struct{})
	d.dialog = func(ctx context.Context, _ Choice) ([]string, error) {
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}
	d.press("Choose files")
	if d.win.Canvas().Overlays().Top() != nil {
		t.Error("two dialogs are open")
	}
	d.press("Choose files")
	if d.win.Canvas().Overlays().Top() == nil {
		t.Error("to choose again opens no dialog")
	}
	<-ended

	// What is chosen after the page was left is not used.
	late := newRig(t, newFake())
	late.Go(screenSign)
	answer := make(chan struct{})
	late.dialog = func(context.Context, Choice) ([]string, error) {
		<-answer
		return []string{"/x/a.pdf"}, nil
	}
	late.press("Choose files")
	late.Go(screenHelp)
	close(answer)
	late.until(func() bool { return late.choosing == nil })
	if late.at == screenSign || len(late.signing().items) != 0 {
		t.Error("a late choice is used")
	}
}

// stampWith switches the time stamp on and types the address of the service.
func (d *rig) stampWith(address string) {
	d.t.Helper()
	s := d.signing()
	s.stamp.on = true
	s.update()
	visit(d.win.Content(), func(o fyne.CanvasObject) bool {
		e, ok := o.(*textEntry)
		if ok {
			e.SetText(address)
		}
		return ok
	})
}

func TestSignTimeStampIsOffAndSaysWhatIsSentToWhom(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.drop("/x/a.pdf")
	d.wants("receives only a fingerprint", "not the document, nor your name", "The date of the signature is that of this computer")
	d.stampWith("tsa.example")
	d.wants("Type the address of the service you use")
	if !d.signing().submit.Disabled() {
		t.Error("a document can be signed with a service that has no address")
	}
	d.stampWith("https://tsa.example/tsr")
	d.wants("tsa.example receives a fingerprint and the network address", "The certified time is that of the service")
	d.lacks("The date of the signature is that of this computer")
	d.press("Sign 1 document")
	d.wants("tsa.example receives a fingerprint and the network address")
	d.codes(testPIN)
	d.idle()
	if job := d.fake.jobs[0]; job.Authority != "https://tsa.example/tsr" {
		t.Errorf("the job is %+v", job)
	}
	if got := d.fake.Settings().Authority; got != "https://tsa.example/tsr" {
		t.Errorf("the address is kept as %q", got)
	}

	again := newRig(t, newFake())
	again.lay(3, 10, card.Genuine)
	again.signs("/x/a.pdf")
	again.codes(testPIN)
	again.idle()
	if job := again.fake.jobs[0]; job.Authority != "" {
		t.Errorf("without the switch the job is %+v", job)
	}
}

func TestSignContinuesWithoutTheTimeStampThatDidNotCome(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	d.drop("/x/a.pdf", "/x/b.txt")
	d.stampWith("https://silent.example")
	d.press("Sign 2 documents")
	d.codes(testPIN)
	d.idle()
	d.wants("No time stamp came", "Nothing was written for this file")
	if got := d.fake.signedFiles(); len(got) != 0 {
		t.Errorf("signed %v", got)
	}
	d.press("Sign without a certified time")
	d.lacks("No time stamp came", "silent.example")
	d.codes(testPIN)
	d.idle()
	if got := d.fake.signedFiles(); len(got) != 2 || d.fake.jobs[1].Authority != "" {
		t.Errorf("signed %v with %+v", got, d.fake.jobs[1])
	}
}

func TestSignWarnsOfAnExpiredCertificateBeforeThePIN(t *testing.T) {
	const warning = "The certificate of the card expired on 14 January 2030"
	d := newRig(t, newFake())
	d.fake.put(testReader, 3, 10, card.Genuine).card.Expiry = testNow.AddDate(0, 0, -1)
	d.show(ReaderState{Readers: []Reader{d.reader(Present)}})
	d.drop("/x/a.pdf")
	d.wants(warning)
	d.press("Sign 1 document")
	d.wants(warning)

	valid := newRig(t, newFake())
	valid.fake.put(testReader, 3, 10, card.Genuine).card.Expiry = testNow.AddDate(0, 0, 1)
	valid.show(ReaderState{Readers: []Reader{valid.reader(Present)}})
	valid.drop("/x/a.pdf")
	valid.lacks("expired")
}

// objects returns how many objects the window has.
func (d *rig) objects() (n int) {
	walk(d.win.Content(), func(fyne.CanvasObject) { n++ })
	return n
}

func TestPageStaysSmallWithAThousandDocuments(t *testing.T) {
	d := newRig(t, newFake())
	d.lay(3, 10, card.Genuine)
	var files []string
	for i := range maxRows {
		files = append(files, fmt.Sprintf("/x/%d.txt", i))
	}
	d.drop(files...)
	most := 2 * d.objects()
	for i := range 1000 - maxRows - 1 {
		files = append(files, fmt.Sprintf("/y/%d.txt", i))
	}
	d.drop(append(files, "/x/bad-password.pdf")...)
	small := func(what string) {
		t.Helper()
		if n := d.objects(); n > most {
			t.Errorf("%s: %d objects for 1000 documents, at most %d for %d", what, n, most, maxRows)
		}
	}
	small("list")
	d.wants("bad-password.pdf", "[Show more (960 left)]") // the refused one comes first
	d.press("Show more (960 left)")
	d.wants("[Show more (920 left)]")
	d.signing().rows = rows{}
	d.signing().update()
	d.press("Sign 999 documents")
	small("question")
	d.codes(testPIN)
	d.idle()
	small("result")
	d.wants("999 documents signed, 1 not")
	if n := len(d.fake.signedFiles()); n != 999 {
		t.Errorf("%d documents signed", n)
	}
}
