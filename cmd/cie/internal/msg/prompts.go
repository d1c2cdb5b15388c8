package msg

// What is asked, and what is said around it.
var (
	AskPIN      = text("PIN (8 digits, nothing shows while you type): ", "PIN (8 cifre, mentre scrivi non si vede nulla): ")
	AskOldPIN   = text("Current PIN (8 digits, nothing shows while you type): ", "PIN attuale (8 cifre, mentre scrivi non si vede nulla): ")
	AskNewPIN   = text("New PIN (8 digits): ", "Nuovo PIN (8 cifre): ")
	AskNewAgain = text("New PIN again: ", "Di nuovo il nuovo PIN: ")
	AskPUK      = text("PUK (8 digits, nothing shows while you type): ", "PUK (8 cifre, mentre scrivi non si vede nulla): ")

	TryAgain = text("Please type it again.", "Scrivilo di nuovo, per favore.")

	ChooseAnother = text("Please choose another one.", "Scegline un altro, per favore.")

	TriesLeftPIN = plural(
		text("Attempts left for the PIN: %d of %d.", "Per il PIN resta %d tentativo su %d."),
		text("Attempts left for the PIN: %d of %d.", "Per il PIN restano %d tentativi su %d."))
	TriesLeftPUK = plural(
		text("Attempts left for the PUK: %d of %d.", "Per il PUK resta %d tentativo su %d."),
		text("Attempts left for the PUK: %d of %d.", "Per il PUK restano %d tentativi su %d."))
	TriesLeftAfter = plural(
		text("%d attempt left.", "Resta %d tentativo."),
		text("%d attempts left.", "Restano %d tentativi."))
	TriesUnknown = text(
		"This chip does not say how many attempts are left.",
		"Questo chip non dice quanti tentativi restano.")

	LastPINWarning = text(
		"This is the LAST attempt: if the PIN is wrong it is blocked, and you need the PUK.",
		"Questo è l'ULTIMO tentativo: se il PIN è sbagliato si blocca, e ti serve il PUK.")
	FewPUKWarning = text(
		"Few attempts are left for the PUK. When none is left the chip is blocked for ever, and you need a new card.",
		"Per il PUK restano pochi tentativi. Quando finiscono il chip si blocca per sempre, e ti serve una nuova carta.")
	AskConfirm = text(
		"Type %s to go on, anything else to stop: ",
		"Scrivi %s per continuare, altro per fermarti: ")
	ConfirmWord = text("CONFIRM", "CONFERMO")

	WhereHalves = text(
		"Where to find PIN and PUK: the first 4 digits are on the last sheet of the receipt that the municipality or the consulate gave you when you asked for the card, the last 4 in the letter that came with the card. Join them.",
		"Dove trovi PIN e PUK: le prime 4 cifre sono nell'ultimo foglio della ricevuta che il comune o il consolato ti ha dato alla richiesta, le ultime 4 nella lettera arrivata con la carta. Uniscile.")
	LostPUK = text(
		"If you no longer have the PUK: recover it with the CieID app (it takes 48 hours), or ask any municipality to print it again.",
		"Se non hai più il PUK: recuperalo con l'app CieID (servono 48 ore), oppure fattelo ristampare da un qualsiasi comune.")
	NewPINRules = text(
		"Choose a new PIN: 8 digits, not all the same and not in sequence.",
		"Scegli un nuovo PIN: 8 cifre, non tutte uguali e non in sequenza.")
	CardChosen = text(
		"Card on the reader \"%s\", NIS %s",
		"Carta sul lettore \"%s\", NIS %s")
	CardOfHolder = text(
		"Card of %s on the reader \"%s\", NIS %s",
		"Carta di %s sul lettore \"%s\", NIS %s")

	PINVerified  = text("The PIN is right.", "Il PIN è giusto.")
	PINChanged   = text("The PIN is changed. The new one holds from now on.", "Il PIN è cambiato. Da adesso vale quello nuovo.")
	PINUnblocked = text("The PIN is unblocked and changed. The new one holds from now on, with all its attempts.",
		"Il PIN è sbloccato e cambiato. Da adesso vale quello nuovo, con tutti i suoi tentativi.")
	PINTriesReset = text("The PIN is unblocked. It is the one from before, with all its attempts.",
		"Il PIN è sbloccato. È quello di prima, con tutti i suoi tentativi.")
)
