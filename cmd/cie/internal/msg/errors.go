package msg

// What went wrong: a title, and what to do about it.
var (
	ErrorWord = text("Error", "Errore")

	NoService = text(
		"the smart card service of this computer does not answer",
		"il servizio per le smart card di questo computer non risponde")
	NoServiceDo = text(
		"It is the package \"pcscd\" on Debian and Ubuntu, \"pcsc-lite\" on Fedora: install it, or start it with \"sudo systemctl start pcscd.socket\". \"cie doctor\" tells which.",
		"È il pacchetto \"pcscd\" su Debian e Ubuntu, \"pcsc-lite\" su Fedora: installalo, oppure avvialo con \"sudo systemctl start pcscd.socket\". \"cie doctor\" dice quale dei due.")

	NoReader = text(
		"no smart card reader is connected",
		"nessun lettore di smart card è collegato")
	NoReaderDo = text(
		"Plug in a reader for contactless cards (NFC) and try again. \"cie watch\" shows when the computer notices it.",
		"Collega un lettore per carte senza contatto (NFC) e riprova. \"cie watch\" mostra quando il computer lo vede.")
	ReaderUnknown = text(
		"there is no reader called \"%s\"",
		"non c'è un lettore chiamato \"%s\"")
	ReaderAmbiguous = text(
		"\"%s\" fits more than one reader:",
		"\"%s\" corrisponde a più di un lettore:")
	ReadersAre = text("Readers connected:", "Lettori collegati:")

	NoCard = text(
		"there is no card on the reader",
		"non c'è nessuna carta sul lettore")
	NoCardDo = text(
		"Lay the identity card flat on the reader and leave it there.",
		"Appoggia la carta d'identità sul lettore, ben distesa, e lasciala lì.")

	Mute = text(
		"there is a card on the reader, but it does not answer",
		"c'è una carta sul lettore, ma non risponde")
	MuteDo = text(
		"Take it away, lay it down again in the middle of the reader, without wallet or other cards near it.",
		"Toglila e appoggiala di nuovo al centro del lettore, senza portafoglio né altre carte vicino.")

	Removed = text(
		"the card was moved or taken away while it was in use",
		"la carta è stata spostata o tolta mentre era in uso")
	RemovedDo = text(
		"Reading takes about 10 seconds: lay the card down, keep it still and start again.",
		"La lettura dura circa 10 secondi: appoggia la carta, tienila ferma e ricomincia.")

	WasReset = text(
		"another program has restarted the card",
		"un altro programma ha riavviato la carta")
	WasResetDo = text(
		"Start again. If it happens every time, close the other programs that use the card, such as the browser.",
		"Ricomincia. Se succede ogni volta, chiudi gli altri programmi che usano la carta, per esempio il browser.")

	Busy = text(
		"another program is using the card and does not share it",
		"un altro programma sta usando la carta e non la condivide")
	BusyDo = text(
		"Wait a moment or close that program, then try again.",
		"Aspetta un momento o chiudi quel programma, poi riprova.")

	ReaderTimeout = text(
		"the reader stopped answering",
		"il lettore ha smesso di rispondere")
	ReaderTimeoutDo = text(
		"Unplug the reader, plug it in again, lay the card down and start again.",
		"Scollega il lettore, ricollegalo, appoggia la carta e ricomincia.")

	NotCIE = text(
		"the card on the reader \"%s\" is not an Italian electronic identity card",
		"la carta sul lettore \"%s\" non è una carta d'identità elettronica italiana")
	NotCIEPlain = text(
		"the card on the reader is not an Italian electronic identity card",
		"la carta sul lettore non è una carta d'identità elettronica italiana")
	NotCIEDo = text(
		"Electronic identity cards issued from July 2016 on work here. Bank cards, health cards and paper identity cards do not.",
		"Qui funzionano le carte d'identità elettroniche emesse da luglio 2016. Carte bancarie, tessere sanitarie e carte d'identità di carta no.")

	SeveralCards = text(
		"there are several cards, and a code goes only to the one you choose",
		"ci sono più carte, e un codice va solo a quella che scegli tu")
	SeveralCardsDo = text(
		"Say which one with --reader, for example:",
		"Indica quale con --reader, per esempio:")

	NotGenuine = text(
		"this card did not prove that it is genuine; no code was sent to it",
		"questa carta non ha dimostrato di essere autentica; nessun codice le è stato inviato")
	NotGenuineDo = text(
		"Do not type PIN or PUK here. Try another reader or another computer. If the answer stays the same, show the card to your municipality.",
		"Non digitare qui PIN o PUK. Prova con un altro lettore o un altro computer. Se il risultato non cambia, mostra la carta al tuo comune.")

	WrongPIN = text(
		"the PIN is not right",
		"il PIN non è quello giusto")
	WrongPUK = text(
		"the PUK is not right",
		"il PUK non è quello giusto")
	WrongPINDo = text(
		"If you have changed the PIN, the one that you chose holds. Otherwise join the two halves: the first 4 digits are on the last sheet of the receipt of the municipality or the consulate, the last 4 in the letter that came with the card.",
		"Se hai cambiato il PIN, vale quello scelto da te. Altrimenti unisci le due metà: le prime 4 cifre sono nell'ultimo foglio della ricevuta del comune o del consolato, le ultime 4 nella lettera arrivata con la carta.")
	WrongPINBlocksDo = text(
		"At the next wrong PIN the PIN is blocked. If you are not sure of it, unblock it with the PUK instead: \"cie pin unblock\".",
		"Al prossimo PIN sbagliato il PIN si blocca. Se hai dubbi, sbloccalo con il PUK: \"cie pin unblock\".")
	WrongPUKDo = text(
		"The tenth wrong PUK in a row blocks the chip for ever. If you are not sure of the PUK, stop here and recover it.",
		"Il decimo PUK sbagliato di fila blocca il chip per sempre. Se hai dubbi sul PUK, fermati qui e recuperalo.")

	BlockedPIN = text(
		"the PIN is blocked after three wrong attempts in a row",
		"il PIN è bloccato dopo tre tentativi sbagliati di fila")
	BlockedPINDo = text(
		"Nothing is lost: with the PUK you unblock it and choose a new PIN. Type \"cie pin unblock\".",
		"Non hai perso nulla: con il PUK lo sblocchi e scegli un nuovo PIN. Scrivi \"cie pin unblock\".")
	BlockedPUK = text(
		"the PUK is blocked after ten wrong attempts in a row, and nobody can unblock it",
		"il PUK è bloccato dopo dieci tentativi sbagliati di fila, e nessuno può sbloccarlo")
	BlockedPUKDo = text(
		"The card stays valid as an identity document, but it can no longer be used to log in. For a new PUK you need a new card: ask your municipality.",
		"La carta resta valida come documento d'identità, ma non serve più per accedere ai servizi online. Per avere un nuovo PUK serve una nuova carta: chiedila al tuo comune.")

	LastTryPIN = text(
		"only one attempt is left for the PIN, so the PIN was not sent",
		"per il PIN resta un solo tentativo, quindi il PIN non è stato inviato")
	LastTryPUK = text(
		"few attempts are left for the PUK, so the PUK was not sent",
		"per il PUK restano pochi tentativi, quindi il PUK non è stato inviato")
	LastTryDo = text(
		"If you want it sent all the same, confirm when asked, or in a script add --allow-last-try.",
		"Se vuoi inviarlo comunque, conferma quando ti viene chiesto o, in uno script, aggiungi --allow-last-try.")

	BadFormat = text(
		"a PIN or PUK has exactly 8 digits; what you gave was not sent to the card",
		"PIN e PUK hanno esattamente 8 cifre; quello che hai dato non è stato inviato alla carta")
	WeakSame = text(
		"a PIN of one digit repeated is too easy to guess",
		"un PIN con la stessa cifra ripetuta è troppo facile da indovinare")
	WeakRun = text(
		"a PIN of digits in sequence, such as 12345678 or 87654321, is too easy to guess",
		"un PIN di cifre in sequenza, come 12345678 o 87654321, è troppo facile da indovinare")
	WeakUnchanged = text(
		"the new PIN is the same as the old one",
		"il nuovo PIN è uguale a quello vecchio")
	WeakDo = text(
		"Choose another one. The card was not changed.",
		"Scegline un altro. La carta non è stata modificata.")
	CodesDiffer = text(
		"the two new PINs are not the same; the card was not changed",
		"i due nuovi PIN non sono uguali; la carta non è stata modificata")

	NothingTyped = text(
		"no code was given",
		"non è stato dato nessun codice")
	NoTerminal = text(
		"there is no terminal to ask for the code on",
		"non c'è un terminale su cui chiedere il codice")
	NoTerminalDo = text(
		"In a script, give the code on a file descriptor: --pin-fd, --new-pin-fd, --puk-fd. Codes are never taken from arguments or from the environment.",
		"In uno script, passa il codice su un descrittore di file: --pin-fd, --new-pin-fd, --puk-fd. I codici non si prendono mai dagli argomenti o dall'ambiente.")
	BadFD = text(
		"--%s %d: this file descriptor is not open for reading",
		"--%s %d: questo descrittore di file non è aperto in lettura")
	EmptyFD = text(
		"--%s %d: the file descriptor gave nothing",
		"--%s %d: il descrittore di file non ha dato nulla")
	LongFD = text(
		"--%s %d: a line of more than 64 bytes cannot be a code",
		"--%s %d: una riga di più di 64 byte non può essere un codice")

	PINGone = text(
		"another program used the card in the meantime, and the card forgot the PIN",
		"nel frattempo un altro programma ha usato la carta, e la carta ha dimenticato il PIN")
	PINGoneDo = text(
		"Close the other program, for example the browser, and start again.",
		"Chiudi l'altro programma, per esempio il browser, e ricomincia.")

	UncertainPIN = text(
		"the connection broke while the PIN was being checked: an attempt may have been spent",
		"il collegamento si è interrotto mentre il PIN veniva controllato: un tentativo potrebbe essere stato usato")
	UncertainPUK = text(
		"the connection broke while the PUK was being checked: an attempt may have been spent",
		"il collegamento si è interrotto mentre il PUK veniva controllato: un tentativo potrebbe essere stato usato")
	UncertainDo = text(
		"Lay the card down again; \"cie status\" shows how many attempts are left.",
		"Appoggia di nuovo la carta; \"cie status\" mostra quanti tentativi restano.")
	HalfUnchanged = text(
		"the card was interrupted before the new PIN was set: the PIN is the one from before",
		"la carta è stata interrotta prima di impostare il nuovo PIN: vale ancora il PIN di prima")
	HalfUnchangedDo = text(
		"The code that you gave was right. Lay the card down, keep it still and start again.",
		"Il codice che hai dato era giusto. Appoggia la carta, tienila ferma e ricomincia.")
	HalfUnknown = text(
		"the card was interrupted just while the new PIN was being set: either the new PIN holds or the one from before",
		"la carta è stata interrotta proprio mentre il nuovo PIN veniva impostato: vale il nuovo PIN oppure quello di prima")
	HalfUnknownDo = text(
		"Lay the card down and try the new PIN with \"cie pin verify\". If it is refused, one attempt is spent and the PIN from before holds. If the PIN was blocked, repeat \"cie pin unblock\".",
		"Appoggia la carta e prova il nuovo PIN con \"cie pin verify\". Se viene rifiutato, hai usato un tentativo e vale il PIN di prima. Se il PIN era bloccato, ripeti \"cie pin unblock\".")

	StepFailed = text(
		"the card did not do its part in the step \"%s\"",
		"la carta non ha completato il passo \"%s\"")
	StepFailedDo = text(
		"Take the card away, lay it down again and start again. If it goes on, run the command again with --debug and send what it prints to those who maintain this software: it holds no code and no personal data.",
		"Togli la carta, appoggiala di nuovo e ricomincia. Se continua, ripeti il comando con --debug e manda ciò che stampa a chi cura questo software: non contiene codici né dati personali.")
	Failed = text("it did not work: %s", "non ha funzionato: %s")

	Interrupted = text(
		"stopped at your request",
		"interrotto su tua richiesta")
	InterruptSoon = text(
		"Stopping.",
		"Mi fermo.")
	InterruptWait = text(
		"Stopping as soon as the card has finished: cutting it off now could leave it between two states.",
		"Mi fermo appena la carta ha finito: interromperla ora potrebbe lasciarla in uno stato incerto.")

	UsageHint = text(
		"\"%s --help\" shows how to use it.",
		"\"%s --help\" mostra come si usa.")
	UnknownCommand = text(
		"\"%s\" has no command \"%s\"",
		"\"%s\" non ha un comando \"%s\"")
	DidYouMean  = text("Did you mean \"%s\"?", "Volevi dire \"%s\"?")
	UnknownFlag = text(
		"there is no option %s",
		"l'opzione %s non esiste")
	FlagNeedsValue = text(
		"the option %s needs a value",
		"l'opzione %s richiede un valore")
	FlagBadValue = text(
		"the option --%[2]s does not take the value \"%[1]s\"",
		"l'opzione --%[2]s non accetta il valore \"%[1]s\"")
	FlagBadSyntax = text(
		"\"%s\" is not an option",
		"\"%s\" non è un'opzione")
	NoArguments = text(
		"this command takes no argument, but got \"%s\"",
		"questo comando non accetta argomenti, ma ha ricevuto \"%s\"")
	NoCodeArguments = text(
		"this command takes no argument. Codes are never taken from the command line, where others on this computer can see them: if what you typed was a real PIN or PUK, clear it from the history of your shell",
		"questo comando non accetta argomenti. I codici non si prendono mai dalla riga di comando, dove altri su questo computer possono vederli: se hai scritto un vero PIN o PUK, cancellalo dalla cronologia della shell")
	NoCodeOptions = text(
		"codes are never taken from the command line, where others on this computer can see them: if what you typed was a real PIN or PUK, clear it from the history of your shell",
		"i codici non si prendono mai dalla riga di comando, dove altri su questo computer possono vederli: se hai scritto un vero PIN o PUK, cancellalo dalla cronologia della shell")
	KeepOrNew = text(
		"--keep-pin and --new-pin-fd exclude each other",
		"--keep-pin e --new-pin-fd si escludono a vicenda")
	BadShell = text(
		"say which shell: bash, zsh, fish or powershell",
		"indica la shell: bash, zsh, fish o powershell")
	BadChoice = text(
		"--%s can be: %s",
		"--%s può essere: %s")
	NegativeFD = text(
		"the option --%s takes the number of an open file descriptor",
		"l'opzione --%s richiede il numero di un descrittore di file aperto")

	BadAnchor = text(
		"\"%s\" holds no certificate of an issuing authority: %v",
		"\"%s\" non contiene il certificato di un'autorità di emissione: %v")
	BadAnchorIgnored = text(
		"Warning: \"%s\" was left out: %v",
		"Attenzione: \"%s\" è stato ignorato: %v")
	BinaryToTerminal = text(
		"this output is not text: send it to a file with --out",
		"questo risultato non è testo: salvalo in un file con --out")
	CannotRead = text(
		"\"%s\" cannot be read: %v",
		"\"%s\" non si può leggere: %v")
	CannotWrite = text(
		"\"%s\" cannot be written: %v",
		"\"%s\" non si può scrivere: %v")
)
