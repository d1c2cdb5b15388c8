package pdf

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/card/ades"
)

func TestSheetsAreReadByOtherPrograms(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sheet.pdf")
	paragraphs := []Paragraph{
		{Text: "Verifica di «lettera – perché.pdf»", Size: 18},
		{Text: "È così: già più libertà, Größe, Łukasz, Ștefan, Ελένη, Иван, €", Above: 10},
		{Text: strings.Repeat("a", 400), Indent: 20},
		{Text: "one\ntwo"},
	}
	for range 80 {
		paragraphs = append(paragraphs, Paragraph{Text: "una riga"})
	}
	var b bytes.Buffer
	if err := WriteSheets(&b, "Titolo è (1)", "it", time.Date(2030, 1, 15, 12, 0, 0, 0, time.UTC), paragraphs); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "qpdf", "--check", name)
	out, err := exec.Command(tool(t, "pdftotext"), "-layout", name, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := string(out)
	for _, want := range []string{"Verifica di «lettera – perché.pdf»", "È così: già più libertà, Größe, Łukasz, Ştefan, Ελένη, Иван, €", "one\n", "1/2", "2/2"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "una riga"); n != 80 {
		t.Errorf("%d lines of 80", n)
	}
	if n := strings.Count(got, "a"); n < 400 {
		t.Errorf("a long word is cut: %d letters", n)
	}
	if out, err := exec.Command(tool(t, "pdfinfo"), name).Output(); err != nil || !strings.Contains(string(out), "Titolo è (1)") {
		t.Errorf("%v\n%s", err, out)
	}
	// This package reads it, too.
	r, err := Verify(context.Background(), bytes.NewReader(b.Bytes()), int64(b.Len()), nil, &ades.Verifier{})
	if err != nil || len(r.Signatures) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
