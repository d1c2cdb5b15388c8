package browsers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The directory of the programs on Windows. What an administrator runs from
// there, the uninstaller first of all, must not be another user's to replace.

// ErrOpenDirectory reports a directory to which users who are not administrators may write.
var ErrOpenDirectory = errors.New("users who are not administrators may write there")

// accessEntry is an entry of an access list that allows something.
type accessEntry struct {
	who  string // security identifier, S-1-...
	mask uint32
}

// access is the access list of a file or directory on Windows.
type access struct {
	path  string
	owner string
	// list has the entries that allow something and that are not for children
	// alone. Entries that deny are left out: they only ever make less possible.
	list []accessEntry
	// open reports that there is no list, so every user has full access.
	open bool
}

// Rights to files and directories (winnt.h).
const (
	rightAddFile     = 0x2
	rightAddSubdir   = 0x4
	rightWriteEA     = 0x10
	rightDeleteChild = 0x40
	rightWriteAttr   = 0x100
	rightDelete      = 0x10000
	rightWriteDAC    = 0x40000
	rightWriteOwner  = 0x80000
	rightGenericAll  = 0x10000000
	rightGenericW    = 0x40000000

	// rightsToReplace permit to replace a file or directory. The right to add files
	// beside it is not sufficient.
	rightsToReplace = rightDelete | rightDeleteChild | rightWriteDAC | rightWriteOwner | rightGenericAll
	rightsToWrite   = rightsToReplace | rightAddFile | rightAddSubdir | rightWriteEA | rightWriteAttr | rightGenericW
)

// trusted reports whether a security identifier is that of administrators or of
// the system ([MS-DTYP] 2.4.2.4), or of an account that may write to the Windows
// directory and therefore controls the system.
func trusted(sid string, windows access) bool {
	switch sid {
	case "S-1-5-18", // SYSTEM
		"S-1-5-32-544", // Administrators
		"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", // TrustedInstaller
		"S-1-3-0", // CREATOR OWNER: the owner, which is judged on its own
		"S-1-3-4": // OWNER RIGHTS: the same
		return true
	}
	if !strings.HasPrefix(sid, "S-1-5-21-") {
		return false // a group of the system, such as Users
	}
	// -500 is the built-in account Administrator.
	return strings.HasSuffix(sid, "-500") || sid == windows.owner || slices.ContainsFunc(windows.list, func(e accessEntry) bool {
		return e.who == sid && e.mask&rightsToWrite != 0
	})
}

// judgeAccess returns an error that matches ErrOpenDirectory if users who are not
// administrators may change the content of a directory. list is the directory
// followed by its parents; windows is the Windows directory.
func judgeAccess(list []access, windows access) error {
	for i, a := range list {
		rights := uint32(rightsToWrite)
		if i > 0 {
			// In the directories above it is enough that the next one stays.
			rights = rightsToReplace
		}
		var who []string
		if a.open {
			who = append(who, "S-1-1-0")
		}
		if !trusted(a.owner, windows) {
			who = append(who, a.owner)
		}
		for _, e := range a.list {
			if e.mask&rights != 0 && !trusted(e.who, windows) {
				who = append(who, e.who)
			}
		}
		if len(who) > 0 {
			slices.Sort(who)
			return fmt.Errorf("%s: %w (%s)", a.path, ErrOpenDirectory, strings.Join(slices.Compact(who), ", "))
		}
	}
	return nil
}
