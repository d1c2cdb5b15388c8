//go:build linux && x11

package main

import (
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"

	"cie/cmd/internal/documents"
	"cie/cmd/internal/harness/await"
)

// Drag drops files on the middle of the window, as a file manager does.
func (w *walk) Drag(files ...string) {
	w.t.Helper()
	program := filepath.Join(w.t.TempDir(), "drag")
	if out, err := await.Command(w.t, "cc", "-Wall", "-Werror", "-o", program, filepath.Join("testdata", "drag.c"), "-lX11").CombinedOutput(); err != nil {
		w.t.Fatalf("cc: %v\n%s", err, out)
	}
	args := []string{w.window, fmt.Sprint(screenWidth / 2), fmt.Sprint(screenHeight / 2)}
	for _, file := range files {
		args = append(args, (&url.URL{Scheme: "file", Path: file}).String())
	}
	cmd := await.Command(w.t, program, args...)
	cmd.Env = w.env
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("the window does not take the files: %v\n%s", err, out)
	}
}

// Files that are dragged on the window go to the page that they are for: all of them to
// Firma if one has no signature, else to Verifica. Once a page is there, it takes them.
func TestDragFilesOntoTheWindow(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("cc"); err != nil {
		missing(t, "a drag", err)
	}
	w := newWalk(t, mouse)
	one, two := w.Write("una lettera.pdf", pages(1)), w.Write("città 100%.pdf", pages(2))
	envelope := w.signed(w.Write("elenco.csv", []byte("a;b\n")), "elenco.csv.p7m", "ANNA", documents.P7M)
	w.Open()
	w.WaitFor("La tua CIE")
	w.Drag(one, two, envelope)
	w.WaitFor("una lettera.pdf", "città 100%.pdf", "elenco.csv.p7m")
	w.control("Firma 3 documenti")
	w.Press("La tua CIE")
	w.WaitUntilGone("Firma 3 documenti")
	w.Drag(envelope)
	w.WaitFor("elenco.csv.p7m", "Firma integra, ma non si può dire tutto")
	w.Drag(one)
	w.WaitFor("Nessuna firma in questo file")
}
