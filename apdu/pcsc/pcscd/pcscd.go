//go:build linux

// Package pcscd runs a private pcscd with vsmartcard's virtual reader (vpcd)
// for tests and demonstrations. It does not affect the PC/SC service of the machine.
//
// The daemon has its own namespaces. Its mount namespace has a private directory as
// /run/pcscd (socket and pid file) and no USB drivers, so that it never uses a real
// reader of the system's pcscd. vpcd listens on every interface of its network
// namespace. The only one there is a loopback interface that no other process can
// reach; [Daemon.Dial] connects to it. Root may create namespaces; another user needs
// user namespaces.
//
// The namespaces are prepared by the program's own executable, started again
// under another name (see init in helper.go). This helper ends together with pcscd as
// soon as the program that started it ends or is killed.
package pcscd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Port is the TCP port of vpcd's first slot; slot n has Port+n. Ports of the
// private daemon exist in its own network namespace only.
const Port = 35963

// MaxSlots bounds Options.Slots: pcscd serves 16 readers in all.
const MaxSlots = 16

// slotsPerReader is how many slots one instance of the vpcd driver has.
const slotsPerReader = 2

var (
	// ErrNotInstalled: pcscd or the vpcd driver is not on this machine.
	// On Debian they come with the packages pcscd and vsmartcard-vpcd.
	ErrNotInstalled = errors.New("pcscd or its virtual reader is not installed")
	// ErrNotPermitted: this user may not create the namespaces that keep the
	// daemon private (not root, and user namespaces are switched off; or a
	// container without the right).
	ErrNotPermitted = errors.New("not permitted to create a private pcscd")
	// ErrStopped: the daemon was stopped or died.
	ErrStopped = errors.New("private pcscd is not running")
)

// Options of Start. The zero value is a daemon with two slots.
type Options struct {
	// Slots is the number of virtual readers, 1 to MaxSlots; 0 means 2. vpcd
	// has them in pairs: an odd number is rounded up.
	Slots int
	// NoReaders is set for a daemon without readers; Slots is then 0.
	NoReaders bool
	// NoPolkit switches polkit off, for a system in which it does not run. A pcscd
	// built without polkit does not know the option.
	NoPolkit bool
	// Dir is the private directory for socket and configuration; it must exist
	// and its path must leave room for a socket name (about 90 bytes). Empty:
	// a new temporary directory, removed by Stop.
	Dir string
	// Debug makes pcscd log everything, APDUs included. Only for virtual cards.
	Debug bool
	// Name of the readers, without the numbers at its end, for tests of what a
	// USB device can call itself. No quotation mark, NUL or line feed; pcscd cuts
	// it. Empty: "Virtual PCD".
	Name string
}

// Daemon is a running private pcscd. Its methods may be called from several
// goroutines.
type Daemon struct {
	dir     string
	own     bool // dir is ours to remove
	name    string
	slots   int
	cmd     *exec.Cmd
	ctl     *net.UnixConn
	logs    *ring
	exited  chan struct{} // closed when the helper is gone
	unhook  func() bool
	stopped sync.Once

	mu sync.Mutex // one request at a time over ctl
}

// daemonPaths are the places where distributions have pcscd.
var daemonPaths = []string{"/usr/sbin/pcscd", "/sbin/pcscd", "/usr/local/sbin/pcscd", "/usr/bin/pcscd"}

// driverDirs are the places where distributions have pcscd's drivers; vpcd is
// in one of them, directly or under serial/.
var driverDirs = []string{
	"/usr/lib/pcsc/drivers",
	"/usr/lib64/pcsc/drivers",
	"/usr/local/lib/pcsc/drivers",
	"/usr/lib/x86_64-linux-gnu/pcsc/drivers",
	"/usr/lib/aarch64-linux-gnu/pcsc/drivers",
}

// Installed checks that pcscd and the vpcd driver are installed. Its error matches
// ErrNotInstalled and names what is missing.
func Installed() error {
	_, _, err := find()
	return err
}

func find() (daemon, driver string, err error) {
	for _, d := range daemonPaths {
		if st, err := os.Stat(d); err == nil && st.Mode().IsRegular() {
			daemon = d
			break
		}
	}
	if daemon == "" {
		return "", "", fmt.Errorf("%w: no pcscd (Debian package pcscd)", ErrNotInstalled)
	}
	for _, dir := range driverDirs {
		for _, sub := range []string{"serial", ""} {
			driver := filepath.Join(dir, sub, "libifdvpcd.so")
			if _, err := os.Stat(driver); err == nil {
				return daemon, driver, nil
			}
		}
	}
	return "", "", fmt.Errorf("%w: no libifdvpcd.so (Debian package vsmartcard-vpcd)", ErrNotInstalled)
}

// Start starts a private pcscd and returns when it accepts clients and virtual
// cards. It is stopped by Stop, by the end of ctx, or by the end of this
// process. Errors match ErrNotInstalled or ErrNotPermitted where that is the
// cause, and carry what pcscd printed.
func Start(ctx context.Context, opts Options) (*Daemon, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if opts.Slots == 0 && !opts.NoReaders {
		opts.Slots = slotsPerReader
	}
	if opts.Slots < 0 || opts.Slots > MaxSlots {
		return nil, fmt.Errorf("pcscd: %d slots, at most %d", opts.Slots, MaxSlots)
	}
	daemon, driver, err := find()
	if err != nil {
		return nil, err
	}
	own := opts.Dir == ""
	if own {
		if opts.Dir, err = tempDir(); err != nil {
			return nil, err
		}
	}
	d, err := start(opts, daemon, driver, own)
	if err != nil {
		if own {
			os.RemoveAll(opts.Dir)
		}
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { d.Stop() })
	d.mu.Lock()
	d.unhook = stop
	d.mu.Unlock()
	return d, nil
}

// tempDir makes the private directory where a socket path fits (sun_path has
// 108 bytes), which is not so under every TMPDIR.
func tempDir() (string, error) {
	base := os.TempDir()
	if len(base) > 60 {
		base = "/tmp"
	}
	return os.MkdirTemp(base, "cie-pcscd-")
}

func start(opts Options, daemon, driver string, own bool) (*Daemon, error) {
	// One pair of slots for each reader.
	readers := (opts.Slots + slotsPerReader - 1) / slotsPerReader
	if opts.Name == "" {
		opts.Name = "Virtual PCD"
	}
	set := setup{Op: opSetup, Name: []byte(opts.Name), Dir: opts.Dir, Daemon: daemon, Driver: driver, Readers: readers, Debug: opts.Debug, NoPolkit: opts.NoPolkit, Remove: own}
	d := &Daemon{dir: opts.Dir, own: own, name: opts.Name, slots: readers * slotsPerReader, logs: &ring{}, exited: make(chan struct{})}
	// Root needs no user namespace, unless it is a root without the rights of one.
	err := d.spawn(os.Geteuid() != 0)
	if errors.Is(err, ErrNotPermitted) && os.Geteuid() == 0 {
		err = d.spawn(true)
	}
	if err != nil {
		return nil, err
	}
	_, err = d.exchange(set)
	if err == nil {
		_, err = d.exchange(request{Op: opStart})
	}
	if err != nil {
		// The answer can be faster than what pcscd wrote before: after the end of
		// the helper the log is complete.
		d.shutdown()
		return nil, d.withLogs(err)
	}
	return d, nil
}

// spawn starts this executable again as the helper, in namespaces of its own, a
// user namespace among them if userns is set.
func (d *Daemon) spawn(userns bool) error {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	theirs := os.NewFile(uintptr(fds[1]), "helper")
	defer theirs.Close()
	ours := os.NewFile(uintptr(fds[0]), "control")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe") // also when the file was replaced since
	cmd.Args = []string{helperName}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{theirs} // fd 3
	cmd.Stdout, cmd.Stderr = d.logs, d.logs
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true, // a Ctrl-C on the terminal is for the program, which then stops us
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
	}
	if userns {
		// Inside we are root, so that pcscd takes its clients (this user) for
		// root too and does not ask polkit.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		conn.Close()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EACCES) {
			return fmt.Errorf("%w: %w", ErrNotPermitted, err)
		}
		return err
	}
	d.cmd, d.ctl = cmd, conn.(*net.UnixConn)
	go func() {
		cmd.Wait() // the reason of an end is in the logs
		if d.own {
			os.RemoveAll(d.dir) // the helper did, unless it was killed
		}
		close(d.exited)
	}()
	return nil
}

// ask sends one request to the helper and waits for its answer, with the file
// descriptor that came along (-1: none).
func (d *Daemon) ask(req any) (fd int, err error) {
	fd, err = d.exchange(req)
	return fd, d.withLogs(err)
}

// exchange is ask without the log of pcscd in the error.
func (d *Daemon) exchange(req any) (fd int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := json.Marshal(req)
	if err != nil {
		return -1, err
	}
	if _, err := d.ctl.Write(b); err != nil {
		return -1, gone(err)
	}
	buf, oob := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4))
	n, on, _, _, err := d.ctl.ReadMsgUnix(buf, oob)
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return -1, gone(err)
	}
	fd = receivedFD(oob[:on])
	var ans answer
	if err := json.Unmarshal(buf[:n], &ans); err != nil {
		return fd, err
	}
	switch {
	case ans.Denied:
		return fd, fmt.Errorf("%w: %s", ErrNotPermitted, ans.Error)
	case ans.Gone:
		return fd, fmt.Errorf("%w: %s", ErrStopped, ans.Error)
	case ans.Error != "":
		return fd, errors.New("pcscd: " + ans.Error)
	}
	return fd, nil
}

func gone(err error) error { return fmt.Errorf("%w (%w)", ErrStopped, err) }

// withLogs adds the log of pcscd to an error, unless the error is that it may not run.
func (d *Daemon) withLogs(err error) error {
	if err == nil || errors.Is(err, ErrNotPermitted) {
		return err
	}
	if l := strings.TrimSpace(d.Logs()); l != "" {
		return fmt.Errorf("%w; pcscd said: %s", err, l)
	}
	return err
}

// receivedFD takes the descriptor out of a control message.
func receivedFD(oob []byte) int {
	msgs, err := syscall.ParseSocketControlMessage(oob)
	if err != nil || len(msgs) == 0 {
		return -1
	}
	fds, err := syscall.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	syscall.CloseOnExec(fds[0])
	return fds[0]
}

// Socket returns the path of the daemon's socket for PC/SC clients.
func (d *Daemon) Socket() string { return filepath.Join(d.dir, "run", "pcscd.comm") }

// Env returns what a client process needs in its environment to use this daemon.
func (d *Daemon) Env() []string { return []string{"PCSCLITE_CSOCK_NAME=" + d.Socket()} }

// Setenv makes this process use the daemon. libpcsclite reads the variable
// once, so it must be called before the first use of PC/SC.
func (d *Daemon) Setenv() error { return os.Setenv("PCSCLITE_CSOCK_NAME", d.Socket()) }

// Slots returns the number of virtual readers.
func (d *Daemon) Slots() int { return d.slots }

// Reader returns the PC/SC name of a slot's reader (0 to Slots-1). The first two are
// those of Debian's configuration of vpcd.
func (d *Daemon) Reader(slot int) string {
	return fmt.Sprintf("%s 00 %02X", friendly(d.name, slot), slot%slotsPerReader)
}

// friendly names the reader of a slot: pcscd numbers readers of the same name
// only if they have the same driver file.
func friendly(name string, slot int) string {
	if slot < slotsPerReader {
		return name
	}
	return fmt.Sprintf("%s %c", name, 'A'+slot/slotsPerReader)
}

// Addr returns vpcd's address inside the daemon's network namespace, for display.
func (d *Daemon) Addr() string { return fmt.Sprintf("127.0.0.1:%d", Port) }

// Dial connects to vpcd: the returned connection is the card in the given slot
// (0 to Slots-1) for as long as it is open.
func (d *Daemon) Dial(slot int) (net.Conn, error) {
	if slot < 0 || slot >= d.slots {
		return nil, fmt.Errorf("pcscd: no slot %d", slot)
	}
	fd, err := d.ask(request{Op: opDial, Port: Port + slot})
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "vpcd")
	if f == nil {
		return nil, errors.New("pcscd: no descriptor received")
	}
	defer f.Close()
	return net.FileConn(f)
}

// Pause ends pcscd as if the service had stopped; Resume starts it again.
func (d *Daemon) Pause() error { _, err := d.ask(request{Op: opStop}); return err }

// Resume starts pcscd again after Pause.
func (d *Daemon) Resume() error { _, err := d.ask(request{Op: opStart}); return err }

// Restart ends pcscd and starts it again: sockets of clients and virtual cards
// break, the addresses stay.
func (d *Daemon) Restart() error {
	if err := d.Pause(); err != nil {
		return err
	}
	return d.Resume()
}

// Logs returns what pcscd printed last (at most 64 KiB).
func (d *Daemon) Logs() string { return d.logs.String() }

// Done returns a channel that is closed when the daemon has ended.
func (d *Daemon) Done() <-chan struct{} { return d.exited }

// Stop ends the daemon, waits until it is gone and removes its temporary
// directory. It may be called more than once.
func (d *Daemon) Stop() {
	d.mu.Lock()
	unhook := d.unhook
	d.mu.Unlock()
	if unhook != nil {
		unhook()
	}
	d.shutdown()
}

func (d *Daemon) shutdown() {
	d.stopped.Do(func() { d.ctl.Close() }) // the helper sees the end, kills pcscd and leaves
	select {
	case <-d.exited:
	case <-time.After(5 * time.Second):
		d.cmd.Process.Kill() // pcscd follows: its parent-death signal
		<-d.exited
	}
}

// ring keeps the last bytes written to it.
type ring struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const ringSize = 64 << 10

// Write implements io.Writer; it never fails.
func (r *ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf.Write(p)
	if n := r.buf.Len() - ringSize; n > 0 {
		r.buf.Next(n)
	}
	return len(p), nil
}

func (r *ring) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}
