package desktop

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card"
	"cie/card/ades"
	"cie/card/ades/pdf"
	"cie/card/cardtest"
	"cie/card/cardtest/authority"
	"cie/gui"
)

// folder is one with documents and a demonstration's card that signs them.
type folder struct {
	t   *testing.T
	d   *demo
	dir string
}

func newFolder(t *testing.T) *folder {
	k := &folder{t, newTestDemo(t), t.TempDir()}
	put(t, k.path("letter.pdf"), page("0 0 100 100 re f"), 0o644)
	put(t, k.path("list.csv"), []byte("a;b\n"), 0o644)
	put(t, k.path("broken.pdf"), []byte("%PDF-1.7\nnothing that can be read\n"), 0o644)
	return k
}

func (k *folder) path(name string) string { return filepath.Join(k.dir, name) }

// names returns the names of the files in the folder.
func (k *folder) names() []string {
	k.t.Helper()
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		k.t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// sign signs files and returns the last state of each. step is called for each step.
func (k *folder) sign(pin []byte, step func(gui.SigningUpdate), files ...string) ([]gui.SigningUpdate, error) {
	k.t.Helper()
	return k.run(gui.SigningJob{}, pin, step, files...)
}

// run is sign with the time stamps of a job.
func (k *folder) run(job gui.SigningJob, pin []byte, step func(gui.SigningUpdate), files ...string) ([]gui.SigningUpdate, error) {
	k.t.Helper()
	job.Suffix, job.Further = "-firmato", context.Background()
	for _, f := range files {
		c := k.d.Examine(k.t.Context(), k.path(f), "")
		d := gui.SigningDocument{Path: c.Path, Format: c.Format}
		if c.PDF {
			d.Mark = &gui.Mark{Page: 1, X: 300, Y: 40, Width: 200, Height: 70,
				Text: func(name string, at time.Time) string { return "Firmato da " + name + "\noggi" }}
		}
		job.Documents = append(job.Documents, d)
	}
	last := make([]gui.SigningUpdate, len(files))
	err := k.d.SignDocuments(k.t.Context(), demoReader, bytes.Clone(pin), job, gui.CodeOptions{}, func(u gui.SigningUpdate) {
		last[u.Index] = u
		if step != nil {
			step(u)
		}
	})
	return last, err
}

func TestExamineReportsWhatAFileIs(t *testing.T) {
	k := newFolder(t)
	if c := k.d.Examine(t.Context(), k.path("letter.pdf"), ""); c.Refused != "" || !c.PDF || c.Format != gui.FormatPDF || len(c.Pages) != 1 || c.Pages[0] != (gui.PageSize{Width: 595, Height: 842}) {
		t.Errorf("a PDF: %+v", c)
	}
	if c := k.d.Examine(t.Context(), k.path("list.csv"), ""); c.Refused != "" || c.PDF || c.Format != gui.FormatP7M || c.Size != 4 {
		t.Errorf("another file: %+v", c)
	}
	if c := k.d.Examine(t.Context(), k.path("broken.pdf"), ""); c.Refused != gui.RefusedDamaged || c.Detail == "" {
		t.Errorf("a damaged PDF: %+v", c)
	}
	if c := k.d.Examine(t.Context(), k.path("broken.pdf"), gui.FormatP7M); c.Refused != "" || !c.PDF {
		t.Errorf("a damaged PDF for an envelope: %+v", c)
	}
	for _, name := range []string{"missing.txt", "."} {
		if c := k.d.Examine(t.Context(), k.path(name), ""); c.Refused != gui.RefusedUnreadable {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestSignDocumentsLeavesOutTheRefusedOne(t *testing.T) {
	k := newFolder(t)
	before, err := os.ReadFile(k.path("letter.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	last, err := k.sign(cardtest.DefaultPIN(), nil, "letter.pdf", "broken.pdf", "list.csv")
	if err != nil {
		t.Fatal(err)
	}
	if last[0].State != gui.DocumentSigned || last[1].State != gui.DocumentFailed || last[1].Refused != gui.RefusedDamaged || last[2].State != gui.DocumentSigned {
		t.Fatalf("the documents are %+v", last)
	}
	if got, want := k.names(), []string{"broken.pdf", "letter-firmato.pdf", "letter.pdf", "list.csv", "list.csv.p7m"}; !slices.Equal(got, want) {
		t.Errorf("the folder has %q", got)
	}
	if after, _ := os.ReadFile(k.path("letter.pdf")); !bytes.Equal(before, after) {
		t.Error("the original was changed")
	}
	if u := last[0]; u.Out != k.path("letter-firmato.pdf") || u.File != "file://"+filepath.ToSlash(u.Out) || !strings.HasPrefix(u.File, u.Folder+"/") {
		t.Errorf("the outcome is %+v", u)
	}
	signed, err := os.ReadFile(k.path("letter-firmato.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	anchors := ades.BuiltinAnchors()
	if err := anchors.Add(cardtest.IssuingCAPEM()); err != nil {
		t.Fatal(err)
	}
	report, err := pdf.Verify(t.Context(), bytes.NewReader(signed), int64(len(signed)), nil, &ades.Verifier{Anchors: anchors})
	if err != nil || len(report.Signatures) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if s := report.Signatures[0]; !s.Result.Intact || !s.Result.Trusted || !s.Whole || s.Page != 1 {
		t.Errorf("the signature is %+v", s.Result)
	}
	// A second signature gets another name, and the first is named before.
	if _, err := k.sign(cardtest.DefaultPIN(), nil, "letter.pdf", "letter-firmato.pdf"); err != nil {
		t.Fatal(err)
	}
	if got := k.names(); !slices.Contains(got, "letter-firmato (2).pdf") || !slices.Contains(got, "letter-firmato (3).pdf") {
		t.Errorf("the folder has %q", got)
	}
	if c := k.d.Examine(t.Context(), k.path("letter-firmato.pdf"), ""); len(c.Signed) != 1 || c.Signed[0].Name != "MARIA ROSSI" || c.Signed[0].At.IsZero() {
		t.Errorf("the signed document shows %+v", c.Signed)
	}
	if c := k.d.Examine(t.Context(), k.path("list.csv.p7m"), ""); len(c.Signed) != 1 || c.Signed[0].Name != "MARIA ROSSI" {
		t.Errorf("the signed message shows %+v", c.Signed)
	}
}

func TestSignDocumentsWithWrongPINWritesNothing(t *testing.T) {
	k := newFolder(t)
	before := k.names()
	var wrong *card.PINError
	last, err := k.sign([]byte("00000000"), nil, "letter.pdf", "list.csv")
	if !errors.As(err, &wrong) || wrong.Tries != 2 || last[0].State != gui.DocumentWaiting || last[1].State != gui.DocumentWaiting {
		t.Errorf("%+v, %v", last, err)
	}
	// Without a document that can be signed no PIN is sent.
	if last, err := k.sign([]byte("00000000"), nil, "broken.pdf"); err != nil || last[0].State != gui.DocumentFailed {
		t.Errorf("%+v, %v", last, err)
	}
	if _, err := k.sign([]byte("00000000"), nil, "list.csv"); !errors.As(err, &wrong) || wrong.Tries != 1 {
		t.Errorf("the second wrong PIN: %v", err)
	}
	var last1 *card.LastTryError
	if _, err := k.sign(cardtest.DefaultPIN(), nil, "list.csv"); !errors.As(err, &last1) {
		t.Errorf("the last try without a confirmation: %v", err)
	}
	if got := k.names(); !slices.Equal(got, before) {
		t.Errorf("the folder has %q", got)
	}
}

func TestSignDocumentsEndsWithTheCardAndContinues(t *testing.T) {
	k := newFolder(t)
	last, err := k.sign(cardtest.DefaultPIN(), func(u gui.SigningUpdate) {
		if u.Index == 0 && u.State == gui.DocumentSigned {
			k.d.move()
		}
	}, "list.csv", "letter.pdf")
	if card.LossOf(err) < card.LossConnection || last[0].State != gui.DocumentSigned || last[1].State != gui.DocumentWaiting {
		t.Fatalf("with the card removed: %+v, %v", last, err)
	}
	if got := k.names(); slices.Contains(got, "letter-firmato.pdf") || len(got) != 4 {
		t.Errorf("the folder has %q", got)
	}
	k.d.move()
	if last, err := k.sign(cardtest.DefaultPIN(), nil, "letter.pdf"); err != nil || last[0].State != gui.DocumentSigned {
		t.Errorf("with the card back: %+v, %v", last, err)
	}
}

func TestSignDocumentsWithATimeStamp(t *testing.T) {
	tsa, err := authority.Start(&cardtest.Authority{})
	if err != nil {
		t.Fatal(err)
	}
	defer tsa.Close()
	k := newFolder(t)
	job := gui.SigningJob{Authority: tsa.URL + "/tsa"}
	if err := k.d.CheckAuthority(job.Authority); err != nil {
		t.Error(err)
	}
	if err := k.d.CheckAuthority("tsa.example"); err == nil {
		t.Error("a name is taken for an address")
	}
	last, err := k.run(job, cardtest.DefaultPIN(), nil, "letter.pdf", "list.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range last {
		v, err := k.d.VerifyFile(t.Context(), u.Out, gui.VerifyOptions{})
		if err != nil || len(v.Signatures) != 1 || v.Signatures[0].Level != "B-T" {
			t.Errorf("%s has no time stamp: %+v, %v", u.Out, v, err)
		}
	}
	// Without an answer nothing is written, and no further document is begun.
	tsa.Change(func(a *cardtest.Authority) { a.Fault = cardtest.FaultNothing })
	before := k.names()
	last, err = k.run(job, cardtest.DefaultPIN(), nil, "list.csv", "letter.pdf")
	if !errors.Is(err, gui.ErrNoStamp) || last[0].State != gui.DocumentWaiting || last[1].State != gui.DocumentWaiting || !slices.Equal(k.names(), before) {
		t.Errorf("without an answer: %+v, %v, %q", last, err, k.names())
	}
}

func TestSignDocumentsBeginsNoFurtherOne(t *testing.T) {
	k := newFolder(t)
	further, stop := context.WithCancel(t.Context())
	job := gui.SigningJob{Suffix: "-firmato", Further: further, Documents: []gui.SigningDocument{
		{Path: k.path("list.csv"), Format: gui.FormatP7M}, {Path: k.path("letter.pdf"), Format: gui.FormatPDF}}}
	signed := 0
	err := k.d.SignDocuments(t.Context(), demoReader, cardtest.DefaultPIN(), job, gui.CodeOptions{}, func(u gui.SigningUpdate) {
		if u.State == gui.DocumentSigned {
			signed++
		}
		stop()
	})
	if err != nil || signed != 1 {
		t.Errorf("%d documents, %v; want the one that was begun", signed, err)
	}
}
