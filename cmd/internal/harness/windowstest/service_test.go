//go:build linux

package windowstest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cie/card/cardtest"
	"cie/cmd/internal/harness/await"
	"cie/cmd/internal/harness/buildtest/built"
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

	mu      sync.Mutex
	readers map[string]string // the last event of each
}

// system is the directory with Wine 10 and pcscd.
var system struct {
	sync.Once
	dir string
	err error
}

// home is the home directory in the system (.ci/wine).
const home = "/home/anna"

// script makes the system.
const script = "../../../../.ci/wine"

// unable is the exit code of .ci/wine where this machine cannot make the system.
const unable = 3

// needService returns the directory with Wine 10 and pcscd, made if it is not
// there, and skips the test where it cannot be made: without root there is no
// other way, so this is no failure in the continuous integration either.
func needService(t testing.TB) string {
	t.Helper()
	need(t, "unshare", "nsenter", "mount", "ip", "debootstrap")
	system.Do(func() {
		system.err = errors.New("was interrupted")
		there := exec.Command("sh", script, "-n").Run() == nil
		start := time.Now()
		var out, errs bytes.Buffer
		cmd := exec.Command("sh", script)
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		system.dir = strings.TrimSpace(out.String())
		if err != nil {
			system.err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(errs.Bytes()))
			return
		}
		system.err = nil
		took := "was there"
		if !there {
			took = fmt.Sprintf("installed in %d s", int(time.Since(start).Seconds()))
		}
		// .ci/test repeats this line.
		t.Logf("Wine 10 with pcscd: %s", took)
	})
	var exit *exec.ExitError
	if errors.As(system.err, &exit) && exit.ExitCode() == unable {
		t.Skipf("NOT TESTED for Windows with a PC/SC service: %v", system.err)
	}
	if system.err != nil {
		t.Fatal(system.err)
	}
	return system.dir
}

// share is the directory that services see: the programs for Windows, those for
// Linux, and the C programs of testdata.
var sharing once

func share(t testing.TB) string {
	t.Helper()
	needService(t) // first: what follows takes longer
	dir := filepath.Join(work, "share")
	windows := programs(t)
	sharing.do(t, func() error {
		for _, name := range []string{"hold", "spawn", "token"} {
			compile(t, name)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		for to, from := range map[string]string{
			"cie": built.File(t, built.CLI), "cie-virtual": built.File(t, built.Virtual), "cie-pkcs11.so": built.File(t, built.Module),
			"cie.exe": filepath.Join(windows, "cie.exe"), "cie-pkcs11.dll": filepath.Join(windows, "cie-pkcs11.dll"),
			"copy.dll": filepath.Join(windows, "cie-pkcs11.dll"), "hold.exe": filepath.Join(work, "hold.exe"),
			"spawn.exe": filepath.Join(work, "spawn.exe"), "token.exe": filepath.Join(work, "token.exe"),
		} {
			content, err := os.ReadFile(from)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, to), content, 0o755); err != nil {
				return err
			}
		}
		return nil
	})
	return dir
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

// startService starts pcscd, and a program in Wine that spares the others the
// start of Windows. The programs of the service trust the virtual cards.
func startService(t testing.TB) *service {
	t.Helper()
	root, dir := needService(t), share(t)
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
	late := time.AfterFunc(time.Minute, func() { _ = s.init.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if !late.Stop() || line != "ready\n" {
		t.Fatalf("namespaces of the service: %q, %v\n%s", line, err, errs.String())
	}
	if s.pid, err = child(s.init.Process.Pid); err != nil {
		t.Fatal(err)
	}
	s.background(t, "pcscd", "--foreground", "--disable-polkit")
	await.That(t, "pcscd", func() bool { return await.Accepts(s.path("/run/pcscd/pcscd.comm")) })
	const config, appData = home + "/.config", home + "/.wine/drive_c/users/root/AppData/Roaming"
	for _, configHome := range []string{config, appData} {
		anchors := s.path(configHome + "/cie/csca")
		if err := os.MkdirAll(anchors, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(anchors, "virtual.pem"), cardtest.CSCAPEM(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.startIdle(t)
	s.watch(t)
	return s
}

// watch follows what the service reports of readers and cards.
func (s *service) watch(t testing.TB) {
	t.Helper()
	cmd := s.command("/mnt/cie", "watch", "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { // as that of startIdle
		s.stop.Close()
		<-ended
		_ = cmd.Wait()
	})
	s.readers = map[string]string{}
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e struct{ Event, Reader string }
			if json.Unmarshal(lines.Bytes(), &e) != nil || e.Reader == "" {
				continue
			}
			s.mu.Lock()
			s.readers[e.Reader] = e.Event
			s.mu.Unlock()
		}
	}()
}

// startIdle starts a program in Wine that runs as long as the service.
func (s *service) startIdle(t testing.TB) {
	t.Helper()
	idle := s.command(loader, `Z:\mnt\hold.exe`, "kernel32.dll")
	if _, err := idle.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	loaded := make(chan struct{})
	out, err := idle.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(loaded)
		_, _ = bufio.NewReader(out).ReadString('\n')
	}()
	t.Cleanup(func() { // after the end of the namespaces: cleanups run last in, first out
		s.stop.Close()
		_ = idle.Wait()
	})
	select {
	case <-loaded:
	case <-time.After(2 * time.Minute):
		t.Fatal("Wine does not start within 2 minutes")
	}
}

// path returns the path by which this process sees a file of the service.
func (s *service) path(name string) string {
	return fmt.Sprintf("/proc/%d/root%s%s", s.pid, s.root, name)
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

// loader is Wine in the system, without the script that looks for it each time.
const loader = "/usr/lib/wine/wine64"

// command returns a command that runs in the system of the service.
func (s *service) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"--target", strconv.Itoa(s.pid), "--mount", "--net", "--pid", "--root=" + s.path(""), "--wd=" + s.path(""), "--", name}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "LC_ALL=C.UTF-8", "WINELOADER=" + loader,
		"WINEPREFIX=" + home + "/.wine", "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml="}
	return cmd
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

// insert puts virtual cards into the readers and waits until PC/SC sees the
// first one; args are those of cie-virtual.
func (s *service) insert(t testing.TB, args ...string) (remove func()) {
	t.Helper()
	stop := s.background(t, "/mnt/cie-virtual", args...)
	s.awaitCard(t, true)
	return func() {
		t.Helper()
		stop()
		s.awaitCard(t, false)
	}
}

// awaitCard waits until PC/SC has a card that answers, or until every reader is empty: one
// whose card was just removed can show it as mute.
func (s *service) awaitCard(t testing.TB, there bool) {
	t.Helper()
	await.That(t, fmt.Sprintf("card in a reader: %v", there), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		last := slices.Collect(maps.Values(s.readers))
		answers := slices.Contains(last, "card-inserted")
		if there {
			return answers
		}
		return len(last) > 0 && !answers && !slices.Contains(last, "card-mute")
	})
}

// linux runs the command line for Linux in the system of the service.
func (s *service) linux(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	return execute(t, s.command("/mnt/cie", args...), stdin)
}

// run runs a Windows program of the shared directory in wine.
func (s *service) run(t testing.TB, stdin, exe string, args ...string) result {
	t.Helper()
	return execute(t, s.command(loader, append([]string{`Z:\mnt\` + exe}, args...)...), stdin)
}

// execute runs a command of a service.
func execute(t testing.TB, cmd *exec.Cmd, stdin string) result {
	t.Helper()
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = lateOutput
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Run()
	if !timer.Stop() {
		t.Fatalf("%v does not end within %v:\n%s%s", cmd.Args, patience, out.String(), errs.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}
