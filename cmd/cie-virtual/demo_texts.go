package main

import "cie/cmd/internal/i18n"

// The demonstration.
var (
	demoShort = text("Show everything on a virtual card", "Mostra tutto con una carta virtuale")
	demoLong  = text(`Shows the whole life of a card on a virtual one with an invented
holder: recognition and authenticity, a wrong PIN, a change of PIN, block and
unblock, a signed document, and a level-3 login over mutual TLS. Each step says
what it proves. No real card or reader is touched.

It starts a PC/SC service (pcscd) of its own, reachable by nobody else, and
takes it down at the end. Where none can run, --in-process does the same without
it.

With --json it prints one object: ok (true when every step proved what it
should) and steps[] with name, ok and facts (an object); or error with code,
exit, message and detail. Exit codes are 0, 1 (a step failed), 2 (usage), 3 (no
PC/SC service can run), and 128 plus the number of a signal.`,
		`Mostra tutta la vita di una carta su una virtuale, con un titolare
inventato: riconoscimento e autenticità, un PIN sbagliato, un cambio di PIN,
blocco e sblocco, un documento firmato, e un accesso di livello 3 con TLS
reciproco. Ogni passo dice che cosa dimostra. Nessuna carta e nessun lettore
veri vengono toccati.

Avvia un servizio PC/SC (pcscd) tutto suo, che nessun altro può raggiungere, e
alla fine lo spegne. Dove non può girare, --in-process fa lo stesso senza.

Con --json stampa un oggetto: ok (true se ogni passo ha dimostrato ciò che
doveva) e steps[] con name, ok e facts (un oggetto); oppure error con code,
exit, message e detail. I codici di uscita sono 0, 1 (un passo non è riuscito),
2 (uso sbagliato), 3 (nessun servizio PC/SC può girare) e 128 più il numero di
un segnale.`)
	demoUsageLine   = text("cie-virtual demo [options]", "cie-virtual demo [opzioni]")
	badDemoArgument = text("unexpected argument \"%s\"", "argomento \"%s\" inatteso")
	flagInProcess   = text("no PC/SC service: the virtual card lives in the program",
		"nessun servizio PC/SC: la carta virtuale vive nel programma")
	flagJSON  = text("answer in JSON", "rispondi in JSON")
	flagDebug = text("print steps and headers of the commands to the card; never codes, keys or data",
		"stampa i passi e le intestazioni dei comandi alla carta; mai codici, chiavi o dati")

	demoIntro = text(
		"Demonstration on a VIRTUAL card. The holder is invented, the card is a program. No real card and no real reader is touched.",
		"Dimostrazione con una carta VIRTUALE. Il titolare è inventato, la carta è un programma. Nessuna carta e nessun lettore veri vengono toccati.")
	demoProves = text("This proves:", "Questo dimostra:")
	demoDone   = i18n.Plural{
		One:   text("%d step, and it proved what it should.", "%d passo, e ha dimostrato ciò che doveva."),
		Other: text("All %d steps proved what they should.", "%d passi su %[1]d hanno dimostrato ciò che dovevano."),
	}
	demoNext = text(
		"With a card and a reader of your own, begin with \"cie status\".",
		"Con una carta e un lettore tuoi, comincia da \"cie status\".")
	demoCleaned = text(
		"The PC/SC service of the demonstration is stopped and its files are removed.",
		"Il servizio PC/SC della dimostrazione è fermo e i suoi file sono stati rimossi.")

	demoInProcessDo = text(
		"Or without any service: \"cie-virtual demo --in-process\".",
		"Oppure senza alcun servizio: \"cie-virtual demo --in-process\".")
	demoFailed = text(
		"the demonstration did not prove what it should, in the step \"%s\": %s",
		"la dimostrazione non ha dimostrato ciò che doveva, nel passo \"%s\": %s")

	demoReader       = text("A card on a reader", "Una carta su un lettore")
	demoReaderPCSC   = text("a PC/SC service (pcscd) of its own, which nobody else can reach", "un servizio PC/SC (pcscd) tutto suo, che nessun altro può raggiungere")
	demoReaderLaid   = text("the virtual card lies on the reader \"%s\"", "la carta virtuale è appoggiata sul lettore \"%s\"")
	demoReaderEvents = text("the program was told by the service; it did not keep asking", "il programma l'ha saputo dal servizio, senza chiederlo di continuo")
	demoReaderProof  = text(
		"this software reaches cards through the same service as every other program, and notices them when they come.",
		"questo software raggiunge le carte attraverso lo stesso servizio di tutti gli altri programmi, e le nota quando arrivano.")
	demoReaderHere      = text("no PC/SC service: the virtual card lives in this program", "nessun servizio PC/SC: la carta virtuale vive in questo programma")
	demoReaderHereProof = text(
		"the software works with anything that moves commands to a chip and answers back.",
		"il software funziona con qualunque cosa porti comandi a un chip e ne riporti le risposte.")

	demoKnown      = text("Recognising the card", "Riconoscere la carta")
	demoKnownCard  = text("it is an identity card: chip %s, NIS %s", "è una carta d'identità: chip %s, NIS %s")
	demoKnownTries = text("attempts left: PIN %d of %d, PUK %d of %d", "tentativi rimasti: PIN %d su %d, PUK %d su %d")
	demoKnownProof = text(
		"a card is recognised by its answers, not by a list of models, and the attempts left are read without spending one.",
		"una carta si riconosce dalle sue risposte, non da un elenco di modelli, e i tentativi rimasti si leggono senza usarne uno.")

	demoGenuine        = text("Is it genuine?", "È autentica?")
	demoGenuineUnknown = text("without the test authority, only the real Italian ones trusted: a virtual card, which gets no code", "senza l'autorità di prova, con le sole autorità italiane vere: carta virtuale, che non riceve codici")
	demoGenuineYes     = text("with the test authority added: genuine", "con l'autorità di prova aggiunta: autentica")
	demoGenuineClone   = text("a copy with the same data but without the chip's keys: refused, and the code typed for it was not sent", "una copia con gli stessi dati ma senza le chiavi del chip: rifiutata, e il codice digitato non le è stato inviato")
	demoGenuineProof   = text(
		"who issued the card is checked against known authorities, and the chip must show that it is the original before any code goes to it. A virtual card cannot pass for a real one.",
		"chi ha emesso la carta viene controllato con autorità conosciute, e il chip deve mostrare di essere l'originale prima che gli arrivi un codice. Una carta virtuale non può passare per vera.")

	demoWrong      = text("A wrong PIN", "Un PIN sbagliato")
	demoWrongSaid  = text("refused; attempts left: %d of %d", "rifiutato; tentativi rimasti: %d su %d")
	demoWrongShort = text("5 digits instead of 8: refused without asking the card; attempts left: still %d", "5 cifre invece di 8: rifiutato senza interpellare la carta; tentativi rimasti: ancora %d")
	demoWrongProof = text(
		"a wrong PIN costs exactly one attempt, and a mistake in the number of digits costs none.",
		"un PIN sbagliato costa esattamente un tentativo, e un errore nel numero di cifre non ne costa.")

	demoChange      = text("A new PIN", "Un nuovo PIN")
	demoChangeEasy  = text("a PIN of digits in sequence: refused before the card was asked", "un PIN di cifre in sequenza: rifiutato prima di interpellare la carta")
	demoChangeDone  = text("PIN changed; the new one is right, attempts left: %d of %d", "PIN cambiato; quello nuovo è giusto, tentativi rimasti: %d su %d")
	demoChangeOld   = text("the old one is refused", "quello vecchio viene rifiutato")
	demoChangeProof = text(
		"from the change on only the new PIN holds.",
		"dal cambio in poi vale solo il nuovo PIN.")

	demoBlock      = text("Three wrong PINs", "Tre PIN sbagliati")
	demoBlockLeft  = text("wrong PIN; attempts left: %d", "PIN sbagliato; tentativi rimasti: %d")
	demoBlockAsk   = text("only one left: the PIN is not sent until somebody says so", "ne resta uno solo: il PIN non parte finché qualcuno non lo conferma")
	demoBlockDone  = text("confirmed, wrong again: the PIN is blocked", "confermato, di nuovo sbagliato: il PIN è bloccato")
	demoBlockRight = text("now even the right PIN is refused", "adesso anche il PIN giusto viene rifiutato")
	demoBlockProof = text(
		"who finds a card has three attempts, and the owner never spends the last one by accident.",
		"chi trova una carta ha tre tentativi, e chi la possiede non usa mai l'ultimo per sbaglio.")

	demoUnblock      = text("Unblocking with the PUK", "Sbloccare con il PUK")
	demoUnblockDone  = text("unblocked with a new PIN; attempts left: %d of %d", "sbloccato con un nuovo PIN; tentativi rimasti: %d su %d")
	demoUnblockPUK   = text("the PUK still has all its attempts: %d of %d", "il PUK ha ancora tutti i suoi tentativi: %d su %d")
	demoUnblockProof = text(
		"a blocked PIN is no disaster: with the PUK the card works again at once.",
		"un PIN bloccato non è un disastro: con il PUK la carta torna subito a funzionare.")

	demoSign         = text("Signing a document", "Firmare un documento")
	demoSignDocument = text("Dear municipality, I ask for a certificate of residence.", "Spett. Comune, chiedo un certificato di residenza.")
	demoSignDone     = text("signed in the chip, with a time stamp of the test authority: a p7m of %d bytes", "firmato nel chip, con una marca temporale dell'autorità di prova: un p7m di %d byte")
	demoSignValid    = text("verified with the test authority, which also answers that the certificate is not revoked: valid, signed by %s", "verificato con l'autorità di prova, che risponde anche che il certificato non è revocato: valida, firmato da %s")
	demoSignUnknown  = text("with the real Italian authorities only, or without asking about revocation: it cannot be said", "con le sole autorità italiane vere, o senza chiedere della revoca: non si può dire")
	demoSignAltered  = text("with a few letters of the document changed: not valid", "con qualche lettera del documento cambiata: non valida")
	demoSignProof    = text(
		"a signature is called valid only when everything was checked, and a change of the document shows. It is an advanced electronic signature, for public administrations.",
		"una firma si dice valida solo quando tutto è stato controllato, e una modifica del documento si vede. È una firma elettronica avanzata, per le pubbliche amministrazioni.")

	demoLogin        = text("Logging in at level 3", "Accedere con il livello 3")
	demoLoginRefused = text("without the card: the server refuses the connection", "senza la carta: il server rifiuta la connessione")
	demoLoginTLS     = text("with the card: %s with client certificate, signed in the chip (%s)", "con la carta: %s con il certificato client, firmato nel chip (%s)")
	demoLoginSaw     = text("the server saw: %s %s, %s, NIS %s", "il server ha visto: %s %s, %s, NIS %s")
	demoLoginProof   = text(
		"the private key never leaves the chip, and the server knows who logs in without a password: this is how public services see the card.",
		"la chiave privata non lascia mai il chip, e il server sa chi accede senza una password: è così che i servizi pubblici vedono la carta.")
)
