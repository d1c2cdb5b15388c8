package msg

// Cards below genuine, and what is kept of cards.
var (
	FlagAccept = text("send the code to a card whose issuer is not known, in this run only; nothing is recorded",
		"invia il codice anche a una carta di emittente sconosciuto, solo questa volta; non viene registrato nulla")

	WarnIssuerUnknown = text(
		"ATTENTION: the issuer of this card is not known. The card is consistent in itself, but a forged card looks the same.",
		"ATTENZIONE: l'emittente di questa carta non è riconosciuto. La carta è coerente, ma una carta contraffatta appare uguale.")
	WarnTestCard = text(
		"ATTENTION: this is a test card. It belongs to no person and works at no public service.",
		"ATTENZIONE: questa è una carta di prova. Non appartiene a nessuno e nessun servizio pubblico la accetta.")
	WarnVirtualCard = text(
		"ATTENTION: this is a virtual card. Its keys are published, so anybody can make one like it. Never type the PIN of your own card.",
		"ATTENZIONE: questa è una carta virtuale. Le sue chiavi sono pubbliche e chiunque può crearne una uguale. Non scrivere mai il PIN della tua carta.")
	AcceptMeaning = text(
		"A code that you send to a forged card is known to its maker. Go on only if you know where this card comes from.",
		"Se la carta è contraffatta, chi l'ha creata viene a conoscere il codice che le invii. Continua solo se sai da dove viene questa carta.")
	AcceptWord       = text("ACCEPT", "ACCETTO")
	AcceptForGoodTip = text(
		"Accepted for this run. To accept the card for good: cie cards accept.",
		"Accettata per questa volta. Per accettare la carta definitivamente: cie cards accept.")

	NotAccepted = text(
		"the issuer of this card is not known, so no code was sent",
		"l'emittente di questa carta non è riconosciuto, quindi nessun codice è stato inviato")
	NotAcceptedTest = text(
		"this is a test card, so no code was sent",
		"questa è una carta di prova, quindi nessun codice è stato inviato")
	NotAcceptedVirtual = text(
		"this is a virtual card, so no code was sent",
		"questa è una carta virtuale, quindi nessun codice è stato inviato")
	NotAcceptedDo = text(
		"If you know where the card comes from: cie cards accept, or add --accept-unknown-issuer for one run.",
		"Se sai da dove viene la carta: cie cards accept, oppure aggiungi --accept-unknown-issuer per una sola volta.")
	NotAcceptedVirtualDo = text(
		"For a try with a virtual card add --accept-unknown-issuer, or run inside \"cie-virtual --pcscd\".",
		"Per una prova con una carta virtuale aggiungi --accept-unknown-issuer, o lavora dentro \"cie-virtual --pcscd\".")

	TestCard    = text("test card: it belongs to no person", "carta di prova: non appartiene a nessuno")
	VirtualCard = text("virtual card: its keys are published, anybody can make one", "carta virtuale: le sue chiavi sono pubbliche, chiunque può crearla")
	AcceptedToo = text("; accepted by you", "; accettata da te")

	TriesLastSeen = text(
		"This chip does not say how many attempts are left: that is the number last seen on this computer.",
		"Questo chip non dice quanti tentativi restano: è il numero visto l'ultima volta su questo computer.")
	UnknownPUKWarning = text(
		"This chip does not say how many attempts are left for the PUK. After ten wrong ones the chip is blocked for ever, and you need a new card.",
		"Questo chip non dice quanti tentativi restano per il PUK. Dopo dieci errori il chip si blocca per sempre, e ti serve una nuova carta.")
	LastTryPUKUnknown = text(
		"the chip does not say that enough attempts are left for the PUK, so the PUK was not sent",
		"il chip non dice se per il PUK restano abbastanza tentativi, quindi il PUK non è stato inviato")

	CardsShort = text("List, accept and forget cards", "Elenca, accetta e dimentica le carte")
	CardsLong  = text(
		"Lists what this computer keeps of cards to protect you: that a card was found genuine, that you accepted it, and the attempts last seen. The list shows no reader and needs no card.",
		"Elenca ciò che questo computer conserva delle carte per proteggerti: che una carta è risultata autentica, che l'hai accettata, e i tentativi visti l'ultima volta. Non servono né lettore né carta.")
	CardsAcceptShort = text("Accept the card on the reader, whose issuer is not known", "Accetta la carta sul lettore, di emittente sconosciuto")
	CardsAcceptLong  = text(
		"No program sends a code to a card without a known issuer. With this command you vouch for it yourself: from then on its PIN and PUK are sent to the chip with this key, by every program. Do it only if you know where the card comes from: a forged card learns every code that is sent to it. A virtual card, whose keys are published, cannot be accepted for good.",
		"Nessun programma invia un codice a una carta di emittente non riconosciuto. Con questo comando la accetti tu: da quel momento ogni programma invia PIN e PUK al chip con questa chiave. Fallo solo se sai da dove viene la carta: una carta contraffatta viene a conoscere ogni codice che riceve. Una carta virtuale, le cui chiavi sono pubbliche, non si può accettare definitivamente.")
	CardsForgetShort = text("Forget one card, or all of them", "Dimentica una carta, o tutte")
	CardsForgetLong  = text(
		"Deletes what is kept of a card: give its NIS, or the ID that the list shows. With --all everything is deleted. Afterwards a card is one never seen: a forgery with the same number is no longer noticed as such.",
		"Elimina ciò che si conserva di una carta: indica il NIS, oppure l'ID che mostra l'elenco. Con --all elimina tutto. Dopo, la carta è come mai vista: una contraffazione con lo stesso numero non viene più riconosciuta come tale.")
	FlagAll = text("forget every card", "dimentica tutte le carte")
	FlagYes = text("accept without asking for the word", "accetta senza chiedere la parola")

	CardsNone      = text("Nothing is kept of any card.", "Non è conservato nulla di nessuna carta.")
	CardsUnknownID = text("nothing is kept of the card %s", "non è conservato nulla della carta %s")
	CardsWhich     = text("which card? Give its NIS or ID, or --all", "quale carta? Indica il NIS o l'ID, oppure --all")
	CardsForgotten = plural(
		text("%d card forgotten.", "%d carta dimenticata."),
		text("%d cards forgotten.", "%d carte dimenticate."))
	CardsDamaged   = text("the record cannot be read; \"cie cards forget %s\" deletes it", "la registrazione non è leggibile; \"cie cards forget %s\" la elimina")
	CardsGenuine   = text("genuine (%s)", "autentica (%s)")
	CardsAccepted  = text("accepted by you on %s", "accettata da te il %s")
	CardsSeen      = text("seen", "vista")
	CardsTries     = text("attempts last seen: PIN %s, PUK %s", "tentativi visti l'ultima volta: PIN %s, PUK %s")
	CardsUnknown   = text("unknown", "sconosciuti")
	CardAcceptedOK = text("The card is accepted. Its codes are now sent to it by every program. Take it off the reader and put it back.",
		"La carta è accettata. Ora ogni programma le invia i suoi codici. Togli la carta dal lettore e rimettila.")
	CardIsGenuine    = text("The card is genuine: nothing has to be accepted.", "La carta è autentica: non c'è nulla da accettare.")
	CardIsVirtual    = text("a virtual card cannot be accepted for good", "una carta virtuale non si può accettare definitivamente")
	StateUnavailable = text("what is kept of cards cannot be read or changed: %v", "ciò che si conserva delle carte non si può leggere o modificare: %v")
)
