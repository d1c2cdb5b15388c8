package msg

// Frame of the help.
var (
	HelpUsage      = text("Usage:", "Uso:")
	HelpCommands   = text("Commands:", "Comandi:")
	HelpTopics     = text("More to read:", "Altre informazioni:")
	HelpFlags      = text("Options:", "Opzioni:")
	HelpGlobal     = text("Options of every command:", "Opzioni di tutti i comandi:")
	HelpExamples   = text("Examples:", "Esempi:")
	HelpMore       = text("\"%s [command] --help\" tells more about a command.", "\"%s [comando] --help\" dice di più su un comando.")
	HelpHelpShort  = text("Help about a command or a topic", "Aiuto su un comando o un argomento")
	HelpFlag       = text("show this help", "mostra questo aiuto")
	HelpVersion    = text("show the version", "mostra la versione")
	HelpNoTopic    = text("there is no help about \"%s\"", "non c'è un aiuto su \"%s\"")
	HelpDefault    = text("default %s", "predefinito %s")
	ManSee         = text("SEE ALSO", "VEDERE ANCHE")
	ManName        = text("NAME", "NOME")
	ManSynopsis    = text("SYNOPSIS", "SINTASSI")
	ManDescription = text("DESCRIPTION", "DESCRIZIONE")
	ManCommands    = text("COMMANDS", "COMANDI")
	ManOptions     = text("OPTIONS", "OPZIONI")
	ManGlobal      = text("OPTIONS OF EVERY COMMAND", "OPZIONI DI TUTTI I COMANDI")
	ManExamples    = text("EXAMPLES", "ESEMPI")
	ManTitle       = text("Electronic identity card", "Carta d'identità elettronica")
	Placeholder    = text("[options]", "[opzioni]")
	CommandWord    = text("[command]", "[comando]")
)

// The program.
var (
	RootShort = text("Use the Italian electronic identity card (CIE) from the command line",
		"Usa la carta d'identità elettronica (CIE) dalla riga di comando")
	RootLong = text(`Works with the Italian electronic identity card (CIE 3.0) on a smart card reader:
shows what the card is and whether it is genuine, verifies, changes and unblocks
the PIN, reads the certificate and signs.

Codes are asked on the terminal and do not show while you type. Before it asks,
the program says how many attempts are left, without spending one. PIN and PUK
always have all their 8 digits; "cie help codes" says where to find them.

No card or no reader? "cie-virtual demo" shows everything on a virtual card.`,
		`Lavora con la carta d'identità elettronica (CIE 3.0) su un lettore di smart card:
mostra che carta è e se è autentica, verifica, cambia e sblocca il PIN, legge il
certificato e firma.

I codici vengono chiesti sul terminale e non si vedono mentre li scrivi. Prima di
chiederli il programma dice quanti tentativi restano, senza usarne uno. PIN e PUK
hanno sempre tutte le 8 cifre; "cie help codes" dice dove trovarli.

Non hai una carta o un lettore? "cie-virtual demo" mostra tutto con una carta virtuale.`)

	FlagReader = text("the reader to use: its name or a part of it that fits no other",
		"il lettore da usare: il suo nome o una parte che non si trova negli altri")
	FlagJSON  = text("answer in JSON (see \"cie help json\")", "rispondi in JSON (vedi \"cie help json\")")
	FlagDebug = text("print steps and headers of the commands to the card; never codes, keys or data",
		"stampa i passi e le intestazioni dei comandi alla carta; mai codici, chiavi o dati")
	FlagCSCA = text("further certificate of an authority that issues cards, PEM or DER (repeatable)",
		"altro certificato di un'autorità che emette carte, PEM o DER (ripetibile)")
	FlagPINFD    = text("read the PIN from this file descriptor", "leggi il PIN da questo descrittore di file")
	FlagNewPINFD = text("read the new PIN from this file descriptor", "leggi il nuovo PIN da questo descrittore di file")
	FlagPUKFD    = text("read the PUK from this file descriptor", "leggi il PUK da questo descrittore di file")
	FlagLastTry  = text("send the code even if few attempts are left (PIN: the last one; PUK: fewer than 4)",
		"invia il codice anche se restano pochi tentativi (PIN: l'ultimo; PUK: meno di 4)")
)

// The verbs.
var (
	ReadersShort = text("List the readers and what is on them", "Elenca i lettori e cosa c'è sopra")

	StatusShort = text("Show the card: what it is, attempts left, whether it is genuine",
		"Mostra la carta: cos'è, tentativi rimasti, se è autentica")
	StatusLong = text(`Shows every card found: reader, chip, NIS (the number that services know the card
by), the attempts left for PIN and PUK, and whether the card is genuine. None of
this needs a code or spends an attempt.

With --pin it asks for the PIN and shows the holder, the document number and the
expiry too. After the expiry the card can be used online for 90 days more, unless
a new one was issued.`,
		`Mostra ogni carta trovata: lettore, chip, NIS (il numero con cui i servizi
riconoscono la carta), i tentativi rimasti per PIN e PUK, e se la carta è autentica.
Nulla di questo richiede un codice o usa un tentativo.

Con --pin chiede il PIN e mostra anche il titolare, il numero del documento e la
scadenza. Dopo la scadenza la carta si può usare online ancora per 90 giorni, se non
ne è stata emessa una nuova.`)
	FlagStatusPIN = text("ask for the PIN and show holder, document number and expiry",
		"chiedi il PIN e mostra titolare, numero del documento e scadenza")

	PINShort = text("Verify, change or unblock the PIN", "Verifica, cambia o sblocca il PIN")
	PINLong  = text(`The PIN has 8 digits and 3 attempts. After three wrong ones in a row it is blocked;
the PUK unblocks it. The PUK has 8 digits and 10 attempts and cannot be changed: after
ten wrong ones in a row the chip is blocked for ever.`,
		`Il PIN ha 8 cifre e 3 tentativi. Dopo tre errori di fila si blocca; il PUK lo
sblocca. Il PUK ha 8 cifre e 10 tentativi e non si può cambiare: dopo dieci errori di
fila il chip si blocca per sempre.`)
	PINVerifyShort = text("Check that you know the PIN", "Controlla che il PIN sia giusto")
	PINVerifyLong  = text(`Asks for the PIN and lets the card check it. A right PIN gives the attempts back, a
wrong one costs one.`,
		`Chiede il PIN e lo fa controllare alla carta. Un PIN giusto ridà tutti i tentativi,
uno sbagliato ne costa uno.`)
	PINChangeShort = text("Replace the PIN with one of your choice", "Sostituisci il PIN con uno scelto da te")
	PINChangeLong  = text(`Asks for the current PIN and twice for the new one. A new PIN of one digit repeated,
of digits in sequence or equal to the current one is refused before the card is asked.`,
		`Chiede il PIN attuale e due volte quello nuovo. Un nuovo PIN con una cifra ripetuta,
con cifre in sequenza o uguale a quello attuale viene rifiutato prima di interpellare
la carta.`)
	PINUnblockShort = text("Unblock the PIN with the PUK", "Sblocca il PIN con il PUK")
	PINUnblockLong  = text(`Asks for the PUK and twice for a new PIN, and gives the PIN all its attempts back.
With --keep-pin the PIN stays the one from before.

The first 4 digits of the PUK are on the last sheet of the receipt that the
municipality or the consulate gave you at the request, the last 4 in the letter that
came with the card. If you no longer have the PUK, recover it with the CieID app (it
takes 48 hours) or let any municipality print it again.

Careful: the tenth wrong PUK in a row blocks the chip for ever, and only a new card
has a new PUK.`,
		`Chiede il PUK e due volte un nuovo PIN, e ridà al PIN tutti i suoi tentativi. Con
--keep-pin il PIN resta quello di prima.

Le prime 4 cifre del PUK sono nell'ultimo foglio della ricevuta che il comune o il
consolato ti ha dato alla richiesta, le ultime 4 nella lettera arrivata con la carta.
Se non hai più il PUK, recuperalo con l'app CieID (servono 48 ore) o fattelo ristampare
da un qualsiasi comune.

Attenzione: il decimo PUK sbagliato di fila blocca il chip per sempre, e solo una nuova
carta ha un nuovo PUK.`)
	FlagKeepPIN = text("only give the PIN its attempts back, do not change it",
		"ridai solo i tentativi al PIN, senza cambiarlo")

	CertShort = text("Read the certificate of the holder", "Leggi il certificato del titolare")
	CertLong  = text(`Reads the authentication certificate from the card. The card shows it only after the
PIN. It holds name and codice fiscale of the holder.`,
		`Legge il certificato di autenticazione dalla carta. La carta lo mostra solo dopo il
PIN. Contiene nome e codice fiscale del titolare.`)
	FlagCertFormat = text("pem, der or text", "pem, der o text")
	FlagOut        = text("write to this file instead of standard output", "scrivi in questo file invece che sullo standard output")

	WatchShort = text("Show readers and cards as they come and go", "Mostra lettori e carte che arrivano e se ne vanno")
	WatchLong  = text(`Prints a line whenever a reader is connected or disconnected and a card laid down or
taken away, until Ctrl-C. The cards are not touched.`,
		`Stampa una riga ogni volta che un lettore viene collegato o scollegato e una carta
appoggiata o tolta, fino a Ctrl-C. Le carte non vengono toccate.`)

	VersionShort = text("Show the version", "Mostra la versione")
	VersionLong  = text(`Shows the version, the commit it was made from and its date. --debug adds the libraries.
--json also tells which module browsers are given, whether it loads and which build it is.
No reader and no card is looked at.`,
		`Mostra la versione, il commit da cui nasce e la sua data. --debug aggiunge le librerie.
--json dice anche quale modulo si dà ai browser, se si carica e di quale versione è.
Nessun lettore e nessuna carta vengono guardati.`)
	CompletionShort = text("Write a completion script for a shell", "Scrivi uno script di completamento per una shell")
	CompletionLong  = text(`Writes a script that completes commands and options with the Tab key. For bash, in
this session: source <(cie completion bash). Packages install it for you.`,
		`Scrive uno script che completa comandi e opzioni con il tasto Tab. Per bash, in questa
sessione: source <(cie completion bash). I pacchetti lo installano da soli.`)
	ManShort = text("Write the manual pages into a directory", "Scrivi le pagine di manuale in una cartella")
	ManLong  = text("Writes man1/*.1 in English and it/man1/*.1 in Italian into the directory.",
		"Scrive nella cartella man1/*.1 in inglese e it/man1/*.1 in italiano.")
	OneDirectory = text("say which directory to write into", "indica la cartella in cui scrivere")
)

// The topics.
var (
	TopicCodesShort = text("PIN and PUK: where they are, what to do when one is lost or blocked",
		"PIN e PUK: dove sono, cosa fare se uno è perso o bloccato")
	TopicCodesLong = text(`PIN and PUK have 8 digits each.

  First 4 digits  on the last sheet of the receipt that the municipality or the
                  consulate gave you when you asked for the card
  Last 4 digits   in the letter that came with the card

Join the two halves. Browsers and other programs that ask for "the last 4 digits"
mean something else: this software always wants all 8.

PIN blocked     Three wrong PINs in a row block it. "cie pin unblock" unblocks it with
                the PUK and sets a new PIN; so does the CieID app.
PIN forgotten   The same: set a new one with the PUK.
PUK lost        The CieID app has "PUK recovery": you need the card, the app, a contact
                (phone or e-mail) that you gave to the municipality or verified later,
                and a screen lock on the phone. It takes 48 hours, one request at a time. Or let any
                municipality print it again.
PUK blocked     Ten wrong PUKs in a row block the chip for ever. The card stays valid as
                an identity document, but no longer logs in: a new PUK comes only with
                a new card.
Card stolen or lost
                Call +39 800 098 558 to have it blocked, Monday to Friday 8:00-18:00,
                Saturday 8:00-14:00 (cards issued after 4 July 2016; for older ones call
                the municipality that issued them). Have ready: name, codice fiscale,
                card number if you know it, the details of the police report, the city.
Card expired    It works online for 90 days more, unless a new one was issued.`,
		`PIN e PUK hanno 8 cifre ciascuno.

  Prime 4 cifre   nell'ultimo foglio della ricevuta che il comune o il consolato ti
                  ha dato quando hai chiesto la carta
  Ultime 4 cifre  nella lettera arrivata con la carta

Unisci le due metà. I programmi che chiedono "le ultime 4 cifre" intendono altro:
questo software vuole sempre tutte le 8 cifre.

PIN bloccato      Tre PIN sbagliati di fila lo bloccano. "cie pin unblock" lo sblocca
                  con il PUK e imposta un nuovo PIN; lo fa anche l'app CieID.
PIN dimenticato   Lo stesso: impostane uno nuovo con il PUK.
PUK perso         L'app CieID ha il "recupero PUK": servono la carta, l'app, un contatto
                  (telefono o e-mail) dato al comune o verificato in seguito, e il blocco
                  schermo sul telefono.
                  Servono 48 ore, una richiesta alla volta. Oppure fattelo ristampare
                  da un qualsiasi comune.
PUK bloccato      Dieci PUK sbagliati di fila bloccano il chip per sempre. La carta resta
                  valida come documento d'identità, ma non serve più per accedere: un
                  nuovo PUK arriva solo con una nuova carta.
Carta rubata o persa
                  Chiama +39 800 098 558 per farla bloccare, da lunedì a venerdì
                  8:00-18:00, sabato 8:00-14:00 (carte emesse dopo il 4 luglio 2016; per
                  le altre chiama il comune che le ha emesse). Tieni pronti: nome, codice
                  fiscale, numero della carta se lo conosci, estremi della denuncia, città.
Carta scaduta     Funziona online ancora per 90 giorni, se non ne è stata emessa una nuova.`)

	TopicExitShort = text("The exit codes", "I codici di uscita")
	TopicExitLong  = text(`  0    done
  1    it did not work, for a reason not listed below
  2    the command was not used rightly
  3    no smart card service, no reader or no card
  4    wrong PIN or PUK: one attempt was spent
  5    PIN or PUK blocked
  6    the card is not genuine; no code was sent to it
  7    a code that cannot be: not 8 digits, a new PIN that is too easy, two new PINs that
       differ; nothing was sent to the card
  8    a choice is missing: several cards and no --reader, or few attempts left and
       neither a confirmation nor --allow-last-try, or the issuer is not known
       and you did not accept it; nothing was sent to the card
  9    the card is not an Italian electronic identity card
  10   card or reader were taken away, reset, busy or silent; the message says in which
       state the card is
  11   "cie browsers" or "cie doctor" found something that keeps logins from working, or
       a browser could not be set up
  12   "cie verify": a signature is not valid
  13   "cie verify": of a signature it cannot be said whether it is valid
  129  the terminal was closed (SIGHUP)
  130  stopped with Ctrl-C (SIGINT)
  131  stopped with Ctrl-\ (SIGQUIT)
  143  stopped with SIGTERM

After 129, 130, 131 and 143 the card is never between two states: what had begun was
finished, and its outcome was printed.`,
		`  0    fatto
  1    non ha funzionato, per un motivo che non è qui sotto
  2    il comando non è stato usato bene
  3    nessun servizio smart card, nessun lettore o nessuna carta
  4    PIN o PUK sbagliato: è stato usato un tentativo
  5    PIN o PUK bloccato
  6    la carta non è autentica; nessun codice le è stato inviato
  7    un codice che non può essere: non 8 cifre, nuovo PIN troppo facile, due nuovi PIN
       diversi; nulla è stato inviato alla carta
  8    manca una scelta: più carte e nessun --reader, oppure pochi tentativi e né una
       conferma né --allow-last-try, o nessuno garantisce la carta e tu non l'hai
       accettata; nulla è stato inviato alla carta
  9    la carta non è una carta d'identità elettronica italiana
  10   carta o lettore sono stati tolti, riavviati, occupati o muti; il messaggio dice in
       che stato è la carta
  11   "cie browsers" o "cie doctor" hanno trovato qualcosa che impedisce l'accesso, o un
       browser non si è potuto configurare
  12   "cie verify": una firma non è valida
  13   "cie verify": di una firma non si può dire se sia valida
  129  il terminale è stato chiuso (SIGHUP)
  130  interrotto con Ctrl-C (SIGINT)
  131  interrotto con Ctrl-\ (SIGQUIT)
  143  interrotto con SIGTERM

Dopo 129, 130, 131 e 143 la carta non è mai in uno stato incerto: ciò che era cominciato è
stato finito, e il risultato è stato stampato.`)

	TopicFilesShort = text("Files that the program reads and writes", "I file che il programma legge e scrive")
	TopicFilesLong  = text(`  ~/.config/cie/csca, /etc/cie/csca
        Certificates of authorities that issue cards, one or more per file, PEM or DER,
        in addition to the Italian ones that the program brings along. Further ones can
        be given with --csca.
  ~/.cache/cie/cards
        What every reader can see of a card without a code (its public keys and
        parameters), so that the next use is faster; and its certificate, which the
        module for the browsers encrypts so that only the card itself can open it. It
        can be deleted at any time.
  ~/.local/state/cie/*.json
        What protects you, one file per card: that it was genuine, that you accepted
        it, the attempts last seen, the name of the holder. "cie cards" lists it,
        "cie cards forget" deletes it.
  ~/.local/state/cie/installer
        What files of browsers held before "cie browsers enable", for "cie browsers
        disable". With --system it is /var/lib/cie/installer.

$XDG_CONFIG_HOME, $XDG_CACHE_HOME and $XDG_STATE_HOME are respected. Codes are never
written to a file.`,
		`  ~/.config/cie/csca, /etc/cie/csca
        Certificati di autorità che emettono carte, uno o più per file, PEM o DER, oltre
        a quelli italiani che il programma ha già. Altri si indicano con --csca.
  ~/.cache/cie/cards
        Ciò che ogni lettore può vedere di una carta senza codici (le sue chiavi pubbliche
        e i suoi parametri), per andare più veloce la volta dopo; e il suo certificato, che
        il modulo per i browser cifra in modo che solo la carta stessa possa aprirlo. Si può
        cancellare sempre.
  ~/.local/state/cie/*.json
        Ciò che ti protegge, un file per carta: che è risultata autentica, che l'hai
        accettata, i tentativi visti l'ultima volta, il nome del titolare. "cie cards"
        lo elenca, "cie cards forget" lo elimina.
  ~/.local/state/cie/installer
        Il contenuto dei file dei browser prima di "cie browsers enable", per "cie
        browsers disable". Con --system è /var/lib/cie/installer.

$XDG_CONFIG_HOME, $XDG_CACHE_HOME e $XDG_STATE_HOME sono rispettati. I codici non
finiscono mai in un file.`)
)
