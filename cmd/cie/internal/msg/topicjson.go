package msg

// The JSON topic: one contract, told in both languages.
var (
	TopicJSONShort = text("What --json answers", "Che cosa risponde --json")
	TopicJSONLong  = text(`With --json a command prints one JSON object on standard output ("cie watch": one per
line) and nothing else there. Fields are only ever added. A field that is not known is
left out, unless it says null below.

cie readers
  readers[]         name, state ("empty", "card", "mute", "in-use"), atr (hexadecimal)

cie status
  cards[]           one per card found:
    reader          name of the reader
    atr             answer to reset, hexadecimal
    cie             true if it is an Italian electronic identity card; if not, the
                    fields below are left out
    nis             12 digits
    name            name of the holder, if a program on this computer logged in
                    with the card before
    family          family of the chip, such as "NXP"; "unknown"
    pin_tries       attempts left, 0 is blocked; null if the chip does not tell
    puk_tries       the same for the PUK
    authenticity    "genuine", "issuer-unknown", "test-card", "virtual-card",
                    "not-genuine" or "unchecked"
    authenticity_accepted   true if you accepted a card that is below "genuine"
    authenticity_issuer   name of the authority that vouches for the card
    authenticity_reason   why it is not "genuine", in English, for specialists
    holder          with the PIN: surname, given_name, fiscal_code
    document_number with the PIN: number of the document
    not_before      with the PIN: first day of validity, as YYYY-MM-DD
    not_after       with the PIN: last day of validity
    grace_until     with the PIN: last day of acceptance online
    validity        with the PIN: "valid", "grace", "expired" or "not-yet-valid"
    error           what went wrong with this card (see below)

cie pin verify, change, unblock
  result            "verified", "changed", "unblocked" or "tries-reset"
  reader, nis, authenticity   the card, here and below as above
  pin_tries         attempts left after it; null if the chip does not tell

cie cards
  cards[]           id, nis, name, genuine_root, accepted (YYYY-MM-DD), pin_tries,
                    puk_tries, error ("damaged"); only what is known
cie cards accept
  reader, nis, authenticity   the card
  accepted          false for a card that is genuine
cie cards forget
  forgotten         how many

cie cert
  reader, nis, authenticity   the card
  pem               the certificate
  holder, document_number, not_before, not_after, grace_until, validity,
  as above

cie sign
  reader, nis, authenticity   the card
  files[]           one for each file, in their order: file, out (the file written),
                    format ("p7m", "pdf"), digest (SHA-256 of what was signed,
                    hexadecimal), stamped (true with a time stamp)
  with --format raw, instead of files[]:
  hash              "sha256" ...
  digest            hash of the file, hexadecimal
  signature         base64, if there is no --out
  out               the file written, with --out

cie verify
  state             the worst of all files: "valid", "invalid" or "unknown"
  files[]           one for each file: file, and
    state           the worst of its signatures
    encoding        "der", "pem", "base64" or "pdf"
    detached        true if the document was not in the file
    content         the document used, if it was in a file of its own
    extracted       the file written, with --extract
    signatures[]    state; reasons[] (see below); intact, trusted; name, fiscal_code,
                    organization, issuer, serial, not_before, not_after of the
                    certificate; purpose ("authentication", "signature", "timestamp",
                    "other"); hash; time and time_kind ("claimed", "stamped", "given",
                    ""); claimed; stamps[] (time, intact, trusted, authority); level
                    ("B-B", "B-T"); revocation (state: "good", "revoked", "not-asked",
                    "unknown"; source, inside, date, at); counter_signatures[]
                    In a PDF also: kind ("signature", "timestamp"); field; page, if it is
                    visible; claims (name, reason, location); revision_size (bytes of the
                    document that was signed, 0 for none); whole (true if nothing
                    follows); changes[] after it: kind (signature timestamp dss field
                    new-field metadata pages content annotation appearance locked catalog
                    unknown), allowed (false: it may hide or replace what was signed),
                    page, field, detail
    revision        of a PDF: number of the signature whose document was extracted
    inner           the same, for a signed document within the document
    error           why the file cannot be read
  reasons           altered wrong-signature wrong-certificate wrong-attributes not-covered
                    revoked expired not-yet-valid (these make it "invalid") no-content
                    no-certificate unknown-issuer unfit-certificate unsupported
                    weak-algorithm revocation-not-asked revocation-unknown revoked-later
                    wrong-timestamp content-changed

cie browsers status
  module            path, exists, loadable ("yes", "no", "unknown"), version, why, detail
  browsers[]        id, name, version, packaging ("native", "snap", "flatpak", "tarball"),
                    registered, policy (true: by a policy of the administrator), loadable,
                    state ("ready", "restart", "not-loadable", "off", "elsewhere",
                    "damaged", "never-started", "sandboxed", "unavailable"), why, way_out,
                    message, running[] (program, pid)

cie browsers enable, disable
  module, dry_run, ok
  places[]          place (kind), path, programs, action ("none", "register", "correct",
                    "repair", "remove", "blocked", "skip"), changed, status, reason,
                    detail, failed
  restart[]         programs to close and start again: program, pid
  not_reached[]     after enable: programs that do not reach the card all the same, as in
                    browsers[] above

cie doctor
  status            the gravest of the checks: "ok", "warn" or "fail"
  checks[]          the steps in their order: id, status ("ok", "warn", "fail",
                    "skipped"), finding, subject (reader or program), values (an object),
                    remedy, detail; message and what_to_do in the language of the user

cie watch
  event             "reader-added", "reader-removed", "card-inserted", "card-removed",
                    "card-mute", "service-lost", "service-back"
  reader, atr       where it happened
  error             with "service-lost": an error code, see below

cie version
  version, commit, date (of the commit), go, platform
  module            as above; version as programs are told it, "1.2"; build and commit as
                    its file tells them
  libraries[]       the Go modules in the program: name, version
  system_libraries[]   through which cards are reached: name, path

An error, in place of all that
  error             code, exit, message (in the language of the user), and where they
                    apply: tries (attempts left), code_ref ("PIN", "PUK"), step, detail,
                    pin_state ("unchanged", "unknown") after an interruption, readers;
                    of "cie sign" signed[] (as files[]) and not_signed[] (names)

Error codes: no-service no-reader no-card mute removed reset busy timeout not-cie
choose-reader not-genuine wrong-pin wrong-puk pin-blocked puk-blocked last-try not-accepted bad-format
weak-pin codes-differ no-terminal no-code uncertain interrupted-change pin-lost step-failed
no-module module-broken not-owner need-root exists time-stamp pdf-refused state no-record
virtual-card access-denied usage stopped failed`,
		`Con --json un comando stampa un solo oggetto JSON sullo standard output ("cie watch":
uno per riga) e lì nient'altro. I campi possono solo aumentare. Un campo non noto manca,
salvo dove qui sotto c'è scritto null.

cie readers
  readers[]         name, state ("empty", "card", "mute", "in-use"), atr (esadecimale)

cie status
  cards[]           una per ogni carta trovata:
    reader          nome del lettore
    atr             answer to reset, esadecimale
    cie             true se è una carta d'identità elettronica italiana; se no, i campi
                    seguenti mancano
    nis             12 cifre
    name            nome del titolare, se un programma di questo computer ha già
                    fatto l'accesso con la carta
    family          famiglia del chip, come "NXP"; "unknown"
    pin_tries       tentativi rimasti, 0 è bloccato; null se il chip non lo dice
    puk_tries       lo stesso per il PUK
    authenticity    "genuine", "issuer-unknown", "test-card", "virtual-card",
                    "not-genuine" o "unchecked"
    authenticity_accepted   true se hai accettato una carta che non è "genuine"
    authenticity_issuer   nome dell'autorità che garantisce la carta
    authenticity_reason   perché non è "genuine", in inglese, per specialisti
    holder          con il PIN: surname, given_name, fiscal_code
    document_number con il PIN: numero del documento
    not_before      con il PIN: primo giorno di validità, come AAAA-MM-GG
    not_after       con il PIN: ultimo giorno di validità
    grace_until     con il PIN: ultimo giorno di accettazione online
    validity        con il PIN: "valid", "grace", "expired" o "not-yet-valid"
    error           che cosa è andato storto con questa carta (vedi sotto)

cie pin verify, change, unblock
  result            "verified", "changed", "unblocked" o "tries-reset"
  reader, nis, authenticity   la carta, qui e sotto come sopra
  pin_tries         tentativi che restano dopo; null se il chip non lo dice

cie cards
  cards[]           id, nis, name, genuine_root, accepted (AAAA-MM-GG), pin_tries,
                    puk_tries, error ("damaged"); solo ciò che si sa
cie cards accept
  reader, nis, authenticity   la carta
  accepted          false per una carta autentica
cie cards forget
  forgotten         quante

cie cert
  reader, nis, authenticity   la carta
  pem               il certificato
  holder, document_number, not_before, not_after, grace_until, validity,
  come sopra

cie sign
  reader, nis, authenticity   la carta
  files[]           uno per ogni file, nel loro ordine: file, out (il file scritto),
                    format ("p7m", "pdf"), digest (SHA-256 di ciò che è stato
                    firmato, esadecimale), stamped (true con una marca temporale)
  con --format raw, al posto di files[]:
  hash              "sha256" ...
  digest            impronta del file, esadecimale
  signature         base64, se non c'è --out
  out               il file scritto, con --out

cie verify
  state             il peggiore di tutti i file: "valid", "invalid" o "unknown"
  files[]           uno per ogni file: file, e
    state           il peggiore delle sue firme
    encoding        "der", "pem", "base64" o "pdf"
    detached        true se il documento non era nel file
    content         il documento usato, se era in un file a parte
    extracted       il file scritto, con --extract
    signatures[]    state; reasons[] (vedi sotto); intact, trusted; name, fiscal_code,
                    organization, issuer, serial, not_before, not_after del
                    certificato; purpose ("authentication", "signature", "timestamp",
                    "other"); hash; time e time_kind ("claimed", "stamped", "given",
                    ""); claimed; stamps[] (time, intact, trusted, authority); level
                    ("B-B", "B-T"); revocation (state: "good", "revoked", "not-asked",
                    "unknown"; source, inside, date, at); counter_signatures[]
                    In un PDF anche: kind ("signature", "timestamp"); field; page, se si
                    vede; claims (name, reason, location); revision_size (byte del
                    documento firmato, 0 se nessuno); whole (true se non segue nulla);
                    changes[] dopo di essa: kind (signature timestamp dss field new-field
                    metadata pages content annotation appearance locked catalog unknown),
                    allowed (false: può nascondere o sostituire ciò che è stato firmato),
                    page, field, detail
    revision        di un PDF: numero della firma di cui è stato estratto il documento
    inner           lo stesso, per un documento firmato dentro il documento
    error           perché il file non si può leggere
  reasons           altered wrong-signature wrong-certificate wrong-attributes not-covered
                    revoked expired not-yet-valid (questi la rendono "invalid") no-content
                    no-certificate unknown-issuer unfit-certificate unsupported
                    weak-algorithm revocation-not-asked revocation-unknown revoked-later
                    wrong-timestamp content-changed

cie browsers status
  module            path, exists, loadable ("yes", "no", "unknown"), version, why, detail
  browsers[]        id, name, version, packaging ("native", "snap", "flatpak", "tarball"),
                    registered, policy (true: per criteri dell'amministratore), loadable,
                    state ("ready", "restart", "not-loadable", "off", "elsewhere",
                    "damaged", "never-started", "sandboxed", "unavailable"), why, way_out,
                    message, running[] (program, pid)

cie browsers enable, disable
  module, dry_run, ok
  places[]          place (tipo), path, programs, action ("none", "register", "correct",
                    "repair", "remove", "blocked", "skip"), changed, status, reason,
                    detail, failed
  restart[]         programmi da chiudere e riaprire: program, pid
  not_reached[]     dopo enable: programmi che restano senza la carta, come in browsers[]
                    qui sopra

cie doctor
  status            il più grave dei controlli: "ok", "warn" o "fail"
  checks[]          i passi in ordine: id, status ("ok", "warn", "fail", "skipped"),
                    finding, subject (lettore o programma), values (un oggetto), remedy,
                    detail; message e what_to_do nella lingua dell'utente

cie watch
  event             "reader-added", "reader-removed", "card-inserted", "card-removed",
                    "card-mute", "service-lost", "service-back"
  reader, atr       dove è successo
  error             con "service-lost": un codice di errore, vedi sotto

cie version
  version, commit, date (del commit), go, platform
  module            come sopra; version come la vedono i programmi, "1.2"; build e commit
                    come li dice il suo file
  libraries[]       i moduli Go nel programma: name, version
  system_libraries[]   attraverso cui si raggiungono le carte: name, path

Un errore, al posto di tutto questo
  error             code, exit, message (nella lingua dell'utente) e, dove servono:
                    tries (tentativi rimasti), code_ref ("PIN", "PUK"), step, detail,
                    pin_state ("unchanged", "unknown") dopo un'interruzione, readers;
                    di "cie sign" signed[] (come files[]) e not_signed[] (nomi)

Codici di errore: no-service no-reader no-card mute removed reset busy timeout not-cie
choose-reader not-genuine wrong-pin wrong-puk pin-blocked puk-blocked last-try not-accepted bad-format
weak-pin codes-differ no-terminal no-code uncertain interrupted-change pin-lost step-failed
no-module module-broken not-owner need-root exists time-stamp pdf-refused state no-record
virtual-card access-denied usage stopped failed`)
)
