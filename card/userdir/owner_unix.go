//go:build unix

package userdir

import (
	"os"

	"golang.org/x/sys/unix"
)

func owner(path string) (int, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return int(st.Uid), nil
}

func privileged() bool {
	return os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() || secureMode()
}
