package userdir

import "golang.org/x/sys/unix"

// atSecure is AT_SECURE (getauxval(3)). The kernel sets its value if the program
// gained rights when it was started, also by file capabilities.
const atSecure = 23

func secureMode() bool {
	auxv, err := unix.Auxv()
	if err != nil {
		return false
	}
	for _, entry := range auxv {
		if entry[0] == atSecure {
			return entry[1] != 0
		}
	}
	return false
}
