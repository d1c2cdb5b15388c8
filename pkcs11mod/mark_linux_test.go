package pkcs11mod

import (
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"cie/card/cardtest"
	"cie/card/state"
	"cie/pkcs11mod/ck"
)

// On a full disk the mark cannot be changed, so no code is sent again, and the record does
// not change. The user can log in.
func TestKeptPINIsNotSentOnAFullDisk(t *testing.T) {
	c := newCard(t, cardtest.Profile{})
	st := state.Dir(filepath.Join(t.TempDir(), "cie"))
	p := logIn(t, 2, c, st)
	recorded, err := st.Get(c.NIS())
	must(t, err)
	p.loseChannels()
	before := c.Stats()

	// Every write to a file fails with EFBIG instead of ENOSPC.
	signal.Ignore(syscall.SIGXFSZ)
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &limit))
	none := unix.Rlimit{Cur: 0, Max: limit.Max}
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &none))
	results := p.useAll()
	rv := p.hosts[0].Login(p.ses[0], ck.CKU_USER, pin())
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &limit))
	signal.Reset(syscall.SIGXFSZ)

	for i, rv := range results {
		if rv != ck.CKR_USER_NOT_LOGGED_IN {
			t.Errorf("use %d: %v", i, rv)
		}
	}
	if rv != ck.CKR_OK {
		t.Errorf("the person's login: %v", rv)
	}
	if d := c.Stats().Sub(before); d.Verifies != 1 || d.TriesSpent != 0 {
		t.Errorf("%d codes sent, %d tries spent", d.Verifies, d.TriesSpent)
	}
	after, err := st.Get(c.NIS())
	if err != nil || after.Mark != recorded.Mark || after.Genuine == nil {
		t.Errorf("%+v, %v", after, err)
	}
}
