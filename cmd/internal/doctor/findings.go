package doctor

// Finding is the result of a step in detail.
type Finding string

// The findings.
const (
	// Any step: the problem of an earlier one has to be solved first.
	Waits Finding = "waits"

	ServiceAnswers Finding = "service-answers"
	ServiceMissing Finding = "service-missing" // not installed
	ServiceStopped Finding = "service-stopped"
	ServiceHangs   Finding = "service-hangs"
	ServiceFails   Finding = "service-fails"  // it runs and returns an error
	ServiceRemote  Finding = "service-remote" // that of this computer is hidden in a remote desktop session

	AccessGranted Finding = "access-granted"
	AccessDenied  Finding = "access-denied"
	AccessRemote  Finding = "access-denied-remote" // denied in a remote (SSH) session

	ReadersFound     Finding = "readers-found" // names
	NoReader         Finding = "no-reader"
	NoReaderRemote   Finding = "no-reader-remote"       // those of this computer are hidden in a remote desktop session
	ReaderTaken      Finding = "reader-taken-by-kernel" // usb, module
	ReaderUnclaimed  Finding = "reader-unclaimed"       // usb
	ReaderIntegrated Finding = "reader-integrated"

	ReaderGood        Finding = "reader-good"
	ReaderThreatened  Finding = "reader-threatened"  // the kernel may claim it at the next start
	ReaderStillLoaded Finding = "reader-still-taken" // blacklisted, but loaded until the next start
	ReaderNoField     Finding = "reader-no-contactless"

	CardPresent   Finding = "card-present"
	NoCard        Finding = "no-card"
	CardMute      Finding = "card-mute"
	CardExclusive Finding = "card-exclusive"

	IsCIE       Finding = "is-cie" // family
	ForeignCard Finding = "foreign-card"
	CardFails   Finding = "card-fails"

	FieldGood Finding = "field-good" // reads
	FieldWeak Finding = "field-weak" // failed, reads
	FieldBad  Finding = "field-bad"  // failed, reads

	Genuine           Finding = "genuine"
	IssuerUnknown     Finding = "issuer-unknown"
	NotGenuine        Finding = "not-genuine"
	AuthenticityFails Finding = "authenticity-fails"

	TriesFull    Finding = "tries-full"  // pin, puk
	TriesSpent   Finding = "tries-spent" // pin, puk
	TriesUnknown Finding = "tries-unknown"
	PINBlocked   Finding = "pin-blocked" // puk
	PUKBlocked   Finding = "puk-blocked"

	CertificateValid    Finding = "certificate-valid"   // until
	CertificateEnds     Finding = "certificate-ends"    // until: within half a year
	CertificateGrace    Finding = "certificate-grace"   // until, grace
	CertificateExpired  Finding = "certificate-expired" // until, grace
	CertificateEarly    Finding = "certificate-early"   // from
	CertificateNeedsPIN Finding = "certificate-needs-pin"
	CertificateFails    Finding = "certificate-fails"
	PINWrong            Finding = "pin-wrong" // tries

	ModuleLoads     Finding = "module-loads" // version
	ModuleMissing   Finding = "module-missing"
	ModuleRefused   Finding = "module-not-loadable"
	ModuleForeign   Finding = "module-foreign"
	ModuleFails     Finding = "module-fails"
	ModuleCrashes   Finding = "module-crashes"
	ModuleHangs     Finding = "module-hangs"
	ModuleSeesCard  Finding = "module-sees-card"
	ModuleSeesNone  Finding = "module-sees-no-card"
	BrowserNone     Finding = "no-browser"
	OpenSCInFirefox Finding = "opensc-in-firefox" // file, override, line
	OpenSCInP11Kit  Finding = "opensc-in-p11-kit" // the same; no Firefox here asks p11-kit
	LoginWorks      Finding = "login-works"       // version
	LoginFails      Finding = "login-fails"
	LoginNeedsPIN   Finding = "login-needs-pin"
	TLS13Impossible Finding = "tls13-impossible"
	TLS13Refused    Finding = "tls13-refused" // tried, and refused as required
	TLS13Works      Finding = "tls13-works"
)

// browserFindings maps each state of a browser to its finding.
var browserFindings = map[BrowserState]Finding{
	BrowserReady:        "browser-ready",
	BrowserRestart:      "browser-restart", // running
	BrowserNotLoadable:  "browser-not-loadable",
	BrowserOff:          "browser-off",
	BrowserElsewhere:    "browser-elsewhere",
	BrowserDamaged:      "browser-damaged", // reason
	BrowserNeverStarted: "browser-never-started",
	BrowserSandboxed:    "browser-sandboxed", // packaging
	BrowserUnavailable:  "browser-unavailable",

	BrowserNoCertificate: "browser-no-certificate",
}

// FindingOf returns the Finding for a browser in a state.
func FindingOf(s BrowserState) Finding { return browserFindings[s] }

// Remedy is what the user can do about a finding.
type Remedy string

// The remedies.
const (
	InstallPCSC      Remedy = "install-pcscd"
	StartPCSC        Remedy = "start-pcscd"
	RestartPCSC      Remedy = "restart-pcscd"
	AllowAccess      Remedy = "allow-access"
	SitAtComputer    Remedy = "sit-at-computer"
	PlugReader       Remedy = "plug-reader"
	FreeReader       Remedy = "blacklist-pn533"
	Reboot           Remedy = "reboot"
	InstallDriver    Remedy = "install-libccid"
	OtherReader      Remedy = "other-reader"
	LayCard          Remedy = "lay-card"
	LayCardAgain     Remedy = "lay-card-again"
	CloseOthers      Remedy = "close-other-programs"
	UseCIE           Remedy = "use-cie"
	MoveCard         Remedy = "move-card"
	AddIssuer        Remedy = "add-issuer"
	ShowMunicipality Remedy = "show-municipality"
	Careful          Remedy = "careful-with-pin"
	UnblockPIN       Remedy = "unblock-pin"
	NewCard          Remedy = "new-card"
	RenewCard        Remedy = "renew-card"
	CheckClock       Remedy = "check-clock"
	GivePIN          Remedy = "give-pin"
	CheckPIN         Remedy = "check-pin"
	Reinstall        Remedy = "reinstall"
	EnableBrowsers   Remedy = "enable-browsers"
	RestartBrowser   Remedy = "restart-browser"
	StartBrowser     Remedy = "start-browser-once"
	NativeBrowser    Remedy = "install-native-browser"
	KeepOpenSCOut    Remedy = "keep-opensc-out"
	MendProfile      Remedy = "mend-profile"
	InstallBrowser   Remedy = "install-browser"
	ReportIt         Remedy = "report-it"
)
