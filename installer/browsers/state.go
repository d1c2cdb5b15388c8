package browsers

import (
	"errors"
	"fmt"
)

// Status is the condition of a Target.
type Status string

const (
	// Absent: the module is not registered. Install registers it.
	Absent Status = "absent"
	// Registered: the module is registered with the path it should have.
	Registered Status = "registered"
	// Elsewhere: the module is registered with another path; Install corrects it.
	Elsewhere Status = "registered-elsewhere"
	// Damaged: the place is unreadable, not writable or malformed. State.Reason is the
	// reason, State.Repairable reports whether Install can repair it.
	Damaged Status = "damaged"
	// Unavailable: no registration is possible now, without an error.
	Unavailable Status = "unavailable"
)

// Reason explains a State. The empty reason means that nothing needs an explanation.
type Reason string

const (
	// ReasonNotCreated: the file does not exist yet; Install creates it.
	ReasonNotCreated Reason = "not-created"
	// ReasonLegacyDatabase: there is only a dbm database of old NSS versions
	// (secmod.db, cert8.db). Starting the program once converts it.
	ReasonLegacyDatabase Reason = "legacy-database"
	// ReasonShadowed: the place would hide another database that programs use
	// now, so nothing is created here.
	ReasonShadowed Reason = "shadowed"
	// ReasonDuplicate: the module is registered more than once; Install repairs.
	ReasonDuplicate Reason = "duplicate"
	// ReasonNoLibrary: an entry with the module's name has no library; Install repairs.
	ReasonNoLibrary Reason = "no-library"
	// ReasonUnreadable: the file cannot be read.
	ReasonUnreadable Reason = "unreadable"
	// ReasonNotRegular: the path is a directory or a device.
	ReasonNotRegular Reason = "not-regular"
	// ReasonForeignOwner: the file or directory belongs to another user, for example
	// because a browser was started as root.
	ReasonForeignOwner Reason = "foreign-owner"
	// ReasonReadOnly: the directory cannot be written by this user.
	ReasonReadOnly Reason = "read-only"
	// ReasonSyntax: the file does not have the expected format.
	ReasonSyntax Reason = "syntax"
	// ReasonTooLarge: the file exceeds the size limit.
	ReasonTooLarge Reason = "too-large"
	// ReasonModuleMissing: registered, but there is no file at the registered path.
	ReasonModuleMissing Reason = "module-missing"
	// ReasonLimited: registered, but for other programs.
	ReasonLimited Reason = "other-programs"
	// ReasonOtherPolicy: another file sets the same policy, and one of the two is ignored.
	ReasonOtherPolicy Reason = "other-policy"
	// ReasonHidesPolicy: Firefox reads the policies of its own installation only if
	// there is no file for the system. Creating one would disable them.
	ReasonHidesPolicy Reason = "hides-policy"
	// ReasonNoCertificate: no certificate of the user is known yet that could be listed.
	ReasonNoCertificate Reason = "no-certificate"
	// ReasonRoot: programs run by root ignore this place (p11-kit reads no
	// user configuration as root).
	ReasonRoot Reason = "ignored-for-root"
)

// State is the finding of a Target.
type State struct {
	Status Status `json:"status"`
	Reason Reason `json:"reason,omitempty"`
	// Module is the path that is registered, if any.
	Module string `json:"module,omitempty"`
	// Others are libraries of other software for the same card that are
	// registered in the same place. Two of them compete for the reader and show
	// the certificate twice.
	Others []string `json:"others,omitempty"`
	// Err is the cause of a Damaged state, for reports.
	Err error `json:"-"`

	own bool // the file was created by this package, so it may be rewritten
}

// Repairable reports whether Install makes a Damaged place good.
func (s State) Repairable() bool {
	if s.Status != Damaged {
		return false
	}
	switch s.Reason {
	case ReasonDuplicate, ReasonNoLibrary, ReasonModuleMissing:
		return true
	case ReasonSyntax:
		return s.own
	}
	return false
}

// Kind is the type of place of a Target.
type Kind string

const (
	KindGeckoProfile     Kind = "gecko-profile"        // a profile of Firefox, Thunderbird and relatives
	KindGeckoFirstRun    Kind = "gecko-first-run"      // a first profile for a Firefox never started
	KindNSSDatabase      Kind = "nss-database"         // an NSS database shared by programs
	KindP11KitUser       Kind = "p11-kit-user"         // module file of one user
	KindP11KitSystem     Kind = "p11-kit-system"       // module file for all users
	KindFirefoxPolicy    Kind = "firefox-policy"       // policies.json: SecurityDevices.Add
	KindFirefoxCleanup   Kind = "firefox-cleanup"      // policies.json: SecurityDevices.Delete
	KindChromiumPolicy   Kind = "chromium-policy"      // managed policy AutoSelectCertificateForUrls
	KindFlatpakOverride  Kind = "flatpak-override"     // permits a flatpak to use the p11-kit server
	KindP11KitServerUnit Kind = "p11-kit-server"       // systemd user unit of the p11-kit server
	KindCertificates     Kind = "windows-certificates" // the user's certificates, with keys of the key storage provider
)

// Scope is the owner of a place: a user or the system.
type Scope string

const (
	// ScopeUser targets are changed by the user they belong to.
	ScopeUser Scope = "user"
	// ScopeSystem targets are changed by an administrator, for all users.
	ScopeSystem Scope = "system"
)

// Change describes the effect of an Install or Remove.
type Change struct {
	// Changed is false if nothing had to be done.
	Changed bool `json:"changed"`
	// Files are the files written or deleted.
	Files []string `json:"files,omitempty"`
}

// Target is one place that must have the module.
type Target interface {
	// ID is stable and unique among all targets: the kind, a colon and the path.
	ID() string
	Kind() Kind
	Scope() Scope
	// Path returns the file that contains the registration.
	Path() string
	// Programs are the IDs of the programs that read this place ("firefox").
	Programs() []string
	// State looks without changing anything.
	State() State
	// Install registers the module. It does nothing when the state is Registered.
	Install() (Change, error)
	// Remove removes the registration. It does nothing if there is none.
	Remove() (Change, error)
	// Running lists the processes that have this place in use. They notice a
	// change only when they are started again.
	Running() []Process
}

var (
	// ErrNotOwner reports an attempt to change a target of another user.
	ErrNotOwner = errors.New("this home directory belongs to another user")
	// ErrNeedRoot reports that a target of the system needs an administrator.
	ErrNeedRoot = errors.New("changing the system's configuration needs administrator rights")
	// ErrNoModule reports that there is no module at the path to be registered.
	ErrNoModule = errors.New("the module file does not exist")
	// ErrModulePath reports that the path cannot be registered (it is relative, or has
	// characters that the configuration formats cannot express).
	ErrModulePath = errors.New("the module path cannot be registered")
	// ErrBusy reports that another process has the lock of the journal.
	ErrBusy = errors.New("another registration is running")
	// ErrChanged reports that another program changed the file during the edit.
	ErrChanged = errors.New("the file was changed by another program")
)

// OwnerError reports the owner of the home and the user of the process. It unwraps to ErrNotOwner.
type OwnerError struct {
	Home  string
	Owner int  // user id that owns Home
	UID   int  // effective user id of this process
	Sudo  bool // this process was started with sudo
}

func (e *OwnerError) Error() string {
	if e.Sudo {
		return fmt.Sprintf("%s: run this as yourself, without sudo: a browser cannot use files that belong to root", e.Home)
	}
	return fmt.Sprintf("%s belongs to user %d, and this runs as user %d: run it as the user whose browsers are meant", e.Home, e.Owner, e.UID)
}

func (e *OwnerError) Unwrap() error { return ErrNotOwner }

// StateError reports that a Target cannot be changed in its present state.
type StateError struct {
	Path  string
	State State
}

func (e *StateError) Error() string {
	s := fmt.Sprintf("%s: %s", e.Path, e.State.Status)
	if e.State.Reason != "" {
		s += " (" + string(e.State.Reason) + ")"
	}
	if e.State.Err != nil {
		s += ": " + e.State.Err.Error()
	}
	return s
}

func (e *StateError) Unwrap() error { return e.State.Err }
