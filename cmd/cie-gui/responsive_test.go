//go:build linux && x11

package main

import (
	"testing"

	"cie/cmd/internal/harness/rotation"
)

// A large document is chosen, drawn, paged, signed and verified, and the turns of the
// window's loop are measured. The figures are meant for a quiet machine.
func TestWindowWithLargeDocuments(t *testing.T) {
	if !rotation.All() {
		t.Skip("NOT TESTED without CIE_SLOW: large documents")
	}
	w := newWalk(t, mouse)
	w.Insert()
	for _, file := range []string{w.Write("pagine.pdf", pages(300)), w.WriteLarge("grande.pdf", 100_000_000)} {
		var name string
		measure := func(what string, f func()) {
			w.ask(beginTurns)
			f()
			longest := w.ask(endTurns).Longest
			t.Logf("%-10s %-8s longest turn %6.1f ms, %6.1f ms of it the processor's", name, what, 1e3*longest.Wall.Seconds(), 1e3*longest.Busy.Seconds())
		}
		w.Open()
		w.WaitFor("Tutto a posto")
		name = file[len(file)-len("pagine.pdf"):]
		measure("choose", func() {
			w.Drag(file)
			w.control("Firma 1 documento")
		})
		measure("mark", func() {
			w.Press("Mostra la firma sulla pagina")
			w.WaitFor("Dove sulla pagina:")
		})
		if name == "pagine.pdf" {
			measure("page", func() {
				for range 5 {
					w.Press("Pagina seguente")
				}
				w.WaitFor("pagina 6 di 300")
			})
		}
		measure("sign", func() {
			w.Press("Firma 1 documento")
			w.Type("PIN", pin)
			w.Press("Firma 1 documento")
			w.WaitFor("1 documento firmato")
		})
		measure("verify", func() {
			w.Press("Verifica, " + name[:len(name)-len(".pdf")] + "-firmato.pdf")
			w.WaitFor("Firma integra, ma non si può dire tutto")
		})
		w.Accepted(output(file))
		w.Close()
	}
}
