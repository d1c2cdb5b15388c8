package browsers

import (
	"errors"
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// CheckDirectory returns an error that matches ErrOpenDirectory if users who are
// not administrators may change the content of the directory or replace it.
func CheckDirectory(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	system, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		return err
	}
	own, err := accessOf(system)
	if err != nil {
		return fmt.Errorf("%s: %w", system, err)
	}
	var list []access
	for dir := path; ; dir = filepath.Dir(dir) {
		a, err := accessOf(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		list = append(list, a)
		if dir == filepath.Dir(dir) {
			return judgeAccess(list, own)
		}
	}
}

// accessOf reads owner and access list of a file or directory.
func accessOf(path string) (access, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return access{}, err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return access{}, err
	}
	a := access{path: path, owner: owner.String()}
	list, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && list == nil {
		a.open = true
		return a, nil
	}
	if err != nil {
		return access{}, err
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return access{}, err
		}
		if ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		switch ace.Header.AceType {
		case windows.ACCESS_DENIED_ACE_TYPE:
		case windows.ACCESS_ALLOWED_ACE_TYPE:
			sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
			a.list = append(a.list, accessEntry{sid.String(), uint32(ace.Mask)})
		default:
			// Entries with conditions or for applications are not understood here.
			return access{}, fmt.Errorf("access list has an entry of type %d", ace.Header.AceType)
		}
	}
	return a, nil
}
