//go:build linux

package main

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cie/card/cardtest"
	"cie/cmd/internal/anchor"
	"cie/cmd/internal/harness/await"
)

// stranger is a user and group that is not root's.
const stranger = 65534

// chownAll changes the owner of a tree.
func chownAll(dir string, uid int) error {
	return filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(p, uid, uid)
	})
}

// TestPrivilegedHost runs a host with rights that its user does not have, one
// of root in the home of another user and one whose home does not exist. The
// module obeys no configuration of that user, leaves no file and connects to no
// session bus.
func TestPrivilegedHostUsesNoUserFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED HERE: needs root")
	}
	m := newMachine(t, cardtest.Profile{})
	exe, so := program(t, "caller"), library(t)
	if err := os.Chmod(work, 0o711); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		mode  fs.FileMode // of the program
		group int         // of the program
		uid   int         // the user who runs it
		owner int         // of the home; -1: it does not exist
		files bool        // left in the home
		bus   bool        // is connected to; it is root's here
	}{
		{"root's own", 0o755, 0, 0, 0, true, true},
		{"set-group-ID", 0o755 | fs.ModeSetgid, stranger, 0, 0, false, false},
		{"set-user-ID", 0o755 | fs.ModeSetuid, 0, stranger, stranger, false, false},
		{"root in the home of a user", 0o755, 0, 0, stranger, false, true},
		{"no home", 0o755, 0, 0, -1, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("/var/tmp", "cie-home-") // /tmp can be mounted nosuid
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			home, host := filepath.Join(dir, "home"), filepath.Join(dir, "host")
			data, err := os.ReadFile(exe)
			if err == nil {
				err = os.WriteFile(host, data, 0o755)
			}
			if err == nil {
				err = os.Chown(host, 0, tt.group)
			}
			if err == nil {
				err = os.Chmod(host, tt.mode)
			}
			if err == nil {
				err = os.Chmod(dir, 0o755)
			}
			if err == nil && tt.owner >= 0 {
				if err = os.Mkdir(home, 0o755); err == nil {
					err = os.Chown(home, tt.owner, tt.owner)
				}
			}
			if err == nil && tt.owner >= 0 {
				// Only a host that may obey it trusts the virtual card by it.
				if err = anchor.Write(filepath.Join(home, ".config")); err == nil {
					err = chownAll(filepath.Join(home, ".config"), tt.owner)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			bus, err := net.Listen("unix", filepath.Join(dir, "bus"))
			if err != nil {
				t.Fatal(err)
			}
			defer bus.Close()
			called := make(chan struct{}, 100)
			go func() {
				for {
					c, err := bus.Accept()
					if err != nil {
						return
					}
					called <- struct{}{}
					c.Close()
				}
			}()
			if err := os.Chmod(filepath.Join(dir, "bus"), 0o777); err != nil {
				t.Fatal(err)
			}
			attempt := func(pin string) string {
				t.Helper()
				cmd := await.Command(t, host, so, pin)
				cmd.Env = append(append([]string{}, m.env...), "HOME="+home, "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_STATE_HOME=",
					"DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(dir, "bus"))
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(tt.uid), Gid: uint32(tt.uid)}}
				cmd.Stdin = strings.NewReader("attempt\nsleep\n")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				return string(out)
			}
			before := m.card.Stats()
			wrong, right := "160 ", "0 signed" // CKR_PIN_INCORRECT
			if !tt.files {
				// The issuer of the card is in the user's configuration alone.
				wrong, right = "512 ", "512 " // CKR_FUNCTION_REJECTED
			}
			if out := attempt("00000000"); !strings.HasPrefix(out, wrong) {
				t.Fatalf("wrong PIN: %s", out)
			}
			if out := attempt(string(cardtest.DefaultPIN())); !strings.HasPrefix(out, right) {
				t.Fatalf("right PIN: %s", out)
			}
			if d := m.card.Stats().Sub(before); !tt.files && d.Verifies != 0 {
				t.Errorf("%d codes sent", d.Verifies)
			}
			var files []string
			_ = filepath.WalkDir(home, func(p string, _ fs.DirEntry, err error) error {
				if err == nil && p != home && !strings.HasPrefix(p, filepath.Join(home, ".config")) {
					files = append(files, p)
				}
				return nil
			})
			if _, err := os.Stat(home); (err == nil) != (tt.owner >= 0) {
				t.Errorf("the home: %v", err)
			}
			if (len(files) > 0) != tt.files {
				t.Errorf("files: %v", files)
			}
			if (len(called) > 0) != tt.bus {
				t.Errorf("the session bus was called %d times", len(called))
			}
		})
	}
}
