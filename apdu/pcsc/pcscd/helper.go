//go:build linux

package pcscd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// helperName is argv[0] of the helper: no user types it, no flag collides.
const helperName = "cie-private-pcscd"

// Requests of the parent to the helper, one JSON object per packet.
const (
	opSetup = "setup" // prepare the namespaces
	opStart = "start" // start pcscd and wait until it accepts clients
	opStop  = "stop"  // end pcscd
	opDial  = "dial"  // connect to vpcd, answer with the socket
)

type setup struct {
	Op       string `json:"op"`
	Name     []byte `json:"name"`    // of the readers; not text, JSON must not change it
	Dir      string `json:"dir"`     // private directory
	Daemon   string `json:"daemon"`  // path of pcscd
	Driver   string `json:"driver"`  // path of vpcd
	Readers  int    `json:"readers"` // pairs of slots
	Debug    bool   `json:"debug"`
	NoPolkit bool   `json:"no_polkit"`
	Remove   bool   `json:"remove"` // Dir is ours: remove it at the end
}

type request struct {
	Op   string `json:"op"`
	Port int    `json:"port,omitempty"`
}

type answer struct {
	Error  string `json:"error,omitempty"`
	Denied bool   `json:"denied,omitempty"` // the kernel refused a privilege: ErrNotPermitted
	Gone   bool   `json:"gone,omitempty"`   // pcscd does not run: ErrStopped
}

var errNotRunning = errors.New("no pcscd process")

// init turns the process into the helper when it was started as one. It has to
// happen here, before main or the test runner: any program that imports this
// package can then start a daemon without shipping a second executable.
func init() {
	if len(os.Args) != 1 || os.Args[0] != helperName {
		return
	}
	// pcscd's parent-death signal is tied to the thread that starts it.
	runtime.LockOSThread()
	h := &helper{}
	code := 0
	if err := h.serve(); err != nil {
		fmt.Fprintln(os.Stderr, helperName+":", err)
		code = 1
	}
	h.stop()
	h.leave(code)
}

// leave ends the helper. It removes the temporary directory, because a parent
// that was killed cannot.
func (h *helper) leave(code int) {
	if h.set.Remove {
		os.RemoveAll(h.set.Dir)
	}
	syscall.Exit(code) // os.Exit waits a second under the race detector
}

// helper is the first process in the private namespaces and pcscd's parent.
type helper struct {
	set     setup
	cmd     *exec.Cmd
	gone    chan struct{} // closed when pcscd has ended
	settled atomic.Bool   // pcscd runs and no stop was requested
}

// serve answers requests until the parent closes its end or dies.
func (h *helper) serve() error {
	syscall.CloseOnExec(3)
	f := os.NewFile(3, "control")
	c, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return err
	}
	ctl, ok := c.(*net.UnixConn)
	if !ok {
		return errors.New("descriptor 3 is not the control socket")
	}
	buf := make([]byte, 4096)
	for {
		n, err := ctl.Read(buf)
		if err != nil || n == 0 {
			return nil
		}
		file, err := h.handle(buf[:n])
		var ans answer
		if err != nil {
			ans.Error = err.Error()
			ans.Denied = errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES)
			ans.Gone = errors.Is(err, errNotRunning)
		}
		b, _ := json.Marshal(ans) // a struct of one string
		var oob []byte
		if file != nil {
			oob = syscall.UnixRights(int(file.Fd()))
		}
		_, _, err = ctl.WriteMsgUnix(b, oob, nil)
		if file != nil {
			file.Close()
		}
		if err != nil {
			return nil
		}
	}
}

func (h *helper) handle(b []byte) (*os.File, error) {
	var req request
	if err := json.Unmarshal(b, &req); err != nil {
		return nil, err
	}
	switch req.Op {
	case opSetup:
		if err := json.Unmarshal(b, &h.set); err != nil {
			return nil, err
		}
		return nil, h.prepare()
	case opStart:
		return nil, h.start()
	case opStop:
		h.stop()
		return nil, nil
	case opDial:
		if !h.running() {
			return nil, errNotRunning
		}
		return dial(req.Port)
	}
	return nil, fmt.Errorf("unknown request %q", req.Op)
}

// prepare mounts in the namespaces what pcscd must see, and hides the rest.
func (h *helper) prepare() error {
	// Nothing mounted here may reach the outside.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	run := filepath.Join(h.set.Dir, "run")
	if err := os.Mkdir(run, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	// Opened first: a tmpfs over /run could hide it.
	dir, err := os.Open(run)
	if err != nil {
		return err
	}
	defer dir.Close()
	const at = "/run/pcscd"
	if _, err := os.Stat(at); err != nil {
		if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("private /run: %w", err)
		}
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
	}
	if err := syscall.Mount(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), at, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("private %s: %w", at, err)
	}
	lib, err := os.ReadFile(h.set.Driver)
	if err != nil {
		return err
	}
	// Without its drivers pcscd does not use real readers.
	var hidden string
	for _, dir := range driverDirs {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("hiding the drivers: %w", err)
		}
		hidden = dir
	}
	if err := h.configure(hidden, lib); err != nil {
		return err
	}
	return loopbackUp()
}

// configure writes what pcscd reads instead of /etc/reader.conf.d. Each pair of
// slots has its own copy of the driver, which keeps its slots in a static
// table. The copies are in dir, a private file system where code may be executed
// (unlike /tmp on some machines).
func (h *helper) configure(dir string, lib []byte) error {
	conf := filepath.Join(h.set.Dir, "conf")
	if err := os.Mkdir(conf, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	var b strings.Builder
	for i := range h.set.Readers {
		path := filepath.Join(dir, fmt.Sprintf("vpcd%d.so", i))
		if err := os.WriteFile(path, lib, 0o755); err != nil {
			return err
		}
		slot := i * slotsPerReader
		fmt.Fprintf(&b, "FRIENDLYNAME \"%s\"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\nCHANNELID 0x%X\n\n",
			friendly(string(h.set.Name), slot), Port+slot, path, Port+slot)
	}
	return os.WriteFile(filepath.Join(conf, "vpcd"), []byte(b.String()), 0o600)
}

// loopbackUp switches lo on: in a new network namespace it is down.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var req struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(req.name[:], "lo")
	req.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return fmt.Errorf("loopback: %w", errno)
	}
	return nil
}

func (h *helper) running() bool {
	if h.cmd == nil {
		return false
	}
	select {
	case <-h.gone:
		return false
	default:
		return true
	}
}

// start starts pcscd and waits until its socket accepts clients. By then the
// readers of the configuration exist: pcscd opens them first.
func (h *helper) start() error {
	if h.running() {
		return errors.New("pcscd runs already")
	}
	sock := filepath.Join("/run/pcscd", "pcscd.comm")
	// What a killed daemon left behind.
	os.Remove(sock)
	os.Remove("/run/pcscd/pcscd.pid")

	args := []string{"--foreground", "--config", filepath.Join(h.set.Dir, "conf")}
	if h.set.Debug {
		args = append(args, "--debug", "--apdu")
	}
	if h.set.NoPolkit {
		args = append(args, "--disable-polkit")
	}
	cmd := exec.Command(h.set.Daemon, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	h.cmd, h.gone = cmd, make(chan struct{})
	go func(gone chan struct{}) {
		cmd.Wait()
		close(gone)
		if h.settled.Load() {
			// It crashed or another process killed it: the helper ends, too.
			fmt.Fprintln(os.Stderr, "pcscd ended by itself:", cmd.ProcessState)
			h.leave(1)
		}
	}(h.gone)

	deadline := time.After(20 * time.Second)
	for {
		c, err := net.Dial("unix", sock)
		if err == nil {
			c.Close()
			if err := h.listening(); err != nil {
				h.stop()
				return err
			}
			h.settled.Store(true)
			return nil
		}
		select {
		case <-h.gone:
			return fmt.Errorf("%w: it ended at once, %s", errNotRunning, cmd.ProcessState)
		case <-deadline:
			h.stop()
			return errors.New("pcscd does not open its socket")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// listening checks that the driver was loaded: pcscd goes on without readers.
// Connecting would be a card.
func (h *helper) listening() error {
	table, err := os.ReadFile("/proc/thread-self/net/tcp")
	if err != nil {
		return nil // no /proc: the first Dial fails if the driver is missing
	}
	for i := range h.set.Readers * slotsPerReader {
		if !listens(string(table), Port+i) {
			return fmt.Errorf("the virtual reader does not listen on port %d", Port+i)
		}
	}
	return nil
}

// listens looks for a listening socket in the text of /proc/net/tcp.
func listens(table string, port int) bool {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) > 3 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) && f[3] == "0A" {
			return true
		}
	}
	return false
}

// stop kills pcscd and waits for it. On SIGTERM pcscd may wait for a card that does
// not answer.
func (h *helper) stop() {
	if h.cmd == nil {
		return
	}
	h.settled.Store(false)
	h.cmd.Process.Kill()
	<-h.gone
	h.cmd = nil
	// pcscd was killed before it could remove these files. Without them clients
	// see that the service is down.
	os.Remove("/run/pcscd/pcscd.comm")
	os.Remove("/run/pcscd/pcscd.pid")
}

// dial connects to vpcd from inside the namespace.
func dial(port int) (*os.File, error) {
	c, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", port), 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*net.TCPConn).File()
}
