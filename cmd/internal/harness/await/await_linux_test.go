package await

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAcceptsOnlyOnceAProgramListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	if Accepts(path) {
		t.Error("a socket that is not there takes connections")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil || Accepts(path) {
		t.Errorf("before listen: %v, or it takes connections", err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	if !Accepts(path) {
		t.Error("after listen it takes no connections")
	}
}
