package browsers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"cie/installer/browsers/keystore"
)

// ModuleFile is the base name of the module.
const ModuleFile = "cie-pkcs11.dll"

// homeVariable returns the home directory according to the environment. Under shells
// ported from Unix, HOME also exists and may name another directory.
func homeVariable() string { return os.Getenv("USERPROFILE") }

// fillIn adds values that only the system provides.
func (e *Env) fillIn() error {
	e.Windows, e.Proc, e.Systemctl = true, "", nil
	e.UID = -1
	if windows.GetCurrentProcessToken().IsElevated() {
		e.UID = 0
	}
	var err error
	if e.ConfigHome, err = os.UserConfigDir(); err != nil {
		return fmt.Errorf("find the profile: %w", err)
	}
	local, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find the profile: %w", err)
	}
	e.DataHome, e.StateHome, e.RuntimeDir = local, local, filepath.Join(local, "cie", "run")
	e.ProgramFiles = programFiles()
	e.Certificates, e.KeyStorage = userCertificates{}, keystore.Agent() != ""
	e.hooks = hooks{processes: sessionProcesses, held: heldAlone, appPath: appPath}
	return nil
}

func programFiles() []string {
	var list []string
	for _, id := range []*windows.KNOWNFOLDERID{windows.FOLDERID_ProgramFiles, windows.FOLDERID_ProgramFilesX86} {
		if dir, err := windows.KnownFolderPath(id, windows.KF_FLAG_DEFAULT); err == nil && !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return list
}

// appPath returns the directory that the installer of a program recorded.
func appPath(exe string) string {
	for _, root := range []registry.Key{registry.CURRENT_USER, registry.LOCAL_MACHINE} {
		k, err := registry.OpenKey(root, `Software\Microsoft\Windows\CurrentVersion\App Paths\`+exe, registry.QUERY_VALUE)
		if err != nil {
			continue
		}
		path, _, err := k.GetStringValue("")
		k.Close()
		if path = strings.Trim(path, `"`); err == nil && filepath.IsAbs(path) {
			return filepath.Dir(filepath.Clean(path))
		}
	}
	return ""
}

// sessionProcesses lists the accessible processes of this session.
func sessionProcesses() []proc {
	var own uint32
	if windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &own) != nil {
		return nil
	}
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil
	}
	defer windows.CloseHandle(snapshot)
	var list []proc
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		var session uint32
		if windows.ProcessIdToSessionId(entry.ProcessID, &session) != nil || session != own {
			continue
		}
		if exe := imageOf(entry.ProcessID); exe != "" {
			list = append(list, proc{pid: int(entry.ProcessID), exe: exe, parent: int(entry.ParentProcessID)})
		}
	}
	return list
}

// imageOf returns the path of a process' executable, "" if it is not accessible.
func imageOf(pid uint32) string {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(h)
	var name [windows.MAX_LONG_PATH]uint16
	n := uint32(len(name))
	if windows.QueryFullProcessImageName(h, 0, &name[0], &n) != nil {
		return ""
	}
	return windows.UTF16ToString(name[:n])
}

// heldAlone reports whether a process has the file open exclusively.
func heldAlone(path string) bool {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return false
	}
	h, err := windows.CreateFile(p, windows.GENERIC_READ,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, 0, 0)
	if err == nil {
		windows.CloseHandle(h)
	}
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION)
}

// ownerOf returns false: Windows uses access lists instead of owners.
func ownerOf(fs.FileInfo) (uid, gid int, ok bool) { return -1, -1, false }

// mayWrite returns nil: Windows checks the access list of a directory when a file is created.
func mayWrite(string) error { return nil }

// errLocked reports that another process has the lock.
var errLocked = errors.New("locked")

// tryLock locks a directory against other processes, or returns errLocked at once.
// Directories cannot be locked on Windows, so it locks a file in the directory, which
// is deleted with the lock.
func tryLock(dir string) (unlock func(), err error) {
	name := filepath.Join(dir, ".cie-lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{})
	if err == nil {
		return func() { f.Close(); os.Remove(name) }, nil
	}
	f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		err = errLocked
	}
	return nil, err
}

// syncDirectory does nothing: directories cannot be synced on Windows.
func syncDirectory(*os.File) error { return nil }
