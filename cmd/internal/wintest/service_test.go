//go:build linux

package wintest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// service is a Windows with a PC/SC service: pcscd, virtual cards in its vpcd
// reader, and Wine 10, whose winscard.dll reaches that pcscd. Each service has
// namespaces of its own for processes, mounts and network, so that services
// neither see each other nor outlive the test. The system is an overlay on the
// directory that .ci/wine makes; what programs write is lost with the service.
type service struct {
	init *exec.Cmd // first process of the namespaces; it ends with its standard input
	stop io.Closer
	pid  int    // of a process in the namespaces, in which commands run
	root string // directory of the system in the namespaces
	dir  string // shared directory: /mnt in the system, Z:\mnt in Wine
}

// wineRoot returns the directory with Wine 10 and pcscd.
var wineRoot = struct {
	once
	dir string
}{}

func needService(t testing.TB) string {
	t.Helper()
	need(t, "unshare", "nsenter", "ip", "mount")
	wineRoot.Do(func() {
		wineRoot.err = errors.New("was interrupted")
		start := time.Now()
		out, err := output(exec.Command("sh", "../../../.ci/wine"))
		wineRoot.dir, wineRoot.err = strings.TrimSpace(out), err
		if wineRoot.err == nil && time.Since(start) > 5*time.Second {
			t.Logf("Wine 10 and pcscd installed in %v", time.Since(start).Round(time.Second))
		}
	})
	if wineRoot.err != nil {
		// Not a failure where the machine cannot make the system, in the
		// continuous integration too: without root there is no other way.
		t.Skipf("NOT TESTED for Windows with a PC/SC service: %v", wineRoot.err)
	}
	return wineRoot.dir
}

// Everything that the namespaces need before a command runs in them: $0 is the
// system, $1 the shared directory, $2 a directory for the overlay. The last
// line keeps the namespaces until standard input ends.
const setUp = `set -e
ip link set lo up
mount -t tmpfs tmpfs "$2"
mkdir "$2/new" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$0,upperdir=$2/new,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mount -t tmpfs tmpfs "$2/root/run"
mkdir -p "$2/root/run/pcscd"
mount --bind "$1" "$2/root/mnt"
echo ready
exec cat >/dev/null`

// startService starts pcscd; dir becomes visible as /mnt and Z:\mnt.
func startService(t testing.TB, dir string) *service {
	t.Helper()
	root := needService(t)
	overlay := t.TempDir()
	s := &service{dir: dir, root: filepath.Join(overlay, "root")}
	s.init = exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount", "--net", "--propagation", "private",
		"sh", "-c", setUp, root, dir, overlay)
	var errs bytes.Buffer
	s.init.Stderr = &errs
	stdin, err := s.init.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := s.init.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.init.Start(); err != nil {
		t.Fatal(err)
	}
	s.stop = stdin
	t.Cleanup(func() {
		s.stop.Close()
		_ = s.init.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("namespaces of the service: %q, %v\n%s", line, err, errs.String())
	}
	if s.pid, err = child(s.init.Process.Pid); err != nil {
		t.Fatal(err)
	}
	s.background(t, "pcscd", "--foreground", "--disable-polkit")
	await(t, "pcscd", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root%s/run/pcscd/pcscd.comm", s.pid, s.root))
		return err == nil
	})
	return s
}

// child returns the process that unshare and nsenter start for a new namespace
// of processes; they pass no signal on to it.
func child(pid int) (int, error) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(children)))
}

// command returns a command that runs in the system of the service.
func (s *service) command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--target", strconv.Itoa(s.pid), "--mount", "--net", "--pid", "--",
		"chroot", s.root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/home/anna", "USER=anna", "LC_ALL=C.UTF-8",
		"WINEPREFIX=/home/anna/.wine", "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", name}, args...)...)
}

// background starts a command that runs until it is stopped or the service ends.
func (s *service) background(t testing.TB, name string, args ...string) (stop func()) {
	t.Helper()
	cmd := s.command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = lateOutput
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	stop = sync.OnceFunc(func() {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			if pid, err := child(cmd.Process.Pid); err == nil {
				_ = syscall.Kill(pid, signal)
			}
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Second):
			}
		}
		t.Errorf("%s does not end", name)
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s:\n%s", name, out.String())
		}
	})
	return stop
}

// insert puts virtual cards into the readers; args are those of cie-virtual.
// The program is the one for Linux.
func (s *service) insert(t testing.TB, args ...string) (remove func()) {
	t.Helper()
	program := filepath.Join(s.dir, "cie-virtual")
	if _, err := os.Stat(program); err != nil {
		if _, err := output(exec.Command("go", "build", "-o", program, "cie/cmd/cie-virtual")); err != nil {
			t.Fatal(err)
		}
	}
	return s.background(t, "/mnt/cie-virtual", args...)
}

// run runs a Windows program of the shared directory in wine.
func (s *service) run(t testing.TB, stdin, exe string, args ...string) result {
	t.Helper()
	cmd := s.command("wine", append([]string{`Z:\mnt\` + exe}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = lateOutput
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Run()
	if !timer.Stop() {
		t.Fatalf("%s %v does not end within %v:\n%s%s", exe, args, patience, out.String(), errs.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%s %v: %v", exe, args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// await waits for a condition and fails after half a minute.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if condition() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// TestServiceReachesCard expects cie.exe to see a card that lies in a reader of
// pcscd, to verify its PIN, and to find no card once it is gone.
func TestServiceReachesCard(t *testing.T) {
	s := startService(t, programs(t))
	remove := s.insert(t)
	await(t, "the card", func() bool { return s.run(t, "", "cie.exe", "status").code == 0 })
	if r := s.run(t, "", "cie.exe", "readers"); r.code != 0 || !strings.Contains(r.stdout, "Virtual PCD") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	remove()
	await(t, "a reader without a card", func() bool { return s.run(t, "", "cie.exe", "status").code == 3 })
}
