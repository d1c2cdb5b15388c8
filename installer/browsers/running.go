package browsers

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Process is a running program that has a place in use.
type Process struct {
	PID     int    `json:"pid"`
	Program string `json:"program"` // ID of the program, or its executable's base name
}

// proc is a process of the user as /proc shows it.
type proc struct {
	pid    int
	exe    string // path of the executable
	parent int    // process that started it, where that is known
}

// processes lists the user's processes whose executable can be seen.
func (e *Env) processes() []proc {
	if e.hooks.processes != nil {
		return withoutChildren(e.hooks.processes())
	}
	if e.Proc == "" {
		return nil
	}
	entries, err := os.ReadDir(e.Proc)
	if err != nil {
		return nil
	}
	var list []proc
	for _, d := range entries {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join(e.Proc, d.Name())
		fi, err := os.Stat(dir)
		if err != nil {
			continue
		}
		if uid, _, ok := ownerOf(fi); ok && uid != e.UID {
			continue
		}
		exe, err := os.Readlink(filepath.Join(dir, "exe"))
		if err != nil {
			continue
		}
		// The file of an upgraded program that still runs is deleted.
		list = append(list, proc{pid: pid, exe: strings.TrimSuffix(exe, " (deleted)")})
	}
	return list
}

// programOf names the program a process belongs to.
func (e *Env) programOf(p proc) (id string, ok bool) {
	base := e.baseName(p.exe)
	for _, a := range e.apps() {
		if slices.Contains(a.exes, base) {
			return a.id, true
		}
	}
	return base, false
}

// usersOf lists the main processes that use an NSS database: those that have a
// file of it open, those a lock file in dir names, and those of the programs
// that would open it when they first need it.
func (e *Env) usersOf(dir string, programs []string) []Process {
	var list []Process
	add := func(pid int, id string) {
		if !slices.ContainsFunc(list, func(p Process) bool { return p.PID == pid }) {
			list = append(list, Process{pid, id})
		}
	}
	procs := e.processes()
	byPID := map[int]proc{}
	for _, p := range procs {
		byPID[p.pid] = p
	}
	// A lock may be left by a crash and its number be another process' by now.
	if p, ok := byPID[e.geckoLock(dir)]; ok {
		if id, known := e.programOf(p); known {
			add(p.pid, id)
		}
	}
	// On Windows the lock of a profile shows that it is in use, but not the process.
	locked := e.hooks.held != nil && e.hooks.held(filepath.Join(dir, "parent.lock"))
	for _, p := range procs {
		id, known := e.programOf(p)
		if e.hasOpen(p.pid, dir) || locked && known && slices.Contains(programs, id) {
			add(p.pid, id)
			continue
		}
		// A profile is in use by lock or by open file only; the shared database
		// is opened late, so any running program that uses it counts.
		if a, ok := e.appByID(id); known && ok && a.family != Gecko && slices.Contains(programs, id) && !e.childProcess(p.pid) {
			add(p.pid, id)
		}
	}
	return list
}

// hasOpen reports whether the process has a file open directly in dir.
func (e *Env) hasOpen(pid int, dir string) bool {
	fds := filepath.Join(e.Proc, strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(fds)
	if err != nil {
		return false
	}
	for _, d := range entries {
		if to, err := os.Readlink(filepath.Join(fds, d.Name())); err == nil && filepath.Dir(to) == dir {
			return true
		}
	}
	return false
}

// childProcess reports whether a process of the Chromium family is a renderer or
// another helper, which the user does not see as a program.
func (e *Env) childProcess(pid int) bool {
	b, err := os.ReadFile(filepath.Join(e.Proc, strconv.Itoa(pid), "cmdline"))
	return err == nil && (strings.Contains(string(b), "--type=") || strings.Contains(string(b), "crashpad"))
}

// geckoLock returns the process in the lock of a profile, 0 if there is none:
// "lock" is a symbolic link to "address:+pid" (nsProfileLock).
func (e *Env) geckoLock(profile string) int {
	to, err := os.Readlink(filepath.Join(profile, "lock"))
	if err != nil {
		return 0
	}
	_, n, ok := strings.Cut(to, ":")
	if !ok {
		return 0
	}
	return e.alive(strings.TrimPrefix(n, "+"))
}

// chromiumLock returns the process in the lock of a user data directory, 0 if there is
// none: "SingletonLock" is a symbolic link to "host-pid".
func (e *Env) chromiumLock(userData string) int {
	to, err := os.Readlink(filepath.Join(userData, "SingletonLock"))
	if err != nil {
		return 0
	}
	i := strings.LastIndexByte(to, '-')
	if i < 0 || e.Host != "" && to[:i] != e.Host {
		return 0 // a home directory shared between machines
	}
	return e.alive(to[i+1:])
}

func (e *Env) alive(pid string) int {
	n, err := strconv.Atoi(pid)
	if err != nil || n <= 0 || !exists(filepath.Join(e.Proc, strconv.Itoa(n))) {
		return 0
	}
	return n
}

// geckoChild reports whether a process of the Gecko family is a content process.
func (e *Env) geckoChild(pid int) bool {
	b, err := os.ReadFile(filepath.Join(e.Proc, strconv.Itoa(pid), "cmdline"))
	return err == nil && strings.Contains(string(b), "-contentproc")
}
