package msg

// The demonstration.
var (
	DemoIntro = text(
		"Demonstration on a VIRTUAL card. The holder is invented, the card is a program. No real card and no real reader is touched.",
		"Dimostrazione con una carta VIRTUALE. Il titolare è inventato, la carta è un programma. Nessuna carta e nessun lettore veri vengono toccati.")
	DemoProves = text("This proves:", "Questo dimostra:")
	DemoDone   = plural(
		text("%d step, and it proved what it should.", "%d passo, e ha dimostrato ciò che doveva."),
		text("All %d steps proved what they should.", "%d passi su %[1]d hanno dimostrato ciò che dovevano."))
	DemoNext = text(
		"With a card and a reader of your own, begin with \"cie status\".",
		"Con una carta e un lettore tuoi, comincia da \"cie status\".")
	DemoCleaned = text(
		"The PC/SC service of the demonstration is stopped and its files are removed.",
		"Il servizio PC/SC della dimostrazione è fermo e i suoi file sono stati rimossi.")

	DemoNotInstalled = text(
		"the demonstration needs a PC/SC service (pcscd) and its virtual reader, and they are not installed",
		"la dimostrazione richiede un servizio PC/SC (pcscd) e il suo lettore virtuale, che non sono installati")
	DemoNotInstalledDo = text(
		"On Debian and Ubuntu: \"sudo apt install pcscd vsmartcard-vpcd\".",
		"Su Debian e Ubuntu: \"sudo apt install pcscd vsmartcard-vpcd\".")
	DemoNotPermitted = text(
		"this system does not permit a PC/SC service of its own for the demonstration",
		"questo sistema non permette alla dimostrazione di avere un proprio servizio PC/SC")
	DemoInProcessDo = text(
		"Or without any service: \"cie demo --in-process\".",
		"Oppure senza alcun servizio: \"cie demo --in-process\".")
	DemoFailed = text(
		"the demonstration did not prove what it should, in the step \"%s\": %s",
		"la dimostrazione non ha dimostrato ciò che doveva, nel passo \"%s\": %s")

	DemoReader       = text("A card on a reader", "Una carta su un lettore")
	DemoReaderPCSC   = text("a PC/SC service (pcscd) of its own, which nobody else can reach", "un servizio PC/SC (pcscd) tutto suo, che nessun altro può raggiungere")
	DemoReaderLaid   = text("the virtual card lies on the reader \"%s\"", "la carta virtuale è appoggiata sul lettore \"%s\"")
	DemoReaderEvents = text("the program was told by the service; it did not keep asking", "il programma l'ha saputo dal servizio, senza chiederlo di continuo")
	DemoReaderProof  = text(
		"this software reaches cards through the same service as every other program, and notices them when they come.",
		"questo software raggiunge le carte attraverso lo stesso servizio di tutti gli altri programmi, e le nota quando arrivano.")
	DemoReaderHere      = text("no PC/SC service: the virtual card lives in this program", "nessun servizio PC/SC: la carta virtuale vive in questo programma")
	DemoReaderHereProof = text(
		"the software works with anything that moves commands to a chip and answers back.",
		"il software funziona con qualunque cosa porti comandi a un chip e ne riporti le risposte.")

	DemoKnown      = text("Recognising the card", "Riconoscere la carta")
	DemoKnownCard  = text("it is an identity card: chip %s, NIS %s", "è una carta d'identità: chip %s, NIS %s")
	DemoKnownTries = text("attempts left: PIN %d of %d, PUK %d of %d", "tentativi rimasti: PIN %d su %d, PUK %d su %d")
	DemoKnownProof = text(
		"a card is recognised by its answers, not by a list of models, and the attempts left are read without spending one.",
		"una carta si riconosce dalle sue risposte, non da un elenco di modelli, e i tentativi rimasti si leggono senza usarne uno.")

	DemoGenuine        = text("Is it genuine?", "È autentica?")
	DemoGenuineUnknown = text("without the test authority, only the real Italian ones trusted: a virtual card, which gets no code", "senza l'autorità di prova, con le sole autorità italiane vere: carta virtuale, che non riceve codici")
	DemoGenuineYes     = text("with the test authority added: genuine", "con l'autorità di prova aggiunta: autentica")
	DemoGenuineClone   = text("a copy with the same data but without the chip's keys: refused, and the code typed for it was not sent", "una copia con gli stessi dati ma senza le chiavi del chip: rifiutata, e il codice digitato non le è stato inviato")
	DemoGenuineProof   = text(
		"who issued the card is checked against known authorities, and the chip must show that it is the original before any code goes to it. A virtual card cannot pass for a real one.",
		"chi ha emesso la carta viene controllato con autorità conosciute, e il chip deve mostrare di essere l'originale prima che gli arrivi un codice. Una carta virtuale non può passare per vera.")

	DemoWrong      = text("A wrong PIN", "Un PIN sbagliato")
	DemoWrongSaid  = text("refused; attempts left: %d of %d", "rifiutato; tentativi rimasti: %d su %d")
	DemoWrongShort = text("5 digits instead of 8: refused without asking the card; attempts left: still %d", "5 cifre invece di 8: rifiutato senza interpellare la carta; tentativi rimasti: ancora %d")
	DemoWrongProof = text(
		"a wrong PIN costs exactly one attempt, and a mistake in the number of digits costs none.",
		"un PIN sbagliato costa esattamente un tentativo, e un errore nel numero di cifre non ne costa.")

	DemoChange      = text("A new PIN", "Un nuovo PIN")
	DemoChangeEasy  = text("a PIN of digits in sequence: refused before the card was asked", "un PIN di cifre in sequenza: rifiutato prima di interpellare la carta")
	DemoChangeDone  = text("PIN changed; the new one is right, attempts left: %d of %d", "PIN cambiato; quello nuovo è giusto, tentativi rimasti: %d su %d")
	DemoChangeOld   = text("the old one is refused", "quello vecchio viene rifiutato")
	DemoChangeProof = text(
		"from the change on only the new PIN holds.",
		"dal cambio in poi vale solo il nuovo PIN.")

	DemoBlock      = text("Three wrong PINs", "Tre PIN sbagliati")
	DemoBlockLeft  = text("wrong PIN; attempts left: %d", "PIN sbagliato; tentativi rimasti: %d")
	DemoBlockAsk   = text("only one left: the PIN is not sent until somebody says so", "ne resta uno solo: il PIN non parte finché qualcuno non lo conferma")
	DemoBlockDone  = text("confirmed, wrong again: the PIN is blocked", "confermato, di nuovo sbagliato: il PIN è bloccato")
	DemoBlockRight = text("now even the right PIN is refused", "adesso anche il PIN giusto viene rifiutato")
	DemoBlockProof = text(
		"who finds a card has three attempts, and the owner never spends the last one by accident.",
		"chi trova una carta ha tre tentativi, e chi la possiede non usa mai l'ultimo per sbaglio.")

	DemoUnblock      = text("Unblocking with the PUK", "Sbloccare con il PUK")
	DemoUnblockDone  = text("unblocked with a new PIN; attempts left: %d of %d", "sbloccato con un nuovo PIN; tentativi rimasti: %d su %d")
	DemoUnblockPUK   = text("the PUK still has all its attempts: %d of %d", "il PUK ha ancora tutti i suoi tentativi: %d su %d")
	DemoUnblockProof = text(
		"a blocked PIN is no disaster: with the PUK the card works again at once.",
		"un PIN bloccato non è un disastro: con il PUK la carta torna subito a funzionare.")

	DemoSign         = text("Signing a document", "Firmare un documento")
	DemoSignDocument = text("Dear municipality, I ask for a certificate of residence.", "Spett. Comune, chiedo un certificato di residenza.")
	DemoSignDone     = text("signed in the chip, with a time stamp of the test authority: a p7m of %d bytes", "firmato nel chip, con una marca temporale dell'autorità di prova: un p7m di %d byte")
	DemoSignValid    = text("verified with the test authority, which also answers that the certificate is not revoked: valid, signed by %s", "verificato con l'autorità di prova, che risponde anche che il certificato non è revocato: valida, firmato da %s")
	DemoSignUnknown  = text("with the real Italian authorities only, or without asking about revocation: it cannot be said", "con le sole autorità italiane vere, o senza chiedere della revoca: non si può dire")
	DemoSignAltered  = text("with a few letters of the document changed: not valid", "con qualche lettera del documento cambiata: non valida")
	DemoSignProof    = text(
		"a signature is called valid only when everything was checked, and a change of the document shows. It is an advanced electronic signature, for public administrations.",
		"una firma si dice valida solo quando tutto è stato controllato, e una modifica del documento si vede. È una firma elettronica avanzata, per le pubbliche amministrazioni.")

	DemoLogin        = text("Logging in at level 3", "Accedere con il livello 3")
	DemoLoginRefused = text("without the card: the server refuses the connection", "senza la carta: il server rifiuta la connessione")
	DemoLoginTLS     = text("with the card: %s with client certificate, signed in the chip (%s)", "con la carta: %s con il certificato client, firmato nel chip (%s)")
	DemoLoginSaw     = text("the server saw: %s %s, %s, NIS %s", "il server ha visto: %s %s, %s, NIS %s")
	DemoLoginProof   = text(
		"the private key never leaves the chip, and the server knows who logs in without a password: this is how public services see the card.",
		"la chiave privata non lascia mai il chip, e il server sa chi accede senza una password: è così che i servizi pubblici vedono la carta.")
)
