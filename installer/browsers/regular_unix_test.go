//go:build unix

package browsers

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A named pipe in the place of a file that this package reads does not stop it.
func TestPipesDoNotStopTheSurvey(t *testing.T) {
	e := newEnv(t)
	pipe := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		os.Remove(path)
		if err := syscall.Mkfifo(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dirs := []string{}
	for _, target := range e.chromiumPolicies(DefaultAutoSelect) {
		dirs = append(dirs, filepath.Dir(target.Path()))
	}
	if len(dirs) == 0 {
		dirs = []string{e.sys("/etc/chromium/policies/managed")}
	}
	for _, dir := range dirs {
		pipe(filepath.Join(dir, "other.json"))
		text, err := autoSelect{DefaultAutoSelect, dir}.text()
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "cie-certificate.json"), string(text))
	}
	pipe(e.sys("/var/lib/dpkg/status"))
	pipe(filepath.Join(e.Home, ".mozilla", "firefox", "profiles.ini"))
	pipe(e.sys("/usr/share/p11-kit/modules/" + p11KitFile))
	pipe(filepath.Join(e.ConfigHome, "pkcs11", "modules", p11KitFile))
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Survey(t.Context(), Options{User: true, System: true, AutoSelect: DefaultAutoSelect})
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the survey waits for a writer of a pipe")
	}
}
