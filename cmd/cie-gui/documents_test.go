//go:build linux && x11

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cie/card/ades/cms"
	"cie/card/cardtest"
	"cie/cmd/internal/documents"
	"cie/cmd/internal/harness/await"
)

// Write writes a document into the folder of the person and returns its path.
func (w *walk) Write(name string, content []byte) string {
	w.t.Helper()
	path := w.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *walk) path(name string) string { return filepath.Join(w.home, "Documenti", name) }

func (w *walk) Read(path string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// output returns where a signed document is written.
func output(path string) string {
	if stem, ok := strings.CutSuffix(path, ".pdf"); ok {
		return stem + "-firmato.pdf"
	}
	return path + ".p7m"
}

// Accepted checks that programs of others accept the signature of a document.
func (w *walk) Accepted(path string) {
	w.t.Helper()
	if filepath.Ext(path) == ".pdf" {
		out := w.tool("pdfsig", path)
		if !strings.Contains(out, "Signature is Valid") || !strings.Contains(out, "Total document signed") {
			w.t.Errorf("pdfsig: %s", out)
		}
		return
	}
	ca := w.Write("ca.pem", cardtest.IssuingCAPEM())
	w.tool("openssl", "cms", "-verify", "-cades", "-purpose", "any", "-partial_chain", "-CAfile", ca, "-inform", "DER", "-in", path, "-out", os.DevNull)
}

func (w *walk) tool(name string, args ...string) string {
	w.t.Helper()
	out, err := await.Command(w.t, name, args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		missing(w.t, name, err)
	}
	if err != nil {
		w.t.Errorf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// pages returns a PDF with pages that show a rectangle.
func pages(n int) []byte {
	objects := []string{"<</Type /Catalog /Pages 2 0 R>>", ""}
	kids := ""
	for i := range n {
		content := fmt.Sprintf("0 0 100 %d re f", 100+i)
		objects = append(objects,
			fmt.Sprintf("<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R>>", len(objects)+2),
			fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content))
		kids += fmt.Sprintf("%d 0 R ", len(objects)-1)
	}
	objects[1] = fmt.Sprintf("<</Type /Pages /Kids [%s] /Count %d>>", kids, n)
	b := bytes.NewBufferString("%PDF-1.4\n")
	var at []int
	for i, text := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", i+1, text)
	}
	start := b.Len()
	fmt.Fprintf(b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(b, "trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

// shadow replaces what the first page shows in a further revision, which leaves the signed
// bytes as they are.
func shadow(signed []byte) []byte {
	const content = "0 0 200 200 re f"
	head, tail := revision(signed, len(content))
	return slices.Concat(signed, head, []byte(content), tail)
}

// revision returns what is written before and after a content stream of this length for
// the first page in a further revision.
func revision(document []byte, length int) (head, tail []byte) {
	var previous int
	fmt.Sscan(string(document[bytes.LastIndex(document, []byte("startxref\n"))+10:]), &previous)
	head = fmt.Appendf(nil, "4 0 obj\n<</Length %d>>\nstream\n", length)
	const end = "\nendstream\nendobj\n"
	return head, fmt.Appendf([]byte(end), "xref\n4 1\n%010d 00000 n \ntrailer\n<</Size 30 /Root 1 0 R /Prev %d>>\nstartxref\n%d\n%%%%EOF\n",
		len(document), previous, len(document)+len(head)+length+len(end))
}

// WriteLarge writes a PDF of this size. Most of it is a hole in the file.
func (w *walk) WriteLarge(name string, size int) string {
	w.t.Helper()
	document := pages(1)
	head, tail := revision(document, size)
	path := w.Write(name, append(document, head...))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(tail, int64(len(document)+len(head)+size))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return path
}

// signed signs a file with the key of a card and returns the signed one.
func (w *walk) signed(path, out, name string, format documents.Format) string {
	w.t.Helper()
	key, cert, err := cardtest.HolderKey(cardtest.Profile{GivenName: name})
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := documents.Prepare(w.t.Context(), path, documents.Options{Format: format})
	if err != nil {
		w.t.Fatal(err)
	}
	out = w.path(out)
	signer := cms.Signer{Key: key, Certificate: cert, Chain: [][]byte{cardtest.IssuingCA().Raw}}
	if err := documents.Sign(w.t.Context(), d, out, signer, cms.Options{Time: time.Now().Add(-time.Hour)}); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// Sign three files at once, one of which is refused before the PIN: a wrong PIN, then
// the right one. The originals stay as they are.
func TestSignThreeDocuments(t *testing.T) {
	eachHand(t, func(w *walk) {
		letter, list := w.Write("lettera.pdf", pages(1)), w.Write("elenco.csv", []byte("a;b\n"))
		damaged := w.Write("rotto.pdf", []byte("%PDF-1.7\nnothing that can be read\n"))
		w.Insert()
		w.Open(letter, list, damaged)
		w.WaitFor("È danneggiato, o contiene qualcosa che il programma non conosce.")
		w.Press("Firma 2 documenti")
		w.WaitFor("Stai per firmare:", "lettera.pdf", "elenco.csv")
		w.Type("PIN", wrong)
		w.Press("Firma 2 documenti")
		w.WaitFor("Il PIN è sbagliato: restano 2 tentativi")
		w.Tries(2, 10)
		w.Type("PIN", pin)
		w.Press("Firma 2 documenti")
		w.WaitFor("2 documenti firmati", "Gli originali sono rimasti come erano.")
		w.Tries(3, 10)
		w.Accepted(output(letter))
		w.Accepted(output(list))
		if !bytes.Equal(w.Read(letter), pages(1)) || string(w.Read(list)) != "a;b\n" {
			w.t.Error("an original has changed")
		}
	})
}

// doubleClick is the longest time between the two clicks of a double click
// (fyne.Driver.DoubleTapDelay).
const doubleClick = 300 * time.Millisecond

// Choose a document in the dialog for files, which begins in the home directory.
func TestChooseADocument(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.Write("elenco.csv", []byte("a;b\n"))
		w.Open()
		w.Press("Firma")
		w.Press("Scegli i file")
		w.WaitFor("Annulla", "Documenti")
		if w.hand == mouse {
			w.Click("Documenti")
			// Within its delay the toolkit takes a click on the file that is shown where the
			// folder was for the second of a double click, and chooses the file at once.
			w.control(".csv elenco")
			time.Sleep(2 * doubleClick)
			w.Click(".csv elenco")
			w.Click("Apri")
		} else {
			// Favourites, then the files: the first entry is the folder above.
			for _, key := range []string{"Tab", "Tab", "Right", "space"} {
				w.press(key)
			}
			w.WaitFor("elenco")
			w.press("Right")
			w.press("space")
			w.TabTo("Apri")
			w.press("space") // the toolkit's buttons know no Return
		}
		w.WaitFor("elenco.csv", "Firma 1 documento")
	})
}

// The last try of the PIN needs a confirmation on this page, too.
func TestSignWithTheLastTry(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.card.SetTries(1, 10)
		w.Insert()
		w.Open(w.Write("elenco.csv", []byte("a;b\n")))
		w.Press("Firma 1 documento")
		w.WaitFor("Resta solo 1 tentativo per il PIN")
		w.Type("PIN", pin)
		if !w.scene().controls("Firma 1 documento")[0].Disabled {
			w.t.Error("the last try needs no confirmation")
		}
		w.Press("Ho capito il rischio, continua")
		w.Press("Firma 1 documento")
		w.WaitFor("1 documento firmato")
		w.Tries(3, 10)
	})
}

// A visible mark, placed by one of the nine buttons.
func TestSignWithAVisibleMark(t *testing.T) {
	eachHand(t, func(w *walk) {
		letter := w.Write("lettera.pdf", pages(300))
		w.Insert()
		w.Open(letter)
		w.WaitFor("300 pagine")
		w.Press("Mostra la firma sulla pagina")
		w.WaitFor("pagina 1 di 300")
		w.Press("Pagina seguente")
		w.WaitFor("pagina 2 di 300")
		w.Press("in alto, a sinistra")
		w.Press("Firma 1 documento")
		w.Type("PIN", pin)
		w.Press("Firma 1 documento")
		w.WaitFor("1 documento firmato")
		w.Accepted(output(letter))
		if text := w.tool("pdftotext", "-f", "2", "-l", "2", output(letter), "-"); !strings.Contains(text, "LUCIA BIANCHI") {
			w.t.Errorf("page 2 shows %q", text)
		}
	})
}

// The card is pulled in the middle of a batch: what is signed is safe, and the rest
// goes on with the card and the PIN.
func TestSignAndPullTheCard(t *testing.T) {
	eachHand(t, func(w *walk) {
		var files []string
		for i := range 4 {
			files = append(files, w.Write(fmt.Sprintf("elenco-%d.csv", i), fmt.Appendf(nil, "%d\n", i)))
		}
		w.Insert()
		w.Open(files...)
		w.Press("Firma 4 documenti")
		w.Type("PIN", pin)
		w.card.SetCost(cardtest.CostModel{PerAPDU: 300 * time.Millisecond, Sleep: true})
		w.Press("Firma 4 documenti")
		w.wait("the first document", func(s scene) bool { return len(s.says("fatto: elenco-0.csv.p7m")) > 0 })
		w.pull()
		w.WaitFor("Rimetti la carta e scrivi di nuovo il PIN per continuare.")
		w.Tries(3, 10)
		w.Insert()
		w.Type("PIN", pin)
		w.Press("Continua")
		w.WaitFor("4 documenti firmati")
		for _, f := range files {
			w.Accepted(output(f))
		}
		w.Tries(3, 10)
	})
}

// Look at signed files, without a reader: three signers, a changed and a replaced
// document, and one without a signature.
func TestVerifyDocuments(t *testing.T) {
	eachHand(t, func(w *walk) {
		list := w.Write("elenco.csv", []byte("a;b\n"))
		one := w.signed(list, "1.p7m", "ANNA", documents.P7M)
		two := w.signed(one, "2.p7m", "BRUNO", documents.P7M)
		three := w.signed(two, "elenco.csv.p7m", "CARLA", documents.P7M)
		letter := w.signed(w.Write("lettera.pdf", pages(1)), "firmata.pdf", "ANNA", documents.PDF)
		tampered := w.Write("cambiata.pdf", bytes.Replace(w.Read(letter), []byte("100 100 re"), []byte("100 900 re"), 1))
		replaced := w.Write("ombra.pdf", shadow(w.Read(letter)))

		w.Open(three)
		w.WaitFor("Firma integra, ma non si può dire tutto")
		for _, name := range []string{"ANNA", "BRUNO", "CARLA"} {
			w.wait(name, func(s scene) bool { return len(s.says(name)) > 0 })
		}
		w.Press("Estrai il documento")
		w.WaitFor("Il documento è salvato")
		extracted, err := filepath.Glob(filepath.Join(filepath.Dir(list), "elenco*.csv"))
		if err != nil || len(extracted) != 2 || !bytes.Equal(w.Read(extracted[0]), w.Read(extracted[1])) {
			w.t.Errorf("extracted %q, %v", extracted, err)
		}
		w.Close()

		for _, file := range []string{tampered, replaced} {
			w.Open(file)
			w.WaitFor("Il documento è stato cambiato dopo la firma", "Non fidarti di questo file")
			w.WaitUntilGone("Firma valida")
			w.Close()
		}
		w.Open(list)
		w.WaitFor("Firma 1 documento") // an unsigned file is for the page Firma
	})
}

// The demonstration signs a document with its own card, and Verifica knows the card, with
// the authority of the demonstration.
func TestSignAndVerifyInTheDemonstration(t *testing.T) {
	eachHand(t, func(w *walk) {
		letter := w.Write("lettera.pdf", pages(1))
		w.Open("-demo", letter)
		w.Press("Firma 1 documento")
		w.Type("PIN", pin)
		w.Press("Firma 1 documento")
		w.WaitFor("1 documento firmato")
		w.Accepted(output(letter))
		w.Press("Verifica, lettera-firmato.pdf")
		w.WaitFor("Firma integra, ma non si può dire tutto")
		w.Press("Controlla ora")
		w.WaitFor("Firma valida: MARIA ROSSI")
	})
}

// Close ends the window, so that another one can be opened.
func (w *walk) Close() {
	w.t.Helper()
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}

// A page that is built again while the button of the mouse is down takes the click.
func TestClickWhileTheCardLeaves(t *testing.T) {
	t.Parallel()
	w := newWalk(t, mouse)
	letter := w.Write("lettera.pdf", pages(1))
	w.Insert()
	w.Open(letter)
	w.WaitFor("CIE 0077, carta sul lettore")
	w.point(middle(w.control("Firma 1 documento").Words))
	w.send("mousedown", "1")
	w.Remove()
	w.WaitFor("Nessuna carta")
	w.send("mouseup", "1")
	w.WaitFor("Stai per firmare")
}
