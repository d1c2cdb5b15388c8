package msg

// Signing documents.
var (
	SignShort = text("Sign documents with the card", "Firma documenti con la carta")
	SignLong  = text(`Signs each FILE and writes the signed document beside it, one PIN for all of them: a PDF
as NAME-signed.pdf (PAdES), any other file as FILE.p7m (CAdES). A p7m gets a further
signature beside those it has, or, with --wrap, one around it. Nothing is overwritten,
and a file is written whole or not at all.

In a PDF every byte stays as it was, so earlier signatures stay valid. The signature is
invisible unless one of --page, --at, --picture and --show is given, or --field names an
empty signature field. A PDF that a signature would break is refused before the PIN is
asked; --format p7m signs it all the same.

It is an advanced electronic signature: it replaces a handwritten one towards public
administrations (DPCM 22 February 2013, art. 61). Other programs say that they do not
trust it, because the certificate of the card is made for logging in: that says nothing
against the signature. Portals that demand another kind refuse it. See "cie help
signatures".

--tsa asks a time stamp authority for the time. It sees the address of this computer and
a hash, never the document. Nothing else connects to anything.

--format raw writes the bare RSASSA-PKCS1-v1_5 signature of one FILE ("-" is standard
input), 256 bytes, for programs and tests; --hash implies it.`,
		`Firma ogni FILE e scrive accanto il documento firmato, con un solo PIN per tutti: un PDF
come NOME-signed.pdf (PAdES), ogni altro file come FILE.p7m (CAdES). Un p7m riceve un'altra
firma accanto a quelle che ha, oppure, con --wrap, una attorno. Nulla viene sovrascritto, e
un file è scritto intero o per niente.

In un PDF ogni byte resta com'era, così le firme precedenti restano valide. La firma è
invisibile, salvo con --page, --at, --picture o --show, o quando --field indica un campo
firma vuoto. Un PDF che una firma guasterebbe è rifiutato prima di chiedere il PIN;
--format p7m lo firma comunque.

È una firma elettronica avanzata: verso le pubbliche amministrazioni sostituisce quella
autografa (DPCM 22 febbraio 2013, art. 61). Altri programmi dicono di non fidarsi, perché
il certificato della carta è fatto per l'accesso ai servizi: non dice nulla contro la
firma. I portali che ne chiedono un altro tipo la rifiutano. Vedi "cie help signatures".

--tsa chiede l'ora a un'autorità di marcatura temporale. Questa vede l'indirizzo del
computer e un'impronta, mai il documento. Nient'altro si collega ad alcunché.

--format raw scrive la sola firma RSASSA-PKCS1-v1_5 di un FILE ("-" è lo standard input),
256 byte, per programmi e prove; --hash la implica.`)
	FlagHash       = text("with --format raw: sha256, sha384, sha512, sha224 or sha1", "con --format raw: sha256, sha384, sha512, sha224 o sha1")
	FlagFormat     = text("p7m, pdf or raw; without it, pdf for PDF documents and p7m for all others", "p7m, pdf o raw; se manca, pdf per i documenti PDF e p7m per gli altri")
	FlagDetached   = text("write the signature alone, as FILE.p7s, without the document", "scrivi la sola firma, come FILE.p7s, senza il documento")
	FlagWrap       = text("sign around a p7m instead of adding a signature to it", "firma attorno a un p7m invece di aggiungervi una firma")
	FlagOutDir     = text("write the signed documents into this directory", "scrivi i documenti firmati in questa cartella")
	FlagSignOut    = text("write to this file (one FILE only)", "scrivi in questo file (con un solo FILE)")
	FlagTSA        = text("ask the time stamp authority at this address for the time", "chiedi l'ora all'autorità di marcatura temporale a questo indirizzo")
	FilesMissing   = text("say which files", "indica quali file")
	OneFileFor     = text("--%s is for one file only", "--%s vale per un solo file")
	NotTogether    = text("--%s and --%s do not go together", "--%s e --%s non vanno insieme")
	StdinRaw       = text("standard input can only be signed with --format raw", "lo standard input si può firmare solo con --format raw")
	BadAddress     = text("\"%s\" is not a web address", "\"%s\" non è un indirizzo web")
	NotAFile       = text("%s is not a file", "%s non è un file")
	FileExists     = text("%s exists already; nothing is overwritten", "%s esiste già; nulla viene sovrascritto")
	SameOutput     = text("two of the files would be written to %s", "due dei file verrebbero scritti in %s")
	BrokenMessage  = text("%s is not a signed document that can be read: %v", "%s non è un documento firmato che si possa leggere: %v")
	DetachedAdd    = text("%s holds signatures without their document", "%s contiene firme senza il loro documento")
	DetachedAddDo  = text("Sign the document itself, or use --wrap to sign this file.", "Firma il documento stesso, oppure usa --wrap per firmare questo file.")
	ChangedFile    = text("%s changed while it was being signed", "%s è cambiato durante la firma")
	StampFailed    = text("no time stamp from %s", "nessuna marca temporale da %s")
	StampFailedDo  = text("Nothing was written for this file. Try again later, or sign without --tsa.", "Per questo file non è stato scritto nulla. Riprova più tardi, oppure firma senza --tsa.")
	Hashing        = text("reading %s", "leggo %s")
	SignedInto     = text("%s signed: %s", "%s firmato: %s")
	NotSigned      = plural(text("This file was not signed:", "Questo file non è stato firmato:"), text("These files were not signed:", "Questi file non sono stati firmati:"))
	SignedWhole    = plural(text("%d file was signed and is whole.", "%d file è stato firmato ed è integro."), text("%d files were signed and are whole.", "%d file sono stati firmati e sono integri."))
	ExpiredSigning = text("The certificate of the card expired on %s: the signature will not be valid.", "Il certificato della carta è scaduto il %s: la firma non sarà valida.")
)

// Verifying documents.
var (
	VerifyShort = text("Verify signed documents", "Verifica documenti firmati")
	VerifyLong  = text(`Verifies every signature in each FILE: that the document is the one that was signed, who
signed it, whether the certificate leads to an authority known to the program, and when.
No card and no reader is needed.

There are three answers. Valid: everything was checked and is in order. Not valid: it is
proved that something is wrong. It cannot be said: something is missing, and the reason
is named. Whether the certificate was revoked is only asked with --online; it shows the
issuing authority which certificate you look at. Without it, and without a proof in the
file, the answer for a good signature is that it cannot be said.

Known authorities are those of the electronic identity card. For signatures made with
other certificates, or for time stamps, name their authorities with --trust. See "cie
help signatures" for what a valid signature is worth.

In a PDF, what was signed is compared with what the document shows now. Further
signatures, time stamps and form fields that were filled in are named. Any other change
after a signature may hide or replace what was signed: the answer is then that it cannot
be said, and --extract writes the document as it was signed.

The exit code is 0 if every signature of every file is valid, 12 if one is not valid, 13
if it cannot be said, 1 if a file cannot be read.`,
		`Verifica ogni firma di ogni FILE: che il documento sia quello firmato, chi l'ha firmato,
se il certificato porta a un'autorità conosciuta dal programma, e quando. Non servono né
la carta né il lettore.

Le risposte sono tre. Valida: tutto è stato controllato ed è in regola. Non valida: è
provato che qualcosa non va. Non si può dire: manca qualcosa, ed è detto che cosa. Se il
certificato è stato revocato si chiede solo con --online; così l'autorità che l'ha emesso
sa quale certificato guardi. Senza, e senza una prova nel file, per una firma buona la
risposta è che non si può dire.

Le autorità conosciute sono quelle della carta d'identità elettronica. Per firme fatte con
altri certificati, o per le marche temporali, indicale con --trust. Vedi "cie help
signatures" per sapere quanto vale una firma valida.

In un PDF ciò che è stato firmato viene confrontato con ciò che il documento mostra ora.
Altre firme, marche temporali e campi compilati sono elencati. Ogni altra modifica dopo una
firma può nascondere o sostituire ciò che è stato firmato: allora la risposta è che non si
può dire, e --extract scrive il documento com'è stato firmato.

Il codice di uscita è 0 se ogni firma di ogni file è valida, 12 se una non è valida, 13 se
non si può dire, 1 se un file non si può leggere.`)
	FlagAt      = text("judge as of this time: YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ", "giudica a questa data: AAAA-MM-GG o AAAA-MM-GGThh:mm:ssZ")
	FlagOnline  = text("ask the issuing authorities whether certificates were revoked (connects to the network)", "chiedi alle autorità se i certificati sono stati revocati (si collega alla rete)")
	FlagTrust   = text("further authorities to trust: a file or directory, PEM or DER (repeatable)", "altre autorità di cui fidarsi: un file o una cartella, PEM o DER (ripetibile)")
	FlagExtract = text("write the document without its signatures to this file; of a PDF, the document as it was signed", "scrivi in questo file il documento senza le firme; di un PDF, il documento com'è stato firmato")
	FlagContent = text("the document of signatures that are in a file of their own", "il documento di firme che stanno in un file a parte")
	BadTime     = text("\"%s\" is not a date", "\"%s\" non è una data")
	NoDocument  = text("%s does not hold the document", "%s non contiene il documento")
	Extracted   = text("Document written to %s", "Documento scritto in %s")
	ContentIs   = text("document: %s", "documento: %s")

	StateValid   = text("valid", "valida")
	StateInvalid = text("NOT VALID", "NON VALIDA")
	StateUnknown = text("it cannot be said whether it is valid", "non si può dire se sia valida")

	VerifyLayer     = text("Inside of it, a signed document again:", "All'interno, un altro documento firmato:")
	VerifySignature = text("Signature %d of %d", "Firma %d di %d")
	VerifyCounter   = text("Counter-signature", "Controfirma")
	VerifyNoSigner  = text("signer not known", "firmatario sconosciuto")
	LabelBecause    = text("Because", "Perché")
	LabelIssuedBy   = text("Issued by", "Emesso da")
	LabelPurpose    = text("Certificate for", "Certificato per")
	LabelTime       = text("Time", "Data")
	LabelStamp      = text("Time stamp", "Marca temporale")
	LabelRevoked    = text("Revocation", "Revoca")
	LabelLevel      = text("Level", "Livello")
	LabelCertDates  = text("Certificate valid", "Certificato valido")
	DatesFromTo     = text("from %s to %s", "dal %s al %s")
	TimeIsClaimed   = text("%s, claimed by the signer", "%s, dichiarata da chi ha firmato")
	TimeIsStamped   = text("%s, from a time stamp", "%s, da una marca temporale")
	TimeIsGiven     = text("judged as of %s", "giudicata al %s")
	TimeIsNone      = text("not known; judged as of now", "sconosciuta; giudicata ad adesso")
	StampUntrusted  = text("%s, %s (authority not known)", "%s, %s (autorità sconosciuta)")
	StampWrong      = text("not one of this signature", "non di questa firma")

	PurposeAuthentication = text("authentication, as on the electronic identity card", "autenticazione, come sulla carta d'identità elettronica")
	PurposeSignature      = text("signatures", "firma")
	PurposeOther          = text("something else", "altro")

	RevocationGood     = text("not revoked, according to %s of %s", "non revocato, secondo %s del %s")
	RevocationAt       = text("revoked on %s, according to %s", "revocato il %s, secondo %s")
	RevocationNotAsked = text("not asked (--online asks)", "non chiesta (--online la chiede)")
	RevocationNone     = text("asked, but without an answer that can be believed", "chiesta, ma senza una risposta credibile")

	ReasonAltered          = text("the document is not the one that was signed", "il documento non è quello firmato")
	ReasonWrongSignature   = text("the signature does not match the certificate", "la firma non corrisponde al certificato")
	ReasonWrongCertificate = text("the signature names another certificate", "la firma indica un altro certificato")
	ReasonWrongAttributes  = text("what was signed contradicts the file", "ciò che è stato firmato contraddice il file")
	ReasonNotCovered       = text("parts of the document are outside of what was signed", "parti del documento sono fuori da ciò che è stato firmato")
	ReasonRevoked          = text("the certificate had been revoked", "il certificato era stato revocato")
	ReasonExpired          = text("the certificate had expired", "il certificato era scaduto")
	ReasonNotYetValid      = text("the certificate was not valid yet", "il certificato non era ancora valido")
	ReasonNoContent        = text("the document is not there: name it with --content", "il documento non c'è: indicalo con --content")
	ReasonNoCertificate    = text("the certificate of the signer is not in the file", "il certificato del firmatario non è nel file")
	ReasonUnknownIssuer    = text("no known authority vouches for the certificate", "nessuna autorità conosciuta garantisce il certificato")
	ReasonUnfit            = text("the certificate may not be used this way", "il certificato non può essere usato così")
	ReasonUnsupported      = text("a form of signature that the program does not know", "una forma di firma che il programma non conosce")
	ReasonWeak             = text("an algorithm that is no longer safe", "un algoritmo non più sicuro")
	ReasonNotAsked         = text("whether the certificate was revoked was not asked", "non è stato chiesto se il certificato sia stato revocato")
	ReasonNoAnswer         = text("whether the certificate was revoked could not be found out", "non si è potuto sapere se il certificato sia stato revocato")
	ReasonRevokedLater     = text("the certificate was revoked after the time that is only claimed", "il certificato è stato revocato dopo la data, che è solo dichiarata")
	ReasonWrongTimestamp   = text("a time stamp is not one of this signature", "una marca temporale non è di questa firma")
	ReasonContentChanged   = text("the document was changed after the signature", "il documento è stato modificato dopo la firma")
	ReasonOther            = text("reason \"%s\"", "motivo \"%s\"")
)

// What signatures are worth.
var (
	TopicSignaturesShort = text("What a signature with the card is worth, and who accepts it", "Quanto vale una firma con la carta, e chi l'accetta")
	TopicSignaturesLong  = text(`A signature made with the card is an advanced electronic signature (Regulation EU 910/2014,
art. 3 and 26). Using the card replaces the advanced signature towards public
administrations (DPCM 22 February 2013, art. 61 par. 2), for the services of art. 64 and
65 of the Digital Administration Code. Among private parties it is worth what they agree.
It is not the kind of signature that is made with a certificate for signatures of a
trust service provider: where the law demands that kind, this one is not enough.

Why other programs do not say "trusted"
        The certificate on the card is one for logging in: its key usage is
        digitalSignature, its extended key usage clientAuth. Programs that want one for
        signatures (Adobe Reader, Okular and pdfsig, pyHanko, Windows) report an unknown
        issuer or a certificate "not for this purpose". The authority of the Ministry of
        the Interior is in the Italian trusted list, but as one for identification, which
        those programs do not load. Document and signature are intact all the same.
        OpenSSL: openssl cms -verify -cades -purpose any -CAfile ISSUER.pem -inform DER
        -in FILE.p7m

Portals that refuse it
        Portals that check for the other kind, among them those of courts, chambers of
        commerce and some tenders, refuse it, whatever program made it. Ask for the
        kinds they take before you sign.

What "valid" means here
        The document is the one that was signed; the certificate leads to an authority
        known to the program and was valid at the stated time; its revocation was asked,
        or is proved by the file, and it was not revoked. The time is claimed by the
        signer unless a time stamp of a known authority proves it.`,
		`Una firma fatta con la carta è una firma elettronica avanzata (Regolamento UE 910/2014,
art. 3 e 26). L'uso della carta sostituisce la firma avanzata verso le pubbliche
amministrazioni (DPCM 22 febbraio 2013, art. 61 c. 2), per i servizi degli art. 64 e 65
del Codice dell'amministrazione digitale. Tra privati vale ciò che concordano. Non è il
tipo di firma che si fa con un certificato di firma di un prestatore di servizi
fiduciari: dove la legge chiede quello, questa non basta.

Perché altri programmi non dicono "attendibile"
        Il certificato della carta serve per accedere ai servizi: il suo uso è
        digitalSignature, l'uso esteso clientAuth. I programmi che ne vogliono uno di
        firma (Adobe Reader, Okular e pdfsig, pyHanko, Windows) segnalano un emittente
        sconosciuto o un certificato "non adatto allo scopo". L'autorità del Ministero
        dell'Interno è nell'elenco di fiducia italiano, ma come identificazione, che
        quei programmi non caricano. Documento e firma sono comunque integri. OpenSSL:
        openssl cms -verify -cades -purpose any -CAfile EMITTENTE.pem -inform DER
        -in FILE.p7m

Portali che la rifiutano
        I portali che controllano l'altro tipo, tra cui quelli dei tribunali, delle camere
        di commercio e di alcune gare, la rifiutano, qualunque programma l'abbia fatta.
        Chiedi quali tipi accettano prima di firmare.

Che cosa vuol dire qui "valida"
        Il documento è quello firmato; il certificato porta a un'autorità conosciuta dal
        programma ed era valido alla data indicata; la revoca è stata chiesta, o è provata
        dal file, e non c'era. La data è dichiarata da chi firma, salvo che la provi una
        marca temporale di un'autorità conosciuta.`)
)
