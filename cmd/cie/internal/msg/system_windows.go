package msg

// What to do is another thing where there is no apt, systemd, sudo and polkit.
func init() {
	NoServiceDo = text(
		"Windows starts the service \"Smart Card\" when a reader is plugged in: plug in the reader and try again. If that does not help, start the service in services.msc.",
		"Windows avvia il servizio \"Smart card\" quando si collega un lettore: collega il lettore e riprova. Se non basta, avvia il servizio in services.msc.")
	DoInstallPCSC = NoServiceDo
	DoStartPCSC = NoServiceDo
	DoRestartPCSC = text(
		"Unplug the reader and plug it in again. If that does not help, restart the service \"Smart Card\" in services.msc, or the computer.",
		"Scollega il lettore e ricollegalo. Se non basta, riavvia il servizio \"Smart card\" in services.msc, oppure il computer.")
	DoAllowAccess = text(
		"Log in at the screen of this computer.",
		"Accedi dallo schermo di questo computer.")
	DoSitAtComputer = text(
		"Use the card at the screen of this computer: over a remote desktop Windows shows the readers of the computer you sit at.",
		"Usa la carta dallo schermo di questo computer: con il desktop remoto Windows mostra i lettori del computer davanti a cui siedi.")
	DoInstallDriver = text(
		"Plug the reader into another socket and let Windows Update look for its driver, or install the one of its maker.",
		"Collega il lettore a un'altra presa e lascia che Windows Update cerchi il driver, oppure installa quello del produttore.")
	DoNativeBrowser = text(
		"Use Firefox for Windows, 64 bits.",
		"Usa Firefox per Windows a 64 bit.")
	DoInstallBrowser = text(
		"Install Firefox: Chrome and Edge take certificates from Windows only, and do not see the card yet.",
		"Installa Firefox: Chrome ed Edge prendono i certificati solo da Windows, e ancora non vedono la carta.")
	NeedRootDo = text(
		"Open a command prompt as administrator and type \"%s\" there, or leave out --system to change only your own browsers.",
		"Apri un prompt dei comandi come amministratore e scrivi lì \"%s\", oppure togli --system per cambiare solo i tuoi browser.")
	WhyForeignOwner = text(
		"File or folder belong to another user.",
		"File o cartella appartengono a un altro utente.")
	FlagPINFD = text(
		"read the PIN from this file descriptor: 0 is standard input, others are those of \"3< file\" in cmd.exe",
		"leggi il PIN da questo descrittore di file: 0 è lo standard input, gli altri quelli di \"3< file\" in cmd.exe")
	BrowsersLong = text(`Firefox, Thunderbird and LibreWolf use the card through a PKCS#11 module that has to be
registered with each of them. Chrome and Edge take certificates from Windows only, and do
not see the card yet.`,
		`Firefox, Thunderbird e LibreWolf usano la carta con un modulo PKCS#11 che va registrato in
ognuno di loro. Chrome ed Edge prendono i certificati solo da Windows, e ancora non vedono
la carta.`)
	BrowsersEnableLong = text(`Registers the module in every profile of Firefox, Thunderbird and LibreWolf of this user.
Where everything is registered already nothing is written. Files are replaced as a whole,
and what they held before is kept for "cie browsers disable". Close the browsers first, or
start them again afterwards: they read their list of modules only when they start.

With --system, in a command prompt of an administrator, every Firefox of the computer gets
a policy that does the same in each profile when it is started.`,
		`Registra il modulo in ogni profilo di Firefox, Thunderbird e LibreWolf di questo utente.
Dove tutto è già registrato non viene scritto nulla. I file sono sostituiti per intero, e
il loro contenuto di prima è conservato per "cie browsers disable". Prima chiudi i browser,
oppure dopo riaprili: leggono l'elenco dei moduli solo all'avvio.

Con --system, da un prompt dei comandi di amministratore, ogni Firefox del computer riceve
un criterio che fa lo stesso in ogni profilo quando viene avviato.`)
	TopicFilesLong = text(`  %AppData%\cie\csca, C:\Program Files\CIE\csca
        Certificates of authorities that issue cards, one or more per file, PEM or DER,
        in addition to the Italian ones that the program brings along. Further ones can
        be given with --csca.
  %LocalAppData%\cie\cards
        What every reader can see of a card without a code (its public keys and
        parameters), so that the next use is faster. It can be deleted at any time.
  %LocalAppData%\cie\state
        What protects you, one file per card: that it was genuine, that you accepted
        it, the attempts last seen, the name of the holder. "cie cards" lists it,
        "cie cards forget" deletes it.
  %LocalAppData%\cie\installer
        What files of browsers held before "cie browsers enable", for "cie browsers
        disable". With --system it is C:\Program Files\CIE\state.

Who may read these files is what Windows lets see the profile of a user: the user, the
system and administrators. Codes are never written to a file.`,
		`  %AppData%\cie\csca, C:\Program Files\CIE\csca
        Certificati di autorità che emettono carte, uno o più per file, PEM o DER, oltre
        a quelli italiani che il programma ha già. Altri si indicano con --csca.
  %LocalAppData%\cie\cards
        Ciò che ogni lettore può vedere di una carta senza codici (le sue chiavi pubbliche
        e i suoi parametri), per andare più veloce la volta dopo. Si può cancellare sempre.
  %LocalAppData%\cie\state
        Ciò che ti protegge, un file per carta: che è risultata autentica, che l'hai
        accettata, i tentativi visti l'ultima volta, il nome del titolare. "cie cards"
        lo elenca, "cie cards forget" lo elimina.
  %LocalAppData%\cie\installer
        Il contenuto dei file dei browser prima di "cie browsers enable", per "cie
        browsers disable". Con --system è C:\Program Files\CIE\state.

Questi file può leggerli chi in Windows può leggere il profilo di un utente: l'utente, il
sistema e gli amministratori. I codici non finiscono mai in un file.`)
}
