//go:build linux && x11

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/rotation"
)

// eachHand runs a task of the guide for citizens by keyboard alone or by mouse alone, in
// a window of its own: half of the tasks by one of them, and the other way round the next
// day; by both with CIE_SLOW. TURN in the environment repeats a day.
func eachHand(t *testing.T, task func(w *walk)) {
	t.Parallel()
	hands := []hand{keyboard, mouse}
	if !rotation.All() {
		hands = hands[(len(t.Name())+rotation.Turn())%len(hands):][:1]
	}
	for _, h := range hands {
		t.Run(string(h), func(t *testing.T) {
			t.Parallel()
			task(newWalk(t, h))
		})
	}
}

var (
	pin, puk = cardtest.DefaultPIN(), cardtest.DefaultPUK()
	wrong    = []byte("00000000")
	chosen   = []byte("24681357")
)

// See the card, and whose it is.
func TestSeeTheCard(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.Open()
		w.WaitFor("Nessuna carta")
		w.Insert()
		w.WaitFor("Tutto a posto: autentica", "CIE 0077, carta sul lettore")
		w.Press("Mostra i miei dati")
		w.Type("PIN", pin)
		w.Press("Mostra i miei dati")
		w.WaitFor("LUCIA BIANCHI", "CA77777BB", "BNCLCU80A41Z999Q")
		w.Press("Nascondi")
		w.WaitUntilGone("BNCLCU80A41Z999Q")
		w.Remove()
		w.WaitFor("Nessuna carta")
		w.Tries(3, 10)
	})
}

// Change the PIN.
func TestChangeThePIN(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.Insert()
		w.Open()
		w.WaitFor("Tutto a posto")
		w.Press("PIN e PUK")
		w.Type("PIN attuale", pin)
		w.Press("Avanti")
		w.Type("Nuovo PIN", chosen)
		w.Type("Ripeti il nuovo PIN", chosen)
		w.Press("Cambia PIN")
		w.WaitFor("Il PIN è stato cambiato")
		w.Press("Fatto")
		w.WaitFor("La tua CIE", "Tutto a posto")
		w.Tries(3, 10)
		w.PINIs(chosen)
	})
}

// A wrong PIN, the last try with what is at stake, a blocked PIN, and the way out
// with the PUK.
func TestWrongPINLastTryBlockedAndUnblocked(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.Insert()
		w.Open()
		w.WaitFor("Tutto a posto")
		w.Press("Cambia PIN")
		w.Type("PIN attuale", wrong)
		w.Press("Avanti")
		w.Type("Nuovo PIN", chosen)
		w.Type("Ripeti il nuovo PIN", chosen)
		w.Tries(3, 10) // nothing is sent before the last button
		w.Press("Cambia PIN")
		w.WaitFor("Il PIN è sbagliato: restano 2 tentativi")
		w.Tries(2, 10)

		w.Type("PIN attuale", wrong) // the new PIN is kept
		w.Press("Avanti")
		w.Press("Cambia PIN")
		w.WaitFor("Resta solo 1 tentativo per il PIN", "Se sbagli ancora, il PIN si blocca e ti servirà il PUK.")
		w.Tries(1, 10)

		w.Type("PIN attuale", wrong)
		if !w.scene().controls("Avanti")[0].Disabled {
			w.t.Error("the last try needs no confirmation")
		}
		w.Press("Ho capito il rischio, continua")
		w.Press("Avanti")
		w.Tries(1, 10)
		w.Press("Cambia PIN")
		w.WaitFor("Il PIN è bloccato", "con il PUK scegli un nuovo PIN")
		w.Tries(0, 10)
		w.PINIs(pin)

		w.Press("Sblocca PIN")
		w.Type("PUK", wrong)
		w.Press("Avanti")
		w.Type("Nuovo PIN", chosen)
		w.Type("Ripeti il nuovo PIN", chosen)
		w.Press("Imposta nuovo PIN")
		w.WaitFor("Il PUK è sbagliato: restano 9 tentativi")
		w.Tries(0, 9)
		w.Type("PUK", puk)
		w.Press("Avanti")
		w.Press("Imposta nuovo PIN")
		w.WaitFor("Hai un nuovo PIN")
		w.Tries(3, 10)
		w.PINIs(chosen)
	})
}

// The last PUK: it is said before what is at stake, and after what the card is still
// good for.
func TestDeadPUK(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.card.SetTries(3, 1)
		w.Insert()
		w.Open()
		w.WaitFor("CIE 0077, carta sul lettore")
		w.Press("PIN e PUK")
		w.Press("Sblocca PIN")
		w.WaitFor("Resta solo 1 tentativo per il PUK", "serve una nuova carta")
		w.Type("PUK", wrong)
		w.Press("Ho capito il rischio, continua")
		w.Press("Avanti")
		w.Type("Nuovo PIN", chosen)
		w.Type("Ripeti il nuovo PIN", chosen)
		w.Press("Imposta nuovo PIN")
		w.WaitFor("Il PUK è bloccato, e nessuno può sbloccarlo", "Il PIN funziona ancora.")
		w.Tries(3, 0)

		// The PIN that still works is changed.
		w.Press("Cambia PIN")
		w.Type("PIN attuale", pin)
		w.Press("Avanti")
		w.Type("Nuovo PIN", chosen)
		w.Type("Ripeti il nuovo PIN", chosen)
		w.Press("Cambia PIN")
		w.WaitFor("Il PIN è stato cambiato")
		w.Tries(3, 0)

		// With the PIN blocked, too, the card is only a document.
		w.Remove()
		w.card.SetTries(0, 0)
		w.Insert()
		w.Press("La tua CIE")
		w.WaitFor("La carta resta valida come documento d'identità")
		w.WaitUntilGone("Hai perso il PIN?", "con il PUK scegli un nuovo PIN")
	})
}

// The card is pulled in the middle of reading, of a change and of an unblocking:
// nothing is lost, it is said what holds, and the same window goes on.
func TestCardIsPulled(t *testing.T) {
	// The code follows one command, so that command must last until a busy machine has seen
	// the words and pulled the card: otherwise a try may be spent, and the window says so.
	slow := cardtest.CostModel{PerAPDU: 4 * time.Second, Sleep: true}
	eachHand(t, func(w *walk) {
		w.Open()
		w.WaitFor("Nessuna carta")
		w.card.SetCost(slow)
		w.Insert()
		w.WaitFor("Lettura, non muoverla")
		w.pull()
		w.WaitFor("Nessuna carta")
		w.Insert()
		w.WaitFor("Tutto a posto")

		w.Press("PIN e PUK")
		w.Type("PIN attuale", pin)
		w.Press("Avanti")
		w.Type("Nuovo PIN", chosen)
		w.Type("Ripeti il nuovo PIN", chosen)
		w.card.SetCost(slow)
		w.Press("Cambia PIN")
		w.WaitFor("Non muovere la carta")
		w.pull()
		w.WaitFor("La carta è stata spostata o tolta mentre era in uso")
		w.Tries(3, 10)
		w.PINIs(pin)
		w.Insert()
		w.Type("PIN attuale", pin)
		w.Press("Avanti")
		w.Type("Nuovo PIN", chosen)
		w.Type("Ripeti il nuovo PIN", chosen)
		w.Press("Cambia PIN")
		w.WaitFor("Il PIN è stato cambiato")
		w.PINIs(chosen)

		w.Press("Fatto")
		w.Press("PIN dimenticato?")
		w.Type("PUK", puk)
		w.Press("Avanti")
		w.Type("Nuovo PIN", pin)
		w.Type("Ripeti il nuovo PIN", pin)
		w.card.SetCost(slow)
		w.Press("Imposta nuovo PIN")
		w.WaitFor("Non muovere la carta")
		w.pull()
		w.WaitFor("La carta è stata spostata o tolta mentre era in uso")
		w.Tries(3, 10)
		w.PINIs(chosen)
		w.Insert()
		w.WaitFor("CIE 0077, carta sul lettore")
	})
}

// Two cards: they are chosen by their holder, and the code goes to the chosen one.
func TestTwoCards(t *testing.T) {
	eachHand(t, func(w *walk) {
		other := holder
		other.NIS, other.GivenName, other.FiscalCode, other.DocumentNumber = "999900000088", "CARLO", "BNCCRL80A01Z999X", "CA88888BB"
		state := filepath.Join(w.t.TempDir(), "other.json")
		second := newCard(w.t, state, other)
		w.Insert()
		w.Open()
		w.WaitFor("Tutto a posto")
		// A card is known by name after its holder was read once.
		w.Press("Mostra i miei dati")
		w.Type("PIN", pin)
		w.Press("Mostra i miei dati")
		w.WaitFor("LUCIA BIANCHI")
		w.daemon.Insert(1, second)
		w.WaitFor("Carte sui lettori: LUCIA BIANCHI, CIE 0088")
		w.Press("PIN e PUK")
		w.WaitFor("Ci sono più carte. Quale vuoi usare?")
		w.Choose("Ci sono più carte. Quale vuoi usare?", "CIE 0088 ("+w.daemon.Reader(1)+")")
		w.Type("PIN attuale", wrong)
		w.Press("Avanti")
		w.Type("Nuovo PIN", chosen)
		w.Type("Ripeti il nuovo PIN", chosen)
		w.Press("Cambia PIN")
		w.WaitFor("Il PIN è sbagliato: restano 2 tentativi")
		w.triesOf(state, 2, 10)
		w.Type("PIN attuale", pin)
		w.Press("Avanti")
		w.Press("Cambia PIN")
		w.WaitFor("Il PIN è stato cambiato")
		w.triesOf(state, 3, 10)
		if !bytes.Equal(second.PIN(), chosen) {
			w.t.Error("the second card has not got the new PIN")
		}
		w.PINIs(pin)
		w.Tries(3, 10)
	})
}

// The service for smart cards goes and comes back: the window says so and notices by
// itself.
func TestNoService(t *testing.T) {
	eachHand(t, func(w *walk) {
		if err := w.daemon.Pause(); err != nil {
			w.t.Fatal(err)
		}
		w.Open()
		w.WaitFor("Il servizio per le smart card di questo computer non risponde", "Avvia il servizio")
		w.Press("Copia il comando")
		w.WaitFor("Copiato")
		if err := w.daemon.Resume(); err != nil {
			w.t.Fatal(err)
		}
		w.WaitFor("Nessuna carta")
		w.Insert()
		w.WaitFor("Tutto a posto")
		w.Press("PIN e PUK")
		w.WaitFor("PIN attuale")
		if err := w.daemon.Pause(); err != nil {
			w.t.Fatal(err)
		}
		w.WaitFor("Il servizio per le smart card di questo computer non risponde")
		if err := w.daemon.Resume(); err != nil {
			w.t.Fatal(err)
		}
		w.WaitFor("CIE 0077, carta sul lettore", "PIN attuale")
		w.Tries(3, 10)
	})
}

// Set up the browsers, log in to a test service, and remove the card from the browsers.
func TestOnlineServices(t *testing.T) {
	if _, err := os.Stat("/usr/lib/firefox-esr"); err != nil {
		missing(t, "Firefox", err)
	}
	eachHand(t, func(w *walk) {
		w.Insert()
		w.Open()
		w.WaitFor("Tutto a posto")
		w.Press("Servizi online")
		w.Press("Configura i browser")
		w.WaitFor("Fatto.")
		if !w.registered() {
			w.t.Error("Firefox does not know the module")
		}
		before := w.card.Stats()
		w.Type("PIN", pin)
		w.Press("Prova l'accesso")
		w.WaitFor("L'accesso funziona", "Il servizio di prova ti ha riconosciuto: LUCIA BIANCHI")
		if n := w.card.Stats().Sub(before); n.Verifies != 1 || n.Signatures != 1 {
			w.t.Errorf("a login with %d codes and %d signatures", n.Verifies, n.Signatures)
		}
		w.Tries(3, 10)
		w.Press("Rimuovi dai browser")
		w.Press("Annulla")
		if !w.registered() {
			w.t.Error("the card was removed from Firefox without a confirmation")
		}
		w.Press("Rimuovi dai browser") // the button, then the answer to the question
		w.WaitFor("Annulla")
		w.Press("Rimuovi dai browser")
		w.WaitFor("Fatto.")
		if w.registered() {
			w.t.Error("Firefox still knows the module")
		}
	})
}

// registered reports whether a profile of Firefox has the module.
func (w *walk) registered() (found bool) {
	_ = filepath.WalkDir(w.home, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "pkcs11.txt" {
			data, err := os.ReadFile(name)
			found = found || err == nil && strings.Contains(string(data), "cie-pkcs11.so")
		}
		return nil
	})
	return found
}

// Find out why a login does not work, and save the report.
func TestDiagnostics(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.Insert()
		w.Open()
		w.WaitFor("Tutto a posto")
		w.Press("Aiuto")
		w.Press("Diagnosi")
		w.Press("Controlla anche con il PIN")
		before := w.card.Stats()
		w.Type("PIN", pin)
		w.Press("Avvia il controllo")
		w.WaitFor("Ripeti il controllo", "passi su")
		// The PIN is verified twice: by the diagnostics, and by the module.
		if n := w.card.Stats().Sub(before); n.Verifies != 2 {
			w.t.Errorf("%d codes verified", n.Verifies)
		}
		w.Tries(3, 10)
		w.Press("Salva rapporto")
		w.WaitFor("Salvato come")
		names, err := filepath.Glob(filepath.Join(w.home, "cie-report-*.txt"))
		if err != nil || len(names) != 1 {
			w.t.Fatalf("reports %q, %v", names, err)
		}
		data, err := os.ReadFile(names[0])
		if err != nil {
			w.t.Fatal(err)
		}
		report := string(data)
		for _, want := range []string{"[ok] certificate: ", "[ok] module: module-loads", "[ok] module-card: ", "[ok] login: login-works", "TLS 1.2", "[ok] tls13: tls13-refused"} {
			if !strings.Contains(report, want) {
				w.t.Errorf("the report lacks %q:\n%s", want, report)
			}
		}
		for name, secret := range map[string]string{
			"PIN": string(pin), "PUK": string(puk), "surname": holder.Surname, "codice fiscale": holder.FiscalCode,
			"NIS": holder.NIS, "document number": holder.DocumentNumber, "home": w.home,
		} {
			if strings.Contains(report, secret) {
				w.t.Errorf("the report holds the %s (%q)", name, secret)
			}
		}
	})
}

// Read the help, the page for what was lost, and what the program is.
func TestHelpAndAbout(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.Open()
		w.Press("Aiuto")
		w.Press("Ho perso il PUK")
		w.WaitFor("Qualsiasi Comune lo ristampa.")
		w.Press("Informazioni")
		w.WaitFor("Software libero")
		w.Press("Copia percorso")
		w.WaitFor("Copiato")
		w.Press("PIN e PUK")
		w.Press("Ho perso…")
		w.Press("Copia: +39 800 098 558")
		w.WaitFor("+39 800 098 558")
	})
}

// Language, theme and size of the text take effect at once and are kept.
func TestSettings(t *testing.T) {
	eachHand(t, func(w *walk) {
		w.Open()
		w.Press("Impostazioni")
		before := w.look()
		w.Choose("Tema", "Scuro")
		w.until("another look", func() bool { return w.glance() != before })
		w.Choose("Dimensione del testo", "150%")
		w.WaitFor("Aspetto")
		w.Choose("Lingua", "Deutsch")
		w.WaitFor("Einstellungen", "Textgröße")
		data, err := os.ReadFile(filepath.Join(w.home, ".config", "cie", "gui.json"))
		for _, want := range []string{`"de"`, `"dark"`, `150`} {
			if err != nil || !strings.Contains(string(data), want) {
				w.t.Errorf("the settings lack %s: %s, %v", want, data, err)
			}
		}
	})
}
