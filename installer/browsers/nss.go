package browsers

import (
	"os"
	"path/filepath"
)

// nssTarget returns the target for pkcs11.txt of one NSS database directory.
func (e *Env) nssTarget(kind Kind, dir string, programs []string) *fileTarget {
	t := &fileTarget{
		env: e, kind: kind, scope: ScopeUser,
		path: filepath.Join(dir, "pkcs11.txt"), programs: programs,
		codec:    pkcs11Txt{e.Module},
		fileMode: 0o600, dirMode: 0o700,
	}
	t.missing = func() State {
		// NSS converts secmod.db only while there is no pkcs11.txt. Writing one
		// now would lose the modules that were registered long ago.
		for _, f := range []string{"secmod.db", "cert8.db"} {
			if exists(filepath.Join(dir, f)) && !exists(filepath.Join(dir, "cert9.db")) {
				return State{Status: Unavailable, Reason: ReasonLegacyDatabase}
			}
		}
		return State{}
	}
	t.running = func() []Process { return e.usersOf(dir, programs) }
	return t
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// sharedNSS returns the targets for the databases that the Chromium family,
// LibreOffice, Okular and others share.
//
// Chromium uses ~/.pki/nssdb if that directory exists and otherwise
// $XDG_DATA_HOME/pki/nssdb (crypto/nss_util.cc, GetDefaultNSSConfigDirectory). Older
// versions only use the first one. ~/.pki/nssdb is not created beside a newer
// database in use, because it would hide the certificates and modules in that one.
func (e *Env) sharedNSS() []Target {
	legacy := filepath.Join(e.Home, ".pki", "nssdb")
	modern := filepath.Join(e.DataHome, "pki", "nssdb")
	var programs []string
	for _, a := range unixApps {
		if a.family == Chromium {
			programs = append(programs, a.id)
		}
	}
	programs = append(programs, "okular", "papers", "libreoffice")
	old := e.nssTarget(KindNSSDatabase, legacy, programs)
	convert := old.missing
	old.missing = func() State {
		if s := convert(); s.Status != "" {
			return s
		}
		if !exists(legacy) && inUse(modern) {
			return State{Status: Unavailable, Reason: ReasonShadowed}
		}
		return State{}
	}
	targets := []Target{old, e.nssTarget(KindNSSDatabase, modern, programs)}
	if dir := filepath.Join(e.DataHome, "evolution"); exists(filepath.Join(dir, "cert9.db")) {
		targets = append(targets, e.nssTarget(KindNSSDatabase, dir, []string{"evolution"}))
	}
	return targets
}

// inUse reports whether NSS has created a database in dir, or another module is
// registered there.
func inUse(dir string) bool {
	return exists(filepath.Join(dir, "cert9.db")) || exists(filepath.Join(dir, "key4.db"))
}
