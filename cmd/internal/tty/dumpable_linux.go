package tty

import "golang.org/x/sys/unix"

// setDumpable changes whether core files and ptrace(2) show the memory of this
// process, /proc/PID/mem included (prctl(2), PR_SET_DUMPABLE).
func setDumpable(on bool) {
	value := uintptr(0)
	if on {
		value = 1
	}
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, value, 0, 0, 0)
}
