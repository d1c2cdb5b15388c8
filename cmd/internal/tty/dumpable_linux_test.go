package tty

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A process is not dumpable while it has a code in memory, and is again afterwards.
func TestConcealedProcessIsNotDumpable(t *testing.T) {
	dumpable := func() int {
		n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	Conceal()
	defer Reveal()
	if n := dumpable(); n != 0 {
		t.Errorf("concealed: dumpable %d", n)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("core files: %+v, %v", limit, err)
	}
	Reveal()
	if n := dumpable(); n != 1 {
		t.Errorf("revealed: dumpable %d", n)
	}
}
