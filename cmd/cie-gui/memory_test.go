//go:build linux && x11

package main

import (
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/memory"
)

// After the PIN was changed and the page was left, and after documents were signed, neither a
// code nor the keys of a channel are in the memory of the window. While the digits are in the
// field they must be found.
func TestNoSecretStaysInTheMemoryOfTheWindow(t *testing.T) {
	w := newWalk(t, keyboard)
	code, fresh := memory.Code(), memory.Code()
	profile := holder
	profile.PIN = code
	virtual, err := cardtest.New(profile)
	if err != nil {
		t.Fatal(err)
	}
	w.card = virtual
	secrets := memory.Secrets{}
	secrets.AddCode("PIN", code)
	secrets.AddCode("new PIN", fresh)
	search := func(when string) {
		t.Helper()
		w.rest()
		secrets.AddKeys(t, virtual)
		if found := memory.Find(t, w.cmd.Process.Pid, secrets); len(found) > 0 {
			t.Errorf("%s: %q in memory", when, found)
		}
	}
	letter, list := w.Write("lettera.pdf", pages(1)), w.Write("elenco.csv", []byte("a;b\n"))
	w.Insert()
	w.Open(letter, list)
	w.Press("Firma 2 documenti")
	w.WaitFor("Stai per firmare:")
	w.Type("PIN", code)
	w.until("the digits in the field", func() bool { return len(memory.Find(t, w.cmd.Process.Pid, secrets)) > 0 })
	w.Press("Firma 2 documenti")
	w.WaitFor("2 documenti firmati")
	search("after the signatures")

	w.Press("PIN e PUK")
	w.Type("PIN attuale", code)
	w.Press("Avanti")
	w.Type("Nuovo PIN", fresh)
	w.Type("Ripeti il nuovo PIN", fresh)
	w.Press("Cambia PIN")
	w.WaitFor("Il PIN è stato cambiato")
	search("after the change")
	w.Press("Fatto")
	w.Press("PIN e PUK")
	w.Type("PIN attuale", fresh)
	w.Press("La tua CIE")
	w.WaitFor("Tutto a posto")
	search("after a page with digits was left")
}
