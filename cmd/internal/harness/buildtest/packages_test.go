//go:build linux

package buildtest

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"cie/cmd/internal/harness/buildtest/built"
	"cie/cmd/internal/harness/rotation"
)

// Packages of the same programs are the same to the byte: from checkouts in
// different directories, with other permissions, times, umask and time zone.
// What is in the programs plays no part here.
func TestPackagesReproducible(t *testing.T) {
	if !rotation.All() {
		t.Skip("packs everything twice: make slow")
	}
	builds(t)
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skipf("no packages are made for %s", runtime.GOARCH)
	}
	for _, tool := range []string{"rsvg-convert", "objdump"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing; .ci/deps packages installs it", tool)
			}
			t.Skipf("NOT TESTED HERE: %s is missing; .ci/deps packages installs it on Debian", tool)
		}
	}
	stand, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	built.File(t, built.Virtual)
	host := filepath.Dir(built.File(t, built.CLI))
	places := []struct {
		dir, umask, zone string
		closed           bool
		age              time.Duration
	}{
		{filepath.Join(t.TempDir(), "a"), "022", "UTC", false, 0},
		{filepath.Join(t.TempDir(), "another-directory", "with-a-longer-name"), "077", "Asia/Tokyo", true, 400 * 24 * time.Hour},
	}
	var made [2]map[string][]byte
	for i, p := range places {
		copyTree(t, p.dir)
		bin := filepath.Join(p.dir, "programs", runtime.GOARCH, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"cie", "cie-gui", "cie-virtual", "cie-pkcs11.so"} {
			if err := copyFile(stand, filepath.Join(bin, name)); err != nil {
				t.Fatal(err)
			}
		}
		age(t, p.dir, p.closed, time.Now().Add(-p.age))
		env := []string{"TZ=" + p.zone, "CGO_ENABLED=1", "SOURCE_DATE_EPOCH=1774088430", "GUITAGS=x11", "LDFLAGS=-buildid=",
			"BINARIES=" + filepath.Join(p.dir, "programs"), "HOST=" + host}
		run(t, p.dir, env, "sh", "-c", "umask "+p.umask+"; exec sh installer/packaging/linux/build 1.2.3 dist "+runtime.GOARCH)
		made[i] = packages(t, filepath.Join(p.dir, "dist"))
	}
	if len(made[0]) != 7 {
		t.Errorf("%d packages, want 3 .deb, 3 .rpm and a tarball", len(made[0]))
	}
	for name, content := range made[0] {
		if other, ok := made[1][name]; !ok || !bytes.Equal(content, other) {
			t.Errorf("%s differs: %d and %d bytes, the first difference at %d", name, len(content), len(other), differ(content, other))
		}
	}
}

// age gives all files a time, and with closed takes the rights of others away,
// as a checkout under another umask has them.
func age(t *testing.T, dir string, closed bool, when time.Time) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if closed {
			info, err := d.Info()
			if err != nil {
				return err
			}
			if err := os.Chmod(path, info.Mode().Perm()&0o700); err != nil {
				return err
			}
		}
		return os.Chtimes(path, when, when)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func packages(t *testing.T, dist string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, pattern := range []string{"*.deb", "*.rpm", "*.tar.gz"} {
		list, err := filepath.Glob(filepath.Join(dist, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range list {
			if all[filepath.Base(path)], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}
