//go:build unix

package state

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestDefaultDirFollowsXDG(t *testing.T) {
	env := func(v map[string]string) func(string) string { return func(k string) string { return v[k] } }
	for _, tt := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"HOME": "/h", "XDG_STATE_HOME": "/s"}, "/s/cie"},
		{map[string]string{"HOME": "/h"}, "/h/.local/state/cie"},
		{map[string]string{"HOME": "/h", "XDG_STATE_HOME": "rel"}, "/h/.local/state/cie"},
		{map[string]string{"HOME": "rel"}, ""},
		{nil, ""},
	} {
		got, err := DefaultDir(env(tt.env))
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%v: %q, %v", tt.env, got, err)
		}
	}
}

func TestFilesArePrivateAndWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cie")
	s := Dir(dir)
	set(t, s, fullRecord())
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		info, _ := e.Info()
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", e.Name(), info.Mode())
		}
		if strings.Contains(e.Name(), testNIS) {
			t.Errorf("a name shows the NIS: %s", e.Name())
		}
		names = append(names, e.Name())
	}
	if len(names) != 2 {
		t.Errorf("files %v", names)
	}
}

func TestLeftoversOfWritesAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cie")
	s := Dir(dir)
	set(t, s, fullRecord())
	left := filepath.Join(dir, tempPrefix+"0011")
	if err := os.WriteFile(left, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := s.List(); err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("the leftover file remains")
	}
}

// Anything but a plain file of this user is neither read nor followed, and does
// not block.
func TestUnsafeFilesAreRefused(t *testing.T) {
	replace := func(f func(name string) error) func(name string) error {
		return func(name string) error {
			if err := os.Remove(name); err != nil {
				return err
			}
			return f(name)
		}
	}
	for name, spoil := range map[string]func(name string) error{
		"link": replace(func(name string) error {
			to := filepath.Join(filepath.Dir(name), "..", "target")
			data, _ := encode(fullRecord())
			if err := os.WriteFile(to, data, 0o600); err != nil {
				return err
			}
			return os.Symlink(to, name)
		}),
		"pipe":      replace(func(name string) error { return unix.Mkfifo(name, 0o600) }),
		"device":    replace(func(name string) error { return unix.Mknod(name, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) }),
		"directory": replace(func(name string) error { return os.Mkdir(name, 0o700) }),
		"owner":     func(name string) error { return os.Chown(name, 12345, -1) },
		"writable":  func(name string) error { return os.Chmod(name, 0o666) },
	} {
		for _, file := range []string{ID(testNIS) + recordSuffix, lockName} {
			t.Run(name+"/"+file, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "cie")
				s := Dir(dir)
				set(t, s, fullRecord())
				if err := spoil(filepath.Join(dir, file)); err != nil {
					if errors.Is(err, os.ErrPermission) {
						t.Skip(err)
					}
					t.Fatal(err)
				}
				began := time.Now()
				r, err := s.Get(testNIS)
				if !errors.Is(err, ErrUnsafe) || r.Genuine != nil {
					t.Errorf("Get: %+v, %v", r, err)
				}
				err = s.Update(testNIS, func(r *Record) error { r.Mark = NewMark(); return nil })
				if !errors.Is(err, ErrUnsafe) {
					t.Errorf("Update: %v", err)
				}
				if d := time.Since(began); d > time.Second {
					t.Errorf("took %v", d)
				}
			})
		}
	}
}

func TestUnsafeDirectoriesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"owner":    func(dir string) error { return os.Chown(dir, 12345, -1) },
		"writable": func(dir string) error { return os.Chmod(dir, 0o777) },
		"file": func(dir string) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return os.WriteFile(dir, nil, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cie")
			s := Dir(dir)
			set(t, s, fullRecord())
			if err := spoil(dir); err != nil {
				if errors.Is(err, os.ErrPermission) {
					t.Skip(err)
				}
				t.Fatal(err)
			}
			if r, err := s.Get(testNIS); err == nil || r.Genuine != nil {
				t.Errorf("Get: %+v, %v", r, err)
			}
			if err := s.Update(testNIS, func(r *Record) error { r.Mark = NewMark(); return nil }); err == nil {
				t.Error("Update accepted")
			}
		})
	}
}

// asNobody runs this test again as an unprivileged user.
func asNobody(t *testing.T, dir string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// go test builds where other users cannot go.
	program, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("/tmp", "state")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	exe = filepath.Join(base, "state.test")
	if err := errors.Join(os.Chmod(base, 0o755), os.WriteFile(exe, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "STATE_TEST_DIR="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestReadOnlyDirectoryIsReadAndNotChanged(t *testing.T) {
	if dir := os.Getenv("STATE_TEST_DIR"); dir != "" {
		s := Dir(dir)
		if r, err := s.Get(testNIS); err != nil || !sameRecord(r, fullRecord()) {
			t.Errorf("Get: %+v, %v", r, err)
		}
		if err := s.Update(testNIS, func(r *Record) error { r.Mark = NewMark(); return nil }); err == nil {
			t.Error("Update accepted")
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	base, err := os.MkdirTemp("/tmp", "state")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	dir := filepath.Join(base, "cie")
	set(t, Dir(dir), fullRecord())
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, withLock := range []bool{true, false} {
		if !withLock {
			if err := os.Remove(filepath.Join(dir, lockName)); err != nil {
				t.Fatal(err)
			}
		}
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			name := filepath.Join(dir, e.Name())
			if err := errors.Join(os.Chown(name, 65534, 65534), os.Chmod(name, 0o400)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Chown(dir, 65534, 65534), os.Chmod(dir, 0o500)); err != nil {
			t.Fatal(err)
		}
		asNobody(t, dir)
	}
}

// The system releases the lock of a killed process.
func TestLockOfADeadProcessIsReleased(t *testing.T) {
	if dir := os.Getenv("STATE_TEST_LOCK"); dir != "" {
		unlock, err := Dir(dir).backend.lock(true)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		os.Stdout.WriteString("locked\n")
		time.Sleep(time.Minute)
		return
	}
	dir := filepath.Join(t.TempDir(), "cie")
	set(t, Dir(dir), fullRecord())
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "STATE_TEST_LOCK="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	s := &Store{backend: &directory{dir: dir, wait: 50 * time.Millisecond}}
	if _, err := s.Get(testNIS); !errors.Is(err, ErrLocked) {
		t.Errorf("while locked: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if r, err := Dir(dir).Get(testNIS); err != nil || !sameRecord(r, fullRecord()) {
		t.Errorf("afterwards: %v", err)
	}
}
