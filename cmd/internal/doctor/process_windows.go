package doctor

import (
	"fmt"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemName returns the release of Windows, "Windows 10.0.22631".
func systemName() string {
	v := windows.RtlGetVersion()
	return fmt.Sprintf("Windows %d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
}

// smRemoteSession is SM_REMOTESESSION of GetSystemMetrics (winuser.h).
const smRemoteSession = 0x1000

// remoteDesktop reports whether this is a remote desktop session.
func remoteDesktop() bool {
	r, _, _ := windows.NewLazySystemDLL("user32.dll").NewProc("GetSystemMetrics").Call(smRemoteSession)
	return r != 0
}

// startOf returns when a process was started.
func startOf(_ string, pid int) (time.Time, bool) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return time.Time{}, false
	}
	defer windows.CloseHandle(h)
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(h, &created, &exited, &kernel, &user) != nil {
		return time.Time{}, false
	}
	return time.Unix(0, created.Nanoseconds()), true
}

// hasLoaded reports whether a process has the module loaded.
func hasLoaded(_ string, pid int, module string) bool {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPMODULE, uint32(pid))
	if err != nil {
		return false
	}
	defer windows.CloseHandle(snapshot)
	entry := windows.ModuleEntry32{Size: uint32(unsafe.Sizeof(windows.ModuleEntry32{}))}
	for err = windows.Module32First(snapshot, &entry); err == nil; err = windows.Module32Next(snapshot, &entry) {
		if strings.EqualFold(windows.UTF16ToString(entry.ExePath[:]), module) {
			return true
		}
	}
	return false
}
