//go:build !windows

package doctor

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// systemName returns "": System reads the name from files.
func systemName() string { return "" }

// remoteDesktop returns false: other systems show the readers of this computer.
func remoteDesktop() bool { return false }

// clockTicks is USER_HZ, which Linux fixes at 100 for all architectures that
// matter here.
const clockTicks = 100

// startOf returns when a process was started (proc(5), field 22 of stat; btime of
// /proc/stat), to the second.
func startOf(proc string, pid int) (time.Time, bool) {
	b, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return time.Time{}, false
	}
	// The name in parentheses may contain any character.
	_, rest, ok := bytes.Cut(b[max(0, bytes.LastIndexByte(b, ')')):], []byte(") "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 20 {
		return time.Time{}, false
	}
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	system, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return time.Time{}, false
	}
	for line := range strings.Lines(string(system)) {
		if v, ok := strings.CutPrefix(line, "btime "); ok {
			boot, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
			if err != nil {
				return time.Time{}, false
			}
			return time.Unix(boot, 0).Add(time.Duration(ticks) * time.Second / clockTicks), true
		}
	}
	return time.Time{}, false
}

// hasLoaded reports whether a process has the file mapped.
func hasLoaded(proc string, pid int, module string) bool {
	b, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "maps"))
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(module); err == nil && bytes.Contains(b, []byte(" "+real+"\n")) {
		return true
	}
	return bytes.Contains(b, []byte(" "+module+"\n"))
}
