package browsers

import (
	"errors"
	"strings"
	"testing"
)

// Entries of access lists as icacls shows them on Windows 11.
const (
	adminsSID  = "S-1-5-32-544"
	systemSID  = "S-1-5-18"
	usersSID   = "S-1-5-32-545"
	signedIn   = "S-1-5-11" // Authenticated Users
	annaSID    = "S-1-5-21-1-2-3-1001"
	fullAccess = 0x1F01FF
	modify     = 0x1301BF
	readOnly   = 0x1200A9
)

func TestDirectoryOfOrdinaryUsersIsRefused(t *testing.T) {
	windows := access{path: `C:\Windows`, owner: "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
		list: []accessEntry{{systemSID, modify}, {adminsSID, modify}, {usersSID, readOnly}}}
	// In the list of the root, the entry for new files applies to children only.
	root := access{path: `C:\`, owner: windows.owner, list: []accessEntry{{adminsSID, fullAccess}, {systemSID, fullAccess}, {usersSID, readOnly}, {signedIn, rightAddSubdir}}}
	programs := access{path: `C:\Program Files`, owner: windows.owner,
		list: []accessEntry{{windows.owner, fullAccess}, {systemSID, modify}, {adminsSID, modify}, {usersSID, readOnly}, {"S-1-15-2-1", readOnly}}}
	cie := access{path: `C:\Program Files\CIE`, owner: adminsSID, list: programs.list}
	with := func(a access, e ...accessEntry) access {
		a.list = append(append([]accessEntry{}, a.list...), e...)
		return a
	}
	owned := func(a access, by string) access { a.owner = by; return a }
	if err := judgeAccess([]access{cie, programs, root}, windows); err != nil {
		t.Errorf("the usual directory: %v", err)
	}
	for name, tt := range map[string]struct {
		list []access
		who  string
	}{
		"below the root, inherited": {[]access{with(access{path: `C:\CIE`, owner: adminsSID}, accessEntry{adminsSID, fullAccess}, accessEntry{signedIn, modify}), root}, signedIn},
		"files can be added":        {[]access{with(cie, accessEntry{usersSID, rightAddFile}), programs, root}, usersSID},
		"list can be changed":       {[]access{with(cie, accessEntry{annaSID, rightWriteDAC}), programs, root}, annaSID},
		"for every user":            {[]access{with(cie, accessEntry{"S-1-1-0", fullAccess}), programs, root}, "S-1-1-0"},
		"owned by a user":           {[]access{owned(cie, annaSID), programs, root}, annaSID},
		"no list":                   {[]access{{path: `D:\CIE`, owner: adminsSID, open: true}}, "S-1-1-0"},
		"parent can be renamed":     {[]access{cie, with(programs, accessEntry{annaSID, rightDelete}), root}, annaSID},
		"parent loses children":     {[]access{cie, with(programs, accessEntry{usersSID, rightDeleteChild}), root}, usersSID},
		"parent owned by a user":    {[]access{cie, owned(programs, annaSID), root}, annaSID},
	} {
		err := judgeAccess(tt.list, windows)
		if !errors.Is(err, ErrOpenDirectory) || !strings.Contains(err.Error(), tt.who) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An account that may write to Windows itself is an administrator's.
	if err := judgeAccess([]access{owned(cie, annaSID), programs, root}, with(windows, accessEntry{annaSID, fullAccess})); err != nil {
		t.Errorf("owned by who owns Windows: %v", err)
	}
	if err := judgeAccess([]access{with(cie, accessEntry{usersSID, modify}), programs, root}, with(windows, accessEntry{usersSID, modify})); err == nil {
		t.Error("a group of ordinary users is taken for administrators")
	}
}
