package gui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"

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
