// Package gui shows the windows of the desktop application: screens for the
// card, the PIN, the browsers, the diagnostics, the help and the settings.
//
// It declares the [Service] it needs and accesses no reader, no module and no
// file. Every call of the Service runs in a goroutine of its own; the window
// never waits for the card. Errors become sentences in errors.go, texts are
// those of package text.
package gui

import (
	"context"
	"time"

	"cie/card"
)

// Service is what the windows ask for. Its methods are called from goroutines
// and may take as long as the card takes; they stop early when ctx ends, as
// far as that is safe for the card. Codes are the caller's: implementations
// keep no copy, the windows wipe them when the call returns.
type Service interface {
	Signing
	Verifying

	// Watch reports the state of the readers now and after every change, until
	// ctx ends; then it closes the channel. Only the latest ReaderState matters.
	Watch(ctx context.Context) <-chan ReaderState
	// StartService starts the smart card service, after the system has asked the
	// person for the permission.
	StartService(ctx context.Context) error
	// Inspect reads what a card shows without a code. It calls update each
	// time more is known and spends no try.
	Inspect(ctx context.Context, reader string, update func(Card)) error
	// Prepare opens the secure channel to a card that gets codes in the background, while
	// the user types one. It returns before that is done, and reports nothing: the call
	// with the code does the same if it has to. When ctx ends, the channel is dropped
	// unless a code was accepted in it.
	Prepare(ctx context.Context, reader string)
	// Accept records that the user accepts the card, whose level needs
	// consent, for its key; see card.Session.Accept.
	Accept(ctx context.Context, reader string) error
	// Holder verifies the PIN and reads whose card it is.
	Holder(ctx context.Context, reader string, pin []byte, o CodeOptions) (Holder, error)
	// ChangePIN replaces the PIN.
	ChangePIN(ctx context.Context, reader string, old, pin []byte, o CodeOptions) error
	// Unblock sets a new PIN with the PUK.
	Unblock(ctx context.Context, reader string, puk, pin []byte, o CodeOptions) error
	// TestLogin logs in to a service that is built into the program.
	TestLogin(ctx context.Context, reader string, pin []byte, o CodeOptions) (Login, error)

	// Browsers lists the programs found and whether the module is registered with them.
	Browsers(ctx context.Context) ([]Browser, error)
	// SetBrowsers registers the module with the program of that ID, "" for all of
	// them, or unregisters it. Programs that share a registration change together.
	SetBrowsers(ctx context.Context, id string, enable bool) error

	// Diagnose walks the path that a login takes and calls found for each step.
	// Steps that need a PIN are skipped without one. The error is a
	// *card.PINError when the card refused the PIN, and a *card.LastTryError
	// when it was not sent because a confirmation is missing.
	Diagnose(ctx context.Context, d Diagnosis, found func(Finding)) error
	// Report makes a report of the text about the findings: it adds what
	// matters of the machine, and takes out whose machine and card it is.
	Report(text string) string

	// SaveReport saves a report where the user finds it and returns its path.
	SaveReport(text string) (name string, err error)

	// Settings returns what was saved, or the defaults.
	Settings() Settings
	// SaveSettings keeps and applies the settings.
	SaveSettings(Settings) error
	// LogFolder is the address of the folder with the logs, for a file manager.
	LogFolder() string
	// ClearLogs deletes the logs.
	ClearLogs() error
	// ForgetCards deletes what is remembered of the cards seen, also that they
	// were genuine or accepted.
	ForgetCards() error
	// About returns the components of this program.
	About() About
}

// ReaderState is the state of the smart card service, and the readers with what is on them.
type ReaderState struct {
	// Down is why the smart card service cannot be reached; nil when it can.
	Down    error
	Readers []Reader
}

// Presence is what is on a reader.
type Presence int

// The presences.
const (
	Empty   Presence = iota
	Present          // a card that answers
	Mute             // something that does not answer
)

// Reader is one reader.
type Reader struct {
	Name string
	// Contactless readers need the card to be kept still.
	Contactless bool
	Presence    Presence
	// Visit differs for each time that a card is put on the reader.
	Visit uint64
}

// Card is what a card shows without a code.
type Card struct {
	// ID identifies the card.
	ID     string
	Family card.Family
	// PIN and PUK are the counters; Max 0 while they are not read yet.
	PIN, PUK card.Tries
	// Authenticity has Level Unchecked (or "") while the check runs.
	Authenticity card.Authenticity
	// Reading is the current step while the card is read. A Card with it has
	// nothing else.
	Reading card.StepName
	// Name is the holder's, where it is known without the PIN; else "".
	Name string
	// Expiry is known from a card whose holder was shown before; else zero.
	Expiry time.Time
}

// Holder is whose card it is. Reading it needs the PIN.
type Holder struct {
	Surname, GivenName string
	FiscalCode         string
	DocumentNumber     string
	NotBefore          time.Time
	NotAfter           time.Time
	// GraceUntil is when services stop to accept the expired card.
	GraceUntil time.Time
}

// CodeOptions go with every code.
type CodeOptions struct {
	// AllowLastTry: a user confirmed that few tries are left.
	AllowLastTry bool
	// Progress is called for every step; it returns at once.
	Progress func(card.Progress)
}

// Diagnosis is the input of a diagnosis.
type Diagnosis struct {
	// Reader is the one whose card takes the PIN; the others are left out then.
	Reader string
	// PIN may be nil. It is verified, and used for a login through the module.
	PIN []byte
	CodeOptions
}

// Login is what the built-in service saw.
type Login struct {
	Name     string // as in the certificate
	Protocol string // such as "TLS 1.2"
}

// BrowserState is whether the module is registered with a program, in the words of the
// diagnostics.
type BrowserState string

// The states of a browser.
const (
	BrowserReady        BrowserState = "ready"
	BrowserOff          BrowserState = "off"
	BrowserElsewhere    BrowserState = "elsewhere"     // registered with another module; enabling repairs it
	BrowserDamaged      BrowserState = "damaged"       // registered wrongly; enabling repairs it
	BrowserNotLoadable  BrowserState = "not-loadable"  // registered, but the module does not load
	BrowserRestart      BrowserState = "restart"       // ready after the program is started again
	BrowserNeverStarted BrowserState = "never-started" // has to be started once first
	BrowserSandboxed    BrowserState = "sandboxed"     // its package keeps the card out
	BrowserUnavailable  BrowserState = "unavailable"   // cannot be changed from here

	// BrowserNoCertificate: it needs the certificate of the card, which was not read yet.
	BrowserNoCertificate BrowserState = "no-certificate"
)

// Browser is a program that could use the card.
type Browser struct {
	ID, Name, Version string // ID is unique in a list
	State             BrowserState
	// Shares are the names of other programs with the same registration.
	Shares []string
	// Copies reports that enabling puts a copy of the holder's certificate where this program
	// and others look for certificates.
	Copies bool
}

// FindingLevel is how good or bad a Finding is.
type FindingLevel string

// The levels of a Finding.
const (
	FindingOK      FindingLevel = "ok"
	FindingWarning FindingLevel = "warning"
	FindingError   FindingLevel = "error"
	FindingSkipped FindingLevel = "skipped"
)

// Finding is one step of the diagnostics. The windows have texts for the
// names of its Step, Found and Remedy, and show a name without text as it is.
type Finding struct {
	Step  string
	Level FindingLevel
	// Subject is the reader or program meant, where there are several.
	Subject string
	Found   string
	// Values fill the places {name} in the text for Found.
	Values []FindingValue
	// Remedy is empty when nothing needs to be done.
	Remedy string
	// Distribution is the family of Linux distributions whose packages a Remedy
	// is about, such as "debian"; empty where it is not known.
	Distribution string
	// Detail is technical and shown as it is.
	Detail string
}

// FindingValue is a fact of a Finding. A day is written as 2006-01-02.
type FindingValue struct {
	Name, Text string
	// Private values are for the screen and for no report.
	Private bool
}

// Settings are the choices of the user.
type Settings struct {
	Language  string // "it", "en", "de"; "": as the system
	Theme     string // "light", "dark"; "": as the system
	TextScale int    // percent: 100, 125, 150, 200; 0: 100
	LogLevel  string // "off", "errors", "all"; "": off
	Autostart bool   // start in the tray and notify when a card is inserted
	// Size of the window; 0: not known.
	Width, Height float32
	// X and Y are the place of the window if Placed is set.
	X, Y   int
	Placed bool
	// Authority is the address of the time stamp service that was used last.
	Authority string
}

// About describes the program.
type About struct {
	Version    string
	ModulePath string
	Libraries  []Library
}

// Library is a dependency and its licence.
type Library struct{ Name, Version, Licence string }
