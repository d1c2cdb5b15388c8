package main

import (
	"cie/apdu/readers"
	"cie/card"
	"cie/card/cardtest"
	"cie/card/sod"
	"cie/cmd/internal/harness/await"
	"cie/pkcs11mod"
	"cie/pkcs11mod/ck"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// logIn logs in with the module, as a browser does, and reads the certificate.
func logIn(t *testing.T, c *cardtest.Card, store card.Store) {
	t.Helper()
	roots := &sod.Roots{}
	if err := roots.AddPEM(cardtest.CSCAPEM()); err != nil {
		t.Fatal(err)
	}
	service := &cardtest.Service{}
	service.Insert("R", c)
	m := pkcs11mod.New(pkcs11mod.Config{
		Readers: func() (readers.Service, error) { return service, nil },
		Card:    func() card.Options { return card.Options{Store: store, Roots: roots} },
	})
	want := func(rv ck.RV) {
		t.Helper()
		if rv != ck.CKR_OK {
			t.Fatalf("%v", rv)
		}
	}
	want(m.Initialize(nil))
	defer m.Finalize(false)
	slots, n := make([]uint, 1), uint(1)
	want(m.GetSlotList(true, slots, &n))
	var session uint
	want(m.OpenSession(slots[0], ck.CKF_SERIAL_SESSION, &session))
	want(m.Login(session, ck.CKU_USER, ck.Bytes(cardtest.DefaultPIN())))
	want(m.FindObjectsInit(session, nil, 0))
}

// The holder of a card that a browser logged in with is named without the PIN.
func TestStatusNamesAKnownHolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "readers"), []byte("Reader One: cie card\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := append(os.Environ(), readersVariable+"="+filepath.Join(dir, "readers"), "LC_ALL=C.UTF-8",
		"XDG_CACHE_HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_STATE_HOME="+dir)
	status := func(args ...string) string {
		t.Helper()
		cmd := await.Command(t, "cie", append([]string{"status"}, args...)...)
		cmd.Env = environment
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if out := status() + status("--json"); strings.Contains(out, "MARIA") {
		t.Errorf("the holder of a card never used is named:\n%s", out)
	}
	c, err := cardtest.New(cardtest.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	logIn(t, c, card.DirStore(filepath.Join(dir, "cie", "cards")))
	if out := status(); !strings.Contains(out, "MARIA PROVA") {
		t.Errorf("no holder:\n%s", out)
	}
	if out := status("--json"); !strings.Contains(out, `"name": "MARIA PROVA"`) {
		t.Errorf("no holder:\n%s", out)
	}

	// With two cards the list to choose from names both.
	if err := os.WriteFile(filepath.Join(dir, "readers"), []byte("Reader One: cie card\nReader Two: cie other nis=999900001234\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := await.Command(t, "cie", "pin", "verify", "--pin-fd", "0")
	cmd.Env, cmd.Stdin = environment, strings.NewReader(string(cardtest.DefaultPIN())+"\n")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Reader One (MARIA PROVA)") || !strings.Contains(string(out), "Reader Two (CIE 1234)") {
		t.Errorf("%v\n%s", err, out)
	}
}
