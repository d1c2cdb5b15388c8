package msg

// The verb doctor.
var (
	DoctorShort = text("Find out why a login does not work", "Scopri perché un accesso non funziona")
	DoctorLong  = text(`Walks the path that a login takes, from the smart card service to the browsers, and says
at each step what it found and what to do. Nothing is changed, and no attempt of a code is
spent.

With --pin it asks for the PIN, verifies it once, looks at the dates of the certificate
and tries a login over TLS 1.2 with a service inside of this computer, through the module
that the browsers use.

--report writes a text for a bug report. There is no name, codice fiscale, number of the
card or of the reader, date or code in it.`,
		`Percorre la strada di un accesso, dal servizio per le smart card ai browser, e a ogni
passo dice che cosa ha trovato e che cosa fare. Nulla viene cambiato, e nessun tentativo
dei codici viene usato.

Con --pin chiede il PIN, lo verifica una volta, guarda le date del certificato e prova un
accesso con TLS 1.2 a un servizio dentro questo computer, con il modulo che usano i
browser.

--report scrive un testo per una segnalazione. Dentro non ci sono nomi, codice fiscale,
numeri della carta o del lettore, date o codici.`)
	FlagDoctorPIN = text("ask for the PIN, look at the certificate and try a login", "chiedi il PIN, guarda il certificato e prova un accesso")
	FlagReport    = text("write a report without personal data into this file", "scrivi in questo file un rapporto senza dati personali")
	ReportWritten = text("Report written to %s", "Rapporto scritto in %s")
	ReportIntro   = text("This report holds no name, codice fiscale, number of a card or code.", "Questo rapporto non contiene nomi, codice fiscale, numeri di carte o codici.")
	DoctorAskPIN  = text("The PIN of the card on \"%s\" is needed to look at the certificate and to try a login.", "Il PIN della carta su \"%s\" serve per guardare il certificato e provare un accesso.")
	DoctorOK      = text("Everything that was looked at works.", "Tutto quello che è stato controllato funziona.")
	DoctorWarn    = text("A login can work, but something may get in its way.", "Un accesso può funzionare, ma qualcosa può ostacolarlo.")
	DoctorFail    = text("A login cannot work yet: see the lines with FAIL, the first one first.", "Un accesso non può ancora funzionare: guarda le righe con NO, a partire dalla prima.")
	MarkOK        = text("ok", "sì")
	MarkWarn      = text("warn", "forse")
	MarkFail      = text("FAIL", "NO")
	MarkSkipped   = text("skipped", "saltato")
)

// The steps.
var (
	CheckService      = text("Smart card service", "Servizio per le smart card")
	CheckPermission   = text("Permission to use it", "Permesso di usarlo")
	CheckReaders      = text("Readers", "Lettori")
	CheckReader       = text("Reader", "Lettore")
	CheckCard         = text("Card on the reader", "Carta sul lettore")
	CheckIdentity     = text("Kind of card", "Tipo di carta")
	CheckField        = text("How well the reader reads it", "Qualità della lettura")
	CheckAuthenticity = text("Authenticity", "Autenticità della carta")
	CheckTries        = text("Attempts left", "Tentativi rimasti")
	CheckCertificate  = text("Dates of the certificate", "Date del certificato")
	CheckModule       = text("Module for the browsers", "Modulo per i browser")
	CheckModuleCard   = text("Card seen by the module", "Carta vista dal modulo")
	CheckBrowser      = text("Browser", "Programma")
	CheckP11Kit       = text("Other modules for cards", "Altri moduli per le carte")
	CheckLogin        = text("Login (TLS 1.2)", "Accesso (TLS 1.2)")
	CheckTLS13        = text("Services with TLS 1.3 only", "Servizi solo con TLS 1.3")
)

// What the steps find.
var (
	FindWaits             = text("not looked at: something before it has to be put right first", "non controllato: prima va sistemato qualcosa che viene prima")
	FindServiceAnswers    = text("answers", "risponde")
	FindServiceMissing    = text("is not installed", "non è installato")
	FindServiceStopped    = text("is installed, but does not run", "è installato, ma non è in funzione")
	FindServiceHangs      = text("runs, but does not answer in time", "è in funzione, ma non risponde in tempo")
	FindServiceFails      = text("runs, but answers with an error", "è in funzione, ma risponde con un errore")
	FindAccessGranted     = text("granted", "concesso")
	FindAccessDenied      = text("the service does not admit this user", "il servizio non ammette questo utente")
	FindOpenSCInFirefox   = text("%[1]s makes Firefox load OpenSC's module, which keeps the reader busy with an Italian card; put the line \"%[3]s\" into %[2]s", "%[1]s fa caricare a Firefox il modulo di OpenSC, che con una carta italiana tiene occupato il lettore; scrivi la riga \"%[3]s\" in %[2]s")
	FindOpenSCInP11Kit    = text("%[1]s registers OpenSC's module with p11-kit. No Firefox here loads it. If one should, the line \"%[3]s\" in %[2]s keeps it out", "%[1]s registra in p11-kit il modulo di OpenSC. Qui nessun Firefox lo carica. Se dovesse succedere, la riga \"%[3]s\" in %[2]s lo tiene fuori")
	FindAccessRemote      = text("the service does not admit users who are logged in from afar (ssh)", "il servizio non ammette gli utenti collegati da lontano (ssh)")
	FindReaders           = text("found: %s", "trovati: %s")
	FindNoReader          = text("no reader is connected", "nessun lettore è collegato")
	FindReaderTaken       = text("a reader is connected (%s), but the kernel's own NFC modules hold it: %s", "un lettore è collegato (%s), ma lo tengono occupato i moduli NFC del kernel: %s")
	FindReaderUnclaimed   = text("a reader is connected (%s), but the service has no driver for it", "un lettore è collegato (%s), ma al servizio manca il driver")
	FindReaderIntegrated  = text("this computer has an NFC chip built in, but Linux has no smart card driver for it", "questo computer ha un chip NFC integrato, ma su Linux non c'è un driver per usarlo con le smart card")
	FindReaderGood        = text("no known defect", "nessun difetto noto")
	FindReaderThreatened  = text("works now, but the kernel's own NFC modules may take this reader at the next start", "ora funziona, ma al prossimo avvio i moduli NFC del kernel possono prendersi questo lettore")
	FindReaderStillLoaded = text("the kernel's NFC modules are switched off by the configuration, but still loaded", "i moduli NFC del kernel sono disattivati nella configurazione, ma ancora caricati")
	FindReaderNoField     = text("its maker gives Linux no driver for contactless cards: it reads cards with contacts only", "il produttore non dà a Linux un driver per le carte senza contatto: legge solo carte a contatto")
	FindCardPresent       = text("there is one, and it answers", "c'è, e risponde")
	FindNoCard            = text("there is no card", "non c'è nessuna carta")
	FindCardMute          = text("there is something, but it does not answer", "c'è qualcosa, ma non risponde")
	FindCardExclusive     = text("another program holds the card for itself", "un altro programma tiene la carta per sé")
	FindIsCIE             = text("an Italian electronic identity card (chip %s)", "carta d'identità elettronica (chip %s)")
	FindForeignCard       = text("not an Italian electronic identity card", "non è una carta d'identità elettronica italiana")
	FindCardFails         = text("the card answers with an error", "la carta risponde con un errore")
	FindFieldGood         = text("%s readings of %[1]s succeeded", "%s letture riuscite su %[1]s")
	FindFieldWeak         = text("%s readings of %s failed", "%s letture fallite su %s")
	FindFieldBad          = text("%s readings of %s failed: a login needs hundreds in a row", "%s letture fallite su %s: per un accesso ne servono centinaia di fila")

	FindGenuine           = text("genuine", "autentica")
	FindIssuerUnknown     = text("consistent, but no known authority vouches for the card", "coerente, ma nessuna autorità conosciuta garantisce la carta")
	FindNotGenuine        = text("NOT GENUINE: do not type any code with this card", "NON AUTENTICA: non digitare codici con questa carta")
	FindAuthenticityFails = text("could not be checked: the card stopped answering", "non si è potuta controllare: la carta ha smesso di rispondere")
	FindTriesFull         = text("PIN %s, PUK %s", "%s per il PIN, %s per il PUK")
	FindTriesSpent        = text("some were spent: PIN %s of 3, PUK %s of 10 left", "alcuni sono stati usati: restano %s su 3 per il PIN, %s su 10 per il PUK")
	FindTriesUnknown      = text("the chip does not tell", "il chip non lo dice")
	FindPINBlocked        = text("the PIN is blocked", "il PIN è bloccato")
	FindPUKBlocked        = text("the PUK is blocked for ever", "il PUK è bloccato per sempre")
	FindCertValid         = text("valid until %s", "valido fino al %s")
	FindCertEnds          = text("valid until %s: time for a new card", "valido fino al %s: è ora di una nuova carta")
	FindCertGrace         = text("expired on %s; still accepted until %s, unless a new card was issued", "scaduto il %s; accettato ancora fino al %s, se non è stata emessa una nuova carta")
	FindCertExpired       = text("expired on %s, no longer accepted since %s", "scaduto il %s, non più accettato dal %s")
	FindCertEarly         = text("not valid before %s", "non valido prima del %s")
	FindCertNeedsPIN      = text("not looked at: the certificate can only be read with the PIN", "non controllate: il certificato si legge solo con il PIN")
	FindCertFails         = text("the certificate could not be read", "non si è potuto leggere il certificato")
	FindPINWrong          = text("the PIN is not right; attempts left: %s", "il PIN non è quello giusto; tentativi rimasti: %s")

	FindModuleLoads    = text("loads: %s", "si carica: %s")
	FindModuleMissing  = text("is not there: %s", "non c'è: %s")
	FindModuleRefused  = text("the system refuses to load it: %s", "il sistema rifiuta di caricarlo: %s")
	FindModuleForeign  = text("is a library, but no module for cards: %s", "è una libreria, ma non un modulo per le carte: %s")
	FindModuleFails    = text("answers with an error: %s", "risponde con un errore: %s")
	FindModuleCrashes  = text("the program that loads it is killed: %s", "il programma che lo carica viene interrotto: %s")
	FindModuleHangs    = text("does not answer: %s", "non risponde: %s")
	FindModuleSeesCard = text("yes", "sì")
	FindModuleSeesNone = text("the module does not show the card that the reader has", "il modulo non mostra la carta che è sul lettore")

	FindBrowserReady        = text("knows the card", "conosce la carta")
	FindBrowserRestart      = text("was running when the card was registered, and does not know it yet: %s", "era aperto quando la carta è stata registrata, e non la conosce ancora: %s")
	FindBrowserNotLoadable  = text("is set up, but the module does not load", "è configurato, ma il modulo non si carica")
	FindBrowserOff          = text("does not know the card", "non conosce la carta")
	FindBrowserElsewhere    = text("looks for the module in another place", "cerca il modulo in un altro posto")
	FindBrowserDamaged      = text("its list of modules is not in order (%s)", "il suo elenco dei moduli non è in ordine (%s)")
	FindBrowserNeverStarted = text("was never started, so it has no profile yet", "non è mai stato avviato, quindi non ha ancora un profilo")
	FindBrowserSandboxed    = text("runs in the sandbox of a %s, which keeps the module out", "gira nell'ambiente isolato di %s, che non lascia entrare il modulo")
	FindBrowserUnavailable  = text("cannot be set up as it is (%s)", "così com'è non si può configurare (%s)")
	FindNoBrowser           = text("no browser was found", "non è stato trovato alcun browser")
	FindLoginWorks          = text("worked, over %s", "riuscito, con %s")
	FindLoginFails          = text("failed", "non riuscito")
	FindLoginNeedsPIN       = text("not tried: it takes the PIN", "non provato: serve il PIN")
	FindTLS13               = text("the chip cannot sign as TLS 1.3 wants it (RSA-PSS): a service that speaks only TLS 1.3 cannot let anybody in with the card. That of the ministry speaks TLS 1.2.", "il chip non sa firmare come vuole TLS 1.3 (RSA-PSS): un servizio che parla solo TLS 1.3 non può far entrare nessuno con la carta. Quello del ministero parla TLS 1.2.")
	FindTLS13Tried          = text("refused, as it has to be: the chip cannot sign as TLS 1.3 wants it (RSA-PSS). A service that speaks only TLS 1.3 cannot let anybody in with the card. That of the ministry speaks TLS 1.2.", "rifiutato, come dev'essere: il chip non sa firmare come vuole TLS 1.3 (RSA-PSS). Un servizio che parla solo TLS 1.3 non può far entrare nessuno con la carta. Quello del ministero parla TLS 1.2.")
	FindTLS13Works          = text("works with this card too", "funziona anche con questa carta")
)

// What to do.
var (
	DoInstallPCSC      = text("Install it: on Debian and Ubuntu \"sudo apt install pcscd libccid\", on Fedora \"sudo dnf install pcsc-lite pcsc-lite-ccid\".", "Installalo: su Debian e Ubuntu \"sudo apt install pcscd libccid\", su Fedora \"sudo dnf install pcsc-lite pcsc-lite-ccid\".")
	DoStartPCSC        = text("Start it: \"sudo systemctl enable --now pcscd.socket\".", "Avvialo: \"sudo systemctl enable --now pcscd.socket\".")
	DoRestartPCSC      = text("Unplug the reader, plug it in again and type \"sudo systemctl restart pcscd\".", "Scollega il lettore, ricollegalo e scrivi \"sudo systemctl restart pcscd\".")
	DoKeepOpenSCOut    = text("Without that line Firefox and this software compete for the card. Afterwards close Firefox and start it again.", "Senza quella riga Firefox e questo software si contendono la carta. Dopo, chiudi e riapri Firefox.")
	DoAllowAccess      = text("Log in at the screen of this computer, or let the administrator allow the actions org.debian.pcsc-lite.access_pcsc and access_card for you in a file below /etc/polkit-1/rules.d.", "Accedi dallo schermo di questo computer, oppure fatti autorizzare dall'amministratore le azioni org.debian.pcsc-lite.access_pcsc e access_card in un file sotto /etc/polkit-1/rules.d.")
	DoSitAtComputer    = text("Use the card at the screen of this computer, or let the administrator allow the actions org.debian.pcsc-lite.access_pcsc and access_card for you in a file below /etc/polkit-1/rules.d.", "Usa la carta dallo schermo di questo computer, oppure fatti autorizzare dall'amministratore le azioni org.debian.pcsc-lite.access_pcsc e access_card in un file sotto /etc/polkit-1/rules.d.")
	DoPlugReader       = text("Plug in a reader for contactless cards (NFC), if possible straight into the computer. \"cie watch\" shows when the computer notices it.", "Collega un lettore per carte senza contatto (NFC), se possibile direttamente al computer. \"cie watch\" mostra quando il computer lo vede.")
	DoFreeReader       = text("Write the lines \"blacklist pn533_usb\", \"blacklist pn533\" and \"blacklist nfc\" into /etc/modprobe.d/cie-nfc.conf, type \"sudo modprobe -r pn533_usb pn533 nfc\" and plug the reader in again.", "Scrivi le righe \"blacklist pn533_usb\", \"blacklist pn533\" e \"blacklist nfc\" in /etc/modprobe.d/cie-nfc.conf, digita \"sudo modprobe -r pn533_usb pn533 nfc\" e ricollega il lettore.")
	DoReboot           = text("Start the computer again, or type \"sudo modprobe -r pn533_usb pn533 nfc\" and plug the reader in again.", "Riavvia il computer, oppure digita \"sudo modprobe -r pn533_usb pn533 nfc\" e ricollega il lettore.")
	DoInstallDriver    = text("Install the driver: on Debian and Ubuntu \"sudo apt install libccid\" (for readers of ACS also libacsccid1), on Fedora \"sudo dnf install pcsc-lite-ccid\" (also pcsc-lite-acsccid), then plug the reader in again.", "Installa il driver: su Debian e Ubuntu \"sudo apt install libccid\" (per i lettori ACS anche libacsccid1), su Fedora \"sudo dnf install pcsc-lite-ccid\" (anche pcsc-lite-acsccid), poi ricollega il lettore.")
	DoOtherReader      = text("Use a USB reader for contactless cards that PC/SC supports.", "Usa un lettore USB per carte senza contatto che PC/SC supporti.")
	DoLayCard          = text("Lay the identity card flat on the reader and leave it there.", "Appoggia la carta d'identità sul lettore, ben distesa, e lasciala lì.")
	DoLayCardAgain     = text("Take the card away, lay it down again in the middle of the reader, without wallet or other cards near it.", "Togli la carta e appoggiala di nuovo al centro del lettore, senza portafoglio né altre carte vicino.")
	DoCloseOthers      = text("Close the other programs that use the card, then try again.", "Chiudi gli altri programmi che usano la carta, poi riprova.")
	DoUseCIE           = text("Use an electronic identity card issued from July 2016 on. Bank cards, health cards and paper identity cards do not work here.", "Usa una carta d'identità elettronica emessa da luglio 2016. Carte bancarie, tessere sanitarie e carte d'identità di carta qui non funzionano.")
	DoMoveCard         = text("Move the card a little, take metal, phones and other cards away from the reader, plug the reader straight into the computer, then try again.", "Sposta un po' la carta, allontana dal lettore metalli, telefoni e altre carte, collega il lettore direttamente al computer, poi riprova.")
	DoAddIssuer        = text("No code is sent to this card. If it is yours and new, update this software, or accept the card: \"cie cards accept\". A certificate of an authority can be added with --csca.", "A questa carta non viene inviato nessun codice. Se è tua e nuova, aggiorna questo software, oppure accetta la carta: \"cie cards accept\". Il certificato di un'autorità si può aggiungere con --csca.")
	DoShowMunicipality = text("Try another reader or another computer. If the answer stays the same, show the card to your municipality.", "Prova con un altro lettore o un altro computer. Se il risultato non cambia, mostra la carta al tuo comune.")
	DoCareful          = text("Be sure of a code before you type it: a right PIN gives its attempts back, \"cie help codes\" says where the codes are.", "Prima di digitare un codice, assicurati che sia giusto: un PIN giusto ridà i suoi tentativi, \"cie help codes\" dice dove sono i codici.")
	DoUnblockPIN       = text("Unblock it with the PUK and choose a new PIN: \"cie pin unblock\".", "Sbloccalo con il PUK e scegli un nuovo PIN: \"cie pin unblock\".")
	DoNewCard          = text("Nobody can unblock it. For a new PUK you need a new card: ask your municipality.", "Nessuno può sbloccarlo. Per avere un nuovo PUK serve una nuova carta: chiedila al tuo comune.")
	DoRenewCard        = text("Ask for a new card at your municipality.", "Chiedi una nuova carta al tuo comune.")
	DoCheckClock       = text("Check the date and time of this computer.", "Controlla la data e l'ora di questo computer.")
	DoGivePIN          = text("Type \"cie doctor --pin\" to have it looked at.", "Scrivi \"cie doctor --pin\" per farlo controllare.")
	DoCheckPIN         = text("Check the PIN: \"cie help codes\" says where its 8 digits are.", "Controlla il PIN: \"cie help codes\" dice dove sono le sue 8 cifre.")
	DoReinstall        = text("Install this software again, or say with --module where the module is.", "Installa di nuovo questo software, oppure indica con --module dov'è il modulo.")
	DoEnableBrowsers   = text("Type \"cie browsers enable\".", "Scrivi \"cie browsers enable\".")
	DoRestartBrowser   = text("Close it completely and start it again.", "Chiudilo del tutto e riaprilo.")
	DoStartBrowser     = text("Start it once, close it, then type \"cie browsers enable\".", "Avvialo una volta, chiudilo, poi scrivi \"cie browsers enable\".")
	DoNativeBrowser    = text("Use another browser, or install this one as a package of your distribution or of its maker.", "Usa un altro browser, oppure installa questo come pacchetto della distribuzione o di chi lo produce.")
	DoMendProfile      = text("Type \"cie browsers enable\": it mends what can be mended, and says what is wrong with the rest.", "Scrivi \"cie browsers enable\": ripara ciò che si può, e per il resto dice che cosa non va.")
	DoInstallBrowser   = text("Install Firefox or Chromium.", "Installa Firefox o Chromium.")
	DoReportIt         = text("Write a report with \"cie doctor --report FILE\" and attach it to a bug report.", "Scrivi un rapporto con \"cie doctor --report FILE\" e allegalo a una segnalazione.")
)
