// Package installer tells the programs of a desktop where the PKCS#11 module of
// the Italian electronic identity card is, and takes that back again.
//
// Every place that must know the module is a [Target]: a Firefox profile, an
// NSS database shared by the Chromium family, a p11-kit module file, a policy
// file of an administrator. A Target can say in which [State] it is, install
// the registration and remove it. All of them keep the same promises:
//
//   - Install and Remove are idempotent.
//   - A file is replaced by rename after fsync, so a reader or a crash sees the
//     old file or the new one, never half of one. Mode and owner are kept.
//   - What the file held before is kept in the state directory of the user
//     ($XDG_STATE_HOME/cie/installer) or of the system (/var/lib/cie/installer).
//     Remove restores those bytes if nobody changed the file meanwhile, and
//     otherwise takes out only the registration.
//   - Files and directories that Install created are gone after Remove.
//   - Targets of a user refuse to run as anybody else, root included.
//
// The package speaks to programs: states, reasons and ways out are enumerations
// that a command line or a window translates. It imports no other package of
// the project; loading the module to see whether it works is the caller's
// affair (see [LoadCheck]).
package installer

import "context"

const (
	// ModuleName is the name the module is registered under. Programs show it in
	// their lists of security devices. It does not begin with "CIE" because NSS
	// deletes a module by comparing only a prefix of its name, and other
	// software for the same card registers itself as "CIE".
	ModuleName = "Carta di identita elettronica (CIE)"
)

// LoadCheck loads the module at path and reports why it cannot be used. The
// caller provides it and runs it in a child process: a module that crashes
// must not take the installer with it.
type LoadCheck func(ctx context.Context, path string) error
