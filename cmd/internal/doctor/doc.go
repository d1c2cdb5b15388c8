// Package doctor checks the path of a login with the card, from the smart card
// service to the browsers, and reports for each step what it found and what the
// user can do about it.
//
// A [Check] is a step with a status, a [Finding] and a [Remedy], all of them
// enumerations for which a program has texts. An [Env] holds all external
// dependencies, so that tests can replace any of them. Checks change nothing on the
// machine and spend no try of a code, except that a given PIN is verified once.
package doctor

import (
	"context"
	"encoding/json"
	"time"

	"cie/apdu/readers"
	"cie/card"
	"cie/cmd/internal/probe"
	"cie/installer/browsers"
)

// ID names a step of the path.
type ID string

// The steps, in their order.
const (
	Service      ID = "service"      // the PC/SC library and its service
	Permission   ID = "permission"   // whether this user may use it
	Readers      ID = "readers"      // readers that the service lists
	Reader       ID = "reader"       // what is known about one reader (Subject)
	Card         ID = "card"         // a card that answers
	Identity     ID = "identity"     // the card is an Italian identity card
	Field        ID = "field"        // how well the reader reads it
	Authenticity ID = "authenticity" // the card is genuine
	Tries        ID = "tries"        // tries left of PIN and PUK
	Certificate  ID = "certificate"  // dates of the certificate
	Module       ID = "module"       // the file that browsers load
	ModuleCard   ID = "module-card"  // the module shows the card
	Browser      ID = "browser"      // one browser (Subject)
	P11Kit       ID = "p11-kit"      // other modules that p11-kit passes to browsers
	Login        ID = "login"        // a TLS 1.2 login through the module
	TLS13        ID = "tls13"        // what a service must not ask for
)

// Status is the result of a Check.
type Status string

// The results. Fail prevents a login, Warn may prevent it.
const (
	OK      Status = "ok"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Skipped Status = "skipped"
)

// Value is a fact of a finding, for its text.
type Value struct {
	Name string
	Text string
	// Private values are shown to the holder and omitted from reports.
	Private bool
}

// Check is the outcome of one step.
type Check struct {
	ID      ID
	Status  Status
	Finding Finding
	// Subject is the reader or program of the check, if there are several.
	Subject string
	Values  []Value
	// Remedy is what the user can do; empty if nothing is needed.
	Remedy Remedy
	// Detail is the cause in technical terms.
	Detail string
	// Refused is set if the card refused the PIN.
	Refused *card.PINError
	// Distribution is the one whose packages the Remedy is about.
	Distribution Distribution
}

// MarshalJSON writes values as an object.
func (c Check) MarshalJSON() ([]byte, error) {
	values := map[string]string{}
	for _, v := range c.Values {
		values[v.Name] = v.Text
	}
	return json.Marshal(struct {
		ID      ID                `json:"id"`
		Status  Status            `json:"status"`
		Finding Finding           `json:"finding"`
		Subject string            `json:"subject,omitempty"`
		Values  map[string]string `json:"values,omitempty"`
		Remedy  Remedy            `json:"remedy,omitempty"`
		Detail  string            `json:"detail,omitempty"`
	}{c.ID, c.Status, c.Finding, c.Subject, values, c.Remedy, c.Detail})
}

// Prober tries the module in a child process; probe.Prober is one.
type Prober interface {
	Load(ctx context.Context, module string) (probe.Info, error)
	Cards(ctx context.Context, module string) ([]probe.Card, error)
	Login(ctx context.Context, module string, l probe.Login, pin []byte) (probe.Outcome, error)
}

// Env describes the machine to the doctor.
type Env struct {
	// Root is the prefix of /sys, /etc, /run and /usr; empty outside of tests.
	Root   string
	Getenv func(string) string
	// Remote reports whether this is a remote desktop session of Windows; nil: the
	// system is asked.
	Remote func() bool
	Now    func() time.Time
	// PCSC connects to the service.
	PCSC func() (readers.Service, error)
	// Card are the options of the sessions; Store, Now and Progress may be set.
	Card card.Options
	// Machine has the folders of the browsers and the path of the module.
	Machine *browsers.Env
	Prober  Prober
	// Reader limits the checks to readers for which it returns true; nil: all.
	Reader func(name string) bool
	// Guard runs f, which sends commands to the card; nil: f is called directly.
	Guard func(f func() error) error
}

// PINFunc returns the PIN for the card in a reader, with the options for it. It is
// called when the tries are known. A nil PIN means no PIN. The doctor wipes it.
type PINFunc func(ctx context.Context, reader string, tries card.Tries) (pin []byte, opts []card.CodeOption, err error)

// Worst returns the worst status of a list: Fail, Warn or OK.
func Worst(checks []Check) Status {
	worst := OK
	for _, c := range checks {
		if c.Status == Fail || c.Status == Warn && worst == OK {
			worst = c.Status
		}
	}
	return worst
}
