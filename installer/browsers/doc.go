// Package browsers registers the PKCS#11 module of the Italian electronic identity
// card with browsers and mail clients, and unregisters it.
//
// Every place that must have the module is a [Target]: a Firefox profile, an NSS
// database shared by the Chromium family, a p11-kit module file, a policy file of
// an administrator. A Target can report its [State], install the registration and
// remove it. All targets have these properties:
//
//   - Install and Remove are idempotent.
//   - Files are replaced by rename after fsync, so a reader sees the old or the new
//     file even after a crash. Mode and owner remain.
//   - The original content of a file is saved in the state directory of the user
//     ($XDG_STATE_HOME/cie/installer) or of the system (/var/lib/cie/installer).
//     Remove restores it if no other program changed the file, and otherwise
//     removes only the registration.
//   - Remove deletes the files and directories that Install created.
//   - Targets of a user refuse to run as another user, including root.
//
// States, reasons and remedies are enumerations; command line and window have the
// texts. The package imports no other package of the project. The caller checks
// whether the module can be loaded (see [LoadCheck]).
package browsers

import "context"

const (
	// ModuleName is the name under which the module is registered. Programs show it
	// in their lists of security devices. It does not begin with "CIE", because NSS
	// compares only a prefix of the name when it deletes a module, and other
	// software for the same card is registered as "CIE".
	ModuleName = "Carta di identita elettronica (CIE)"
)

// LoadCheck loads the module at path and reports why it is unusable. The caller
// provides it and runs it in a child process, because a module may crash.
type LoadCheck func(ctx context.Context, path string) error
