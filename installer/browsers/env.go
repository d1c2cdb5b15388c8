package browsers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cie/installer/browsers/keystore"
)

// Env is the machine as this package sees it. NewEnv fills it in; tests make
// their own with a home and a root of their choice.
type Env struct {
	// Windows reports whether the machine runs Windows.
	Windows bool
	// ProgramFiles are the directories of installed programs, on Windows; the
	// first is that of programs of this architecture.
	ProgramFiles []string
	// Home is the home directory of the user.
	Home string
	// Root is put before system paths ("/etc", "/usr", "/var"). Empty outside tests.
	Root string
	// Proc is the mounted proc file system.
	Proc string
	// Module is the path to register.
	Module string
	// UID is the effective user id; SudoUID is the id of the user of sudo, or -1. On
	// Windows UID is 0 in a process with administrator rights, otherwise -1.
	UID     int
	SudoUID int
	// ConfigHome, DataHome, StateHome, RuntimeDir as in the XDG base directory specification.
	ConfigHome string
	DataHome   string
	StateHome  string
	RuntimeDir string
	// Systemctl is run with the arguments of `systemctl --user`; nil: not run.
	Systemctl func(args ...string) error
	// Host is the host name, which lock files of browsers carry.
	Host string

	// Certificates is the list in which Chrome and Edge look for certificates, on Windows;
	// nil elsewhere. KeyStorage reports that the key storage provider is installed, and
	// Holders are the certificates that Install adds.
	Certificates CertificateList
	KeyStorage   bool
	Holders      []keystore.Entry

	hooks hooks
	hook  func(stage, path string) // for tests that stop the program at a stage
}

// NewEnv describes this machine and the user the program runs as. module is the
// path to register, DefaultModulePath() if empty.
func NewEnv(module string) (*Env, error) {
	home := homeVariable()
	if home == "" {
		u, err := user.Current()
		if err != nil {
			return nil, fmt.Errorf("find the home directory: %w", err)
		}
		home = u.HomeDir
	}
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, err
	}
	if module == "" {
		module = DefaultModulePath()
	}
	host, _ := os.Hostname()
	e := &Env{
		Home: home, Proc: "/proc", Module: module, Host: host,
		UID: os.Geteuid(), SudoUID: -1, Systemctl: Systemctl,
		ConfigHome: xdg("XDG_CONFIG_HOME", home, ".config"),
		DataHome:   xdg("XDG_DATA_HOME", home, ".local/share"),
		StateHome:  xdg("XDG_STATE_HOME", home, ".local/state"),
		RuntimeDir: xdg("XDG_RUNTIME_DIR", "/run/user", strconv.Itoa(os.Geteuid())),
	}
	if id, err := strconv.Atoi(os.Getenv("SUDO_UID")); err == nil {
		e.SudoUID = id
	}
	return e, e.fillIn()
}

// xdg returns the directory named by an environment variable. Relative paths
// are ignored, as the XDG base directory specification asks.
func xdg(variable, base, fallback string) string {
	if v := os.Getenv(variable); filepath.IsAbs(v) {
		return filepath.Clean(v)
	}
	return filepath.Join(base, fallback)
}

// ownDir returns the directory of this software on Windows. The journal of the system is
// there, because every user may create files below ProgramData.
func (e *Env) ownDir() string {
	if len(e.ProgramFiles) == 0 {
		return filepath.Join(e.Root, "CIE")
	}
	return filepath.Join(e.ProgramFiles[0], "CIE")
}

func (e *Env) sys(path string) string {
	if e.Root == "" {
		return path
	}
	return filepath.Join(e.Root, path)
}

func (e *Env) stage(stage, path string) {
	if e.hook != nil {
		e.hook(stage, path)
	}
}

// CheckUser reports an *OwnerError when the user targets of this home must not
// be changed by this process.
func (e *Env) CheckUser() error {
	fi, err := os.Stat(e.Home)
	if err != nil {
		return fmt.Errorf("home directory: %w", err)
	}
	owner := e.UID
	if uid, _, ok := ownerOf(fi); ok {
		owner = uid
	}
	sudo := e.UID == 0 && e.SudoUID > 0
	if owner != e.UID || sudo {
		return &OwnerError{Home: e.Home, Owner: owner, UID: e.UID, Sudo: sudo}
	}
	return nil
}

// CheckModule reports why the module path cannot be registered: ErrModulePath
// or ErrNoModule.
func (e *Env) CheckModule() error {
	p := e.Module
	// NSS reads lines of at most 2047 bytes. p11-kit and NSS strip white space at the
	// ends and have no escape for line breaks. Policies are JSON, which must be UTF-8.
	bad := !filepath.IsAbs(p) || filepath.Clean(p) != p || len(p) > 1024 || strings.TrimSpace(p) != p || !utf8.ValidString(p)
	for _, r := range p {
		bad = bad || r < 0x20 || r == 0x7f || r == '"' || r == '\\' && !e.Windows
	}
	if bad {
		return fmt.Errorf("%w: %q", ErrModulePath, p)
	}
	fi, err := os.Stat(p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s", ErrNoModule, p)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoModule, err)
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a regular file", ErrNoModule, p)
	}
	return nil
}

// lockWait limits how long one process waits for another. Edits take milliseconds.
const lockWait = 10 * time.Second

// lock excludes other processes that register or unregister.
func (e *Env) lock(scope Scope) (unlock func(), err error) {
	dir := e.Home
	if scope == ScopeSystem {
		if dir = e.sys("/etc"); e.Windows {
			dir = filepath.Dir(e.ownDir())
		}
	}
	for end := time.Now().Add(lockWait); ; time.Sleep(20 * time.Millisecond) {
		unlock, err := tryLock(dir)
		if err == nil {
			return unlock, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		if time.Now().After(end) {
			return nil, ErrBusy
		}
	}
}
