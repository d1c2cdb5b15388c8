package msg

// The verbs below "cie browsers".
var (
	BrowsersShort = text("Let browsers log in with the card", "Usa la carta per accedere dai browser")
	BrowsersLong  = text(`Browsers and some other programs (Thunderbird, LibreOffice, Okular) use the card through
a module that they must be told about, once. These commands do that for all of them,
show how things are, and take it back leaving every file as it was before.`,
		`I browser e alcuni altri programmi (Thunderbird, LibreOffice, Okular) usano la carta con
un modulo che va indicato loro una volta sola. Questi comandi lo fanno per tutti, mostrano
come stanno le cose, e tolgono tutto lasciando ogni file com'era prima.`)
	BrowsersStatusShort = text("Show which browsers know the card", "Mostra quali browser conoscono la carta")
	BrowsersStatusLong  = text(`Shows every browser found: version, how it was installed, whether it knows the card, and
if not, why and what to do. The module is loaded in a process of its own to see that it
works. Nothing is changed.`,
		`Mostra ogni browser trovato: versione, come è stato installato, se conosce la carta e, se
no, perché e che cosa fare. Il modulo viene caricato in un processo a parte per vedere se
funziona. Nulla viene cambiato.`)
	BrowsersEnableShort = text("Make the browsers know the card", "Fai conoscere la carta ai browser")
	BrowsersEnableLong  = text(`Registers the module with all browsers of the user: every profile of Firefox and
Thunderbird, the database that Chromium, Chrome, Edge, Brave and others share, and p11-kit
for named programs. Doing it again is harmless. Browsers that are running notice it only
after they are closed and started again.

With --system an administrator does it for all users of the computer.`,
		`Registra il modulo in tutti i browser dell'utente: ogni profilo di Firefox e Thunderbird,
il database comune di Chromium, Chrome, Edge, Brave e altri, e p11-kit per i programmi
indicati. Rifarlo non fa danni. I browser aperti se ne accorgono solo dopo essere stati
chiusi e riaperti.

Con --system un amministratore lo fa per tutti gli utenti del computer.`)
	BrowsersDisableShort = text("Make the browsers forget the card", "Fai dimenticare la carta ai browser")
	BrowsersDisableLong  = text(`Takes the module out of all browsers again. Files that nobody changed meanwhile get back
the bytes they had; from the others only the registration is taken out.`,
		`Toglie di nuovo il modulo da tutti i browser. I file che nel frattempo nessuno ha cambiato
tornano identici a prima; dagli altri viene tolta solo la registrazione.`)
	FlagModule     = text("path of the module, if it is not the installed one", "percorso del modulo, se non è quello installato")
	FlagSystem     = text("for all users of this computer; needs administrator rights", "per tutti gli utenti di questo computer; servono i diritti di amministratore")
	FlagDryRun     = text("only show what would be done", "mostra soltanto che cosa verrebbe fatto")
	FlagAutoSelect = text("with --system: on the login page of the ministry Chromium and its relatives choose the certificate without asking",
		"con --system: nella pagina di accesso del ministero Chromium e simili scelgono il certificato senza chiedere")
	FlagFlatpak = text("let browsers installed as flatpaks reach the card through a p11-kit server; their sandbox gets this right on top of its own",
		"permetti ai browser installati come flatpak di raggiungere la carta attraverso un server p11-kit; il loro ambiente isolato riceve questo diritto in più")
	ProbeShort = text("Load a module and report on standard output (used by the program itself)",
		"Carica un modulo e riferisci sullo standard output (lo usa il programma stesso)")
)

// What is wrong with the module or with who asks.
var (
	FlatpakUser      = text("--flatpak is for each user and does not go with --system", "--flatpak vale per ogni utente e non va con --system")
	AutoSelectSystem = text("--auto-select needs --system", "--auto-select richiede --system")
	NeedRoot         = text("--system changes the computer for everybody and needs administrator rights", "--system cambia il computer per tutti e richiede i diritti di amministratore")
	NeedRootDo       = text("Type \"sudo %s\", or leave out --system to change only your own browsers.", "Scrivi \"sudo %s\", oppure togli --system per cambiare solo i tuoi browser.")
	NotOwner         = text("the browsers of %s belong to somebody else, so they were not touched", "i browser di %s sono di qualcun altro, quindi non sono stati toccati")
	NotOwnerSudo     = text("the command was started with sudo, so the browsers of %s were not touched", "il comando è stato avviato con sudo, quindi i browser di %s non sono stati toccati")
	NotOwnerSudoDo   = text("Type the command without sudo: a browser cannot use files that belong to root.", "Scrivi il comando senza sudo: un browser non può usare file che appartengono a root.")
	NotOwnerDo       = text("Type the command as the user whose browsers you mean.", "Scrivi il comando con l'utente a cui appartengono i browser.")

	ModulePathBad   = text("\"%s\" cannot be the path of a module", "\"%s\" non può essere il percorso di un modulo")
	ModuleGood      = text("The module loads: %s", "Il modulo si carica: %s")
	ModuleMissing   = text("the module that browsers need is not there: %s", "manca il modulo che serve ai browser: %s")
	ModuleMissingDo = text("Install this software again, or say with --module where the module is.", "Installa di nuovo questo software, oppure indica con --module dov'è il modulo.")
	ModuleBroken    = text("the module does not load: %s", "il modulo non si carica: %s")
	ModuleBrokenDo  = text("Install this software again. If it stays like this, \"cie doctor --report FILE\" writes what a bug report needs.", "Installa di nuovo questo software. Se non cambia, \"cie doctor --report FILE\" scrive ciò che serve per segnalare il problema.")

	ProbeMissing     = text("The file does not exist (%s).", "Il file non esiste (%s).")
	ProbeNotLoadable = text("The system refuses the file: %s.", "Il sistema rifiuta il file: %s.")
	ProbeNotModule   = text("The file is a library, but no module for cards (%s).", "Il file è una libreria, ma non un modulo per le carte (%s).")
	ProbeCrashed     = text("The program that loaded it was killed (%s).", "Il programma che lo ha caricato è stato interrotto dal sistema (%s).")
	ProbeTimeout     = text("It did not answer in time (%s).", "Non ha risposto in tempo (%s).")
	ProbeRefused     = text("It answered with an error (%s).", "Ha risposto con un errore (%s).")
)

// How things are with a browser.
var (
	PackageNative  = text("package of the system", "pacchetto del sistema")
	PackageSnap    = text("a snap", "snap")
	PackageFlatpak = text("a flatpak", "flatpak")
	PackageTarball = text("unpacked by hand", "installato a mano")

	NoBrowsers          = text("No browser was found.", "Non è stato trovato alcun browser.")
	BrowserReady        = text("knows the card", "conosce la carta")
	BrowserByPolicy     = text("knows the card, by a setting of the administrator", "conosce la carta, per una impostazione dell'amministratore")
	BrowserRestart      = text("knows the card only after it is closed and started again: it was running when the card was registered.", "conoscerà la carta dopo essere stato chiuso e riaperto: era aperto quando la carta è stata registrata.")
	BrowserNotLoadable  = text("is set up, but the module does not load (see above).", "è configurato, ma il modulo non si carica (vedi sopra).")
	BrowserOff          = text("does not know the card: type \"cie browsers enable\".", "non conosce la carta: scrivi \"cie browsers enable\".")
	BrowserElsewhere    = text("looks for the module in another place: \"cie browsers enable\" corrects it.", "cerca il modulo in un altro posto: \"cie browsers enable\" lo corregge.")
	BrowserDamaged      = text("its list of modules is not in order.", "il suo elenco dei moduli non è in ordine.")
	BrowserUnavailable  = text("cannot be set up as it is.", "così com'è non si può configurare.")
	BrowserNeverStarted = text("was never started: start it once, close it, then type \"cie browsers enable\".", "non è mai stato avviato: avvialo una volta, chiudilo, poi scrivi \"cie browsers enable\".")
	BrowserSnap         = text("is a snap, and the sandbox of a snap keeps the module out: to log in with the card use another browser, or %s installed as a package of your distribution or of its maker.", "è uno snap, e il suo ambiente isolato non lascia entrare il modulo: per accedere con la carta usa un altro browser, oppure %s installato come pacchetto della distribuzione o di chi lo produce.")
	BrowserFlatpak      = text("is a flatpak, and the sandbox of a flatpak does not see the module: use another browser, or %s installed as a package of your distribution or of its maker, or type \"cie browsers enable --flatpak\", which lets the sandbox reach the card.", "è un flatpak, e il suo ambiente isolato non vede il modulo: usa un altro browser, oppure %s installato come pacchetto della distribuzione o di chi lo produce, oppure scrivi \"cie browsers enable --flatpak\", che permette all'ambiente isolato di raggiungere la carta.")

	WhyLegacy        = text("Its database is of a very old kind: start the program once, so that it converts it, close it, then type \"cie browsers enable\".", "Il suo database è di un tipo molto vecchio: avvia il programma una volta, così lo converte, chiudilo, poi scrivi \"cie browsers enable\".")
	WhyUnreadable    = text("Its file cannot be read: check its permissions.", "Il suo file non si può leggere: controlla i permessi.")
	WhyNotRegular    = text("What stands in place of its file is no file.", "Al posto del suo file c'è qualcosa che non è un file.")
	WhyForeignOwner  = text("File or folder belong to another user, as after the program was once started with sudo: give them back with \"sudo chown\".", "File o cartella appartengono a un altro utente, come dopo un avvio con sudo: restituiscili con \"sudo chown\".")
	WhyReadOnly      = text("The folder cannot be written: check its permissions.", "Nella cartella non si può scrivere: controlla i permessi.")
	WhySyntax        = text("The file is damaged: close the program, move the file away and type \"cie browsers enable\".", "Il file è danneggiato: chiudi il programma, sposta il file altrove e scrivi \"cie browsers enable\".")
	WhyPolicySyntax  = text("The file is not valid JSON (comments are not allowed there), so Firefox does not read it either: correct it, then type \"cie browsers enable --system\" again.", "Il file non è JSON valido (i commenti non sono ammessi), quindi nemmeno Firefox lo legge: correggilo, poi scrivi di nuovo \"cie browsers enable --system\".")
	WhyRepair        = text("Type \"cie browsers enable\", which mends it.", "Scrivi \"cie browsers enable\", che lo ripara.")
	WhyModuleMissing = text("The file that it should load is gone: install this software again, then type \"cie browsers enable\".", "Il file che dovrebbe caricare non c'è più: installa di nuovo questo software, poi scrivi \"cie browsers enable\".")
	WhyNoServer      = text("The server of p11-kit is missing. Install it and try again: on Debian and Ubuntu \"sudo apt install p11-kit\", on Fedora \"sudo dnf install p11-kit-server\".", "Manca il server di p11-kit. Installalo e riprova: su Debian e Ubuntu \"sudo apt install p11-kit\", su Fedora \"sudo dnf install p11-kit-server\".")
	WhyOtherServer   = text("The flatpak already talks to another p11-kit server; this one is left alone.", "Il flatpak usa già un altro server p11-kit, che resta com'è.")
	WhyHidesPolicy   = text("Firefox has policies of its own in the folder \"distribution\" of its installation, and would ignore them once this file exists: copy that policies.json to this place first, then type \"cie browsers enable --system\" again.", "Firefox ha criteri propri nella cartella \"distribution\" della sua installazione, e li ignorerebbe se questo file esistesse: prima copia qui quel policies.json, poi scrivi di nuovo \"cie browsers enable --system\".")
	WhyKept          = text("The file is damaged, so what was registered in it could not be taken out: take out by hand the lines that name the module cie-pkcs11.so.", "Il file è danneggiato, quindi non si è potuto togliere ciò che vi era registrato: togli a mano le righe che nominano il modulo cie-pkcs11.so.")
	WhyOtherPolicy   = text("Another policy file sets the same, and only one of the two counts.", "Un altro file di criteri imposta la stessa cosa, e solo uno dei due conta.")
)

// What enable and disable do.
var (
	PlaceProfile        = text("browser or mail profile", "profilo di browser o posta")
	PlaceFirstRun       = text("first profile for a browser never started", "primo profilo di un browser mai avviato")
	PlaceNSS            = text("database shared by Chromium, Chrome, LibreOffice and others", "database comune di Chromium, Chrome, LibreOffice e altri")
	PlaceP11Kit         = text("p11-kit of the user, for named programs", "p11-kit dell'utente, per i programmi indicati")
	PlaceP11KitSystem   = text("p11-kit of the system, for named programs", "p11-kit di sistema, per i programmi indicati")
	PlaceFirefoxPolicy  = text("policy of Firefox", "criteri di Firefox")
	PlaceChromiumPolicy = text("policy of Chromium and its relatives", "criteri di Chromium e simili")
	PlaceFlatpak        = text("permissions of a flatpak", "permessi di un flatpak")
	PlaceServerUnit     = text("p11-kit server for flatpaks", "server p11-kit per i flatpak")
	PlaceOther          = text("other place", "altro posto")

	OutcomeRegistered = text("registered", "registrato")
	OutcomeCorrected  = text("corrected", "corretto")
	OutcomeRepaired   = text("repaired", "riparato")
	OutcomeRemoved    = text("removed", "tolto")
	OutcomeWasIn      = text("already in", "c'era già")
	OutcomeFailed     = text("FAILED", "NON RIUSCITO")
	WouldRegister     = text("register", "da registrare")
	WouldCorrect      = text("correct", "da correggere")
	WouldRepair       = text("repair", "da riparare")
	WouldRemove       = text("remove", "da togliere")
	WouldNothing      = text("nothing", "niente da fare")
	DryRunIntro       = text("Nothing is changed. This would be done:", "Nulla viene cambiato. Verrebbe fatto questo:")

	RestartThese    = text("Close and start again, because they were running: %s.", "Chiudi e riapri, perché erano aperti: %s.")
	EnabledAll      = text("Done. Put the card on the reader and choose \"Entra con CIE\" in the browser.", "Fatto. Appoggia la carta sul lettore e scegli \"Entra con CIE\" nel browser.")
	StillWithout    = text("Without the card all the same:", "Restano senza la carta:")
	NothingToEnable = text("Everything was set up already.", "Era già tutto configurato.")
	NothingToRemove = text("There was nothing to take out.", "Non c'era nulla da togliere.")
)
