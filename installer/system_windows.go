package installer

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
)

// ModuleFile is the base name of the module.
const ModuleFile = "cie-pkcs11.dll"

// homeVariable is what the environment says of the home directory. HOME is
// there, too, under shells that came from Unix, and may be another directory.
func homeVariable() string { return os.Getenv("USERPROFILE") }

// fillIn adds what only the system knows.
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

// appPath reads where the installer of a program said that it is.
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

// sessionProcesses lists the processes of this session that can be looked at.
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

// imageOf is the path of a process' executable, "" if it cannot be seen.
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

// heldAlone says whether a process has the file open and lets nobody else.
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

// ownerOf: access lists take the place of owners here.
func ownerOf(fs.FileInfo) (uid, gid int, ok bool) { return -1, -1, false }

// mayWrite: the access list of a directory is judged when a file is made.
func mayWrite(string) error { return nil }

// errLocked: another process holds the lock.
var errLocked = errors.New("locked")

// tryLock locks a directory against other processes, or returns errLocked at
// once. A directory itself cannot be locked here: a file in it is, and goes
// when the lock does.
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

// syncDirectory: directories cannot be synced here.
func syncDirectory(*os.File) error { return nil }
