package main

import (
	"context"
	"os"
	"sync"

	"cie/card"
	"cie/cmd/internal/i18n"
	"cie/cmd/internal/notify"
)

// After a wrong PIN, browsers ask again without an explanation. The module therefore shows
// a notification on the desktop, with the remaining tries.

var (
	wrongPIN = i18n.Text{EN: "Wrong PIN", IT: "PIN errato"}
	wrongPUK = i18n.Text{EN: "Wrong PUK", IT: "PUK errato"}

	triesLeft = i18n.Plural{
		One: i18n.Text{
			EN: "One try is left. If that is wrong too, the code is blocked.",
			IT: "Resta un solo tentativo. Se anche questo è sbagliato il codice si blocca.",
		},
		Other: i18n.Text{EN: "%d tries are left.", IT: "Restano %d tentativi."},
	}
	triesUnknown = i18n.Text{EN: "Type all 8 digits.", IT: "Digita tutte le 8 cifre."}
	pinBlocked   = i18n.Text{
		EN: "The PIN is blocked. Unblock it with the PUK: cie pin unblock.",
		IT: "Il PIN è bloccato. Sbloccalo con il PUK: cie pin unblock.",
	}
	pukBlocked = i18n.Text{
		EN: "The PUK is blocked for good. The card stays valid as an identity document; a new PUK means a new card.",
		IT: "Il PUK è bloccato definitivamente. La carta resta valida come documento; per un nuovo PUK serve una nuova carta.",
	}
)

var (
	noCode = i18n.Text{EN: "No code for this card", IT: "Nessun codice per questa carta"}

	notGenuine = i18n.Text{
		EN: "The card did not prove that it is genuine. Do not type its PIN. Open the CIE program for details.",
		IT: "La carta non ha dimostrato di essere autentica. Non digitare il PIN. Apri il programma CIE per i dettagli.",
	}
	issuerUnknown = i18n.Text{
		EN: "The issuer of this card is not known. If you know where it comes from, accept it in the CIE program or with cie cards accept, then put it on the reader again.",
		IT: "L'emittente di questa carta non è riconosciuto. Se sai da dove viene, accettala nel programma CIE o con cie cards accept, poi rimettila sul lettore.",
	}
	testCard = i18n.Text{
		EN: "This is a test card. To use it, accept it in the CIE program or with cie cards accept, then put it on the reader again.",
		IT: "È una carta di prova. Per usarla, accettala nel programma CIE o con cie cards accept, poi rimettila sul lettore.",
	}
	virtualCard = i18n.Text{
		EN: "This is a virtual card, which anybody can make. Browsers use it only inside cie-virtual --pcscd.",
		IT: "È una carta virtuale, che chiunque può creare. I browser la usano solo dentro cie-virtual --pcscd.",
	}
)

// refusal returns the notification about a card to which no code is sent.
func refusal(l i18n.Language, level card.Level) notify.Message {
	body := notGenuine
	switch level {
	case card.IssuerUnknown:
		body = issuerUnknown
	case card.TestCard:
		body = testCard
	case card.VirtualCard:
		body = virtualCard
	}
	return notify.Message{App: "CIE", Icon: "cie", Summary: noCode.In(l), Body: body.In(l), Urgent: true}
}

// notAccepted shows the notification.
func notAccepted(level card.Level) { show(refusal(i18n.FromEnvironment(os.Getenv), level)) }

// notice returns the notification about a refused code.
func notice(l i18n.Language, ref card.PINRef, left int) notify.Message {
	m := notify.Message{App: "CIE", Icon: "cie", Summary: wrongPIN.In(l), Urgent: left >= 0 && left <= 1}
	blocked := pinBlocked
	if ref == card.PUK {
		m.Summary, blocked = wrongPUK.In(l), pukBlocked
	}
	switch {
	case left < 0:
		m.Body = triesUnknown.In(l)
	case left == 0:
		m.Body = blocked.In(l)
	case left == 1:
		m.Body = triesLeft.One.In(l)
	default:
		m.Body = l.Sprintf(triesLeft.Other, left)
	}
	return m
}

// last is the previous notification, which a new one replaces.
var last struct {
	sync.Mutex
	id uint32
}

// wrongCode shows the notification, or nothing if there is no desktop.
func wrongCode(ref card.PINRef, left int) { show(notice(i18n.FromEnvironment(os.Getenv), ref, left)) }

// show shows a notification in the place of the last one.
func show(m notify.Message) {
	last.Lock()
	defer last.Unlock()
	m.Replaces = last.id
	if id, err := notify.Send(context.Background(), m); err == nil {
		last.id = id
	}
}
