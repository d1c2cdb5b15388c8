package main

import "cie/cmd/internal/i18n"

func text(en, it string) i18n.Text { return i18n.Text{EN: en, IT: it} }

var (
	short = text("Put virtual identity cards into a PC/SC reader", "Mette carte d'identità virtuali in un lettore PC/SC")
	long  = text(`Puts virtual electronic identity cards (CIE) into the virtual reader of
vsmartcard (vpcd), so that every PC/SC program on the machine sees them: for
tests, demonstrations and development.

The virtual cards are not documents: their keys are public and nobody trusts
their certificates.

vpcd listens on a TCP port inside pcscd; each card takes the next slot, which is
the next port. With --pcscd the program starts a pcscd of its own, apart from
the system's, and prints the environment that makes programs use it.

A command after "--" is run when PC/SC sees the cards; its end is the end of the
program, its exit code the program's.

"cie-virtual demo" shows everything on a virtual card, step by step.

Options on holder and document may be repeated: the n-th value is for the n-th
card. --family, --strict, --sod and --expires given once are for all cards.`,
		`Mette carte d'identità elettroniche (CIE) virtuali nel lettore virtuale di
vsmartcard (vpcd), così che ogni programma PC/SC della macchina le veda: per
prove, dimostrazioni e sviluppo.

Le carte virtuali non sono documenti: le loro chiavi sono pubbliche e nessuno si
fida dei loro certificati.

vpcd ascolta su una porta TCP dentro pcscd; ogni carta prende lo slot seguente,
cioè la porta seguente. Con --pcscd il programma avvia un pcscd proprio,
separato da quello del sistema, e stampa le variabili d'ambiente con cui i
programmi lo usano.

Un comando dopo "--" viene eseguito quando PC/SC vede le carte; quando finisce
finisce anche il programma, con lo stesso codice di uscita.

"cie-virtual demo" mostra tutto con una carta virtuale, passo per passo.

Le opzioni su titolare e documento si possono ripetere: l'n-esimo valore vale
per l'n-esima carta. --family, --strict, --sod e --expires dati una volta
valgono per tutte.`)
	examples = text(`  cie-virtual                                  # into the system's pcscd
  cie-virtual --pcscd                          # into a pcscd of its own
  cie-virtual --pcscd -- opensc-tool --atr     # for one command
  cie-virtual --family Gemalto --family NXP    # two cards, two readers
  cie-virtual --strict all                     # only what field clients send
  cie-virtual --state card.json --trace -      # keeps its PIN, shows APDUs`,
		`  cie-virtual                                  # nel pcscd del sistema
  cie-virtual --pcscd                          # in un pcscd proprio
  cie-virtual --pcscd -- opensc-tool --atr     # per un solo comando
  cie-virtual --family Gemalto --family NXP    # due carte, due lettori
  cie-virtual --strict all                     # solo ciò che usano i client noti
  cie-virtual --state carta.json --trace -     # tiene il PIN, mostra gli APDU`)
	usageWord    = text("Usage:", "Uso:")
	usageLine    = text("cie-virtual [options] [-- command [argument...]]\n  cie-virtual demo [options]", "cie-virtual [opzioni] [-- comando [argomento...]]\n  cie-virtual demo [opzioni]")
	optionsWord  = text("Options:", "Opzioni:")
	examplesWord = text("Examples:", "Esempi:")
	consoleWord  = text("On standard input, while it runs:", "Sullo standard input, mentre è in funzione:")
	defaultWord  = text("default", "predefinito")
	seeHelp      = text("\"cie-virtual --help\" lists the options.", "\"cie-virtual --help\" elenca le opzioni.")

	flagHost     = text("`host` of vpcd", "`host` di vpcd")
	flagPort     = text("TCP `port` of vpcd's first slot", "`porta` TCP del primo slot di vpcd")
	flagPCSCD    = text("start a private pcscd with vpcd", "avvia un pcscd privato con vpcd")
	flagCards    = text("`number` of cards", "`numero` di carte")
	flagAbsent   = text("do not insert the cards yet", "non inserire ancora le carte")
	flagFamily   = text("chip `family`: %s", "`famiglia` del chip: %s")
	flagStrict   = text("refuse the `kinds` of commands that no known client sends to real cards, separated by commas: all, or %s", "rifiuta i `tipi` di comandi che nessun client noto invia alle carte vere, separati da virgole: all, oppure %s")
	flagState    = text("`file` that keeps PIN, PUK and counters of the card", "`file` che conserva PIN, PUK e contatori della carta")
	flagTrace    = text("write APDUs to a `file`; - is standard error; codes are hidden", "scrivi gli APDU in un `file`; - è lo standard error; i codici sono nascosti")
	flagLink     = text("take the time of a real chip on a link of so many `kbit/s`: 106, 212, 424, 848", "impiega il tempo di un chip vero su un collegamento a tanti `kbit/s`: 106, 212, 424, 848")
	flagSurname  = text("`surname` of the holder", "`cognome` del titolare")
	flagName     = text("given `name` of the holder; empty: none", "`nome` del titolare; vuoto: nessuno")
	flagFiscal   = text("codice fiscale (tax `code`) of the holder", "`codice` fiscale del titolare")
	flagNIS      = text("`number` of the chip (NIS), 12 digits", "`numero` del chip (NIS), 12 cifre")
	flagDocument = text("document `number`, 9 characters", "`numero` del documento, 9 caratteri")
	flagIssued   = text("first `day` of validity, as in 2024-02-01", "primo `giorno` di validità, come 2024-02-01")
	flagExpires  = text("last `day` of validity, as in 2034-06-30", "ultimo `giorno` di validità, come 2034-06-30")
	flagSOD      = text("`generation` of the signed list of hashes: 1 (SHA-256, PKCS#1) or 2 (SHA-512, PSS)", "`generazione` dell'elenco firmato degli hash: 1 (SHA-256, PKCS#1) o 2 (SHA-512, PSS)")
	flagPINFD    = text("read the PIN of new cards from file descriptor `N`", "leggi il PIN delle carte nuove dal descrittore di file `N`")
	flagPUKFD    = text("read the PUK of new cards from file descriptor `N`", "leggi il PUK delle carte nuove dal descrittore di file `N`")
	flagHelp     = text("show this help", "mostra questo aiuto")
	flagVersion  = text("show the version", "mostra la versione")

	badOption     = text("wrong option: %v", "opzione sbagliata: %v")
	badArgument   = text("unexpected argument \"%s\" (a command to run stands after \"--\")", "argomento \"%s\" inatteso (un comando da eseguire sta dopo \"--\")")
	interrupted   = text("stopped at your request", "interrotto su tua richiesta")
	badLink       = text("--link %d: choose among 106, 212, 424 and 848", "--link %d: scegli fra 106, 212, 424 e 848")
	badFamily     = text("--family %s: choose among %s", "--family %s: scegli fra %s")
	badStrict     = text("--strict %s: choose all, or among %s; at most one of docp-..., one of eof-empty and eof-6B00, one of no-mf, no-aid and mf-elsewhere", "--strict %s: scegli all, oppure fra %s; al massimo uno fra i docp-..., uno fra eof-empty e eof-6B00, uno fra no-mf, no-aid e mf-elsewhere")
	badDate       = text("--%s %s: write a date as 2034-06-30", "--%s %s: scrivi una data come 2034-06-30")
	badCards      = text("%d cards: between 1 and %d", "%d carte: fra 1 e %d")
	badPort       = text("--port %d: there are not enough ports from there", "--port %d: da lì non ci sono abbastanza porte")
	badCode       = text("--%s %d: exactly 8 digits are needed, and no other text", "--%s %d: servono esattamente 8 cifre e nient'altro")
	badFD         = text("--%s %d: this file descriptor cannot be read", "--%s %d: questo descrittore di file non si può leggere")
	badCard       = text("card %d: %v", "carta %d: %v")
	pcscdAndPort  = text("--pcscd brings its own reader: --host and --port do not go with it", "--pcscd porta il proprio lettore: --host e --port non si usano insieme")
	absentAndRun  = text("--absent and a command do not go together", "--absent e un comando non si usano insieme")
	sharedState   = text("--state %s: each card needs a file of its own", "--state %s: ogni carta ha bisogno del proprio file")
	notInstalled  = text("a private pcscd cannot be started: %v. On Debian: apt install pcscd vsmartcard-vpcd", "non si può avviare un pcscd privato: %v. Su Debian: apt install pcscd vsmartcard-vpcd")
	notPermitted  = text("a private pcscd cannot be started: %v. Run as root, or where user namespaces are allowed", "non si può avviare un pcscd privato: %v. Esegui come root, o dove sono permessi gli user namespace")
	privateFailed = text("the private pcscd does not run: %v", "il pcscd privato non funziona: %v")
	privateDied   = text("the private pcscd ended by itself", "il pcscd privato è terminato da solo")
	trustsVirtual = text("# programs run with this configuration trust virtual cards, which anybody can make: %s", "# i programmi avviati con questa configurazione si fidano delle carte virtuali, che chiunque può creare: %s")
	notSeen       = text("PC/SC does not see the cards: %v", "PC/SC non vede le carte: %v")
	runFailed     = text("\"%s\" cannot be run: %v", "\"%s\" non si può eseguire: %v")

	banner     = text("VIRTUAL CARD for tests: a simulation, not an identity document.", "CARTA VIRTUALE per prove: una simulazione, non un documento d'identità.")
	describe   = text("card %d: %s, NIS %s, document %s, chip %v", "carta %d: %s, NIS %s, documento %s, chip %v")
	refuses    = text("card %d: refuses %v", "carta %d: rifiuta %v")
	showCodes  = text("card %d: PIN %s, PUK %s (public values of the synthetic card)", "carta %d: PIN %s, PUK %s (valori pubblici della carta sintetica)")
	ownCodes   = text("card %d: PIN and PUK are those given or kept in the state file", "carta %d: PIN e PUK sono quelli dati o conservati nel file di stato")
	exportHint = text("# a private pcscd runs; in the shell whose programs shall see the cards:", "# un pcscd privato è in funzione; nella shell i cui programmi devono vedere le carte:")

	inserted    = text("card %d: in the reader", "carta %d: nel lettore")
	removed     = text("card %d: out of the reader", "carta %d: fuori dal lettore")
	thrownOut   = text("card %d: the reader ended the connection; inserting again", "carta %d: il lettore ha chiuso la connessione; la inserisco di nuovo")
	takenAway   = text("card %d: taken away by a fault; \"insert %d\" puts it back", "carta %d: tolta da un guasto; \"insert %d\" la rimette")
	unreachable = text("card %d: no reader at %s (%v); trying again. Does pcscd run, with vpcd? Any PC/SC program starts it",
		"carta %d: nessun lettore a %s (%v); riprovo. pcscd è in funzione, con vpcd? Un qualsiasi programma PC/SC lo avvia")
	alreadyIn  = text("card %d: is already in the reader", "carta %d: è già nel lettore")
	alreadyOut = text("card %d: is already out of the reader", "carta %d: è già fuori dal lettore")
	wasReset   = text("card %d: reset", "carta %d: riavviata")
	faultsSet  = text("card %d: faults set: %s", "carta %d: guasti impostati: %s")
	faultsNone = text("card %d: no faults", "carta %d: nessun guasto")
	statusLine = text("card %d: %s, slot %s, tries left PIN %d of %d, PUK %d of %d, commands %d, resets %d, signatures %d",
		"carta %d: %s, slot %s, tentativi rimasti PIN %d di %d, PUK %d di %d, comandi %d, riavvii %d, firme %d")
	stateIn      = text("in the reader", "nel lettore")
	stateOut     = text("out of the reader", "fuori dal lettore")
	stateWaiting = text("waiting for the reader", "in attesa del lettore")

	unknownCommand = text("unknown command \"%s\"; \"help\" lists the commands", "comando \"%s\" sconosciuto; \"help\" elenca i comandi")
	unknownCard    = text("no card \"%s\"; there are 1 to %d", "nessuna carta \"%s\"; ci sono da 1 a %d")
	unknownFault   = text("unknown fault \"%s\"; write KIND@N, split=BYTES or none; kinds: %s", "guasto \"%s\" sconosciuto; scrivi TIPO@N, split=BYTE o none; tipi: %s")
	tooMany        = text("too many words: \"%s\"", "troppe parole: \"%s\"")
	consoleHelp    = text(`  insert [N]             put card N, or all, into the reader
  remove [N]             take it out
  reset [N]              reset the chip behind the reader's back
  faults [N] KIND@M ...  let something go wrong at the M-th command from now:
                         %s
                         split=BYTES (answers in pieces), none (no faults)
  status [N]             reader, tries left, counters
  quit                   end`,
		`  insert [N]             metti la carta N, o tutte, nel lettore
  remove [N]             toglila
  reset [N]              riavvia il chip all'insaputa del lettore
  faults [N] TIPO@M ...  fai andare male qualcosa all'M-esimo comando da adesso:
                         %s
                         split=BYTE (risposte a pezzi), none (nessun guasto)
  status [N]             lettore, tentativi rimasti, contatori
  quit                   termina`)
)
