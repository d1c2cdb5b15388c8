// Package version identifies the build of a program.
package version

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stamp is set by the linker (see the Makefile), all in one, so that it can be
// found in the file of a program or module that does not run here:
//
//	-X cie/cmd/internal/version.stamp=cie-build:VERSION:COMMIT:SECONDS;
//
// COMMIT and SECONDS, the time of the commit since 1970, may be empty.
var stamp string

// development is the version of a build that is not made from a tagged tree.
const development = "0.0.0-dev"

// stamped matches a stamp. It is compiled when needed: that takes a millisecond, which
// each start of a program would wait.
var stamped = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`cie-build:([0-9A-Za-z.+~-]{1,100}):([0-9a-f]{0,64}):([0-9]{0,12});`)
})

// Build describes a build.
type Build struct {
	// Version is the tag that it was made from, without "v", as in "1.2.3".
	Version string
	// Commit is the whole name of the commit; empty if not known.
	Commit string
	// Time is that of the commit, never of the build, which so stays
	// reproducible. Zero if not known.
	Time time.Time
}

// current is this build.
var current = sync.OnceValue(func() Build { return read(stamp, settings()) })

// Read returns the build of this program.
func Read() Build { return current() }

// String returns the version of this build, as in "1.2.3"; "0.0.0-dev" for a
// build that is not made from a tagged source tree.
func String() string { return current().Version }

// String returns the build in a line: "1.2.3 (0f1e2d3c4b5a, 2026-03-21)".
func (b Build) String() string {
	var known []string
	if b.Commit != "" {
		known = append(known, b.Commit[:min(12, len(b.Commit))])
	}
	if !b.Time.IsZero() {
		known = append(known, b.Time.UTC().Format(time.DateOnly))
	}
	if len(known) == 0 {
		return b.Version
	}
	return b.Version + " (" + strings.Join(known, ", ") + ")"
}

// read returns the build from the stamp, or what a plain go build in a checkout records.
func read(stamp string, settings []debug.BuildSetting) Build {
	if b, ok := parse([]byte(stamp)); ok {
		return b
	}
	b := Build{Version: development}
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time, _ = time.Parse(time.RFC3339, s.Value)
		}
	}
	return b
}

func settings() []debug.BuildSetting {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Settings
	}
	return nil
}

// parse finds a stamp.
func parse(content []byte) (Build, bool) {
	m := stamped().FindSubmatch(content)
	if m == nil {
		return Build{}, false
	}
	b := Build{Version: string(m[1]), Commit: string(m[2])}
	if seconds, err := strconv.ParseInt(string(m[3]), 10, 64); err == nil {
		b.Time = time.Unix(seconds, 0).UTC()
	}
	return b, true
}

// ErrUnmarked reports a file without a stamp.
var ErrUnmarked = errors.New("the file does not identify its build")

// OfFile returns the build of a program or module of this project from its file, without
// running or loading it. It returns ErrUnmarked for the result of a plain go build.
func OfFile(path string) (Build, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Build{}, err
	}
	b, ok := parse(content)
	if !ok {
		return Build{}, fmt.Errorf("%s: %w", path, ErrUnmarked)
	}
	return b, nil
}

// Library is a library that is part of this program.
type Library struct{ Path, Version string }

// Libraries lists the Go modules in this program, after replacement.
func Libraries() []Library {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var list []Library
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		list = append(list, Library{m.Path, m.Version})
	}
	return list
}

// SystemLibrary is a library of the operating system through which this
// program reaches the cards.
type SystemLibrary struct {
	// Name is the name under which programs load it, "libpcsclite.so.1". It does not
	// contain the installed version.
	Name string
	// Path is the file that is loaded; empty if not known.
	Path string
}

// System lists those libraries.
func System() []SystemLibrary { return system() }

// Long returns several lines: the program and its build, the Go release and
// platform, and the libraries with their versions. It ends with a newline.
func Long(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", program, current())
	fmt.Fprintf(&b, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, l := range System() {
		fmt.Fprintf(&b, "%s\n", strings.TrimSpace(l.Name+" "+l.Path))
	}
	for _, l := range Libraries() {
		fmt.Fprintf(&b, "  %s %s\n", l.Path, l.Version)
	}
	return b.String()
}
